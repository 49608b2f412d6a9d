"""Held-out rows are read while training goes on, alarms are raised once, and nothing of the training changes."""

import io
import json

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from retain.data.encoding import IGNORED, Encoded
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.training.alarms.history import HELD_OUT, course_of
from retain.training.held_out import held_out_losses, padded, reading_steps, row_losses, rows_to_read
from retain.training.read_alarms import read_alarms

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
    out = io.StringIO()
    progress = Progress(console=Console(file=out, width=80, soft_wrap=True))
    record = go(toy_recipe, many_rows, tmp_path / "run", progress, epochs=40, learning_rate=0.01)
    raised = {one.name: one for one in record.training.alarms if one.raised}
    assert "growing_gap" in raised
    assert out.getvalue().count("alarm growing_gap, update ") == 1, "said once"
    assert raised["growing_gap"].advice in out.getvalue()
    losses = {
        one.step: {"held_out_losses": one.losses, "held_out_tokens": one.tokens} for one in record.training.held_out
    }
    entries = [{**entry, **losses.get(entry["step"], {})} for entry in record.training.history]
    assert read_alarms(course_of(entries, 40, True)) == record.training.alarms, "read off the record as off the log"


def test_held_out_rows_are_read_as_often_as_asked_and_change_nothing(toy_recipe, many_rows, tmp_path):
    lora = [{"kind": "lora", "rank": 4, "dropout": 0.5}]
    watched = go(toy_recipe, many_rows, tmp_path / "a", mitigations=lora)
    alone = go(toy_recipe, many_rows, tmp_path / "b", mitigations=lora, watch=0)
    assert readings(watched) == [15, 30, 75, 120] and readings(alone) == []
    assert [len(one.losses) for one in watched.training.held_out] == [9] * 4 and watched.training.watch_seconds > 0
    assert alone.training.held_out == [] and alone.training.watch_seconds == 0
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
