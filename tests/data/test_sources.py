from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from retain.data.hub import HubName, is_hub_name, parse_hub_name
from retain.data.sources import read_rows, scan_rows
from retain.errors import UserError


def values(path: str) -> list[tuple[int, dict]]:
    return [(row.line, row.value) for row in read_rows(path)]


def refusal(path: str, **options) -> str:
    with pytest.raises(UserError) as caught:
        read_rows(path, **options)
    return str(caught.value)


def test_jsonl_rows_carry_their_physical_line(write):
    path = write("a.jsonl", b'\xef\xbb\xbf{"text": "a\xe2\x80\xa8b"}\r\n\n  \n{"text": "c"}\n')
    assert values(path) == [(1, {"text": "a\u2028b"}), (4, {"text": "c"})]


@pytest.mark.parametrize("content", ['[{"a": 1}, {"a": 2}]', '{"data": [{"a": 1}, {"a": 2}]}', '{"a": 1}\n{"a": 2}'])
def test_json_is_a_list_or_data_or_lines(write, content):
    assert values(write("a.json", content)) == [(1, {"a": 1}), (2, {"a": 2})]


def test_csv_and_tsv_lines_are_where_a_row_starts(write):
    rows = [(2, {"text": "a\nb", "n": "1"}), (4, {"text": 'say "c"', "n": "2"})]
    assert values(write("a.csv", 'text,n\n"a\nb",1\n"say ""c""",2\n')) == rows
    assert values(write("a.tsv", 'text\tn\n"a\nb"\t1\n"say ""c"""\t2\n')) == rows


def test_csv_cells_may_be_long(write):
    assert len(values(write("a.csv", "text\n" + "x" * 200_000))[0][1]["text"]) == 200_000


def test_parquet_rows_are_numbered(tmp_path):
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a", "b"]}), path)
    assert values(str(path)) == [(1, {"text": "a"}), (2, {"text": "b"})]


def test_text_rows_are_paragraphs_with_their_first_line(write):
    assert values(write("a.txt", "\n one\ntwo\n\n \nthree\n")) == [
        (2, {"text": " one\ntwo"}),
        (6, {"text": "three"}),
    ]


def test_gzip_is_read_as_what_it_holds(write):
    assert values(write("a.jsonl.gz", gzip.compress(b'{"a": 1}'))) == [(1, {"a": 1})]
    assert "cannot be read" in refusal(write("b.jsonl.gz", b"not gzip"))


def test_relative_paths_start_at_the_base_folder(write, tmp_path):
    write("a.jsonl", [{"a": 1}])
    assert len(read_rows("a.jsonl", base_dir=tmp_path)) == 1


def test_all_bad_lines_are_reported_at_once_up_to_twenty(write):
    path = write("a.jsonl", "\n".join(['{"a": 1}', *["{oops"] * 25]))
    message = refusal(path)
    assert f"{path}:2: not JSON" in message and 'found "oops"' in message
    assert f"{path}:21:" in message and f"{path}:22:" not in message
    assert "25 rows" in message and "5 more" in message


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jsonl", '{"a": 1}\n{"a": \n', "a.jsonl:2: not JSON: Expecting value, the text ends"),
        ("a.jsonl", '{"a": 1}\n[1]\n', "a.jsonl:2: a row is an object with keys; found a list"),
        ("a.jsonl", b'{"a": 1}\n{"a": "\xe9"}\n', "a.jsonl:2: byte 0xe9 is not UTF-8"),
        ("a.jsonl", '{"a": "é"}'.encode("utf-16"), "UTF-16; save the file as UTF-8"),
        ("a.jsonl", "[" * 100_000, "a.jsonl:1: nested more than 100 levels deep"),
        ("a.json", '[\n{"a": 1},\n{"a" 2}\n]', "a.json:3: not JSON: Expecting ':' delimiter, found \"2}\""),
        ("a.json", '{"b": [1]}', 'expected a list of rows, or {"data": [...]}; found an object'),
        ("a.json", '[{"a": 1}, 7]', "a.json:2: a row is an object with keys; found a number"),
        ("a.csv", "a,b\n1,2\n1,2,3\n1\n", "a.csv:3: the header has 2 columns, this row 3"),
        ("a.csv", "a,b\n1,2\n1,2,3\n1\n", "a.csv:4: the header has 2 columns, this row 1"),
        ("a.csv", 'a,b\n1,2\n"1,2\n3,4\n', "a.csv:3: not readable from here on"),
        ("a.csv", "a,a\n1,2\n", "a.csv:1: the header needs one distinct name per column"),
        ("a.csv", b"a\n\xff\n", "a.csv:2: byte 0xff is not UTF-8"),
        ("a.txt", b"a\n\n\xff\n", "a.txt:3: byte 0xff is not UTF-8"),
        ("a.parquet", "nonsense", "not a Parquet file that can be read"),
        ("a.jsonl", "", "is empty"),
        ("a.jsonl", " \n\n", "is empty"),
        ("a.json", "[]", "holds no rows"),
        ("a.csv", "a,b\n", "holds no rows"),
        ("a.xlsx", "x", 'files that end in ".xlsx" are not read; known: .jsonl'),
    ],
)
def test_what_is_wrong_is_said_with_its_line(write, name, content, expected):
    assert expected in refusal(write(name, content))


