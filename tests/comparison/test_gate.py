import math

import pytest

from retain.comparison.compare import compare
from retain.comparison.gate import holm, judge
from retain.comparison.power import items_needed, items_needed_for_flips
from retain.records import Gate

from .build import bits, change, comparison, measurement, table

GATE = Gate(mean_margin=1.0, margin=3.0, bits_margin=2.0, min_gain=0.0)


def pooled(loss=0.0, low=-0.5, high=0.5, **values):
    return change(
        "pooled",
        loss,
        low,
        high,
        capability="all capabilities",
        metric="mean of 8 probes",
        items=3000,
        effective_items=3000.0,
        **values,
    )


def gain(value=30.0, low=20.0, high=40.0, probe="task", **values):
    """Bounds of the gain, one-sided."""
    return change(probe, -value, -high, -low, **values)


def outcome(probe, gate=GATE):
    return judge(comparison([probe], pooled=pooled()), gate).probes[0].outcome


def test_a_capability_is_retained_below_the_margin():
    assert outcome(change(loss=0.5, loss_low=-1, loss_high=2.9)) == "retained"


def test_a_bound_on_the_margin_proves_nothing():
    assert outcome(change(loss=0.5, loss_low=-1, loss_high=3.0)) == "inconclusive"
    assert outcome(change(loss=4.0, loss_low=3.0, loss_high=5.0, p_loss=0.5)) == "inconclusive"


def test_a_capability_is_forgotten_above_the_margin():
    assert outcome(change(loss=5, loss_low=3.1, loss_high=7, p_loss=0.5)) == "forgot"


def test_a_significant_loss_must_exceed_the_margin_to_be_forgotten():
    assert outcome(change(loss=3.2, loss_low=1, loss_high=6, p_loss=0.001)) == "forgot"
    assert outcome(change(loss=2.8, loss_low=1, loss_high=6, p_loss=0.001)) == "inconclusive"
    assert outcome(change(loss=3.0, loss_low=1, loss_high=6, p_loss=0.001)) == "inconclusive"
    assert outcome(change(loss=3.2, loss_low=-0.1, loss_high=6, p_loss=0.06)) == "inconclusive"


def test_significance_is_corrected_over_capabilities():
    suspect = change("a", loss=3.5, loss_low=0.5, loss_high=7, p_loss=0.03)
    quiet = [change(name, loss_high=1, p_loss=0.5) for name in "bcd"]
    alone = judge(comparison([suspect], pooled=pooled()), GATE)
    among = judge(comparison([suspect, *quiet], pooled=pooled()), GATE)
    assert alone.probes[0].outcome == "forgot"
    assert among.probes[0].outcome == "inconclusive"
    chance = [change(name, loss_high=1, p_loss=0.5, near_chance=True) for name in "bcd"]
    assert judge(comparison([suspect, *chance], pooled=pooled()), GATE).probes[0].outcome == "forgot"


def test_holm():
    assert holm([0.01, 0.04, 0.03, 0.005]) == [True, False, False, True]
    assert holm([0.01, 0.02, 0.03]) == [True, True, True]
    assert holm([0.05]) == [True]
    assert holm([0.2, float("nan")]) == [False, False]
    assert holm([]) == []


def test_near_chance_is_not_judged():
    verdict = judge(comparison([change(loss=50, loss_low=40, loss_high=60, near_chance=True)], pooled=pooled()), GATE)
    assert verdict.probes[0].outcome == "near chance"
    assert verdict.probes[0].items_needed is None
    assert verdict.outcome == "retained"
    assert any("cannot do" in reason for reason in verdict.reasons)


def test_bits_have_their_own_margin():
    probe = change("text", loss=1, loss_low=0, loss_high=1.9, unit="percent", variance=4.0)
    assert outcome(probe) == "retained"
    verdict = judge(comparison([probe.model_copy(update={"loss_high": 2.5})], pooled=pooled()), GATE)
    assert verdict.probes[0].outcome == "inconclusive"
    assert verdict.probes[0].margin == 2.0
    assert any("%" in reason for reason in verdict.reasons)


