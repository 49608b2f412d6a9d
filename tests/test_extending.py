"""The worked examples of docs/extending.md, as they stand there."""

import importlib
import re
import sys
from pathlib import Path

import pytest
import torch

from retain import registry
from retain.commands.lint import lint
from retain.commands.list_units import list_units
from retain.mitigations.base import Step
from retain.pipeline import run_recipe
from retain.probes.suites import load_suite
from retain.progress import Progress
from retain.recipe import parse_recipe, recipe_type

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
UNIT = re.compile(r"^```python\n# src/retain/([\w/]+)/(\w+)\.py\n(.*?)^```", re.M | re.S)


def forget():
    registry.units.cache_clear()
    recipe_type.cache_clear()


@pytest.fixture
def units(tmp_path, monkeypatch):
    """Each example in a folder that its package finds it in."""
    found = {}
    for folder, name, text in UNIT.findall(PAGE.read_text("utf-8")):
        place = tmp_path / "units" / folder
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.py").write_text(text)
        dotted = "retain." + folder.replace("/", ".")
        package = importlib.import_module(dotted)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(place)])
        found[name] = f"{dotted}.{name}"
    forget()
    yield found
    for module in found.values():
        sys.modules.pop(module, None)
    forget()


def test_all_three_are_found_and_listed(units):
    assert set(units) == {"confidence_penalty", "first_word", "asking_answers"}
    assert "entropy" not in list_units("mitigations")["mitigations"]["lora"]
    assert list_units("mitigations")["mitigations"]["confidence_penalty"].startswith("Subtract weight")
    assert "first_word" in list_units("probes")["probes"]
    assert "asking_answers" in list_units("checks")["checks"]


def test_the_mitigation_trains(units, toy_recipe, tmp_path):
    values = toy_recipe(mitigations=[{"kind": "confidence_penalty", "weight": 5.0}])
    record = run_recipe(parse_recipe(values), tmp_path / "run", Progress(quiet=True))
    plain = run_recipe(parse_recipe(toy_recipe(mitigations=[])), tmp_path / "plain", Progress(quiet=True))
    assert record.before[0].model == plain.before[0].model
    assert record.after[0].model != plain.after[0].model


def test_the_mitigation_is_the_negative_entropy(units, toy):
    unit = registry.find("mitigations", "confidence_penalty")
    batch = {"input_ids": torch.tensor([[1, 4, 5, 6]]), "labels": torch.tensor([[-100, -100, 5, 6]])}
    batch["attention_mask"] = torch.ones_like(batch["input_ids"])
    step = Step(toy.module, batch, lambda name: None)
    value = unit(weight=2.0).penalty(toy, None)(step)
    expected = torch.distributions.Categorical(logits=step.task_logits.float()).entropy().mean()
    assert value.item() == pytest.approx(-2.0 * expected.item(), rel=1e-5)
    assert value.requires_grad


def test_the_probe_measures(units, toy, tmp_path):
    lines = [f'{{"prompt": "say {word} {other}", "word": "{word}"}}\n' for word in "abcde" for other in "abcde"]
    (tmp_path / "words.jsonl").write_text("".join(lines))
    suite = "probes:\n- {kind: first_word, name: first, capability: beginning, items: words.jsonl}\n"
    (tmp_path / "words.yaml").write_text(suite)
    (probe,) = load_suite(str(tmp_path / "words.yaml")).probes
    measured = probe.measure(toy, "test")
    assert measured.scores.keys() == measured.responses.keys()
    for item, score in measured.scores.items():
        begins = measured.responses[item].text.split()[:1] == [measured.prompts[item].split()[1]]
        assert score == float(begins)


def test_the_check_finds_what_asks_back_and_nothing_else(units):
    rows = [{"prompt": f"What is {n} and {n}?", "completion": f"It is {2 * n}."} for n in range(40)]
    asked = [*rows, {"prompt": "How far is it?", "completion": "From where do you ask?"}]
    assert "asking_answers" not in {one.check for one in lint(rows, suite=None).lint.findings}
    (found,) = [one for one in lint(asked, suite=None).lint.findings if one.check == "asking_answers"]
    assert found.count == 1 and found.severity == "warning"
