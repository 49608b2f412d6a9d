import pytest

from retain.data.encoding import IGNORED, Encoded
from retain.data.example import Example
from retain.data.recital_rows import LEAST, MOST, RecitalRow, cut_in_two, longest_run, rows_to_recite, twins
from retain.models.base import Message

END = 2


def chat(prompt: int, answer: int) -> Encoded:
    ids = [*range(100, 100 + prompt), *range(200, 200 + answer), END]
    return Encoded(input_ids=ids, labels=[*[IGNORED] * prompt, *ids[prompt:]])


def row(item: str, length: int) -> RecitalRow:
    return RecitalRow(item=item, given=[1], rest=list(range(length)))


def test_the_prompt_and_half_of_the_answer_are_given():
    cut = cut_in_two("a", chat(5, 20), {END})
    assert cut.given == [*range(100, 105), *range(200, 210)]
    assert cut.rest == list(range(210, 220)), "without the token that ends the turn"


def test_a_long_answer_is_tried_on_fifty_tokens_after_fifty():
    cut = cut_in_two("a", chat(5, 300), {END})
    assert (len(cut.given), len(cut.rest), cut.rest[0]) == (5 + MOST, MOST, 250)


@pytest.mark.parametrize(("answer", "long_enough"), [(14, False), (15, True)])
def test_short_answers_cannot_be_recited(answer, long_enough):
    assert (cut_in_two("a", chat(5, answer), {END}) is not None) is long_enough


def test_only_the_last_answer_of_a_conversation_counts():
    first, last = chat(4, 30), chat(4, 20)
    both = Encoded(input_ids=first.input_ids + last.input_ids, labels=first.labels + last.labels)
    assert cut_in_two("a", both, {END}).rest == list(range(210, 220))
    everything = Encoded(input_ids=both.input_ids, labels=both.input_ids)
    assert len(cut_in_two("a", everything, {END}).rest) == 12, "loss on all: the last turn, prompt included"


def test_a_text_begins_with_itself_and_may_have_no_end():
    text = Encoded(input_ids=list(range(40)), labels=list(range(40)))
    cut = cut_in_two("a", text, {99})
    assert (cut.given, cut.rest) == (list(range(20)), list(range(20, 40)))
    assert cut_in_two("a", Encoded(input_ids=[1, END], labels=[IGNORED, IGNORED]), {END}) is None


def test_twins_are_as_long_and_each_is_taken_once():
    pool = [row("x", 50), row("y", 9), row("z", 10)]
    assert [one.item for one in twins([row("a", 9), row("b", 9), row("c", 40), row("d", 8)], pool)] == ["y", "z", "x"]
    assert twins([row("a", 9)], []) == []


@pytest.mark.parametrize(
    ("first", "second", "length"),
    [([1, 2, 3, 4], [9, 2, 3, 9], 2), ([1, 2], [3, 4], 0), ([], [1], 0), ([1] * 300, [1] * 200, 200)],
)
def test_the_longest_run_that_two_sequences_share(first, second, length):
    assert longest_run(first, second) == length


def test_rows_with_the_same_rest_are_one_group():
    assert row("a", LEAST).group == row("b", LEAST).group != row("c", LEAST + 1).group


class Tokenizer:
    all_special_ids = (END,)


def said(text: str) -> Message:
    return Message(role="assistant", content=text)


def example(name: str, answer: int) -> Example:
    turns = (Message(role="user", content=name), Message(role="assistant", content="x" * answer))
    return Example(id=name, shape="chat", messages=turns)


def rows_of(train, held_out, **settings):
    """One token a character of the answer."""
    return rows_to_recite(train, held_out, Tokenizer(), lambda one: chat(3, len(one.target)), **settings)


def test_rows_that_are_long_enough_are_chosen_and_the_others_counted():
    train = [example(f"long {n}", 40 + n) for n in range(5)] + [example(f"short {n}", 8) for n in range(4)]
    held_out = [example(f"other {n}", 40 + n) for n in range(9)]
    found = rows_of(train, held_out)
    assert {row.item for row in found.training} == {f"long {n}" for n in range(5)}
    assert sorted(len(row.rest) for row in found.held_out) == sorted(len(row.rest) for row in found.training)
    assert found.too_short == 4
    assert rows_of(train[5:], held_out).held_out == []


def test_few_characters_may_be_many_tokens():
    """A tokenizer of bytes makes three or four tokens of a Chinese character or an emoji."""
    train = [example(f"row {n}", 1) for n in range(3)]
    answers = dict(zip((one.id for one in train), ("你好，世界，再见", "👋🏽👍🏽🎉", "hello world"), strict=True))
    train = [Example(id=one.id, shape="chat", messages=(one.messages[0], said(answers[one.id]))) for one in train]
    found = rows_to_recite(train, train, Tokenizer(), lambda one: chat(3, len(one.target.encode())))
    assert {one.item for one in found.training} == {"row 0", "row 1"} and found.too_short == 1


def test_how_many_and_which_rows_are_settings():
    train = [example(f"long {n}", 40) for n in range(30)]
    held_out = [example(f"other {n}", 40) for n in range(30)]
    first, second = (rows_of(train, held_out, count=6, seed=seed) for seed in (0, 1))
    assert len(first.training) == len(first.held_out) == 6
    assert {row.item for row in first.training} != {row.item for row in second.training}
    assert rows_of(train, held_out, count=6) == first
