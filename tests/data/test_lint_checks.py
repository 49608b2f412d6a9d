"""Single checks where real rows are not as tidy as planted ones."""

import numpy as np
import pytest

from retain.data.formats import scan_values
from retain.data.lint.empty_targets import EmptyTargets
from retain.data.lint.label_spelling import LabelSpelling
from retain.data.lint.material import LintData
from retain.data.lint.mojibake import mended
from retain.data.lint.near import PIECE, pieces
from retain.data.lint.target_lengths import TargetLengths
from retain.data.lint.too_few_rows import TooFewRows
from retain.data.lint.unfinished_answers import UnfinishedAnswers
from retain.data.lint.unread_answers import UnreadAnswers


def given(rows, **more):
    return LintData(examples=scan_values(rows, "rows").examples, source="rows", **more)


def answered(*answers):
    return given([{"prompt": f"question {n}", "completion": answer} for n, answer in enumerate(answers)])


def test_signs_make_another_label():
    data = answered(*["C"] * 30, *["C#", "C++"] * 2, *["A"] * 30, "A+", "A-", *["card-arrival"] * 30, "Card arrival.")
    (found,) = LabelSpelling().find(data)
    assert found.count == 1 and "Card arrival." in found.what


def test_emoji_and_empty_json_are_answers():
    said = [f"word {n}" for n in range(200)]
    assert EmptyTargets().find(answered(*said, "👍", "{}", "[]")) == []
    assert EmptyTargets().find(answered(*said, "...", "\ufffd", "--", "??"))[0].count == 4


PROSE = [f"The answer to question number {n} is that there are {n} of them." for n in range(40)]


@pytest.mark.parametrize(
    "answer",
    [
        "After looking at all of them the right option is A",
        "Er ruft seine Mutter jeden Abend gegen acht Uhr an",
        "The circuit joins both of the inputs with one AND",
        "I took the book to school and gave it to her",
    ],
)
def test_an_answer_that_ends_in_a_short_word_may_be_whole(answer):
    without = [text.rstrip(".") for text in PROSE]
    assert UnfinishedAnswers().find(answered(*without, answer)) == []
    assert UnfinishedAnswers().drops(answered(*PROSE, answer)) == {}


def test_where_no_answer_has_a_full_stop_none_is_removed_for_its_last_word():
    without = [text.rstrip(".") for text in PROSE]
    cut = "There are several ways to do it and the best is the"
    assert UnfinishedAnswers().find(answered(*without, cut))[0].count == 1
    assert UnfinishedAnswers().drops(answered(*without, cut)) == {}
    assert list(UnfinishedAnswers().drops(answered(*PROSE, cut))) == [40]


def test_mending_takes_out_what_no_text_needs_and_leaves_what_may_be_a_lost_backslash():
    assert mended({"a": ["caf\u00c3\u00a9 \x1b[31mred\x00"]}) == {"a": ["caf\u00e9 [31mred"]}
    assert mended("\x0crac{1}{2} and \x08egin{x}, half \ufffd") == "\x0crac{1}{2} and \x08egin{x}, half \ufffd"


def test_long_texts_count_by_their_length_and_short_ones_by_number():
    assert TooFewRows().find(given([{"text": "a long book. " * 5000}])) == []
    (found,) = TooFewRows().find(given([{"text": "a line"}, {"text": "another line"}]))
    assert found.what.startswith("There are only 2 different rows")


def test_only_rows_that_the_gain_is_measured_on_count_and_no_plain_text():
    rows = scan_values([{"prompt": f"question {n}", "completion": "a"} for n in range(150)], "rows").examples
    assert TooFewRows().find(LintData(examples=rows, held_out=rows)) == []
    (found,) = TooFewRows().find(LintData(examples=rows, held_out=rows, measured=rows[:75]))
    assert found.what == "75 different held-out rows to measure on: gains under about 23 points cannot be told."
    texts = scan_values([f"text {n}" for n in range(90)], "rows").examples
    assert TooFewRows().find(LintData(examples=texts, held_out=texts[:40], measured=texts[:20])) == []


def test_one_length_is_said_once():
    (found,) = TargetLengths().find(answered(*["yes or no"] * 60, "x" * 400))
    assert "have an answer of 400 characters" in found.what


def test_pieces_are_all_runs_of_five_characters():
    text = "der Übermut 日本語の文章 der Übermut"
    runs = {text[at : at + PIECE] for at in range(len(text) - PIECE + 1)}
    assert len(pieces(text)) == len(runs)
    assert np.array_equal(pieces(text), np.unique([pieces(run)[0] for run in runs]))
    assert len(pieces("ab")) == 1 and pieces("ab") != pieces("abc")


@pytest.mark.parametrize(
    ("beside", "column"),
    [
        ({"label": "billing"}, "label"),
        ({"label": 0}, "label"),
        ({"label": False}, "label"),
        ({" Category ": "billing"}, " Category "),
        ({"label": "3", "label_text": "billing"}, "label_text"),
        ({"id": 7, "answer": "yes", "url": "https://a.example"}, "answer"),
    ],
)
def test_a_text_with_a_label_is_told_what_to_rename(beside, column):
    (found,) = UnreadAnswers().find(given([{"text": f"text {n}", **beside} for n in range(4)]))
    assert found.severity == "warning" and found.count == 4
    assert f"their column `{column}` is not read" in found.what
    assert (
        f"rename `text` to `prompt` and `{column}` to `completion`" in found.do and "leave that column out" in found.do
    )


def test_what_web_text_comes_with_is_no_answer():
    web = {"url": "https://a.example", "source": "web", "score": 0.9, "id": "1", "title": "a", "date": "2020"}
    empty = {"label": "", "labels": [], "category": None, "target": " "}
    assert UnreadAnswers().find(given([{"text": f"text {n}", **web, **empty} for n in range(4)])) == []


def test_a_label_on_a_few_texts_is_worth_a_note():
    rows = [{"text": f"text {n}", **({"category": "news"} if n < 4 else {})} for n in range(10)]
    (found,) = UnreadAnswers().find(given(rows))
    assert (found.severity, found.count, found.of) == ("note", 4, 10)
