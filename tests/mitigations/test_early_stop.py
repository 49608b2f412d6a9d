"""Early stopping: training is not disturbed, it ends where the margins are left, and the last pass comes back."""

import math
import sys
from types import SimpleNamespace

import pytest

from retain.mitigations.dev_guard import RECORD, Guarded, GuardOnDev, best_of
from retain.mitigations.early_stop import EarlyStop
from retain.models.base import Request
from retain.models.load import load_causal
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.record_files import read_record
from retain.records import Candidate
from retain.training import sft

NARROW = {"mean_margin": 25, "margin": 40}
"""Left at the fourth update at FAST."""
FAST = {"learning_rate": 0.03}
WIDE = {"mean_margin": 100, "margin": 100}


@pytest.fixture
def run(toy_recipe, mastered_suite, tmp_path):
    def go(name, mitigations, gate=None, model=None, **training):
        recipe = toy_recipe(mitigations=mitigations, measure={"suite": str(mastered_suite)}, gate=gate or NARROW)
        recipe["training"] = {
            "learning_rate": 0.003, "epochs": 2, "batch_size": 4, "max_length": 64, "schedule": "constant", "warmup": 0,
        } | training  # fmt: skip
        recipe["model"] |= model or {}
        return run_recipe(parse_recipe(recipe), tmp_path / name, Progress(quiet=True))

    return go


@pytest.mark.parametrize(
    ("mitigations", "changes"),
    [
        ([], {}),
        ([], {"model": {"load_in": "bf16"}, "gradient_accumulation": 2}),
        ([{"kind": "lora", "rank": 4, "dropout": 0.3}], {"gradient_checkpointing": True}),
        ([{"kind": "lora", "rank": 4, "dropout": 0.3}, {"kind": "kl_to_base", "share": 0.5}], {}),
    ],
    ids=["full", "bf16, accumulated", "lora, dropout, checkpointing", "lora, kl"],
)
def test_training_that_is_not_stopped_is_not_disturbed(mitigations, changes, run):
    plain = run("plain", mitigations, WIDE, **changes)
    for meter in ("none", "kl"):
        watched = run(meter, [*mitigations, {"kind": "early_stop", "every": 1, "meter": meter}], WIDE, **changes)
        assert watched.after[0].model == plain.after[0].model, "the same weights, bit for bit"
        assert [one["loss"] for one in watched.training.history] == [one["loss"] for one in plain.training.history]
        if meter == "none":
            assert len(watched.choices[0].candidates) == plain.training.steps
        assert watched.choices[0].chosen == plain.training.steps


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("mitigations", [[], [{"kind": "lora", "rank": 4}]], ids=["full", "lora"])
def test_what_is_measured_in_training_is_what_is_saved(mitigations, precision, run, tmp_path, monkeypatch):
    seen = {}
    from retain.mitigations import dev_guard

    measured = dev_guard.measured_on_dev

    def note(model, setup, label, value):
        seen[value] = (model.fingerprint, model.loglikelihood([Request(context="what is", continuation=" the colour")]))
        return measured(model, setup, label, value)

    monkeypatch.setattr(dev_guard, "measured_on_dev", note)
    model = {"load_in": precision}
    record = run("run", [*mitigations, {"kind": "early_stop", "every": 0.5}], WIDE, model=model)
    tuned = load_causal(str(tmp_path / "run" / "tuned"), precision)
    fingerprint, scored = seen[record.training.steps]
    assert fingerprint == tuned.fingerprint
    assert scored == tuned.loglikelihood([Request(context="what is", continuation=" the colour")])


def test_it_ends_where_the_margins_are_left_and_the_last_pass_comes_back(run):
    stop = {"kind": "early_stop", "every": 1}
    record = run("run", [stop], **FAST)
    choice = record.choices[0]
    assert choice.what == "checkpoint"
    passed = [one.passing for one in choice.candidates]
    assert record.training.steps == len(passed) < 14, "it ended early"
    assert passed[-1] is False and passed[0] is True and passed[-2] is True
    assert choice.chosen == choice.candidates[-2].value
    alone = run("alone", [], **FAST, extra={"max_steps": int(choice.chosen)})
    assert record.after[0].model == alone.after[0].model, "the weights of that update"


def test_patience_lets_more_candidates_fail(run):
    record = run("run", [{"kind": "early_stop", "every": 1, "patience": 3}], **FAST)
    passed = [one.passing for one in record.choices[0].candidates]
    assert passed[-3:] == [False] * 3
    assert not any(passed[i : i + 3] == [False] * 3 for i in range(len(passed) - 3))


def test_the_meter_spares_measurements(run, tmp_path):
    def found(name, **knobs):
        run(name, [{"kind": "early_stop", "every": 1, **knobs}], WIDE)
        return read_record(tmp_path / name / "training" / "kept" / RECORD, Guarded)

    all_of_them = found("none")
    some = found("some", meter="kl", threshold=0.05)
    last_only = found("last", meter="kl", threshold=100)
    assert not all_of_them.readings
    assert len(last_only.candidates) == 1 < len(some.candidates) < len(all_of_them.candidates)
    assert len(some.readings) == len(all_of_them.candidates) - 1, "the last update is always measured in full"
    assert some.readings[0].kl > 0
    taken = 0.0
    for reading in some.readings:
        due = reading.kl - taken >= 0.05
        assert due == (reading.step in {one.value for one in some.candidates})
        taken = reading.kl if due else taken


