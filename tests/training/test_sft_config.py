"""From the recipe's words to TRL's: every knob arrives."""

import math

import pytest

from retain.errors import UserError
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.training.checkpoints import intervals, total_steps
from retain.training.schedules import in_updates
from retain.training.settings import TrainingSettings
from retain.training.sft import sft_config

REACHES = {
    "learning_rate": (0.5, "learning_rate", 0.5),
    "epochs": (2.5, "num_train_epochs", 2.5),
    "batch_size": (3, "per_device_train_batch_size", 3),
    "gradient_accumulation": (5, "gradient_accumulation_steps", 5),
    "max_length": (77, "max_length", 77),
    "schedule": ("cosine", "lr_scheduler_type", "cosine"),
    "warmup": (0.25, "warmup_steps", 0.25),
    "weight_decay": (0.125, "weight_decay", 0.125),
    "max_grad_norm": (9.0, "max_grad_norm", 9.0),
    "optimizer": ("adafactor", "optim", "adafactor"),
    "packing": (True, "packing", True),
    "method": ("pretrain", "packing", True),
    "gradient_checkpointing": (True, "gradient_checkpointing", True),
    "checkpoints": (0, "save_strategy", "no"),
    "extra": ({"adam_beta1": 0.5}, "adam_beta1", 0.5),
}
"""Knob -> (a value, the key of SFTConfig that must have it, the value there)."""

ELSEWHERE = {"watch", "report_to", "ranking", "preference", "lowest_rate", "decay", "fit_memory"}
"""tests/training/test_trackers.py, test_watch_loss.py, test_train_ranking.py, test_preference.py, and below;
tests/stages/test_fitting.py."""


def config(toy, tmp_path, **settings):
    return sft_config(TrainingSettings(**settings), toy, tmp_path, seed=4)


def test_every_knob_is_listed_here():
    assert {*REACHES, *ELSEWHERE} == set(TrainingSettings.model_fields)


@pytest.mark.parametrize("knob", REACHES)
def test_a_knob_reaches_trl(toy, tmp_path, knob):
    value, key, expected = REACHES[knob]
    assert getattr(config(toy, tmp_path, **{knob: value}), key) == expected
    assert getattr(config(toy, tmp_path), key) != expected


@pytest.mark.parametrize(
    ("settings", "kind", "warmup"),
    [
        ({}, "linear", 0.05),
        ({"schedule": "constant"}, "constant", 0.0),
        ({"schedule": "constant", "warmup": 0}, "constant", 0.0),
        ({"schedule": "constant", "warmup": 0.3}, "constant_with_warmup", 0.3),
        ({"schedule": "constant_with_warmup"}, "constant_with_warmup", 0.05),
        ({"schedule": "cosine", "warmup": 0}, "cosine", 0.0),
    ],
    ids=str,
)
def test_a_warmup_that_is_asked_for_is_done(toy, tmp_path, settings, kind, warmup):
    found = config(toy, tmp_path, **settings)
    assert (found.lr_scheduler_type, found.warmup_steps) == (kind, warmup)
    again = config(toy, tmp_path, **TrainingSettings(**settings).model_dump(exclude={"learning_rate"}))
    assert (again.lr_scheduler_type, again.warmup_steps) == (kind, warmup), "written out in full it says the same"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"schedule": "cosine_with_min_lr"}, {"min_lr_rate": 0.1}),
        ({"schedule": "cosine_with_min_lr", "lowest_rate": 0.3}, {"min_lr_rate": 0.3}),
        ({"schedule": "warmup_stable_decay"}, {"min_lr_ratio": 0.1, "num_decay_steps": 0.2}),
        (
            {"schedule": "warmup_stable_decay", "lowest_rate": 0.0, "decay": 0.5},
            {"min_lr_ratio": 0.0, "num_decay_steps": 0.5},
        ),
    ],
    ids=str,
)
def test_a_schedule_gets_what_it_reads(toy, tmp_path, settings, expected):
    assert config(toy, tmp_path, **settings).lr_scheduler_kwargs == expected
    counted = {key: round(50 * value) if key == "num_decay_steps" else value for key, value in expected.items()}
    assert in_updates(expected, 50) == counted


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"lowest_rate": 0.1}, "lowest_rate has no effect with schedule: linear"),
        ({"schedule": "cosine_with_min_lr", "decay": 0.1}, "decay has no effect"),
        ({"schedule": "warmup_stable_decay", "warmup": 0.5, "decay": 0.6}, "together more than 1"),
    ],
    ids=str,
)
def test_a_schedules_knob_that_nothing_reads_is_refused(settings, says):
    with pytest.raises(UserError, match=says):
        parse_recipe({"model": {"base": "x"}, "data": {"train": "y"}, "training": settings})


