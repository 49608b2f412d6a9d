"""Each alarm on histories made by hand."""

import numpy as np
import pytest

from retain.training.alarms.fast_fall import FastFall
from retain.training.alarms.growing_gap import GrowingGap
from retain.training.alarms.history import Course, Point, Start, course_of
from retain.training.alarms.levels import RowLosses
from retain.training.alarms.low_loss import LowLoss
from retain.training.alarms.stairs import Stairs
from retain.training.read_alarms import read_alarms

NOISE = 0.03 * np.sin(np.arange(400) * 1.7)
"""Stands for the scatter of batches."""


def forty(loss):
    """Forty rows."""
    return RowLosses(tuple(10 * (loss + 0.1 * NOISE[n]) for n in range(40)), (10,) * 40)


def made(losses, per_epoch=20, held_out=(), epochs=None, start=(4.0, 4.0)):
    """A training with a log entry each update.

    ``held_out``: (update, loss) of forty rows; ``start``: losses of training and of held-out rows before it.
    """
    read = {step: forty(loss) for step, loss in held_out}
    points = tuple(
        Point(n + 1, (n + 1) / per_epoch, n / per_epoch, 1, float(loss + NOISE[n]), read.get(n + 1))
        for n, loss in enumerate(losses)
    )
    before = Start(forty(start[0]), forty(start[1])) if held_out and start else None
    return Course(points, epochs or len(points) / per_epoch, bool(held_out), before)


def alarms(course):
    return {one.name: one for one in read_alarms(course)}


def test_a_low_loss_counts_only_where_new_rows_do_not_share_it():
    falling = [*np.linspace(2, 1, 20), *np.linspace(0.6, 0.1, 20)]
    found = alarms(made(falling, held_out=[(20, 1.0), (40, 0.9)]))["low_loss"]
    assert found.raised and found.step == 40 and "0.90" in found.statement
    learned = alarms(made(falling, held_out=[(20, 1.0), (40, 0.15)]))["low_loss"]
    assert learned.raised is False and "the task was learned, not its rows" in learned.statement
    above = alarms(made([one + 0.3 for one in falling], held_out=[(40, 2.0)]))["low_loss"]
    assert above.raised is False and "not under 0.2" in above.statement


def test_without_held_out_rows_the_first_epoch_stands_for_new_ones():
    falling = [*np.linspace(2, 1, 20), *np.linspace(0.6, 0.1, 20), *[0.1] * 10]
    assert alarms(made(falling))["low_loss"].raised
    easy = [*np.linspace(2, 0.1, 10), *[0.1] * 40]
    assert alarms(made(easy))["low_loss"].raised is False, "it was as low on rows that had never been seen"
    one_epoch = alarms(made(easy[:20]))
    assert one_epoch["low_loss"].raised is None and "training.watch" in one_epoch["low_loss"].statement


def test_speed_alone_is_no_fault():
    fast = [3.9, 2.4, 1.2, 0.5, *[0.4] * 16]
    found = alarms(made(fast, held_out=[(10, 0.45), (20, 0.41)]))["fast_fall"]
    assert found.raised is False and "as it should" in found.statement
    ahead = alarms(made(fast, held_out=[(10, 1.2), (20, 1.3)]))["fast_fall"]
    assert ahead.raised and ahead.step == 10 and "1.20" in ahead.statement
    assert alarms(made(fast))["fast_fall"].raised is None


def test_held_out_rows_that_were_harder_from_the_start_are_no_fault():
    fast = [3.9, 2.4, 1.2, 0.5, *[0.4] * 16]
    harder = alarms(made(fast, held_out=[(10, 0.8), (20, 0.8)], start=(3.9, 4.4)))["fast_fall"]
    assert harder.raised is False and "harder for the base already" in harder.statement
    more = alarms(made(fast, held_out=[(10, 1.2), (20, 1.3)], start=(3.9, 4.4)))["fast_fall"]
    assert more.raised and more.step == 10 and "from 4.40 to 1.20" in more.statement
    unknown = alarms(made(fast, held_out=[(10, 1.2), (20, 1.3)], start=None))["fast_fall"]
    assert unknown.raised is None and "before the first update" in unknown.statement


