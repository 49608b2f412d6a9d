"""How often a symptom is found: nearly always where it was planted, hardly ever where it was not."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks" / "symptoms"))

from worlds import CLEAN, PLANTED, material

from retain.comparison.read_symptoms import FOLDER
from retain.registry import find, units

SEEDS = 20


@pytest.mark.parametrize("kind", PLANTED)
def test_what_was_planted_is_found(kind):
    planted = PLANTED[kind]
    rule = find(FOLDER, planted.symptom)()
    hits = 0
    for seed in range(SEEDS):
        given = material(kind, seed, 80, changes=planted.symptom == "capability_cliff")
        hits += any(one.found and one.capability == planted.where for one in rule.read(given))
    assert hits >= 19


@pytest.mark.parametrize("kind", CLEAN)
@pytest.mark.parametrize("items", [20, 80])
def test_clean_models_raise_no_alarm(kind, items):
    alarms = dict.fromkeys(units(FOLDER), 0)
    for seed in range(1000, 1000 + SEEDS):
        given = material(kind, seed, items, changes=seed < 1010)  # comparing the scores takes most of the time
        for name, rule in units(FOLDER).items():
            alarms[name] += any(one.found for one in rule().read(given))
    assert all(count <= 1 for count in alarms.values()), alarms


def test_every_symptom_has_a_planted_case():
    assert {one.symptom for one in PLANTED.values()} == set(units(FOLDER))
