"""What holds for every mitigation there is, and must hold for the next one."""

import math

import pytest

from retain.models.load import load_causal
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.registry import summary, units

KINDS = sorted(units("mitigations"))

OTHER_VALUES = {
    "lora": {"rank": 2, "alpha": 1.0, "dropout": 0.5, "target_modules": ["q_proj"]},
    "rehearsal": {"share": 0.3, "general": "second"},
    "kl_to_base": {"weight": 5.0, "share": 1.0, "general": "second", "top_k": 1},
    "strength": {"values": [0.25]},
}
"""For every knob a value that is not its default."""


def run(toy_recipe, folder, mitigations, colour_file, general_file):
    general = [
        {"name": "own", "source": str(general_file), "count": 20},
        {"name": "second", "source": str(general_file), "count": 12},
    ]
    recipe = toy_recipe(
        data={"train": str(colour_file), "held_out": 0.3, "general": general},
        training={"learning_rate": 0.02, "epochs": 1, "batch_size": 4, "max_length": 64, "checkpoints": 0},
        mitigations=mitigations,
    )
    return run_recipe(parse_recipe(recipe), folder, Progress(quiet=True))


@pytest.fixture
def second_general(tmp_path):
    import json

    path = tmp_path / "second.jsonl"
    rows = [
        {"prompt": f"about {x} {y}", "completion": f"{x} {x} {y}"} for x in "abcde" for y in ("yes", "no", "two", "red")
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_it_is_and_where_it_comes_from(kind):
    unit = units("mitigations")[kind]
    assert summary(unit).endswith((".", ")", ".)")), "the first sentence of the docstring goes into tables"
    assert "Relations:" in unit.__doc__
    for name, field in unit.model_fields.items():
        assert name == "kind" or field.description, f"{kind}.{name} has no description"


@pytest.mark.parametrize("kind", KINDS)
def test_every_knob_has_a_value_to_try(kind):
    assert set(OTHER_VALUES[kind]) == set(units("mitigations")[kind].model_fields) - {"kind"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_knob_has_an_effect(kind, toy_recipe, tmp_path, colour_file, second_general):
    """Train with the default and with each knob changed: the finished model's weights must differ."""
    default = run(toy_recipe, tmp_path / "default", [{"kind": kind}], colour_file, second_general)
    assert all(math.isfinite(entry["loss"]) for entry in default.training.history)
    tuned = load_causal(str(tmp_path / "default" / "tuned"), "fp32")
    assert tuned.fingerprint == default.after[0].model, "it saves and reloads"
    for knob, value in OTHER_VALUES[kind].items():
        folder = tmp_path / f"with-{knob}"
        other = run(toy_recipe, folder, [{"kind": kind, knob: value}], colour_file, second_general)
        assert other.after[0].model != default.after[0].model, f"{kind}.{knob} changes nothing"
