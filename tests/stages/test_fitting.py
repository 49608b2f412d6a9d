"""Batches that fit: what is made smaller and in which order, and that updates stay what they were."""

import json
from types import SimpleNamespace

import pytest

from retain.errors import DamagedError
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.stages import fitting
from retain.stages.estimating import estimate_memory
from retain.stages.fitting import FILE, SHARE, fit_into, room_here
from retain.stages.prepare import read_and_split
from retain.stages.run_folder import RunFolder


@pytest.fixture
def recipe(toy_recipe, tmp_path):
    """A toy recipe with some keys of its training changed, and its rows."""

    def make(**training):
        sections = {"mitigations": [], "training": {"batch_size": 8, "max_length": 64, **training}}
        found = parse_recipe(toy_recipe(**sections), "recipe", tmp_path)
        return found, read_and_split(found).splits.train

    return make


def hundred_a_row(tried, rows):
    """An estimate of which only the rows of a pass matter."""
    return SimpleNamespace(total=100 * tried.training.batch_size)


def needed(recipe, rows, **training):
    changed = recipe.model_copy(update={"training": recipe.training.model_copy(update=training)})
    return estimate_memory(changed, rows).total


def test_what_fits_stays_as_it_is(recipe):
    asked, rows = recipe()
    found = fit_into(asked, rows, 2**40)
    assert (found.batch_size, found.gradient_accumulation) == (8, 1)
    assert (found.gradient_checkpointing, found.note) == (False, "")


def test_a_batch_is_halved_until_it_fits(recipe):
    asked, rows = recipe(gradient_accumulation=2)
    room = needed(asked, rows, batch_size=2, gradient_accumulation=8) / SHARE + 1
    found = fit_into(asked, rows, int(room))
    assert (found.batch_size, found.gradient_accumulation, found.gradient_checkpointing) == (2, 8, False)
    assert "2 of 8 rows at a time, for which" in found.note and "as many rows as before" in found.note


def test_then_activations_are_computed_again(recipe, monkeypatch):
    def estimate(tried, rows):
        bytes_a_row = 20 if tried.training.gradient_checkpointing else 100
        return SimpleNamespace(total=tried.training.batch_size * bytes_a_row)

    monkeypatch.setattr(fitting, "estimate_memory", estimate)
    asked, rows = recipe(gradient_accumulation=2)
    found = fit_into(asked, rows, int(99 / SHARE))
    assert (found.batch_size, found.gradient_accumulation, found.gradient_checkpointing) == (4, 4, True)
    assert "4 of 8 rows at a time with activations computed again, for which" in found.note
    least = fit_into(asked, rows, 10)
    assert (least.batch_size, least.gradient_checkpointing) == (1, True)
    assert least.note.startswith("training may not fit")
    again, _ = recipe(gradient_checkpointing=True)
    assert fit_into(again, rows, 10**6).note == ""
    assert fit_into(again, rows, 10).batch_size == 1


def test_where_nothing_helps_the_recipes_batch_stays_and_it_is_said(recipe, monkeypatch):
    needs = iter((100, 120, 110, 105, 99, 130, 140, 150))
    monkeypatch.setattr(fitting, "estimate_memory", lambda *_: SimpleNamespace(total=next(needs)))
    asked, rows = recipe()
    found = fit_into(asked, rows, 50)
    assert (found.batch_size, found.gradient_checkpointing) == (8, False)
    assert found.note == (
        "training may not fit: about 100 bytes are needed, 8 of 8 rows at a time, and 90% of the 50 bytes that are "
        "there may be taken"
    )


def test_a_model_that_cannot_compute_again_is_divided_only(recipe, monkeypatch):
    def estimate(tried, rows):
        return None if tried.training.gradient_checkpointing else hundred_a_row(tried, rows)

    monkeypatch.setattr(fitting, "estimate_memory", estimate)
    asked, rows = recipe()
    found = fit_into(asked, rows, 10)
    assert (found.batch_size, found.gradient_checkpointing) == (1, False)


def test_pairs_are_not_divided(pair_recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "estimate_memory", lambda tried, _: SimpleNamespace(
        total=40 if tried.training.gradient_checkpointing else 100
    ))  # fmt: skip
    asked = parse_recipe(pair_recipe(), "recipe", tmp_path)
    found = fit_into(asked, (), 50)
    assert (found.batch_size, found.gradient_checkpointing) == (asked.training.batch_size, True)


def test_each_process_has_its_part_of_a_pass(recipe, monkeypatch):
    seen = []
    monkeypatch.setattr(fitting, "estimate_memory", lambda tried, _: seen.append(tried.training.batch_size))
    asked, rows = recipe()
    fit_into(asked, rows, 10, sharing=4)
    assert seen == [2]


