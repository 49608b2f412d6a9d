"""The learning-rate scan as a stage: short runs from an untouched base, kept point by point, told in the report."""

import json

import pytest

from retain.errors import UserError
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.stages import scanning

LORA = {"kind": "lora", "rank": 4}
SCAN = {"scan": [0.001, 0.01], "share": 0.5}


def recipe_of(toy_recipe, rate, mitigations=(), **training):
    settings = {"learning_rate": rate, "epochs": 1, "batch_size": 4, "max_length": 64, **training}
    return parse_recipe(toy_recipe(training=settings, mitigations=list(mitigations)))


def run(recipe, folder):
    return run_recipe(recipe, folder, Progress(quiet=True))


@pytest.fixture
def fits(monkeypatch):
    """Notes each short run: the base's fingerprint as it began, the rate, the rows."""
    seen = []
    original = scanning.fit

    def noting(base, setup, rows, settings, mitigations, progress):
        from retain.models.fingerprint import weights_hash

        seen.append((weights_hash(base.module), settings.learning_rate, len(rows), [one.kind for one in mitigations]))
        return original(base, setup, rows, settings, mitigations, progress)

    monkeypatch.setattr(scanning, "fit", noting)
    return seen


@pytest.mark.parametrize("mitigations", [[], [LORA, {"kind": "early_stop"}]], ids=["full", "lora"])
def test_every_short_run_begins_with_the_untouched_base(toy_recipe, tmp_path, fits, mitigations, toy):
    from retain.models.fingerprint import weights_hash

    record = run(recipe_of(toy_recipe, SCAN, mitigations), tmp_path / "run")
    assert len(fits) >= 2
    assert {one[0] for one in fits} == {weights_hash(toy.module)}, "bit for bit"
    assert [one[1] for one in fits[:2]] == [0.001, 0.01]
    assert {one[2] for one in fits} == {round(0.5 * record.data["train"])}
    assert all("early_stop" not in one[3] for one in fits)
    choice = record.choices[0]
    assert choice.what == "learning_rate"
    assert len(choice.candidates) == len(fits)
    plain = run(recipe_of(toy_recipe, choice.chosen, mitigations), tmp_path / "plain")
    assert record.after[0].model == plain.after[0].model, "the scan leaves no trace in the training"
    report = (tmp_path / "run" / "report.md").read_text()
    assert "Learning rate" in report


def test_a_recipe_with_a_rate_has_no_such_stage(toy_recipe, tmp_path):
    run(recipe_of(toy_recipe, 0.01), tmp_path / "run")
    assert not (tmp_path / "run" / "rate.json").exists() and not (tmp_path / "run" / "scan").exists()


def test_a_scan_that_was_killed_goes_on_at_the_next_point(toy_recipe, tmp_path, fits, monkeypatch):
    recipe = recipe_of(toy_recipe, SCAN, [LORA])
    whole = run(recipe, tmp_path / "whole")
    fits.clear()
    noting, calls = scanning.fit, []

    def killed(*args):
        if len(calls) == 1:
            raise KeyboardInterrupt
        calls.append(1)
        return noting(*args)

    monkeypatch.setattr(scanning, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        run(recipe, tmp_path / "broken")
    monkeypatch.setattr(scanning, "fit", noting)
    again = run(recipe, tmp_path / "broken")
    assert [one[1] for one in fits[:2]] == [0.001, 0.01], "the first point was not trained again"
    assert again.choices == whole.choices
    assert again.after[0].model == whole.after[0].model


def test_a_rate_at_which_training_breaks_is_a_point_and_not_the_end(toy_recipe, tmp_path):
    recipe = recipe_of(toy_recipe, {"scan": [0.001, 1e30], "share": 1.0}, max_grad_norm=1e30)
    record = run(recipe, tmp_path / "run")
    broken = record.choices[0].candidates[-1]
    assert broken.value == 1e30 and not broken.passing and broken.gain is None
    assert record.choices[0].chosen < 1e30


def test_the_default_grid_is_for_the_models_size(toy_recipe, tmp_path, monkeypatch):
    tried = []
    monkeypatch.setattr(scanning, "next_rate", lambda points, grid, min_gain: tried.extend(grid))
    run(recipe_of(toy_recipe, "scan"), tmp_path / "full")
    assert (tried[0], tried[-1], len(tried)) == (2e-5, 5e-4, 4)
    tried.clear()
    run(recipe_of(toy_recipe, "scan", [LORA]), tmp_path / "lora")
    assert (tried[0], tried[-1], len(tried)) == (2e-4, 5e-3, 4)


def test_the_share_changes_what_a_short_run_sees(toy_recipe, tmp_path, fits):
    run(recipe_of(toy_recipe, SCAN | {"share": 1.0}), tmp_path / "run")
    assert fits[0][2] == json.loads((tmp_path / "run" / "data.json").read_text())["summary"]["train"]


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        ("fast", r"training.learning_rate: .*allowed are a rate such as 2.0e-4, scan, or"),
        (0, r"training.learning_rate: found 0.0; allowed: a number above 0"),
        (True, "a number above 0"),
        (float("nan"), r"training.learning_rate: found nan; allowed: a number that is finite"),
        ({"scan": [0.1]}, r"training.learning_rate.scan: .*at least two different rates"),
        ({"scan": [0.1, -1]}, r"training.learning_rate.scan.1: .*above 0"),
        ({"share": 2}, r"training.learning_rate.share: .*at most 1"),
        ({"rates": [1]}, r"training.learning_rate.rates: unknown key"),
    ],
)
def test_a_rate_that_is_none_is_refused_with_what_is_allowed(toy_recipe, rate, message):
    with pytest.raises(UserError, match=message):
        recipe_of(toy_recipe, rate)
