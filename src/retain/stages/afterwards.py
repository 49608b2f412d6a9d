"""How long what follows training will take, by what was timed of the base and of training's first updates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from retain.data.example import Example
from retain.mitigations.base import GeneralSet
from retain.mitigations.kl_meter import MOST_ROWS
from retain.probes.base import Probe
from retain.records import Split
from retain.stages.kept_measurements import has_items
from retain.stages.meter_rows import general_rows
from retain.stages.setting_up import Workbench
from retain.stages.timings import known_seconds

PASS = 1 / 3
"""Of what training takes for a text, reading it once: a backward pass costs twice a forward pass."""
LOADS = 3
"""Models that are loaded after training: to choose, to measure, and for the KL meter."""


def seconds_after(
    bench: Workbench, general: Mapping[str, GeneralSet], base: tuple[str, str], update: float
) -> float | None:
    """Seconds of choosing, measuring and reading the KL meter; None where the base's measurement was not timed here.

    Items of dev, where they were not measured yet, are taken to cost what those of test did.

    Args:
        bench: the run's.
        general: its general text.
        base: fingerprint and device of the base.
        update: seconds of an update of training.
    """
    probes = [probe for probe in bench.probes if has_items(probe, "test")]
    test = known_seconds(*base, probes, "test")
    if test is None:
        return None
    looks = _looks(bench)
    dev = _dev_seconds(bench, base, test, probes) if looks else 0.0
    meter = 0.0
    if bench.run.recipe.training.method != "rank":
        meter = 2 * PASS * update * _meter_letters(bench, general) / max(1.0, _letters_an_update(bench, general))
    return test + looks * dev + meter + LOADS * bench.loaded_in


def _looks(bench: Workbench) -> int:
    """How often a model is measured on dev items: each strength, each point of an early stop, the end of training."""
    training, count = bench.training, 0
    updates = training.epochs * len(bench.train_rows) / (training.batch_size * training.gradient_accumulation)
    for one in bench.run.recipe.mitigations:
        count += len(getattr(one, "values", ()))
        if getattr(one, "kind", "") == "early_stop":
            every = float(getattr(one, "every", 1))
            points = training.epochs / every if every < 1 else updates / every
            count += 1 if getattr(one, "meter", "none") != "none" else max(1, math.ceil(round(points, 6)))
    return count


def _dev_seconds(bench: Workbench, base: tuple[str, str], test: float, tested: Sequence[Probe]) -> float:
    probes = [probe for probe in bench.probes if has_items(probe, "dev")]
    known = known_seconds(*base, probes, "dev")
    return known if known is not None else test * _items(probes, "dev") / max(1, _items(tested, "test"))


def _items(probes: Sequence[Probe], split: Split) -> int:
    return sum(len(select(split)) for probe in probes if (select := getattr(probe, "select", None)))


def _meter_letters(bench: Workbench, general: Mapping[str, GeneralSet]) -> int:
    parts = [bench.test_rows, *general_rows(general, bench.suite.probes).values()]
    return sum(_letters(part[:MOST_ROWS]) for part in parts)


def _letters_an_update(bench: Workbench, general: Mapping[str, GeneralSet]) -> float:
    """Of the task's rows, and of the general text that comes beside them."""
    shares = [float(getattr(one, "share", 0.0)) for one in bench.run.recipe.mitigations] if general else []
    rows = bench.training.batch_size * bench.training.gradient_accumulation * (1 + sum(shares))
    return rows * _letters(bench.train_rows) / len(bench.train_rows)


def _letters(rows: Sequence[Example]) -> int:
    return sum(len(row.input) + (0 if row.shape == "text" else len(row.target)) for row in rows)
