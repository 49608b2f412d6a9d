"""What follows training is the sum of what was timed, times how often it is done."""

import pytest

from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.stages import afterwards
from retain.stages.afterwards import LOADS, PASS, seconds_after
from retain.stages.prepare import prepare
from retain.stages.run_folder import RunFolder
from retain.stages.setting_up import Workbench
from retain.stages.timings import remember

BASE = ("fingerprint", "cpu")


@pytest.fixture
def bench(toy_recipe, tmp_path):
    """The tools of a toy recipe with some mitigations, and a test probe of 2 seconds each."""

    def make(mitigations, **training):
        sections = {"mitigations": mitigations, "training": {"batch_size": 4, "max_length": 64, **training}}
        recipe = parse_recipe(toy_recipe(**sections), "recipe", tmp_path)
        run = RunFolder(tmp_path / "run", recipe, Progress(quiet=True))
        found = Workbench(run, prepare(run))
        found.loaded_in = 3.0
        for probe in found.probes:
            remember(*BASE, probe, "test", 2.0)
        return found

    return make


def meter(found, update=0.5, size=4):
    letters = size * afterwards._letters(found.train_rows) / len(found.train_rows)
    return 2 * PASS * afterwards._meter_letters(found, {}) * update / letters


def test_nothing_is_claimed_of_a_base_that_was_not_timed(bench):
    assert seconds_after(bench([]), {}, ("another", "cpu"), 0.5) is None


def test_without_choices_it_is_measuring_the_meter_and_loading(bench):
    found = bench([])
    assert seconds_after(found, {}, BASE, 0.5) == pytest.approx(2.0 * len(found.probes) + meter(found) + 3.0 * LOADS)
    assert meter(found) > 0


@pytest.mark.parametrize(
    "mitigations, looks",
    [
        ([{"kind": "strength", "values": [0.5, 0.8, 1.0]}], 3),
        ([{"kind": "early_stop", "every": 0.5}], 4),
        ([{"kind": "early_stop", "every": 5}], 3),
        ([{"kind": "early_stop", "every": 0.8}], 3),
        ([{"kind": "early_stop", "every": 500}], 1),
        ([{"kind": "early_stop", "meter": "kl"}], 1),
        ([{"kind": "early_stop", "every": 0.5}, {"kind": "strength", "values": [1.0]}], 5),
    ],
)
def test_each_look_at_dev_items_costs_what_was_timed_or_what_test_items_did(bench, mitigations, looks):
    found = bench(mitigations, epochs=2)
    plain = 2.0 * len(found.probes) + meter(found) + 3.0 * LOADS
    items = {split: afterwards._items(found.probes, split) for split in ("dev", "test")}
    untimed = 2.0 * len(found.probes) * items["dev"] / items["test"]
    assert seconds_after(found, {}, BASE, 0.5) == pytest.approx(plain + looks * untimed)
    for probe in found.probes:
        remember(*BASE, probe, "dev", 7.0)
    dev = sum(7.0 for probe in found.probes if afterwards.has_items(probe, "dev"))
    assert seconds_after(found, {}, BASE, 0.5) == pytest.approx(plain + looks * dev)


def test_a_run_says_what_is_left(toy_recipe, tmp_path):
    said = []

    class Heard(Progress):
        def say(self, text):
            said.append(text)

    sections = {"training": {"batch_size": 4, "max_length": 64, "epochs": 2}, "mitigations": []}
    run_recipe(parse_recipe(toy_recipe(**sections), "recipe", tmp_path), tmp_path / "run", Heard(quiet=True))
    assert any("of choosing and measuring" in line for line in said)
