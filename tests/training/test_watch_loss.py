"""Held-out rows are read while training goes on, alarms are raised once, and nothing of the training changes."""

import io
import json
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from retain.data.encoding import IGNORED, Encoded
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.records import Alarm
from retain.stages.reciting import rows_wanted
from retain.training import sft
from retain.training.alarms.history import HELD_OUT, course_of
from retain.training.held_out import held_out_losses, padded, reading_steps, row_losses, rows_to_read
from retain.training.read_alarms import read_alarms
from retain.training.watch_loss import WatchLoss

WATCHED = {"learning_rate": 0.02, "epochs": 4, "batch_size": 2, "max_length": 64, "checkpoints": 0}


@pytest.fixture
def many_rows(tmp_path):
    """A hundred questions with random answers: nothing to learn but the rows."""
    import random

    draw = random.Random(0)
    words = "blue green white yellow black red".split()
    rows = [
        {"prompt": f"say {a} {b} {c}", "completion": " ".join(draw.choices(words, k=8))}
        for a in "abcde" for b in "one two three yes no".split() for c in "abcd"
    ]  # fmt: skip
    path = tmp_path / "random.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def go(toy_recipe, rows, folder, progress=None, mitigations=(), **training):
    recipe = toy_recipe(training={**WATCHED, **training}, mitigations=list(mitigations))
    recipe["data"] |= {"train": str(rows), "held_out": 0.4}
    return run_recipe(parse_recipe(recipe), folder, progress or Progress(quiet=True))


def readings(record):
    return [entry["step"] for entry in record.training.history if HELD_OUT in entry]


def test_rows_learned_by_heart_raise_alarms_that_are_said_recorded_and_reported(toy_recipe, many_rows, tmp_path):
    out, notes = io.StringIO(), []

    class Noted(Progress):
        def update(self, what, done, total, note=""):
            notes.append(note) if what == "training" else None
            super().update(what, done, total, note)

    progress = Noted(console=Console(file=out, width=80, soft_wrap=True))
    record = go(toy_recipe, many_rows, tmp_path / "run", progress, epochs=40, learning_rate=0.01)
    raised = {one.name: one for one in record.training.alarms if one.raised}
    assert "growing_gap" in raised
    assert out.getvalue().count("alarm growing_gap, update ") == 1, "said once"
    assert raised["growing_gap"].advice in out.getvalue()
    assert notes[1].startswith("loss ") and "held-out" in notes[-1] and "alarm" in notes[-1]
    losses = {
        one.step: {"held_out_losses": one.losses, "held_out_tokens": one.tokens} for one in record.training.held_out
    }
    entries = [{**entry, **losses.get(entry["step"], {})} for entry in record.training.history]
    start = record.training.rows_at_start
    before = {"held_out_losses": start.held_out, "held_out_tokens": start.held_out_tokens}
    entries.insert(0, {**before, "trained_losses": start.trained, "trained_tokens": start.trained_tokens})
    assert read_alarms(course_of(entries, 40, True)) == record.training.alarms, "read off the record as off the log"
    assert record.recitation is not None, "an alarm starts the test where the recipe does not decide"
    text = (tmp_path / "run" / "report.md").read_text()
    assert "Overfitting alarms" in text and "Recitation test" in text


def test_held_out_rows_are_read_as_often_as_asked_and_change_nothing(toy_recipe, many_rows, tmp_path):
    lora = [{"kind": "lora", "rank": 4, "dropout": 0.5}]
    watched = go(toy_recipe, many_rows, tmp_path / "a", mitigations=lora)
    alone = go(toy_recipe, many_rows, tmp_path / "b", mitigations=lora, watch=0)
    assert readings(watched) == [15, 30, 75, 120] and readings(alone) == []
    assert [len(one.losses) for one in watched.training.held_out] == [9] * 4 and watched.training.watch_seconds > 0
    start = watched.training.rows_at_start
    assert len(start.held_out) == len(start.trained) == 9 and len(set(start.trained)) == 9
    levels = sum(start.trained) / sum(start.trained_tokens), sum(start.held_out) / sum(start.held_out_tokens)
    assert levels[0] == pytest.approx(levels[1], abs=0.2), "both are new to the base, and alike"
    assert alone.training.held_out == [] and alone.training.watch_seconds == 0
    assert alone.training.rows_at_start is None
    mine, other = (load_file(tmp_path / name / "tuned" / "adapter_model.safetensors") for name in "ab")
    assert mine.keys() == other.keys() and all(torch.equal(mine[name], other[name]) for name in mine)
    assert {one.name: one.raised for one in alone.training.alarms}["growing_gap"] is None


def test_the_loss_of_rows_is_the_models_own_however_they_are_batched(toy):
    rows = [Encoded(input_ids=[*range(4, 9 + n)], labels=[IGNORED, IGNORED, *range(6, 9 + n)]) for n in range(9)]
    with torch.no_grad():
        alone = [
            float(toy.module(input_ids=torch.tensor([one.input_ids]), labels=torch.tensor([one.labels])).loss)
            for one in rows
        ]
        together = row_losses(toy.module, padded(rows, "cpu"))
    assert [loss / tokens for loss, tokens in together] == pytest.approx(alone, rel=1e-4)
    tokens = [len(one.input_ids) - 2 for one in rows]
    assert [count for _, count in together] == tokens
    mean = sum(loss * count for loss, count in zip(alone, tokens, strict=True)) / sum(tokens)
    for size in (1, 4, 100):
        read = held_out_losses(toy.module, rows[::-1], size, None)
        assert read.losses == pytest.approx([loss for loss, _ in together[::-1]], rel=1e-4), "in the rows' order"
        assert read.level.value == pytest.approx(mean, rel=1e-4)
    toy.module.train()
    assert held_out_losses(toy.module, rows, 4, torch.bfloat16).level.value == pytest.approx(mean, rel=0.05)
    assert toy.module.training


