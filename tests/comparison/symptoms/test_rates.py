"""How often a symptom is found: nearly always where it was planted, hardly ever where it was not."""

import pytest

from retain.comparison.read_symptoms import FOLDER
from retain.registry import units
from tests.comparison.symptoms.rates import detected
from tests.comparison.symptoms.worlds import PLANTED, material

SEEDS = 20


@pytest.mark.parametrize("kind", PLANTED)
def test_what_was_planted_is_found(kind):
    assert detected(kind, SEEDS, 80) >= 19


@pytest.mark.parametrize("items", [20, 80])
def test_healthy_models_raise_no_alarm(items):
    alarms = dict.fromkeys(units(FOLDER), 0)
    for seed in range(1000, 1000 + SEEDS):
        given = material("", seed, items, changes=seed < 1010)  # comparing the scores takes most of the time
        for name, rule in units(FOLDER).items():
            alarms[name] += any(one.found for one in rule().read(given))
    assert all(count <= 1 for count in alarms.values()), alarms
