"""Commands on preference pairs: init, check, lint, frontier, measure; and why advise is not for them."""

from __future__ import annotations

import json

import pytest
import yaml

from retain.commands.advise import advise
from retain.commands.check import check
from retain.commands.frontier import frontier
from retain.commands.init import init
from retain.commands.lint import lint
from retain.errors import UserError
from retain.recipe import load_recipe
from retain.training.rate_scan import default_rates
from retain.training.settings import RateScan


@pytest.fixture
def recipe_file(pair_recipe, tmp_path):
    def make(**sections):
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(pair_recipe(**sections)))
        return path

    return make


@pytest.mark.parametrize("given", [True, False])
def test_pairs_get_a_recipe_that_passes_the_check(toy_folder, pair_file, toy_suite, tmp_path, given):
    general = tmp_path / "general.jsonl"
    general.write_text("".join(json.dumps({"prompt": f"tell me {n}", "completion": "red"}) + "\n" for n in range(9)))
    kept = {"suite": toy_suite, "general": general} if given else {}
    path = init(toy_folder, pair_file, tmp_path / "r.yaml", **kept)
    recipe = load_recipe(path)
    assert recipe.training.method == "dpo" and recipe.training.learning_rate == 2e-5
    assert [one.kind for one in recipe.mitigations] == ["lora", "kl_to_base", "strength"]
    if given:
        assert check(path).task_metric == "preference accuracy"
    small = load_recipe(init("builtin:smollm2-135m", pair_file, tmp_path / "small.yaml"))
    assert small.training.learning_rate == 1e-4 and small.measure.suite == "core+safety"


def test_a_check_tells_the_length_bias(recipe_file):
    found = check(recipe_file())
    assert found.data["pairs whose chosen answer is longer"].startswith(("1", "2"))
    assert found.probes["task"] == {"dev": 6, "test": 6}
    assert found.lint is not None


def test_pairs_are_linted(pair_rows, tmp_path):
    rows = [{**row, "chosen": row["chosen"] + " please tell me about it" * 3} for row in pair_rows]
    found = lint(rows, suite=None)
    assert "length_biased_pairs" in {one.check for one in found.lint.findings}


def test_a_frontier_compares_arms_on_pairs(recipe_file, tmp_path):
    arms = {"plain": {"mitigations": []}, "kl": {"mitigations": [{"kind": "lora"}, {"kind": "kl_to_base"}]}}
    recipe = recipe_file(
        frontier={"arms": arms, "strengths": [1.0]},
        training={"epochs": 1},
        measure={"suite": str(tmp_path / "suite" / "toy.yaml"), "limit": 4, "recitation": 0},
    )
    record = frontier(recipe, tmp_path / "frontier")
    assert {arm.name for arm in record.arms} == {"plain", "kl"}


def test_advise_is_not_for_pairs_and_says_why(recipe_file, tmp_path):
    with pytest.raises(UserError, match="one answer is only better than the other"):
        advise(recipe_file(), tmp_path / "advice")


def test_a_scan_of_pairs_begins_at_a_tenth_of_the_usual_rates(pair_recipe):
    assert default_rates(True, 10**10, "dpo")[0] == 5e-6 and default_rates(False, 10**10, "dpo")[-1] == 5e-6
    assert default_rates(True, 10**8, "dpo")[-1] < default_rates(True, 10**8)[-1]
    assert isinstance(load_scan(pair_recipe), RateScan)


def load_scan(pair_recipe):
    from retain.recipe import parse_recipe

    return parse_recipe(pair_recipe(training={"learning_rate": "scan"})).training.learning_rate


def test_a_rate_far_above_the_customary_for_pairs_is_warned_of(recipe_file):
    warned = check(recipe_file(training={"learning_rate": 2e-3})).warnings
    assert any("learning_rate" in one for one in warned)
