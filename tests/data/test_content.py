"""Files that are no rows: binary, too large, endless, in another encoding. One clear message, bounded memory."""

import gzip
import json
import os
import random
import tracemalloc

import pyarrow
import pyarrow.parquet
import pytest

from retain.data import content, readers, sources
from retain.data.formats import scan_examples
from retain.data.sources import read_rows, scan_rows
from retain.errors import UserError


def refusal(path, read=read_rows) -> str:
    with pytest.raises(UserError) as caught:
        read(str(path))
    return str(caught.value)


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "tsv", "txt"])
@pytest.mark.parametrize(
    ("begins", "what"),
    [
        (b"", "binary"),
        (b"PK\x03\x04", "a zip archive"),
        (b"%PDF-1.7\n", "a PDF file"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"\x80\x04\x95", "a pickle"),
        (b"PAR1", "a Parquet file"),
        (b"\x1f\x8b\x08", "compressed with gzip"),
    ],
)
def test_a_binary_file_is_one_line(tmp_path, ending, begins, what):
    path = tmp_path / f"rows.{ending}"
    path.write_bytes(begins + random.Random(0).randbytes(5000))
    message = refusal(path)
    assert (
        f"rows.{ending} holds no text: it is {what}" in message and message.count("\n") == 0 and message.isprintable()
    )


@pytest.mark.parametrize("encoding", ["latin-1", "cp1251", "utf-16", "utf-16-le"])
def test_text_in_another_encoding_is_named_once(tmp_path, encoding):
    rows = [{"prompt": "Größe" if encoding == "latin-1" else "привет", "completion": str(n)} for n in range(40)]
    path = tmp_path / "rows.jsonl"
    path.write_bytes("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode(encoding))
    message = refusal(path)
    assert "UTF-8" in message and message.count("\n") <= 1


def test_a_few_lines_in_another_encoding_are_each_named(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"text": "a"}\n' * 9 + b'{"text": "\xe9"}\n')
    assert "rows.jsonl:10: byte 0xe9 is not UTF-8" in refusal(path)


@pytest.mark.parametrize(("ending", "mark"), [("csv", ";"), ("csv", "\t"), ("csv", "|"), ("tsv", ";"), ("tsv", ",")])
def test_columns_may_be_divided_by_other_marks(tmp_path, ending, mark):
    path = tmp_path / f"rows.{ending}"
    path.write_text(f'prompt{mark}completion\nwhat/or who{mark}"it{mark} is"\n')
    assert [row.value for row in read_rows(str(path))] == [{"prompt": "what/or who", "completion": f"it{mark} is"}]


def test_one_column_with_commas_in_its_rows_is_no_other_separator(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('text\n"a; b, c"\nd;e\n')
    assert [row.value["text"] for row in read_rows(str(path))] == ["a; b, c", "d;e"]


def test_a_file_of_five_gigabytes_is_refused_without_reading_it(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.touch()
    os.truncate(path, 5 * 2**30)
    tracemalloc.start()
    assert "found 5.0 GiB, and at most 2.0 GiB are read" in refusal(path)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_what_is_small_only_when_packed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(content, "MOST_BYTES", 10_000)
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "a"}\n' * 100_000))
    assert "when it is unpacked" in refusal(path)
    table = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["x" * 100] * 5000}), table)
    assert table.stat().st_size < 10_000
    monkeypatch.setattr(readers, "MOST_BYTES", 10_000)
    assert "more than 9.8 KiB when it is unpacked" in refusal(table)
    monkeypatch.setattr(readers, "MOST_ROWS", 1000)
    assert "5,000 rows with 5,000 values; at most 1,000 rows" in refusal(table)


def test_a_row_a_document_and_a_file_have_limits(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "LONGEST_ROW", 100)
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"text": "x" * 200}) + '\n{"text": "b"}\n')
    rows, bad = scan_rows(str(path))
    assert [row.line for row in rows] == [2] and "a row of 213 bytes; at most 100 bytes" in bad[0].reason
    monkeypatch.setattr(readers, "LONGEST_JSON", 100)
    document = tmp_path / "rows.json"
    document.write_text(json.dumps([{"text": "x" * 200}]))
    assert "save it as JSON Lines" in refusal(document)
    monkeypatch.setattr(sources, "MOST_ROWS", 3)
    many = tmp_path / "many.jsonl"
    many.write_text("{}\n" * 4)
    assert "more than 3 rows" in refusal(many)


@pytest.mark.parametrize("depth", [101, 900, 100_000])
@pytest.mark.parametrize("form", ['{{"text": {}}}', '{{"prompt": "a", "completion": "b", "x": {}}}'])
def test_deep_nesting_is_a_bad_row(tmp_path, depth, form):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n' + form.format("[" * depth + "]" * depth) + "\n")
    assert "rows.jsonl:2: nested more than 100 levels deep" in refusal(path, scan_or_refuse)


def scan_or_refuse(path):
    found = scan_examples(path)
    raise UserError("\n".join(f"{path}:{bad.line}: {bad.reason}" for bad in found.bad))


def test_what_never_ends_is_not_begun(tmp_path):
    pipe, link = tmp_path / "pipe.jsonl", tmp_path / "zero.jsonl"
    os.mkfifo(pipe)
    link.symlink_to("/dev/zero")
    assert "no regular file" in refusal(pipe) and "no regular file" in refusal(link)


def test_a_link_to_a_file_is_read(tmp_path):
    (tmp_path / "real.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "link.jsonl").symlink_to("real.jsonl")
    assert len(read_rows(str(tmp_path / "link.jsonl"))) == 1


def test_keys_that_are_not_known_are_shortened_and_one_line(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"a\n  - forged: line" + "x" * 5000: 1, "ghp_" + "a1" * 18: 2}) + "\n")
    message = refusal(path, scan_examples)
    assert len(message) < 2000 and "\n  - forged" not in message and "ghp_" not in message
