"""What holds for every mitigation there is, and must hold for the next one."""

import math
from functools import partial

import pytest

from retain.models.load import load_causal
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.registry import summary, units

KINDS = sorted(units("mitigations"))

OTHER_VALUES = {
    "lora": {"rank": 2, "alpha": 1.0, "dropout": 0.5, "target_modules": ["q_proj"], "variant": "dora"},
    "early_stop": {"every": 1, "patience": 3, "meter": "kl", "threshold": 100.0},
    "rehearsal": {"share": 0.3, "general": "second"},
    "kl_to_base": {"weight": 5.0, "share": 1.0, "general": "second", "top_k": 1}
    | {"on": "both", "mask_target": False, "base": "adapter_off"},
    "strength": {"values": [0.25], "per_layer": "linear"},
    "token_weighting": {"rule": "flow", "threshold": 30.0, "tau": 0.5, "floor": 0.9},
    "null_space": {"energy": 0.5, "general": "second"},
    "l2_to_base": {"weight": 3.0},
    "ewc": {"weight": 3.0, "rows": 2, "general": "second", "fisher": "empirical"},
    "freeze": {"layers": "0", "parts": ["mlp"], "random_share": 0.75},
}
"""For every knob a value that is not its default."""

SETTINGS = {
    "token_weighting": {"rule": "talr"},
    "token_weighting.threshold": {"rule": "stm", "threshold": 1000.0},
    "early_stop.threshold": {"meter": "kl"},
    "early_stop.meter": {"every": 1, "patience": 99},
    "kl_to_base.mask_target": {"on": "task"},
}
"""Settings that a kind or a knob needs, on both sides: the toy finds every token too unlikely for ``stm``."""

BEFORE = {"null_space": [{"kind": "lora", "rank": 4}]}
"""Mitigations that a kind needs before it."""

COST_ALONE = {"kl_to_base.base": "what is stored and what is asked again: tests/mitigations/test_kl_to_base.py"}
"""Knobs that change what a training costs, and its weights by rounding at most; and where their effect is tested."""


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
def test_every_knob_has_an_effect(kind, toy_recipe, tmp_path, colour_file, second_general, mastered_suite):
    """Train with the default and with each knob changed: the finished model's weights, or its choice, must differ."""
    if kind == "early_stop":  # it acts where something can be forgotten
        toy_recipe = partial(toy_recipe, measure={"suite": str(mastered_suite)}, gate={"mean_margin": 0, "margin": 0})
    needed, settings = BEFORE.get(kind, []), SETTINGS.get(kind, {})
    default = run(toy_recipe, tmp_path / "default", [*needed, {"kind": kind, **settings}], colour_file, second_general)
    assert all(math.isfinite(entry["loss"]) for entry in default.training.history)
    tuned = load_causal(str(tmp_path / "default" / "tuned"), "fp32")
    assert tuned.fingerprint == default.after[0].model, "it saves and reloads"
    for knob, value in OTHER_VALUES[kind].items():
        folder, plain, name = tmp_path / f"with-{knob}", default, f"{kind}.{knob}"
        if name in COST_ALONE:
            continue
        given = SETTINGS.get(name, settings)
        if name in SETTINGS:
            own = [*needed, {"kind": kind, **given}]
            plain = run(toy_recipe, tmp_path / f"for-{knob}", own, colour_file, second_general)
        other = run(toy_recipe, folder, [*needed, {"kind": kind, **given, knob: value}], colour_file, second_general)
        chose_otherwise = kind == "early_stop" and other.choices != plain.choices
        assert other.after[0].model != plain.after[0].model or chose_otherwise, f"{kind}.{knob} changes nothing"