def test_strength_comes_after_it_whatever_the_order(run):
    both = [{"kind": "early_stop", "every": 2}, {"kind": "strength", "values": [0.5]}]
    first = run("first", both, **FAST)
    second = run("second", both[::-1], **FAST)
    assert first.choices[0].chosen < first.training.steps
    assert first.after[0].model == second.after[0].model
    assert [one.what for one in second.choices] == ["checkpoint", "strength"]


@pytest.mark.parametrize(("kill_at", "meter"), [(3, "none"), (5, "kl")])
def test_a_killed_run_goes_on_and_measures_nothing_twice(kill_at, meter, run, monkeypatch):
    knobs = {"meter": "kl", "threshold": 0.001} if meter == "kl" else {}
    stop = [{"kind": "early_stop", "every": 1, "patience": 3, **knobs}]
    whole = run("whole", stop, **FAST, checkpoints=6)
    assert whole.training.steps > kill_at
    original = sft.ShowProgress.on_step_end

    def kill(self, args, state, control, **kwargs):
        if state.global_step == kill_at:
            raise KeyboardInterrupt
        original(self, args, state, control, **kwargs)

    monkeypatch.setattr(sft.ShowProgress, "on_step_end", kill)
    with pytest.raises(KeyboardInterrupt):
        run("broken", stop, **FAST, checkpoints=6)
    monkeypatch.setattr(sft.ShowProgress, "on_step_end", original)
    from retain.mitigations import dev_guard

    measured, steps = dev_guard.measured_on_dev, []
    monkeypatch.setattr(
        dev_guard, "measured_on_dev", lambda model, setup, label, value: steps.append(value) or
        measured(model, setup, label, value),
    )  # fmt: skip
    again = run("broken", stop, **FAST, checkpoints=6)
    assert again.after[0].model == whole.after[0].model
    assert again.choices == whole.choices
    assert again.training.steps == whole.training.steps
    assert min(steps) >= kill_at


def test_a_choosing_stage_that_was_lost_is_done_again_alike(run, tmp_path):
    first = run("run", [{"kind": "early_stop", "every": 1}], **FAST)
    for name in ("chosen.json", "after.json", "kl.json", "record.json"):
        (tmp_path / "run" / name).unlink(missing_ok=True)
    again = run("run", [{"kind": "early_stop", "every": 1}], **FAST)
    assert again.after[0].model == first.after[0].model and again.choices == first.choices


@pytest.mark.parametrize(("max_steps", "expected"), [(50, []), (150, [50, 100]), (1000, [*range(50, 1000, 50)])])
def test_a_share_of_an_epoch_is_the_same_however_long_training_is(make_setup, toy, monkeypatch, max_steps, expected):
    looked = []
    monkeypatch.setattr(GuardOnDev, "_look", lambda self, step, measure: looked.append(step))
    guard = GuardOnDev(toy, make_setup(), 0.5, 1, None)
    args = SimpleNamespace(max_steps=max_steps, gradient_accumulation_steps=4, num_train_epochs=3)
    for step in range(1, max_steps + 1):
        state = SimpleNamespace(global_step=step, max_steps=max_steps, num_train_epochs=math.ceil(max_steps / 100))
        guard.on_step_end(args, state, None, train_dataloader=range(398))
    assert looked == expected


def test_where_an_epochs_length_is_not_known_it_is_all_of_training(make_setup, toy, monkeypatch):
    looked = []
    monkeypatch.setattr(GuardOnDev, "_look", lambda self, step, measure: looked.append(step))
    guard = GuardOnDev(toy, make_setup(), 0.5, 1, None)
    args = SimpleNamespace(max_steps=40, gradient_accumulation_steps=1)
    for step in range(1, 41):
        state = SimpleNamespace(global_step=step, max_steps=40, num_train_epochs=sys.maxsize)
        guard.on_step_end(args, state, None, train_dataloader=iter([]))
    assert looked == [20]


def candidate(step, loss, passing, gain=1.0):
    return Candidate(
        label=f"update {step}", value=step, gain=gain, mean_loss=loss, worst="x", worst_loss=loss, passing=passing
    )


def test_the_last_that_passed_is_taken_and_else_the_one_that_lost_least():
    three = [candidate(1, 0, True), candidate(2, 3, False), candidate(3, 1, True), candidate(4, 9, False)]
    assert best_of(three)[0].value == 3
    assert best_of(three[1::2])[0].value == 2
    assert "none passed" in best_of(three[1::2])[1]
    bits = [candidate(1, None, False), candidate(2, None, False, gain=9.0)]
    bits = [one.model_copy(update={"worst_loss": loss}) for one, loss in zip(bits, (4.0, 30.0), strict=True)]
    assert best_of(bits)[0].value == 1 and "whose worst capability lost least" in best_of(bits)[1]


def test_a_threshold_without_a_meter_is_refused():
    assert "has no effect" in EarlyStop(threshold=1.0).conflicts(None)[0]
    recipes = {method: SimpleNamespace(training=SimpleNamespace(method=method)) for method in ("sft", "rank")}
    assert not EarlyStop(threshold=1.0, meter="kl").conflicts(recipes["sft"])
    assert "a reranker writes none" in EarlyStop(meter="kl").conflicts(recipes["rank"])[0]
    assert EarlyStop(meter="kl").wants_general() and not EarlyStop().wants_general()
