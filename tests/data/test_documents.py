"""Text files and folders as documents."""

import gzip
import json

import pytest

from retain.data.documents import LONGEST_PART, document_files, parts_of, read_documents
from retain.data.formats import read_examples
from retain.errors import UserError

BOOK = "\n\n".join(f"# Chapter {i}\n\n" + "The sea was calm. " * (20 + i) for i in range(30))


def test_a_file_is_a_document_and_separators_part_it(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("one\n\nstill one\n<|endoftext|>\ntwo\n\fthree\n")
    rows = read_documents(str(file))
    assert [row.text for row in rows] == ["one\n\nstill one", "two", "three"]
    assert [row.line for row in rows] == [1, 5, 6]
    assert all(row.ended and row.shape == "text" for row in rows)
    assert read_examples(str(file))[0].text == "one", "supervised fine-tuning still reads paragraphs"


def test_a_book_goes_on_in_parts_that_are_the_book(tmp_path):
    file = tmp_path / "book.md.gz"
    file.write_bytes(gzip.compress(BOOK.encode()))
    rows = read_documents(str(file))
    assert "".join(row.text for row in rows) == BOOK.strip() and len(rows) > 3
    assert [row.ended for row in rows] == [False] * (len(rows) - 1) + [True]
    assert all(row.text.startswith("# Chapter") for row in rows), "headings are the best place to part"
    lines = BOOK.split("\n")
    assert all(lines[row.line - 1] == row.text.split("\n")[0] for row in rows)
    assert len({row.id for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("a" * 9 + "\n\n" + "b" * 9, "\n\n"),
        ("a" * 9 + "\n" + "b" * 9, "\n"),
        ("a" * 9 + " " + "b" * 9, " "),
        ("x" * 30, "x"),
    ],
    ids=["paragraph", "line", "space", "nowhere"],
)
def test_where_a_part_ends(text, ends):
    parts = list(parts_of(text, 12))
    assert "".join(parts) == text and parts[0].endswith(ends) and all(len(part) <= 12 for part in parts)


def test_a_folder_is_read_by_name_at_any_depth(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.txt").write_text("second")
    (tmp_path / "a.md").write_text("first")
    (tmp_path / "c.jsonl").write_text(json.dumps({"text": "third"}) + "\n")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "no.txt").write_text("no")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "code.py").write_text("no")
    assert [row.text for row in read_documents(str(tmp_path))] == ["first", "second", "third"]
    assert len(document_files(str(tmp_path))) == 3
    assert document_files("hub:owner/name") == []


def test_what_is_wrong_is_said_with_its_file(tmp_path):
    with pytest.raises(UserError, match=r"holds no file of \.txt, \.md"):
        read_documents(str(tmp_path))
    (tmp_path / "bad.txt").write_bytes(b"one\n\xff")
    with pytest.raises(UserError, match=r"bad\.txt:2: byte 0xff is not UTF-8"):
        read_documents(str(tmp_path))
    (tmp_path / "bad.txt").write_text("fine")
    (tmp_path / "rows.jsonl").write_text('{"text": "fine"}\n{"text": 3}\n')
    with pytest.raises(UserError, match=r"rows\.jsonl:2: `text` is"):
        read_documents(str(tmp_path))
    (tmp_path / "rows.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    with pytest.raises(UserError, match="mixes row shapes; a folder holds one"):
        read_documents(str(tmp_path))
    with pytest.raises(UserError, match="does not exist"):
        read_documents(str(tmp_path / "none.txt"))
    with pytest.raises(UserError, match="pretrain reads whole folders"):
        read_examples(str(tmp_path))


def test_the_default_length_of_a_part_is_about_a_sequence():
    assert all(len(part) <= LONGEST_PART for part in parts_of(BOOK))
