"""Two processes give the losses and the record of one, with DDP and with FSDP2, or refuse with the reason."""

from __future__ import annotations

import pytest
from process_toys import CASES, DEALT

from retain.registry import units

CLOSE = 1e-3
WAYS = [("DDP", case) for case in CASES] + [("FSDP2", case) for case in DEALT]
REFUSED = [case for case in CASES if case not in DEALT]


def test_every_mitigation_is_tried():
    assert {one["kind"] for mitigations in CASES.values() for one in mitigations} == set(units("mitigations"))


@pytest.mark.parametrize(("way", "case"), WAYS)
def test_two_processes_give_the_loss_curve_of_one(runs, way, case):
    one, two = (runs.record(which, case).training for which in ("one", way))
    assert one.steps == two.steps and len(one.history) == len(two.history) > 3
    assert one.general_tokens == two.general_tokens and one.task_tokens == two.task_tokens
    for mine, theirs in zip(one.history, two.history, strict=True):
        assert mine == pytest.approx(theirs, abs=CLOSE, rel=CLOSE)  # a gradient's norm is far above 1
    assert [reading.losses for reading in one.held_out] == [
        pytest.approx(reading.losses, abs=CLOSE) for reading in two.held_out
    ]


@pytest.mark.parametrize(("way", "case"), WAYS)
def test_two_processes_give_the_record_of_one(runs, way, case):
    one, two = (runs.record(which, case) for which in ("one", way))
    for mine, theirs in zip([*one.before, *one.after], [*two.before, *two.after], strict=True):
        assert (mine.probe, list(mine.scores)) == (theirs.probe, list(theirs.scores))
        assert mine.scores == pytest.approx(theirs.scores, abs=CLOSE)
        assert mine.settings == theirs.settings
    assert one.verdict.outcome == two.verdict.outcome
    assert [choice.chosen for choice in one.choices] == [choice.chosen for choice in two.choices]
    for mine, theirs in zip(one.choices, two.choices, strict=True):
        assert [c.mean_loss for c in mine.candidates] == pytest.approx(
            [c.mean_loss for c in theirs.candidates], abs=CLOSE
        )
    assert [reading.mean for reading in one.kl] == pytest.approx([reading.mean for reading in two.kl], abs=CLOSE)
    assert one.training.notes == two.training.notes
    assert one.training.base_unchanged == two.training.base_unchanged


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_go_with_dealt_weights_is_refused_before_anything_is_written(runs, case):
    said = runs.refused("FSDP2", case)
    assert said.startswith("UserError: This recipe does not run on 2 processes with FSDP2:")
    assert f"({CASES[case][-1]['kind']})" in said or "training.method" in said
    assert not (runs.folder / "FSDP2" / case).exists()