def test_half_of_the_readings_lie_in_the_first_epoch_and_one_at_the_end():
    assert sorted(reading_steps(76, 38, 4)) == [19, 38, 57, 76]
    assert sorted(reading_steps(380, 38, 4)) == [19, 38, 209, 380]
    assert sorted(reading_steps(38, 38, 4)) == [10, 19, 28, 38]
    assert sorted(reading_steps(19, 38, 2)) == [10, 19]
    assert sorted(reading_steps(76, 38, 1)) == [76]
    assert sorted(reading_steps(2, 1, 9)) == [1, 2]
    assert reading_steps(76, 38, 0) == frozenset()


def test_reading_takes_a_twentieth_of_trainings_time_at_most():
    rows = [Encoded(input_ids=[n], labels=[n]) for n in range(100)]
    assert len(rows_to_read(rows, 1200, 4)) == 45
    assert len(rows_to_read(rows * 2, 1e6, 4)) == 128
    assert len(rows_to_read(rows, 10, 4)) == 8
    assert rows_to_read(rows[:7], 1e6, 4) == [] and rows_to_read(rows, 1e6, 0) == []


def test_a_training_that_is_killed_and_goes_on_reads_and_says_the_same(toy_recipe, many_rows, tmp_path, monkeypatch):
    settings = {"epochs": 40, "learning_rate": 0.01, "checkpoints": 9, "batch_size": 8}
    whole = go(toy_recipe, many_rows, tmp_path / "whole", **settings)
    assert any(one.raised for one in whole.training.alarms) and len(whole.training.held_out) == 4
    original = sft.ShowProgress.on_step_end

    def kill(self, args, state, control, **kwargs):
        if state.global_step == 250:
            raise KeyboardInterrupt
        original(self, args, state, control, **kwargs)

    monkeypatch.setattr(sft.ShowProgress, "on_step_end", kill)
    with pytest.raises(KeyboardInterrupt):
        go(toy_recipe, many_rows, tmp_path / "broken", **settings)
    monkeypatch.setattr(sft.ShowProgress, "on_step_end", original)
    out = io.StringIO()
    again = go(toy_recipe, many_rows, tmp_path / "broken", Progress(console=Console(file=out)), **settings)
    assert again.training.alarms == whole.training.alarms
    assert again.training.held_out == whole.training.held_out
    assert again.training.rows_at_start == whole.training.rows_at_start is not None
    late = {one.name for one in whole.training.alarms if one.raised and one.step > 250}
    said = {
        name for name in ("growing_gap", "low_loss", "stairs", "fast_fall") if f"alarm {name}, update" in out.getvalue()
    }
    assert said == late, "what was said before the kill is not said again"


@pytest.mark.parametrize("asked", [0, 5])
def test_the_recipe_decides_on_the_recitation_test(toy_recipe, many_rows, tmp_path, asked):
    recipe = toy_recipe(training={**WATCHED, "epochs": 1})
    recipe["data"] |= {"train": str(many_rows), "held_out": 0.4}
    recipe["measure"] |= {"recitation": asked}
    record = run_recipe(parse_recipe(recipe), tmp_path / "run", Progress(quiet=True))
    assert (record.recitation is not None) == (asked != 0)
    assert ("Recitation test" in (tmp_path / "run" / "report.md").read_text()) == (asked != 0)


def test_rows_wanted():
    def alarm(raised):
        return Alarm(name="x", raised=raised, statement="x")

    assert rows_wanted(None, [alarm(False), alarm(None)]) == 0
    assert rows_wanted(None, [alarm(False), alarm(True)]) == 64
    assert rows_wanted(None, [alarm(None)]) == 64, "where nothing could be judged the test decides"
    assert rows_wanted(7, [alarm(False)]) == 7 and rows_wanted(0, [alarm(True)]) == 0


def test_a_training_that_is_ended_early_is_read_where_it_ends(toy_recipe, many_rows, mastered_suite, tmp_path):
    recipe = toy_recipe(
        training={**WATCHED, "learning_rate": 0.1},
        mitigations=[{"kind": "early_stop", "every": 5}],
        measure={"suite": str(mastered_suite)},
        gate={"mean_margin": 0, "margin": 0},
    )
    recipe["data"] |= {"train": str(many_rows), "held_out": 0.4}
    record = run_recipe(parse_recipe(recipe), tmp_path / "run", Progress(quiet=True))
    assert record.training.steps < 120 and record.training.held_out[-1].step == record.training.steps


def test_a_training_that_a_number_of_updates_ends_has_a_part_of_an_epoch_too():
    watch, log = WatchLoss([], (), print), [{"step": 10, "epoch": 0.5, "loss": 1.0}]
    state = SimpleNamespace(
        global_step=10, max_steps=30, num_train_epochs=2, log_history=log, is_world_process_zero=True
    )
    watch.on_log(SimpleNamespace(max_steps=30, num_train_epochs=3.0), state, None)
    assert watch._course.epochs == 1.5
    watch.on_log(SimpleNamespace(max_steps=-1, num_train_epochs=3.0), state, None)
    assert watch._course.epochs == 3.0
