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


def arm(variant, *curve, strength=1.0, seed=0, share=1.0, failed="", plain=False):
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
        plain=plain,
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


def test_where_none_gains_the_greatest_gain_is_taken():
    arms = [arm("a", candidate(1.0, -8, 1, passing=False)), arm("b", candidate(1.0, -2, 9, passing=False))]
    taken = recommend(arms)
    assert taken.variant == "b"
    assert taken.reason == (
        "none of 2 arms passed the margins on dev items; b at 1 gains -2.0 points and loses 9.0 on average, "
        "the greatest gain"
    )


def in_bits(strength, gain, worst, passing=True):
    """Nothing but bits per byte was measured: no loss is pooled."""
    return candidate(strength, gain, None, passing).model_copy(update={"worst_loss": worst, "worst_unit": "percent"})


def test_where_no_loss_is_pooled_the_worst_capability_decides():
    arms = [arm("a", in_bits(1.0, 20, 9.0)), arm("b", in_bits(1.0, 20, 0.5)), arm("c", candidate(1.0, 20, None))]
    taken = recommend(arms)
    assert taken.variant == "b"
    assert "b at 1 gains 20.0 points and loses 0.5% in its worst capability, the least of the 3" in taken.reason
    assert [point.label for point in pareto(points(arms))] == ["b at 1"]


def test_what_was_not_measured_is_said_and_not_zero():
    no_loss = [arm("a", candidate(1.0, 5, None)), arm("b", candidate(1.0, 5.5, None))]
    taken = recommend(no_loss)
    assert taken.variant == "b"
    assert taken.reason.endswith("b at 1 gains 5.5 points and has no measured loss, the greatest gain")
    no_gain = [arm("a", candidate(1.0, None, 5)), arm("b", candidate(1.0, None, 2))]
    taken = recommend(no_gain)
    assert taken.variant == "b"
    assert taken.reason.endswith("b at 1 has no measured gain and loses 2.0 on average, the least of 2")
    neither = [arm("a", candidate(1.0, None, None)), arm("b", candidate(1.0, None, None))]
    assert recommend(neither).reason.endswith("a at 1 has no measured gain and has no measured loss: the first of 2")
    some = [arm("a", candidate(1.0, -3, 1)), arm("b", candidate(1.0, None, 1))]
    assert recommend(some).variant == "a", "a missing gain is not one of zero"


def test_a_seed_without_a_number_leaves_the_mean_without_it():
    seeds = [arm("a", candidate(1.0, 40, 2), seed=1), arm("a", candidate(1.0, None, None), seed=2)]
    (point,) = chosen_points(seeds)
    assert (point.gain, point.mean_loss) == (None, None)


def test_of_a_ladder_the_rung_that_reaches_the_target_is_taken():
    rungs = [
        arm("lora", candidate(1.0, 59, 0.2)),
        arm("wide", candidate(1.0, 61, 0.8, error=3)),
        arm("all", candidate(1.0, 90, 0.9)),
    ]
    taken = recommend(rungs, target=60)
    assert taken.variant == "wide", "lora's gain is alike, and misses the target"
    assert taken.reason.startswith("the first to gain 60 points within the margins on dev items; wide at 1 gains 61.0")
    assert recommend(rungs[:2]).variant == "lora" and recommend(rungs[:2], target=62).variant == "lora"


def test_a_rung_reaches_the_target_with_every_seed_and_within_the_margins():
    seeds = [arm("lora", candidate(1.0, 70, 0.5), seed=1), arm("lora", candidate(1.0, 59, 0.5), seed=2)]
    outside = [arm("wide", candidate(1.0, 80, 9, passing=False), seed=seed) for seed in (1, 2)]
    taken = recommend([*seeds, *outside], target=60)
    assert taken.variant == "lora"
    assert taken.reason.startswith("none gains 60 points within the margins on dev items; 1 of 2 arms passed")


def test_seeds_are_taken_together_and_must_all_pass():
    arms = [
        arm("a", candidate(1.0, 40, 1), seed=1),
        arm("a", candidate(1.0, 60, 3, passing=False), seed=2),
        arm("b", candidate(1.0, 30, 1), seed=1),
        arm("b", candidate(1.0, 30, 1), seed=2),
    ]
    a, b = chosen_points(arms)
    assert (a.gain, a.mean_loss, a.loss, a.passing) == (50, 2, 2, False)
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
        arm("as ever", candidate(1.0, 10, 30), plain=True),
        arm("as ever, faster", candidate(1.0, 9, 40), plain=True),
        arm("best", candidate(1.0, 50, 1)),
        arm("good", candidate(1.0, 45, 2)),
        arm("worse", candidate(1.0, 40, 3)),
        arm("worst", candidate(1.0, 5, 9)),
        arm("broken", failed="NaN"),
    ]
    assert survivors(arms) == ["best", "good", "worse", "as ever"]
    assert survivors(arms[2:4]) == ["best"]


def test_short_runs_of_plain_fine_tunes_alone_drop_the_worse_half():
    rates = [arm(f"rate {number}", candidate(1.0, 10 * number, 1), plain=True) for number in range(4)]
    assert survivors(rates) == ["rate 3", "rate 2"]


def test_what_shares_of_the_rows_say():
    def said(more, other, passing=True, error=1.0, before=20):
        arms = [
            arm("a", candidate(1.0, before, 1), share=0.125),
            arm("a", more),
            arm("b", candidate(1.0, other, 9, passing=passing, error=error)),
        ]
        taken = recommend(arms)
        assert taken.variant == "a"
        return advice(arms, taken)

    assert said(candidate(1.0, 30, 1), 5).startswith("More rows: from 12.5% to 100% of the rows the gain of a changes")
    assert said(candidate(1.0, 20.5, 1), 20).startswith("Neither")
    assert said(candidate(1.0, 12, 1), 18).endswith(
        "and b, which passes the margins, gains 6.0 points more on the same rows (standard error 1.4)."
    )
    assert said(candidate(1.0, 12, 1), 18, error=7.0).startswith("Neither"), "by the error of this difference"
    assert said(candidate(1.0, 20.5, 1), 40, passing=False).startswith("Neither"), "b is outside the margins"
    assert said(candidate(1.0, 30, 9, passing=False), 5).startswith("Neither"), "a with more rows is, too"
    assert said(candidate(1.0, None, 1), 5) == ""
    assert advice([arm("a", candidate(1.0, 20, 1))], recommend([arm("a", candidate(1.0, 20, 1))])) == ""
    assert advice([], None) == ""
