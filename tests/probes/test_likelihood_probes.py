"""The last word, bits per byte and the likelihood of given answers."""

from __future__ import annotations

import math

import pytest
from scripted_model import FakeModel

from retain.errors import UserError
from retain.models.base import Message
from retain.probes.bits_per_byte import BitsPerByte, first_bytes, windows
from retain.probes.last_word import LastWord, LastWordItem
from retain.probes.reference_likelihood import ReferenceLikelihood, rendered


def test_last_word_is_right_when_greedy() -> None:
    rows = [{"context": f"The {word}, the ", "continuation": word, "split": "test"} for word in ("cat", "dog")]
    probe = LastWord.model_validate({"name": "l", "capability": "c", "items": rows})
    model = FakeModel(greedy=lambda context, text: text == " cat")
    measured = probe.measure(model, "test")
    assert measured.value == 0.5
    assert {(one.context, one.continuation) for one in model.likelihood_calls[0]} == {
        ("The cat, the", " cat"),
        ("The dog, the", " dog"),
    }


def test_last_word_splits_a_whole_text() -> None:
    item = LastWordItem.model_validate({"text": "He saw the coffin "})
    assert (item.context, item.continuation) == ("He saw the", "coffin")
    with pytest.raises(ValueError):
        LastWordItem.model_validate({"text": "one"})


def bits(*texts: str, **settings: object) -> BitsPerByte:
    rows = [{"text": text, "split": "test"} for text in texts]
    return BitsPerByte.model_validate({"name": "b", "capability": "c", "items": rows, **settings})


def test_bits_per_byte_weighs_by_bytes() -> None:
    model = FakeModel(likelihood=lambda context, text: -math.log(2) * (8 if text == "abcd" else 6))
    measured = bits("abcd", "éé" * 3).measure(model, "test")  # 8 bits for 4 bytes, 6 bits for 12 bytes
    assert sorted(measured.scores.values()) == pytest.approx([0.5, 2.0])
    assert measured.value == pytest.approx(14 / 16)
    assert not measured.higher_is_better
    assert measured.unit == "bits per byte"


def test_texts_are_scored_from_their_start_in_one_call() -> None:
    model = FakeModel()
    bits("one text", "another").measure(model, "test")
    (requests,) = model.likelihood_calls
    assert [one.context for one in requests] == ["", ""]


