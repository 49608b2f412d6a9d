"""The time left is told once, after three updates, and follows from the updates that were timed."""

from types import SimpleNamespace

import pytest

from retain.training import time_left
from retain.training.time_left import TimeLeft, seconds_left, spoken, told


def run(monkeypatch, ends, total, after=lambda update: 15 * update, first=1):
    said = []
    clock = iter(ends)
    monkeypatch.setattr(time_left.time, "monotonic", lambda: next(clock))
    callback = TimeLeft(said.append, after)
    for step in range(first, first + len(ends)):
        state = SimpleNamespace(global_step=step, max_steps=total, is_world_process_zero=True)
        callback.on_step_end(None, state, None)
        if step - first < 2:
            assert not said
    return callback, said


def test_the_first_update_is_not_timed_and_it_is_told_once(monkeypatch):
    callback, said = run(monkeypatch, [10.0, 12.0, 14.0], 103)
    assert callback.training == pytest.approx(200)
    assert said == ["  about 4 min left: 3 min of training, 30 s of choosing and measuring"]
    state = SimpleNamespace(global_step=4, max_steps=103, is_world_process_zero=True)
    callback.on_step_end(None, state, None)
    assert len(said) == 1


def test_a_training_that_goes_on_counts_what_is_left(monkeypatch):
    callback, _ = run(monkeypatch, [0.0, 1.0, 2.0], 60, first=51)
    assert callback.training == pytest.approx(7)


def test_what_was_not_timed_is_not_claimed(monkeypatch):
    _, said = run(monkeypatch, [0.0, 1.0, 2.0], 10, after=lambda update: None)
    assert said == ["  about 7 s of training left, then measuring (not timed yet for this base)"]


def test_words_and_numbers():
    assert seconds_left([5.0, 6.0, 9.0], 10) == 20
    assert [spoken(one) for one in (4, 600, 7200)] == ["4 s", "10 min", "2.0 h"]
    assert told(60, 60).startswith("  about 2 min left")