def test_readable_rows_are_kept_beside_bad_ones(write):
    rows, bad = scan_rows(write("a.jsonl", '{"a": 1}\noops\n{"a": 2}'))
    assert [row.line for row in rows] == [1, 3] and [row.line for row in bad] == [2]


def test_a_missing_file_offers_the_nearest_name(write, tmp_path):
    write("tickets.jsonl", [{"a": 1}])
    assert 'did you mean "tickets.jsonl"?' in refusal("tickts.jsonl", base_dir=tmp_path)
    (tmp_path / "zzzz.yaml").touch()  # a recipe beside the data is none
    assert "its folder holds: tickets.jsonl" in refusal("zzz.csv", base_dir=tmp_path)
    assert "there is no folder" in refusal("nowhere/a.jsonl", base_dir=tmp_path)
    assert "name a file in it: tickets.jsonl" in refusal(str(tmp_path))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("hub:o/n", HubName("o/n", None, "train")),
        ("o/n:test", HubName("o/n", None, "test")),
        ("hub:o/n:train[:100]", HubName("o/n", None, "train[:100]")),
        ("hub:o/n:en", HubName("o/n", "en", "train")),
        ("hub:o/n:en:test[10:20]", HubName("o/n", "en", "test[10:20]")),
        ("hub:o/n::test_sft", HubName("o/n", None, "test_sft")),
        ("hub:squad", HubName("squad", None, "train")),
    ],
)
def test_hub_names_have_config_and_split(written, expected):
    assert parse_hub_name(written) == expected


@pytest.mark.parametrize("written", ["hub:", "hub:a/b/c", "hub:a/b:c:d:e"])
def test_other_hub_names_are_refused(written):
    with pytest.raises(UserError, match="expected hub:owner/name"):
        parse_hub_name(written)


def test_paths_are_no_hub_names():
    assert is_hub_name("owner/name") and not is_hub_name("../name") and not is_hub_name("a/b/c")


@pytest.fixture
def hub(monkeypatch):
    """Stands for the Hub: collects what is asked for and answers with rows, or with an error."""
    import datasets

    asked: list[tuple] = []
    answer: list = [{"prompt": "a", "completion": "b"}]

    def load(*args, **options):
        asked.append((args, options))
        if isinstance(answer[0], Exception):
            raise answer[0]
        return answer

    monkeypatch.setattr(datasets, "load_dataset", load)
    return asked, answer


def test_hub_rows_are_read_without_running_their_code(hub):
    asked, _ = hub
    assert values("hub:owner/name:en:test") == [(1, {"prompt": "a", "completion": "b"})]
    assert values("owner/name")[0][0] == 1
    assert asked == [(("owner/name", "en"), {"split": "test"}), (("owner/name", None), {"split": "train"})]


@pytest.mark.parametrize("error", [ConnectionError("offline"), FileNotFoundError("none"), ValueError("bad split")])
def test_an_unreachable_hub_is_a_user_error(hub, error):
    hub[1][0] = error
    message = refusal("owner/name")
    assert str(error) in message and "no file here and could not be read from the Hub" in message


def test_an_existing_path_is_never_a_hub_name(hub, tmp_path: Path):
    (tmp_path / "owner").mkdir()
    (tmp_path / "owner" / "name").write_text(json.dumps({"a": 1}))
    assert 'files that end in ""' in refusal("owner/name", base_dir=tmp_path)
    assert "does not exist" in refusal("owner/nane", base_dir=tmp_path)
    assert hub[0] == []
