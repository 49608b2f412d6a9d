from __future__ import annotations

import time

import pytest
from data_toys import chat, pair, text

from retain.data.example import Example
from retain.data.overlap import find_overlaps, overlap_finder, refuse_overlaps
from retain.errors import UserError

LONG = "The quick brown fox jumps over the lazy dog while seven wizards quietly boil their jugs of liquid"
"""Eighteen words."""


def found(example: Example, *items: str) -> list[str]:
    return [overlap.item for overlap in find_overlaps([example], enumerate_items(items))]


def enumerate_items(items) -> list[tuple[str, str]]:
    return [(str(number), item) for number, item in enumerate(items)]


def words(start: int, stop: int) -> str:
    return " ".join(LONG.split()[start:stop])


def test_thirteen_words_of_a_longer_item_are_an_overlap_and_twelve_are_not():
    assert found(text(f"Before {words(3, 16)} after"), LONG) == ["0"]
    assert found(text(f"Before {words(3, 15)} after"), LONG) == []
    assert found(text(f"{words(0, 9)} and {words(9, 18)}"), LONG) == []


def test_case_and_punctuation_do_not_matter():
    assert found(text(words(0, 13).upper().replace(" ", ", ")), LONG) == ["0"]


def test_a_short_item_counts_when_all_of_it_is_in_a_row():
    item = "Who painted the Mona Lisa?"
    assert found(pair("Tell me: who painted the mona lisa, please", "Leonardo"), item) == ["0"]
    assert found(pair("Who painted the famous Mona Lisa?", "Leonardo"), item) == []


def test_several_short_items_may_begin_alike():
    items = ["who painted the mona lisa in florence", "who painted the mona lisa in paris"]
    assert found(text("He asked who painted the Mona Lisa in Paris."), *items) == ["1"]


def test_a_very_short_item_counts_only_as_the_whole_input():
    assert found(pair("What is gravity?", "A force."), "what is gravity") == ["0"]
    assert found(pair("What is gravity, and who found it?", "Newton."), "what is gravity") == []
    assert found(
        chat("user: hi", "assistant: yes", "user: What is gravity?", "assistant: A force."), "what is gravity"
    ) == ["0"]
    assert found(text("what is gravity"), "what is gravity") == ["0"]
    assert found(pair("Name it.", "What is gravity?"), "what is gravity") == []


def test_an_item_without_words_matches_nothing():
    assert found(text("?!"), "...", "") == []


def test_a_question_and_its_answer_in_two_turns_are_one_text():
    assert found(pair(words(0, 8), words(8, 18)), LONG) == ["0"]


@pytest.mark.parametrize(
    "example",
    [
        chat(f"system: {LONG}", "user: hi", "assistant: yes"),
        Example(id="1", shape="preference", messages=(), chosen="a", rejected=LONG),
        Example(id="2", shape="preference", messages=(), chosen=LONG, rejected="a"),
        Example(id="3", shape="ranking", query=LONG, positives=("a",)),
    ],
)
def test_every_part_of_every_shape_is_looked_at(example):
    assert found(example, LONG) == ["0"]


@pytest.mark.parametrize("item", [LONG, "who painted the mona lisa", "mona lisa"])
def test_a_document_may_hold_the_words_of_another_query(item):
    row = Example(id="4", shape="ranking", query="a", positives=("b", f"said {item} then"), negatives=(item,))
    assert found(row, item) == []
    assert found(row.model_copy(update={"query": item}), item) == ["0"]


def test_words_that_a_probe_repeats_in_many_items_are_its_template():
    template = "Answer the following question with one word and nothing else at all if you please:"
    items = [f"{template} what colour is thing number {number}" for number in range(40)]
    assert found(pair(f"{template} who am I", "you"), *items) == []
    assert found(pair(items[7], "you"), *items) == ["7"]
    assert found(pair(f"{template} who am I", "you"), *items[:3]) == ["0"]


def test_a_row_is_reported_once_with_where_it_is():
    (overlap,) = find_overlaps([text("other"), text(f"{LONG} {LONG}", line=7)], [("x", LONG), ("y", LONG)], "facts")
    assert (overlap.source, overlap.line, overlap.probe, overlap.item) == ("toy", 7, "facts", "x")
    assert overlap.words == words(0, 13).lower()


def test_rows_can_be_asked_one_by_one():
    find = overlap_finder({"facts": [("f1", LONG)], "trivia": [("t1", "Who painted the Mona Lisa?")]})
    hits = [find(row) for row in (text("other"), text("who painted the mona lisa", line=2), text(LONG))]
    assert [hit and (hit.probe, hit.item) for hit in hits] == [None, ("trivia", "t1"), ("facts", "f1")]


def test_overlaps_are_refused_with_line_and_probe():
    probes = {"facts": [("f1", LONG)], "trivia": [("t1", "Who painted the Mona Lisa?")]}
    rows = [
        text(LONG, line=3),
        text("nothing", line=4),
        *[text("who painted the mona lisa", line=n) for n in range(5, 30)],
    ]
    with pytest.raises(UserError) as caught:
        refuse_overlaps(rows, probes)
    message = str(caught.value)
    assert "26 training rows" in message and "6 more" in message
    assert "toy:3 contains item f1 of facts" in message and "toy:5 contains item t1 of trivia" in message
    refuse_overlaps([text("nothing")], probes)
    refuse_overlaps(rows, {})


def test_many_rows_against_many_items_take_seconds():
    rows = [text(" ".join(f"w{(number * 7 + place) % 9973}" for place in range(100))) for number in range(5_000)]
    items = [(str(number), " ".join(f"i{number}x{place}" for place in range(60))) for number in range(5_000)]
    begun = time.perf_counter()
    assert find_overlaps(rows, [*items, ("hit", rows[-1].text)]) != []
    assert time.perf_counter() - begun < 5
