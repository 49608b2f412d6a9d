"""What holds for every overfitting alarm there is, and must hold for the next one."""

import inspect
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from retain.registry import summary, units
from retain.training.alarms.history import Course
from retain.training.alarms.rule import AlarmRule
from retain.training.read_alarms import FOLDER, UNKNOWN, read_alarms

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "alarms"))

from courses import CLEAN, PLANTED, TASKS, course

KINDS = sorted(units(FOLDER))
SEEDS = 20
EXCHANGEABLE = {name: world for name, world in CLEAN.items() if world.alike}
"""Clean trainings whose held-out rows are of the training rows' kind."""
HARDER = {name: world for name, world in CLEAN.items() if not world.alike}


def raised(world, seed: int) -> set[str]:
    return {one.name for one in read_alarms(course(world, seed)) if one.raised}


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_it_is_why_its_threshold_is_what_it_is_and_what_to_do(kind):
    unit = units(FOLDER)[kind]
    text = " ".join(inspect.getdoc(unit).split())
    assert issubclass(unit, AlarmRule) and summary(unit).endswith(".")
    assert "Raised" in text or "threshold" in text
    assert "Relations:" in text and re.search(r"\d\.\d nats|a tenth", text)
    assert unit.advice.endswith(".") and "\n" not in unit.advice and len(unit.advice) < 100


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_case_is_found_in_at_least_19_of_20_seeds(kind):
    world = next(iter(PLANTED[kind].values()))
    assert sum(kind in raised(world, seed) for seed in range(SEEDS)) >= 19


def test_every_alarm_has_planted_cases():
    assert set(PLANTED) == set(KINDS)


@pytest.mark.parametrize("task", TASKS)
def test_clean_trainings_raise_nothing_in_more_than_5_percent(task):
    """Of a hundred trainings of a task and more, so that a rate of 5% would show; a binomial bound of 1 in 1,000."""
    worlds = [world for name, world in EXCHANGEABLE.items() if world.task == task]
    found = [raised(world, seed) for world in worlds for seed in range(100, 130)]
    for kind in KINDS:
        assert sum(kind in one for one in found) <= 14, kind


@pytest.mark.parametrize("name", HARDER)
def test_held_out_rows_that_are_merely_harder_raise_nothing(name):
    """At a rate of 5% six of thirty come in 1 of 1,000."""
    found = [raised(HARDER[name], seed) for seed in range(100, 130)]
    for kind in KINDS:
        assert sum(kind in one for one in found) <= 5, kind


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_raised_says_where_and_what_to_do_and_is_raised_once(kind):
    found = {one.name: one for one in read_alarms(course(next(iter(PLANTED[kind].values())), 0))}[kind]
    assert found.raised and found.advice == units(FOLDER)[kind].advice
    assert found.step > 0 and found.epoch > 0 and found.statement.endswith(".")


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_decided_by_what_lies_before_it(kind):
    """The alarm of a training that ends where it was raised is the same: nothing looks ahead."""
    whole = course(next(iter(PLANTED[kind].values())), 1)
    found = {one.name: one for one in read_alarms(whole)}[kind]
    cut = replace(whole, points=tuple(one for one in whole.points if one.step <= found.step))
    assert {one.name: one for one in read_alarms(cut)}[kind] == found


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_points_break_nothing(kind):
    whole = course(next(iter(PLANTED[kind].values())), 2)
    for count in range(12):
        for one in read_alarms(replace(whole, points=whole.points[:count])):
            assert one.statement.endswith(".") and (one.raised or not one.advice)


@pytest.mark.parametrize("kind", KINDS)
def test_a_course_without_points_cannot_be_told(kind):
    found = {one.name: one for one in read_alarms(Course((), 2.0, True))}[kind]
    assert found.raised is None and found.statement == UNKNOWN and found.step is None


def test_constant_losses_raise_nothing():
    whole = course(next(iter(CLEAN.values())), 0)
    flat = tuple(replace(one, loss=0.0, held_out=None) for one in whole.points)
    assert not [one for one in read_alarms(Course(flat, 3.0, False)) if one.raised]