def test_processes_of_one_machine_share_its_memory(monkeypatch):
    alone = room_here()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert room_here() < 0.6 * alone


def test_a_pass_is_shared_by_all_processes(recipe, monkeypatch):
    monkeypatch.setattr(fitting, "estimate_memory", hundred_a_row)
    asked, rows = recipe()
    assert fit_into(asked, rows, 10, sharing=4).batch_size == 4


def test_on_an_accelerator_training_alone_counts(recipe):
    asked, rows = recipe()
    estimate = estimate_memory(asked, rows)
    room = int((estimate.training - estimate.program) / SHARE) + 1
    assert fit_into(asked, rows, room, on_cpu=False).note == ""
    assert fit_into(asked, rows, room).note != ""


def test_a_model_of_which_nothing_is_known_stays_as_asked(recipe, monkeypatch):
    asked, rows = recipe()
    monkeypatch.setattr(fitting, "estimate_memory", lambda *_: None)
    assert fit_into(asked, rows, 10).note == ""


def run_in(tmp_path, name, monkeypatch, toy_recipe, room, **training):
    monkeypatch.setattr(fitting, "room_here", lambda: room)
    monkeypatch.setattr(fitting, "estimate_memory", hundred_a_row)
    sections = {
        "mitigations": [],
        "training": {"batch_size": 8, "max_length": 64, "learning_rate": 0.01, "watch": 0, **training},
    }
    recipe = parse_recipe(toy_recipe(**sections), "recipe", tmp_path)
    return run_recipe(recipe, tmp_path / name, Progress(quiet=True))


def test_a_run_takes_parts_and_learns_the_same(tmp_path, monkeypatch, toy_recipe):
    whole = run_in(tmp_path, "whole", monkeypatch, toy_recipe, 2**40)
    small = run_in(tmp_path, "small", monkeypatch, toy_recipe, 10)
    asked = run_in(tmp_path, "asked", monkeypatch, toy_recipe, 10, fit_memory=False)
    assert json.loads((tmp_path / "small" / FILE).read_text())["batch_size"] == 1
    assert not (tmp_path / "asked" / FILE).exists()
    assert any("may not fit" in note for note in small.training.notes)
    assert whole.training.notes == asked.training.notes
    losses = [[point["loss"] for point in one.training.history] for one in (whole, small, asked)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3) and losses[2] == losses[0]


@pytest.mark.parametrize("begun", [True, False])
def test_a_run_keeps_its_batches_once_something_is_trained(tmp_path, monkeypatch, toy_recipe, begun):
    run_in(tmp_path, "run", monkeypatch, toy_recipe, 10)
    for later in ("training.json", "chosen.json", "after.json", "kl.json", "record.json"):
        (tmp_path / "run" / later).unlink(missing_ok=True)
    if begun:
        (tmp_path / "run" / "scan").mkdir()
    record = run_in(tmp_path, "run", monkeypatch, toy_recipe, 2**40)
    assert json.loads((tmp_path / "run" / FILE).read_text())["batch_size"] == (1 if begun else 8)
    assert any("may not fit" in note for note in record.training.notes) == begun


def test_a_damaged_file_is_named_as_what_to_remove(tmp_path, monkeypatch, toy_recipe):
    run_in(tmp_path, "run", monkeypatch, toy_recipe, 10)
    (tmp_path / "run" / "training.json").unlink()
    (tmp_path / "run" / "scan").mkdir()
    (tmp_path / "run" / FILE).write_text('{"batch_si')
    with pytest.raises(DamagedError) as caught:
        run_in(tmp_path, "run", monkeypatch, toy_recipe, 10)
    assert str(tmp_path / "run" / FILE) in str(caught.value)


def test_a_run_on_several_processes_keeps_a_row_for_each(recipe, tmp_path, monkeypatch):
    """One process decides, and within its decision it counts as alone."""
    sizes = [4]

    def alone(make):
        sizes.append(1)
        try:
            return make()
        finally:
            sizes.pop()

    asked, rows = recipe()
    run = RunFolder(tmp_path / "run", asked, Progress(quiet=True))
    monkeypatch.setattr(fitting.processes, "size", lambda: sizes[-1])
    monkeypatch.setattr(fitting.processes, "from_first", alone)
    monkeypatch.setattr(fitting, "room_here", lambda: 10)
    monkeypatch.setattr(fitting, "estimate_memory", hundred_a_row)
    settings, _ = fitting.fitted(run, rows)
    assert (settings.batch_size, settings.gradient_accumulation) == (4, 2)
