"""Which arm is taken, by what was measured on dev items."""

import pytest

from retain.frontier_records import ArmResult
from retain.records import Candidate
from retain.sweep.halving import survivors
from retain.sweep.selection import advice, chosen_points, pareto, points, recommend


def candidate(strength, gain, loss, passing=True, error=1.0):
    return Candidate(
        label=f"{strength:g}",
        value=strength,
        gain=gain,
        mean_loss=loss,
        worst="reading",
        worst_loss=loss,
        passing=passing,
        gain_error=error,
        loss_error=error,
    )


def arm(variant, *curve, strength=1.0, seed=0, share=1.0, failed=""):
    return ArmResult(
        name=f"{variant} {share} {seed}",
        variant=variant,
        changes={},
        share=share,
        seed=seed,
        folder="arms/x",
        curve=list(curve),
        strength=strength,
        failed=failed,
    )


def test_of_gains_that_are_alike_the_one_that_loses_least_is_taken():
    arms = [
        arm("greedy", candidate(1.0, 50, 3.0)),
        arm("careful", candidate(1.0, 49.5, 0.5)),
        arm("timid", candidate(1.0, 40, 0.0)),
    ]
    taken = recommend(arms)
    assert (taken.variant, taken.passing) == ("careful", True)
    assert (
        "3 of 3 arms passed" in taken.reason
        and "within a standard error of the greatest, 50.0 of greedy" in taken.reason
    )


def test_an_arm_that_does_not_pass_is_not_taken_beside_one_that_does():
    arms = [arm("greedy", candidate(1.0, 80, 30, passing=False)), arm("careful", candidate(0.5, 9, 1), strength=0.5)]
    taken = recommend(arms)
    assert (taken.variant, taken.strength) == ("careful", 0.5)
    assert "the greatest gain" in taken.reason


def test_where_none_passes_half_of_the_greatest_gain_is_enough():
    arms = [
        arm("greedy", candidate(1.0, 80, 30, passing=False)),
        arm("careful", candidate(1.0, 60, 8, passing=False)),
        arm("idle", candidate(1.0, 1, 0.2, passing=False)),
    ]
    taken = recommend(arms)
    assert (taken.variant, taken.passing) == ("careful", False)
    assert "none of 3 arms passed" in taken.reason


def test_seeds_are_taken_together_and_must_all_pass():
    arms = [
        arm("a", candidate(1.0, 40, 1), seed=1),
        arm("a", candidate(1.0, 60, 3, passing=False), seed=2),
        arm("b", candidate(1.0, 30, 1), seed=1),
        arm("b", candidate(1.0, 30, 1), seed=2),
    ]
    a, b = chosen_points(arms)
    assert (a.gain, a.loss, a.passing) == (50, 2, False)
    assert a.gain_error == pytest.approx((1 + 200 / 2) ** 0.5)  # items' variance 1, seeds' 200 over two seeds
    assert b.gain_error == 1
    assert recommend(arms).variant == "b"


def test_an_arm_that_failed_with_one_seed_is_left_out():
    arms = [arm("a", candidate(1.0, 40, 1), seed=1), arm("a", seed=2, failed="NaN"), arm("b", candidate(1.0, 3, 1))]
    assert recommend(arms).variant == "b"
    assert recommend([arm("a", failed="NaN")]) is None


def test_no_other_point_beats_one_of_the_pareto_set():
    arms = [
        arm("a", candidate(0.5, 20, 1), candidate(1.0, 40, 5)),
        arm("b", candidate(0.5, 19, 2), candidate(1.0, 40, 4)),
        arm("c", candidate(0.5, 20, 1), candidate(1.0, 10, 1)),
    ]
    assert [point.label for point in pareto(points(arms))] == ["a at 0.5", "c at 0.5", "b at 1"]


def test_short_runs_drop_the_worse_half_but_never_plain():
    arms = [
        arm("plain", candidate(1.0, 10, 30)),
        arm("best", candidate(1.0, 50, 1)),
        arm("good", candidate(1.0, 45, 2)),
        arm("worse", candidate(1.0, 40, 3)),
        arm("worst", candidate(1.0, 5, 9)),
        arm("broken", failed="NaN"),
    ]
    assert survivors(arms) == ["best", "good", "worse", "plain"]
    assert survivors(arms[1:3]) == ["best"]


def test_what_shares_of_the_rows_say():
    def three(more, other):
        return [
            arm("a", candidate(1.0, 20, 1), share=0.5),
            arm("a", candidate(1.0, more, 1)),
            arm("b", candidate(1.0, other, 9, passing=False)),
        ]

    assert advice(three(30, 5), recommend(three(30, 5))).startswith("More rows: from 50% to 100%")
    assert advice(three(20.5, 40), recommend(three(20.5, 40))).startswith("Another recipe")
    assert advice(three(20.5, 20), recommend(three(20.5, 20))).startswith("Neither")
    assert advice([arm("a", candidate(1.0, 20, 1))], recommend([arm("a", candidate(1.0, 20, 1))])) == ""