@pytest.mark.parametrize("text", ["word " * 100, "é漢字 " * 60, "x" * 300, "short", " lead\n\nand  two" * 9])
@pytest.mark.parametrize("most", [16, 41, 64])
def test_windows_are_the_text_and_look_back_on_half_a_window(text, most):
    found = windows(text, most)
    assert "".join(part for _, part in found) == text
    assert found[0] == ("", first_bytes(text, most))
    done = found[0][1]
    for before, part in found[1:]:
        assert (done.endswith(before) and most // 2 - 4 < len(before.encode()) <= most // 2) or done == before
        assert 0 < len(part.encode()) <= most // 2
        done += part


def test_a_long_text_is_read_whole_in_windows():
    model = FakeModel(likelihood=lambda context, text: -math.log(2) * len(text.encode()) * (1 if context else 3))
    text = "word " * 100
    measured = bits(text, max_bytes=50, long="windows").measure(model, "test")
    first = len(first_bytes(text, 50))
    assert measured.value == pytest.approx((3 * first + len(text) - first) / len(text))
    assert measured.settings["truncation"] == "windows of 50 bytes" and measured.settings["long"] == "windows"
    cut = bits(text, max_bytes=50)
    assert cut.fingerprint() != bits(text, max_bytes=50, long="windows").fingerprint()
    assert "long" not in cut.model_dump(), "what was measured before this knob keeps its fingerprint"


def within(most):
    """The likelihood of a model whose context has room for some bytes: one bit a byte."""

    def likelihood(context, text):
        return -math.log(2) * len(text.encode()) if len((context + text).encode()) <= most else None

    return likelihood


@pytest.mark.parametrize("room", [16, 30, 64, 1000])
def test_a_text_whose_windows_are_beyond_the_context_is_read_in_shorter_ones(room):
    model = FakeModel(likelihood=within(room))
    texts = ("word " * 20 + "long", "short", "漢字" * 40)
    measured = bits(*texts, max_bytes=128, long="windows").measure(model, "test")
    assert not measured.left_out and measured.value == pytest.approx(1.0)
    assert list(measured.scores.values()) == pytest.approx([1.0] * 3)
    again = [one for call in model.likelihood_calls[1:] for one in call]
    assert not any(one.continuation == "short" for one in again), "what fits is read once"


def test_a_text_that_no_window_fits_is_left_out():
    model = FakeModel(likelihood=lambda context, text: None if "long" in text else -1.0)
    measured = bits("word " * 20 + "long", "short", max_bytes=50, long="windows").measure(model, "test")
    assert len(measured.scores) == 1 and list(measured.left_out.values()) == ["longer than the model's context"]
    cut = bits("word " * 20 + "a long word", "short", max_bytes=200).measure(model, "test")
    assert list(cut.left_out.values()) == ["longer than the model's context"], "a text that is cut is not cut further"


def test_a_long_text_is_cut_at_white_space_and_says_so() -> None:
    model = FakeModel(likelihood=lambda context, text: -math.log(2) * len(text.encode()))
    measured = bits("word " * 100, max_bytes=18).measure(model, "test")
    assert model.likelihood_calls[0][0].continuation == "word word word"
    assert measured.value == pytest.approx(1.0)
    assert "18" in measured.settings["truncation"]


@pytest.mark.parametrize(
    ("text", "most", "cut"),
    [
        ("short", 16, "short"),
        ("ab cd ef", 5, "ab cd"),
        ("ab cd ef", 4, "ab"),
        ("ééé", 3, "é"),
        ("abcdef", 4, "abcd"),
    ],
)
def test_cutting(text: str, most: int, cut: str) -> None:
    assert first_bytes(text, most) == cut


def test_texts_that_cannot_be_scored_are_left_out_and_none_is_an_error() -> None:
    model = FakeModel(likelihood=lambda context, text: None if text == "long" else -1.0)
    measured = bits("fine", "long").measure(model, "test")
    assert len(measured.scores) == len(measured.left_out) == 1
    with pytest.raises(UserError, match="none of 1 items could be scored: longer than"):
        bits("long").measure(model, "test")


def reference(**settings: object) -> ReferenceLikelihood:
    rows = [{"prompt": "Why?", "answer": "Because of rain.", "split": "test", "system": "Be brief."}]
    return ReferenceLikelihood.model_validate({"name": "r", "capability": "c", "items": rows, **settings})


class Tokenizer:
    """A chat template like Llama's, and a tokenizer that adds the beginning by itself."""

    bos_token = "<s>"
    bos_token_id = 1

    def __call__(self, text: str) -> dict[str, list[int]]:
        return {"input_ids": [1, 5]}

    def apply_chat_template(self, messages: list[dict[str, str]], **_: object) -> str:
        return "<s>" + "".join(f"[{one['role']}]{one['content']}" for one in messages) + "[assistant]"


def test_reference_answers_follow_the_chat_template_without_a_second_beginning() -> None:
    model = FakeModel(likelihood=lambda context, text: -math.log(2) * 32)
    model.tokenizer = Tokenizer()  # type: ignore[attr-defined]
    measured = reference().measure(model, "test")
    assert model.likelihood_calls[0][0].context == "[system]Be brief.[user]Why?[assistant]"
    assert model.likelihood_calls[0][0].continuation == "Because of rain."
    assert measured.value == pytest.approx(2.0)
    assert measured.settings["template"] == "chat"


def test_reference_answers_follow_raw_text_without_a_template() -> None:
    model = FakeModel(chat=False)
    assert rendered(model, (Message(role="system", content="S"), Message(role="user", content="U"))) == "S\n\nU\n"
    assert reference().measure(model, "test").settings["template"] == "raw"


def test_only_the_beginning_of_a_long_answer_counts() -> None:
    model = FakeModel(likelihood=lambda context, text: -math.log(2) * len(text))
    row = {"prompt": "Why?", "answer": "x" * 500, "split": "test"}
    probe = ReferenceLikelihood.model_validate({"name": "r", "capability": "c", "items": [row], "max_bytes": 100})
    assert probe.measure(model, "test").value == pytest.approx(1.0)
    assert len(model.likelihood_calls[0][0].continuation) == 100
