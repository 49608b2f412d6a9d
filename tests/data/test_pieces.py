"""Documents as rows: every token is predicted once, and nothing is cut."""

import itertools

import pytest

from retain.data.example import Example
from retain.data.pieces import beginning, pieces
from retain.models.base import Message
from retain.records import content_hash

EOS, START = 2, 1


def document(words: str, ended: bool = True) -> Example:
    return Example(id=content_hash(words), shape="text", text=words, ended=ended)


@pytest.mark.parametrize("words", [1, 6, 7, 8, 13, 14, 15, 40])
def test_each_token_is_labelled_once_whatever_the_length(toy_tokenizer, words):
    text = " ".join("a b c d e yes no one two three".split()[i % 10] for i in range(words))
    rows = pieces(document(text), toy_tokenizer, 8)
    whole = [*toy_tokenizer(text, add_special_tokens=False)["input_ids"], EOS]
    assert [label for row in rows for label in row.labels if label != -100] == whole
    assert all(len(row.input_ids) <= 8 and row.labels[0] == -100 for row in rows)
    assert all(row.labels[1:] == row.input_ids[1:] for row in rows)
    assert rows[0].input_ids[0] == EOS, "as if another document ended before it"
    for before, after in itertools.pairwise(rows):
        assert after.input_ids[0] == before.input_ids[-1] and len(before.input_ids) == 8


def test_a_bos_of_the_tokenizer_takes_the_place_of_the_eos_before(toy_tokenizer):
    from tokenizers import processors

    toy_tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|start|> $A", special_tokens=[("<|start|>", START)]
    )
    try:
        (row,) = pieces(document("a b"), toy_tokenizer, 8)
    finally:
        toy_tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single="$A", special_tokens=[])
    assert row.input_ids[0] == START and row.labels[0] == -100 and len(row.input_ids) == 4


def test_a_text_that_goes_on_elsewhere_gets_no_eos(toy_tokenizer):
    (row,) = pieces(document("a b c", ended=False), toy_tokenizer, 8)
    assert row.labels[-1] != EOS and len(row.input_ids) == 4


def test_a_conversation_is_encoded_as_in_supervised_fine_tuning(toy_tokenizer):
    from retain.data.encoding import encode

    turns = (Message(role="user", content="say a"), Message(role="assistant", content="a"))
    row = Example(id="x", shape="chat", messages=turns)
    assert pieces(row, toy_tokenizer, 64) == [encode(row, toy_tokenizer, 64)]
    assert pieces(row, toy_tokenizer, 3) == [], "its answer begins beyond the limit"
    on_all = pieces(row, toy_tokenizer, 64, "all")[0]
    assert -100 not in on_all.labels


def test_a_beginning_has_the_fewest_words_that_are_enough():
    found = beginning(document("a b c d e"), lambda one: len(one.text.split()) >= 3)
    assert (found.text, found.ended) == ("a b c", False)
    whole = document("a b c")
    assert beginning(whole, lambda one: False) == whole
