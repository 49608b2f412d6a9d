"""Multiple choice: which text is scored, by what it is divided, which examples stand before it."""

from __future__ import annotations

import math

import pytest
from scripted_model import FakeModel

from retain.data.splits import probe_split
from retain.errors import UserError
from retain.probes.multiple_choice import ChoiceItem, MultipleChoice


def item(query: str = "Question: What is wet?\nAnswer:", gold: int = 0, **more: object) -> dict[str, object]:
    return {"query": query, "choices": ["Water", "A very dry stone"], "gold": gold, "split": "test", **more}


def probe(*items: dict[str, object], **settings: object) -> MultipleChoice:
    return MultipleChoice.model_validate({"name": "p", "capability": "c", "items": list(items), **settings})


def test_one_call_scores_the_query_as_it_stands_and_a_space_before_each_choice() -> None:
    model = FakeModel()
    probe(item(), item("The two girls")).measure(model, "test")
    (requests,) = model.likelihood_calls
    assert {(one.context, one.continuation) for one in requests} == {
        ("Question: What is wet?\nAnswer:", " Water"),
        ("Question: What is wet?\nAnswer:", " A very dry stone"),
        ("The two girls", " Water"),
        ("The two girls", " A very dry stone"),
    }


def test_a_query_that_ends_in_white_space_gets_one_space() -> None:
    model = FakeModel()
    probe(item("Answer: ")).measure(model, "test")
    assert model.likelihood_calls[0][0].context == "Answer:"


@pytest.mark.parametrize(("normalise", "right"), [("none", 1.0), ("characters", 0.0), ("bytes", 0.0), ("tokens", 0.0)])
def test_normalising_changes_the_winner(normalise: str, right: float) -> None:
    by_text = {" Water": -5.0, " A very dry stone": -8.0}  # per character: -1.0 and -0.5; per word: -5 and -2
    model = FakeModel(likelihood=lambda context, text: by_text[text])
    assert probe(item(), normalise=normalise).measure(model, "test").value == right


def test_characters_and_bytes_differ_outside_ascii() -> None:
    row = {"query": "q", "choices": ["ééééé", "abcdefg"], "gold": 0, "split": "test"}
    model = FakeModel(likelihood=lambda context, text: -6.0)  # characters: -1.2, -0.86; bytes: -0.6, -0.86
    assert probe(row, normalise="characters").measure(model, "test").value == 0.0
    assert probe(row, normalise="bytes").measure(model, "test").value == 1.0


def test_letters() -> None:
    model = FakeModel(likelihood=lambda context, text: {" A": -2.0, " B": -1.0}[text])
    measured = probe(item(subject="high_school_physics", gold=1), style="letters").measure(model, "test")
    assert measured.value == 1.0
    assert model.likelihood_calls[0][0].context == (
        "The following are multiple choice questions (with answers) about high school physics.\n\n"
        "Question: What is wet?\nA. Water\nB. A very dry stone\nAnswer:"
    )


def test_partial_scoring_of_contexts_as_in_winogrande() -> None:
    row = {
        "contexts": ["Sarah so Sarah", "Sarah so Maria"],
        "continuation": "won.",
        "gold": 1,
        "split": "test",
    }
    twin = {**row, "continuation": "lost.", "gold": 0}
    model = FakeModel(likelihood=lambda context, text: -1.0 if context.endswith("Maria") else -2.0)
    measured = probe(row, twin).measure(model, "test")
    assert sorted(measured.scores.values()) == [0.0, 1.0]
    assert len(set(measured.clusters.values())) == 1
    assert {one.continuation for one in model.likelihood_calls[0]} == {" won.", " lost."}


def many(count: int, **more: object) -> list[dict[str, object]]:
    return [{"query": f"Q{n}:", "choices": ["x", "y"], "gold": n % 2, **more} for n in range(count)]


def test_shots_are_fixed_dev_items_that_are_not_scored() -> None:
    plain, shot = probe(*many(40)), probe(*many(40), shots=2)
    first_two = plain.select("dev")[:2]
    assert [one.id for one in shot.select("dev")] == [one.id for one in plain.select("dev")[2:]]
    assert [one.id for one in shot.select("test")] == [one.id for one in plain.select("test")]
    model = FakeModel()
    shot.measure(model, "test")
    head = "".join(f"{one.query} {one.choices[one.gold]}\n\n" for one in first_two)
    assert all(one.context.startswith(head + "Q") for one in model.likelihood_calls[0])


def test_shots_come_from_the_same_subject() -> None:
    rows = [
        *many(30, subject="art"),
        *[{**row, "query": f"B{row['query']}", "subject": "biology"} for row in many(30)],
    ]
    model = FakeModel()
    probe(*rows, shots=1, style="letters").measure(model, "test")
    for one in model.likelihood_calls[0]:
        biology = "about biology" in one.context
        assert one.context.count("\nBQ") == (2 if biology else 0)


def test_too_few_dev_items_for_the_shots() -> None:
    with pytest.raises(UserError, match="shots: 9, but there are only"):
        probe(*many(10), shots=9).measure(FakeModel(), "test")


def test_an_item_that_cannot_be_scored_is_left_out_not_wrong() -> None:
    model = FakeModel(likelihood=lambda context, text: None if context == "long" else -1.0)
    measured = probe(item(), item("long")).measure(model, "test")
    assert list(measured.left_out.values()) == ["longer than the model's context"]
    assert len(measured.scores) == 1


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_likelihoods_that_are_no_numbers_are_left_out(value: float) -> None:
    model = FakeModel(likelihood=lambda context, text: value if context == "bad" else -1.0)
    measured = probe(item(), item("bad")).measure(model, "test")
    assert len(measured.left_out) == 1


def test_chance_is_the_mean_over_items() -> None:
    row = {"query": "q", "choices": list("abcd"), "gold": 0, "split": "test"}
    assert probe(item(), row).measure(FakeModel(), "test").chance == pytest.approx((1 / 2 + 1 / 4) / 2)


def test_ids_tell_apart_the_same_question_with_other_choices_but_the_split_does_not() -> None:
    one = ChoiceItem(query="Which is true?", choices=("a", "b"), gold=0)
    other = ChoiceItem(query="Which is true?", choices=("c", "d"), gold=1)
    assert one.id != other.id
    assert probe_split(one.input) == probe_split(other.input)


def test_items_with_one_passage_are_a_cluster() -> None:
    rows = [item("A?", passage="Text."), item("B?", passage="Text."), item("C?", passage="Other.")]
    rows += [item("Passage: P\nQuestion: a?"), item("Passage: P\nQuestion: b?"), item()]
    measured = probe(*rows).measure(FakeModel(), "test")
    assert len(measured.clusters) == 5
    assert len(set(measured.clusters.values())) == 3


@pytest.mark.parametrize(
    "row",
    [
        {"query": "q", "choices": ["a", "b"], "gold": 2},
        {"query": "q", "choices": ["a", "b"], "gold": -1},
        {"query": "q", "choices": ["a"], "gold": 0},
        {"query": " ", "choices": ["a", "b"], "gold": 0},
        {"choices": ["a", "b"], "gold": 0},
        {"query": "q", "gold": 0},
        {"query": "q", "choices": ["a", "b"], "gold": 0, "subjekt": "x"},
        {"contexts": ["a", "b"], "gold": 0},
    ],
)
def test_wrong_items_are_refused(row: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        ChoiceItem.model_validate(row)
