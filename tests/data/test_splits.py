from __future__ import annotations

import random
from collections import Counter

import pytest
from data_toys import chat, pair, text

from retain.data.formats import read_examples
from retain.data.splits import folded, hash_order, probe_split, sample, split
from retain.errors import UserError


def pairs(count: int, start: int = 0) -> list:
    return [pair(f"question {number}", "answer", number) for number in range(start, start + count)]


def inputs(examples) -> set[str]:
    return {folded(example.input) for example in examples}


def test_case_and_white_space_do_not_matter():
    assert folded("  What\n IS it ") == "what is it"
    assert hash_order("What  is it") == hash_order("what is\tIT ") != hash_order("what is it?")


def test_probe_items_never_move_and_three_in_ten_are_dev():
    # Fixed values: a change of the rule would silently turn dev items into test items.
    assert [number for number in range(8) if probe_split(f"item {number}") == "dev"] == [3, 6]
    share = Counter(probe_split(f"item {number}") for number in range(10_000))["dev"] / 10_000
    assert 0.28 < share < 0.32
    assert probe_split("Item  1") == probe_split("item 1")


@pytest.mark.parametrize(
    ("rows", "share", "test", "dev"),
    [
        (100, 0.15, 8, 7),
        (100, 0.1, 5, 5),
        (10, 0.25, 2, 1),
        (1000, 0.145, 73, 72),
        (3, 0.5, 1, 1),
        (40, 0.0375, 1, 1),
    ],
)
def test_the_share_of_distinct_inputs_is_exact(rows, share, test, dev):
    parts = split(pairs(rows), share)
    assert (len(parts.test), len(parts.dev), len(parts.train)) == (test, dev, rows - test - dev)
    assert (parts.summary.test, parts.summary.dev, parts.summary.train) == (test, dev, rows - test - dev)


def test_duplicates_of_an_input_never_straddle():
    rows = [*pairs(60), *[pair(f" QUESTION  {number}\n", "other", 100 + number) for number in range(60)]]
    parts = split(rows, 0.3)
    assert not inputs(parts.train) & inputs(parts.dev)
    assert not inputs(parts.train) & inputs(parts.test)
    assert not inputs(parts.dev) & inputs(parts.test)
    assert (len(parts.test), len(parts.dev), len(parts.train)) == (18, 18, 84)


def test_a_split_depends_on_content_alone():
    rows = pairs(50)
    shuffled = random.Random(0).sample(rows, len(rows))
    assert inputs(split(rows, 0.2).test) == inputs(split(shuffled, 0.2).test)
    assert [row.line for row in split(rows, 0.2).train] == sorted(row.line for row in split(rows, 0.2).train)


def test_the_whole_conversation_before_the_answer_is_the_input():
    rows = [chat("user: hi", f"assistant: {n}", "user: bye", "assistant: ciao", line=n) for n in range(20)]
    assert len(split(rows, 0.2).test) == 2


def test_files_replace_the_held_out_share():
    parts = split(pairs(10), dev=pairs(3, 20), test=pairs(4, 30), shifted=pairs(2, 40))
    assert [len(part) for part in (parts.train, parts.dev, parts.test, parts.shifted)] == [10, 3, 4, 2]


def test_one_file_and_a_share_for_the_other_part():
    parts = split(pairs(10), 0.2, test=pairs(5, 50))
    assert (len(parts.train), len(parts.dev), len(parts.test)) == (8, 2, 5)
    parts = split(pairs(10), 0.2, dev=pairs(5, 50))
    assert (len(parts.train), len(parts.dev), len(parts.test)) == (8, 5, 2)


def test_inputs_that_are_measured_leave_train_then_dev():
    parts = split(pairs(10), dev=pairs(3, 8), test=pairs(3, 10), shifted=pairs(1, 0))
    assert [row.line for row in parts.train] == [1, 2, 3, 4, 5, 6, 7]
    assert [row.line for row in parts.dev] == [8, 9]
    assert parts.summary.removed_from_train == ("toy:0", "toy:8", "toy:9")
    assert parts.summary.removed_from_dev == ("toy:10",)


def test_duplicates_and_conflicts_are_named_and_kept():
    rows = [pair("a", "x", 1), pair("a", "x", 2), pair("b", "x", 3), pair("B ", "y", 4), pair("c", "z", 5)]
    parts = split(rows, dev=pairs(1), test=pairs(1, 1))
    assert parts.summary.duplicates == ("toy:2",)
    assert parts.summary.conflicts == ("toy:3", "toy:4")
    assert len(parts.train) == 5


def test_texts_are_split_by_their_text():
    parts = split([text(f"text {number}") for number in range(20)], 0.2)
    assert (len(parts.train), len(parts.dev), len(parts.test)) == (16, 2, 2)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "There are no rows to measure on"),
        ({"test": pairs(1, 50)}, "There are no rows to measure on"),
        ({"held_out": 0.1, "dev": pairs(1, 50), "test": pairs(1, 51)}, "`held_out` has no use"),
        ({"held_out": 0.0}, "`held_out` is 0.0; it must lie between 0 and 1"),
        ({"held_out": 1.0}, "`held_out` is 1.0"),
        ({"held_out": -0.1}, "`held_out` is -0.1"),
        ({"held_out": float("nan")}, "`held_out` is nan"),
        ({"held_out": 0.1}, "Holding out 0.1 of 10 distinct inputs gives 1, but dev and test and train need"),
        ({"held_out": 0.99}, "Holding out 0.99 of 10 distinct inputs gives 10"),
        ({"held_out": 0.01, "test": pairs(1, 50)}, "gives 0, but the held-out part and train need"),
        ({"dev": [], "test": pairs(1, 50)}, "No dev row is left"),
        ({"dev": pairs(1, 50), "test": []}, "No test row is left"),
        ({"dev": pairs(1, 50), "test": pairs(1, 50)}, "No dev row is left"),
        ({"dev": pairs(5), "test": pairs(5, 5)}, "No training row is left"),
    ],
)
def test_a_split_without_all_parts_is_refused(options, reason):
    with pytest.raises(UserError) as caught:
        split(pairs(10), **options)
    assert reason in str(caught.value)


def test_a_sample_is_a_prefix_of_a_larger_one_and_follows_the_seed():
    rows = pairs(200)
    assert sample(rows, 20, seed=1) == sample(rows[::-1], 50, seed=1)[:20]
    assert sample(rows, 20, seed=1) != sample(rows, 20, seed=2)
    assert sorted(row.line for row in sample(rows, 500, seed=1)) == list(range(200))


def test_a_sample_of_rows_sorted_by_label_holds_most_labels(public_data):
    rows = read_examples("tasks/banking77/test.jsonl", base_dir=public_data)
    assert len({row.target for row in sample(rows, 600, seed=0)}) > 70


def test_restaurant8k_loses_the_train_rows_that_its_test_shares(public_data):
    train, test = (
        read_examples(f"tasks/restaurant8k/{part}.jsonl", base_dir=public_data) for part in ("train", "test")
    )
    parts = split(train, 0.1, test=test)
    assert len(parts.summary.removed_from_train) + len(parts.summary.removed_from_dev) >= 69
    assert not inputs(parts.train) & (inputs(parts.test) | inputs(parts.dev))