def test_an_inconclusive_capability_says_how_many_items_it_needs():
    verdict = judge(
        comparison([change(loss_high=5, variance=1000.0, items=100, effective_items=100.0)], pooled=pooled()), GATE
    )
    assert verdict.probes[0].items_needed == items_needed_for_flips(0.10, 0.03) == 717
    assert verdict.probes[0].detectable == pytest.approx(math.sqrt(6.1826 * 1000 / 100), rel=1e-3)
    assert any("717 items" in reason for reason in verdict.reasons)


def test_a_run_is_retained_and_lists_what_is_not_proven_alone():
    losses = [change("facts", loss_high=2), change("ifeval", loss_high=9, capability="instruction following")]
    verdict = judge(comparison(losses, [gain()], pooled()), GATE)
    assert (verdict.outcome, verdict.gain, verdict.items_needed) == ("retained", "learned", None)
    assert any(reason.startswith("Not proven alone: instruction following (ifeval)") for reason in verdict.reasons)
    assert not any("facts" in reason for reason in verdict.reasons)
    assert verdict.gate == GATE


def test_a_forgotten_capability_is_named_with_its_numbers():
    lost = change("ifeval", 31.0, 21, 41, capability="instruction following", low=-43.0, high=-19.0)
    verdict = judge(comparison([lost], [gain()], pooled()), GATE)
    assert verdict.outcome == "forgot"
    assert verdict.reasons[0] == (
        "instruction following (ifeval) lost 31.0 points (95% interval 19.0 to 43.0; margin 3)."
    )
    assert verdict.items_needed is None


def test_a_pooled_loss_above_the_mean_margin_is_forgotten():
    verdict = judge(comparison([change(loss_high=2)], [gain()], pooled(2, 1.1, 3)), GATE)
    assert verdict.outcome == "forgot"
    assert any("more than the mean margin" in reason for reason in verdict.reasons)
    assert judge(comparison([change(loss_high=2)], [gain()], pooled(2, 1.0, 3)), GATE).outcome == "inconclusive"


def test_a_pooled_bound_on_the_mean_margin_is_inconclusive():
    verdict = judge(comparison([change(loss_high=2)], [gain()], pooled(0.1, -0.8, 1.0, variance=1000.0)), GATE)
    assert verdict.outcome == "inconclusive"
    assert verdict.items_needed == items_needed_for_flips(0.10, 0.01) == 6215
    assert any("6,215 items over all probes" in reason for reason in verdict.reasons)


def test_not_learned():
    for high in (0.0, -1.0):
        verdict = judge(comparison([change(loss_high=2)], [gain(-2, -4, high)], pooled()), GATE)
        assert (verdict.outcome, verdict.gain) == ("not learned", "not learned")
    assert any("was not learned" in reason for reason in verdict.reasons)


def test_a_gain_must_exceed_the_wanted_one():
    gate = Gate(min_gain=5.0)
    compared = comparison([change(loss_high=2)], [gain(10, 5.0, 15)], pooled())
    assert judge(compared, gate).gain == "inconclusive"
    assert judge(compared, Gate(min_gain=4.9)).gain == "learned"
    assert judge(compared, Gate(min_gain=15.0)).gain == "not learned"


def test_an_uncertain_gain_is_inconclusive_with_items():
    task = gain(5, -3, 13, items=40, effective_items=40.0, variance=900.0)
    verdict = judge(comparison([change(loss_high=2)], [task], pooled()), GATE)
    assert (verdict.outcome, verdict.gain) == ("inconclusive", "inconclusive")
    assert verdict.items_needed == items_needed(900, 5.0)
    assert any("too few items" in reason for reason in verdict.reasons)


def test_the_most_items_of_all_that_blocks():
    task = gain(5, -3, 13, items=40, effective_items=40.0, variance=900.0)
    verdict = judge(comparison([change(loss_high=2)], [task], pooled(high=1.5, variance=1000.0)), GATE)
    assert verdict.items_needed == items_needed_for_flips(0.10, 0.01) == 6215


def test_forgotten_and_not_learned_is_forgotten_with_both_reasons():
    verdict = judge(comparison([change(loss=9, loss_low=5, loss_high=12)], [gain(-2, -4, -1)], pooled()), GATE)
    assert verdict.outcome == "forgot"
    assert any("lost 9.0" in reason for reason in verdict.reasons)
    assert any("not learned" in reason for reason in verdict.reasons)


