"""Documents become passages; whatever is wrong with them is said."""

import json

import pytest

from retain.advice.documents import passages_of, read_passages
from retain.errors import UserError


def words(count, start=0):
    return " ".join(f"w{number}" for number in range(start, start + count))


def test_paragraphs_are_packed_whole():
    text = f"{words(4)}\n\n{words(4, 4)}\n\n\n{words(4, 8)}\n"
    assert passages_of(text, 8) == [f"{words(4)}\n{words(4, 4)}", words(4, 8)]
    assert passages_of(text, 100) == [f"{words(4)}\n{words(4, 4)}\n{words(4, 8)}"]
    assert passages_of(" \n\n ", 8) == []


def test_a_long_paragraph_is_cut_between_sentences_and_a_long_sentence_between_words():
    assert passages_of("One two three. Four five six! Seven eight nine?", 6) == [
        "One two three. Four five six!",
        "Seven eight nine?",
    ]
    assert passages_of(words(25), 10) == [words(10), words(10, 10), words(5, 20)]
    assert " ".join(passages_of(words(25), 10)).split() == words(25).split(), "nothing is lost"


def test_rows_with_titles_texts_and_folders(tmp_path):
    rows = [{"_id": "1", "title": "Sky", "text": words(12), "metadata": {}}, {"text": "alone"}, {"text": "alone"}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "b.md").write_text("# Grass\n\nIt is green.")
    (tmp_path / "c.csv").write_text("x,y\n")
    expected = [f"Sky\n{words(10)}", f"Sky\n{words(2, 10)}", "alone"]
    assert read_passages(str(tmp_path / "a.jsonl"), 10) == expected
    assert read_passages(str(tmp_path), 10) == [*expected, "# Grass\nIt is green."]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pdf", b"x", "is none of .txt, .md, .jsonl"),
        ("a.txt", b"  \n", "holds no text"),
        ("a.txt", b"caf\xe9", "is not UTF-8: .* at byte 3"),
        ("a.jsonl", b'{"text": "x"}\n{"body": "y"}\n', "1 rows of .*a.jsonl:2: needs text.*found keys: body"),
        ("a.jsonl", b'{"text": 3}\n', "needs text"),
        ("a.jsonl", b"{nonsense\n", "1 row cannot be used"),
        ("a.jsonl", b"", "advise.documents: .*is empty"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"(?s){message}"):
        read_passages(str(tmp_path / name), 10)


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no file or folder"):
        read_passages(str(tmp_path / "none.md"), 10)
    with pytest.raises(UserError, match=r"holds no file of .txt, .md, .jsonl"):
        read_passages(str(tmp_path), 10)
