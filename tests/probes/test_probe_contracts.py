"""What every probe of the package promises, checked on each of them."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from scripted_model import FakeModel

from retain import registry
from retain.errors import UserError
from retain.probes.base import Probe
from retain.probes.items import ItemProbe
from retain.records import Measurement, content_hash


def choices(n: int) -> dict[str, Any]:
    return {"query": f"Question {n}:", "choices": ["one", "another one"], "gold": n % 2}


ROWS: dict[str, Any] = {
    "multiple_choice": choices,
    "last_word": lambda n: {"context": f"The number {n} is a", "continuation": "number" if n % 2 else "one"},
    "bits_per_byte": lambda n: {"text": f"Text number {n} goes on for a while. " * (1 + n % 3)},
    "reference_likelihood": lambda n: {"prompt": f"Why {n}?", "answer": f"Because {n} is so. " * (1 + n % 3)},
    "preferences": lambda n: {"prompt": f"Why {n}?", "chosen": f"Because {n} is so.", "rejected": f"No {n}. " * 4},
    "answers": lambda n: {"prompt": f"Half of {n}?", "answer": "4"},
    "instructions": lambda n: {
        "prompt": f"Say {n}.",
        "instruction_id_list": ["punctuation:no_comma", "change_case:english_lowercase"],
        "kwargs": [{}, {}],
    },
    "multi_sentence": lambda n: {"prompt": f"Tell me about {n}.", "about": ["number", "it"]},
}
OTHER: dict[str, dict[str, Any]] = {
    "multiple_choice": {"style": "letters", "normalise": "none", "shots": 1},
    "last_word": {},
    "bits_per_byte": {"max_bytes": 30, "long": "windows"},
    "reference_likelihood": {"max_bytes": 16},
    "preferences": {"max_bytes": 16},
    "answers": {
        "score": "number",
        "max_tokens": 5,
        "stop": ["."],
        "tolerance": 1.0,
        "database": __file__,
        "time_limit": 1.0,
    },
    "instructions": {"metric": "loose", "level": "instruction", "max_tokens": 5},
    "multi_sentence": {"max_tokens": 5, "distinct": 0.9, "must_stop": True},
}
"""Another value for each setting of each kind."""
KINDS = sorted(ROWS)


def make(kind: str, count: int = 60, **settings: Any) -> ItemProbe:
    if kind == "instructions":
        pytest.importorskip("lm_eval")
    rows = [ROWS[kind](n) for n in range(count)]
    values = {"name": "p", "capability": "c", "items": rows, **settings}
    return registry.find("probes", kind).model_validate(values)


def test_every_probe_is_covered() -> None:
    assert set(registry.units("probes")) == {
        *KINDS,
        "lm_eval_task",
        "ranking",
    }  # tests/probes/test_ranking.py has the latter's


@pytest.mark.parametrize("kind", sorted({*KINDS, "lm_eval_task", "ranking"}))
def test_it_says_what_it_measures(kind: str) -> None:
    unit = registry.find("probes", kind)
    assert issubclass(unit, Probe)
    assert 20 < len(registry.summary(unit)) < 160
    for name, field in unit.model_fields.items():
        assert field.description or name == "items", f"{kind}.{name} has no description"


@pytest.mark.parametrize("kind", KINDS)
def test_it_measures_and_measures_the_same_again(kind: str) -> None:
    first, second = (make(kind).measure(FakeModel(), "test") for _ in range(2))
    assert first == second
    assert first.scores
    assert first.model == "fake-1"
    assert first.generates == registry.find("probes", kind).generates == bool(first.responses)
    low, high = min(first.scores.values()), max(first.scores.values())
    assert low <= first.value <= high
    if first.unit == "share":
        assert low >= 0 and high <= 1
    assert Measurement.model_validate_json(first.model_dump_json()) == first


@pytest.mark.parametrize("kind", KINDS)
def test_all_is_asked_in_one_call(kind: str) -> None:
    model = FakeModel()
    make(kind).measure(model, "test")
    assert len(model.generate_calls) + len(model.likelihood_calls) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_items_changes_nothing(kind: str) -> None:
    probe = make(kind)
    turned = probe.model_copy(update={"items": probe.items[::-1]})
    assert turned.measure(FakeModel(), "test") == probe.measure(FakeModel(), "test")
    assert turned.fingerprint() == probe.fingerprint()


@pytest.mark.parametrize("kind", KINDS)
def test_dev_and_test_are_apart_and_complete(kind: str) -> None:
    probe = make(kind)
    dev, test = ({one.id for one in probe.select(split)} for split in ("dev", "test"))
    assert not dev & test
    assert dev | test == {one.id for one in probe.items} == {key for key, _ in probe.texts()}
    assert set(probe.measure(FakeModel(), "dev").scores) == dev


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_keeps_a_subset(kind: str) -> None:
    few, more = make(kind, limit=7), make(kind, limit=14)
    assert (len(few.select("test")), len(few.select("dev"))) == (7, 3)
    assert {one.id for one in few.select("test")} < {one.id for one in more.select("test")}
    assert len(make(kind, limit=1000).select("test")) == len(make(kind).select("test"))
    with pytest.raises(UserError, match="the dev split has no items"):
        make(kind, limit=1).measure(FakeModel(), "dev")


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_of_content_and_duplicates_count_once(kind: str) -> None:
    probe = make(kind)
    again = make(kind, count=61)
    assert [one.id for one in again.items][:60] == [one.id for one in probe.items]
    rows = [ROWS[kind](n) for n in [*range(60), *range(60)]]
    doubled = registry.find("probes", kind).model_validate({"name": "p", "capability": "c", "items": rows})
    assert len(doubled.items) == 60
    assert doubled.fingerprint() == probe.fingerprint()
    assert all(len(one.id) == 16 and one.id != content_hash("") for one in probe.items)


@pytest.mark.parametrize("kind", KINDS)
def test_the_fingerprint_follows_every_setting_and_item_but_not_the_name(kind: str) -> None:
    base = make(kind).fingerprint()
    settings = {"limit": 5, **OTHER[kind]}
    known = set(registry.find("probes", kind).model_fields) - {"name", "capability", "items"}
    assert set(settings) == known, "give each new setting another value in OTHER"
    prints = {name: make(kind, **{name: value}).fingerprint() for name, value in settings.items()}
    assert len({base, *prints.values()}) == len(settings) + 1, prints
    assert make(kind, count=59).fingerprint() != base
    assert make(kind, name="other", capability="other").fingerprint() == base


@pytest.mark.parametrize("kind", KINDS)
def test_the_record_holds_every_setting(kind: str) -> None:
    settings = make(kind, **OTHER[kind]).measure(FakeModel(), "test").settings
    assert settings["kind"] == kind
    assert {"rule", "template", "fingerprint", "limit", *OTHER[kind]} <= set(settings)
    assert "items" not in settings
    json.dumps(settings)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not registry.find("probes", kind).generates])
def test_missing_is_not_zero(kind: str) -> None:
    probe = make(kind)
    requests = FakeModel()
    probe.measure(requests, "test")
    lost = requests.likelihood_calls[0][0]
    model = FakeModel(
        likelihood=lambda context, text: None if (context, text) == (lost.context, lost.continuation) else -1.0
    )
    measured = probe.measure(model, "test")
    assert len(measured.left_out) == 1
    assert not set(measured.left_out) & set(measured.scores)
    assert len(measured.scores) + 1 == len(probe.select("test"))
    assert not set(measured.left_out) & set(measured.clusters)
    with pytest.raises(UserError, match="could be scored"):
        probe.measure(FakeModel(likelihood=lambda context, text: None), "test")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if registry.find("probes", kind).generates])
def test_an_empty_answer_scores_nothing(kind: str) -> None:
    measured = make(kind).measure(FakeModel(lambda text: ""), "test")
    assert set(measured.scores.values()) == {0.0}
    assert set(measured.scores) == set(measured.responses) == set(measured.prompts)


@pytest.mark.parametrize("kind", KINDS)
def test_no_items_are_an_error(kind: str) -> None:
    with pytest.raises(UserError, match="it has no items"):
        make(kind, count=0).measure(FakeModel(), "test")


def test_no_probe_runs_or_unpickles_what_it_reads() -> None:
    folder = Path(inspect.getfile(registry.find("probes", "answers"))).parent
    files = list(folder.rglob("*.py"))
    assert len(files) > 15
    for path in files:
        text = path.read_text()
        for word in ("eval(", "exec(", "pickle", "yaml.load(", "trust_remote_code=True", "subprocess"):
            assert word not in text.replace("lm_eval(", "").replace("_from_lm_eval(", ""), f"{path.name}: {word}"