def test_not_learned_goes_before_inconclusive():
    assert judge(comparison([change()], [gain(-2, -4, -1)], pooled(high=9)), GATE).outcome == "not learned"


def test_without_a_task_the_losses_decide():
    verdict = judge(comparison([change(loss_high=2)], pooled=pooled()), GATE)
    assert (verdict.outcome, verdict.gain) == ("retained", "not measured")


def test_the_task_split_decides_not_the_shifted_one():
    shifted = gain(-2, -4, -1, probe="shifted")
    assert judge(comparison([change(loss_high=2)], [shifted, gain()], pooled()), GATE).gain == "learned"
    others = [gain(probe="english"), gain(-2, -4, -1, probe="french")]
    assert judge(comparison([change(loss_high=2)], others, pooled()), GATE).gain == "learned"


def test_nothing_pooled_is_inconclusive_with_the_reason():
    near = judge(comparison([change(near_chance=True)], [gain()]), GATE)
    assert (near.outcome, near.items_needed) == ("inconclusive", None)
    assert any("near chance on every probe" in reason for reason in near.reasons)
    nothing = judge(comparison([], [gain()]), GATE)
    assert nothing.outcome == "inconclusive"
    assert any("No capability was measured" in reason for reason in nothing.reasons)


def test_bits_per_byte_alone_are_retained_where_each_capability_is():
    kept, open_ = (change(loss_high=high, unit="percent", probe=name) for high, name in ((1, "web"), (99, "code")))
    text = judge(comparison([kept], [gain()]), GATE)
    assert text.outcome == "retained"
    assert any("no probe is scored in points" in reason for reason in text.reasons)
    both = judge(comparison([kept, open_], [gain()]), GATE)
    assert both.outcome == "inconclusive" and both.items_needed == both.probes[1].items_needed
    assert judge(comparison([kept], [gain(-2, -4, -1)]), GATE).outcome == "not learned"
    mixed = judge(comparison([kept, change(near_chance=True)], [gain()]), GATE)
    assert mixed.outcome == "inconclusive", "what is scored in points was not proven"


def test_twenty_items_without_flips_are_inconclusive():
    before, after = table(both=15, neither=5)
    verdict = judge(compare([before], [after]), GATE)
    assert verdict.outcome == "inconclusive"
    assert verdict.probes[0].outcome == "inconclusive"
    assert verdict.probes[0].items_needed == items_needed_for_flips(0.15, 0.03)
    assert verdict.items_needed > 1000


def test_real_tables_end_to_end():
    names = "abcdefgh"
    same = [table(lost=4, won=4, both=300, neither=92, probe=name) for name in names]
    task = table(won=80, both=5, neither=65, probe="task")
    before, after = zip(*same, task, strict=True)
    assert judge(compare(before, after, {"task"}), GATE).outcome == "retained"
    broken = [*same[:-1], table(lost=60, won=5, both=250, neither=85, probe="h"), task]
    before, after = zip(*broken, strict=True)
    verdict = judge(compare(before, after, {"task"}), GATE)
    assert verdict.outcome == "forgot"
    assert verdict.reasons[0].startswith("h lost 13.8 points")


def test_a_single_cluster_never_decides():
    before, after = table(both=100)
    one = {item: "book" for item in before.scores}
    verdict = judge(compare([before.model_copy(update={"clusters": one})], [after]), GATE)
    assert verdict.outcome == "inconclusive"


def test_unknown_error_of_bits_never_decides():
    verdict = judge(compare([bits(scores=[1.0])], [bits(scores=[1.0])]), GATE)
    assert verdict.probes[0].outcome == "inconclusive"
    assert verdict.probes[0].items_needed is None
    assert math.isinf(verdict.probes[0].detectable)


def test_a_verdict_survives_json():
    verdict = judge(compare([measurement(scores=[1.0])], [measurement(scores=[0.0])]), GATE)
    assert type(verdict).model_validate_json(verdict.model_dump_json()) == verdict