def test_a_gap_must_have_grown_since_the_first_epoch():
    losses = [*[1.0] * 20, *[0.9] * 20, *[0.5] * 20]
    grown = alarms(made(losses, held_out=[(20, 1.0), (40, 1.0), (60, 1.0)]))["growing_gap"]
    assert grown.raised and grown.step == 60
    harder = alarms(made([*[1.0] * 20, *[0.9] * 40], held_out=[(20, 1.5), (60, 1.45)]))["growing_gap"]
    assert harder.raised is False, "half a nat was there from the beginning"
    rising = alarms(made([1.0] * 60, held_out=[(20, 1.0), (60, 1.4)]))["growing_gap"]
    assert rising.raised and "+0.40" in rising.statement


def test_where_epochs_are_shorter_than_five_entries_the_gap_itself_counts():
    falling = [*np.linspace(2, 0.05, 60)]
    found = alarms(made(falling, per_epoch=3, held_out=[(3, 2.0), (30, 2.0), (60, 2.5)]))
    assert found["growing_gap"].raised and found["low_loss"].raised
    assert found["stairs"].raised is None and found["fast_fall"].raised is None


@pytest.mark.parametrize("per_epoch", [8, 20, 60])
def test_a_step_where_an_epoch_begins_is_seen_and_a_smooth_fall_is_not(per_epoch):
    smooth = 2 / (1 + np.arange(3 * per_epoch) / per_epoch)
    stairs = smooth * np.repeat([1.0, 0.7, 0.5], per_epoch)
    found = alarms(made(stairs, per_epoch))["stairs"]
    assert found.raised and "where epoch 2 began" in found.statement
    assert found.epoch == pytest.approx(1.5, abs=0.02) or found.epoch == 2.0
    assert alarms(made(smooth, per_epoch))["stairs"].raised is False
    elsewhere = smooth * np.where(np.arange(3 * per_epoch) > 1.5 * per_epoch, 0.6, 1.0)
    assert alarms(made(elsewhere, per_epoch))["stairs"].raised is False, "a step within an epoch is none"


def test_one_epoch_has_neither_stairs_nor_a_growing_gap():
    found = alarms(made([1.0] * 20, held_out=[(10, 1.0), (20, 1.0)]))
    for name in ("stairs", "growing_gap"):
        assert found[name].raised is False and "no row was trained on twice" in found[name].statement


def test_a_training_that_ends_soon_after_its_first_epoch_says_so():
    losses = [*[1.0] * 20, *[0.5] * 9]
    ended = alarms(made(losses, epochs=3))["stairs"]
    assert ended.raised is None and "less than half of its updates" in ended.statement
    planned = alarms(made(losses))["stairs"]
    assert planned.raised, "a training that was to end there is judged there"
    short = alarms(made([1.0] * 9, per_epoch=3, epochs=3))["stairs"]
    assert short.raised is None and "five log entries" in short.statement


def test_a_log_is_read_as_it_is_written():
    rows = {"held_out_losses": [3.0, 4.0], "held_out_tokens": [2, 2]}
    log = [
        {"step": 5, "epoch": 0.5, "loss": 9.0, "task_loss": 2.0},
        {"step": 6, "epoch": 0.6, "eval_loss": 1.0},
        {"step": 10, "epoch": 1.0, "loss": 8.0, "task_loss": 1.5, **rows},
        {"step": 10, "epoch": 1.0, "train_runtime": 3.0},
        {"step": 15, "epoch": 1.5, "loss": 7.0},
    ]
    read = course_of(log, 2.0, True)
    assert [(one.step, one.begun, one.updates, one.loss) for one in read.points] == [
        (5, 0.0, 5, 2.0), (10, 0.5, 5, 1.5), (15, 1.0, 5, 7.0)
    ]  # fmt: skip
    assert read.points[1].held_out.level.value == 1.75 and read.points[0].held_out is None and read.start is None
    base = {"step": 0, "epoch": 0.0, **rows, "trained_losses": [2.0, 2.0], "trained_tokens": [2, 2]}
    begun = course_of([base, *log], 2.0, True)
    assert begun.points == read.points and begun.start.gap == 0.75
    assert [one.step for one in course_of(log, 2.0, True, plain=False).points] == [5, 10], "no loss of the task's own"


@pytest.mark.parametrize("rule", [LowLoss, FastFall, GrowingGap, Stairs])
def test_names_are_the_files(rule):
    assert rule.name() == rule.__module__.rsplit(".", 1)[-1]