def test_a_schedule_of_transformers_own_is_passed_through(toy, tmp_path):
    kwargs = {"lr_scheduler_kwargs": {"num_cycles": 2}}
    assert config(toy, tmp_path, schedule="cosine", extra=kwargs).lr_scheduler_kwargs == {"num_cycles": 2}
    assert in_updates({"num_decay_steps": 7, "power": 0.5}, 100) == {"num_decay_steps": 7, "power": 0.5}


def test_the_seed_reaches_trl(toy, tmp_path):
    found = config(toy, tmp_path)
    assert (found.seed, found.data_seed) == (4, 4)


def test_the_models_precision_decides_the_arithmetic(toy, tmp_path):
    assert config(toy, tmp_path).bf16 is False
    toy.load_in = "bf16"
    assert config(toy, tmp_path).bf16 is True


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"extra": {"adam_beta": 0.5}}, r'adam_beta is no key of SFTConfig, did you mean "adam_beta[12]"'),
        ({"extra": {"learning_rate": 1.0}}, "learning_rate is set by Retain's own keys"),
        ({"extra": {"save_steps": 3}}, "save_steps is set by Retain's own keys"),
        ({"optimizer": "adamm"}, "TRL refuses these settings"),
    ],
)
def test_what_trl_does_not_know_is_refused(toy, tmp_path, settings, message):
    with pytest.raises(UserError, match=message):
        config(toy, tmp_path, **settings)


@pytest.mark.parametrize("steps", range(1, 400, 7))
@pytest.mark.parametrize("checkpoints", [0, 1, 4, 9])
@pytest.mark.parametrize("epochs", [0.3, 1, 7])
def test_a_checkpoint_falls_on_a_log_entry(steps, checkpoints, epochs):
    epoch = math.ceil(steps / epochs)
    log, save = intervals(steps, checkpoints, epoch)
    assert log >= 1 and save % log == 0
    assert steps // log <= max(99, 40 * epochs)
    assert log == 1 or (steps // log >= 50 and epoch // log >= 20)


def test_steps_of_a_fraction_of_an_epoch():
    settings = TrainingSettings(gradient_accumulation=4, epochs=1.5)
    assert total_steps(10, settings) == 5
    assert total_steps(1, TrainingSettings(epochs=0.01)) == 1


def shares(toy_recipe, tmp_path, mitigations, **training):
    settings = {"learning_rate": 0.001, "epochs": 2, "batch_size": 8, "max_length": 64, "checkpoints": 0, **training}
    recipe = toy_recipe(training=settings, mitigations=mitigations)
    training = run_recipe(parse_recipe(recipe), tmp_path / "run", Progress(quiet=True)).training
    return training.general_tokens / training.task_tokens


@pytest.mark.parametrize(
    "training", [{}, {"packing": True}, {"gradient_accumulation": 3}, {"extra": {"max_steps": 5}}], ids=str
)
def test_the_share_is_what_was_asked_for(toy_recipe, tmp_path, training):
    assert shares(toy_recipe, tmp_path, [{"kind": "kl_to_base", "share": 0.25}], **training) == pytest.approx(
        0.25, abs=0.03
    )


def test_the_share_beside_rehearsal(toy_recipe, tmp_path):
    both = [{"kind": "kl_to_base", "share": 0.25}, {"kind": "rehearsal", "share": 0.2}]
    assert shares(toy_recipe, tmp_path, both) == pytest.approx(0.45, abs=0.04)


def test_rows_that_are_cut_are_counted(toy_recipe, tmp_path):
    training = {"learning_rate": 0.001, "epochs": 1, "batch_size": 8, "max_length": 15, "checkpoints": 0}
    record = run_recipe(parse_recipe(toy_recipe(training=training)), tmp_path / "run", Progress(quiet=True))
    assert any("lost their end" in note for note in record.training.notes)
