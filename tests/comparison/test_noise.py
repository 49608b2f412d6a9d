"""The noise floor: what it is, and that forgetting must exceed it."""

import numpy as np
import pytest

from retain.comparison.compare import compare
from retain.comparison.gate import judge
from retain.comparison.intervals import ONE_SIDED, TWO_SIDED, exact_lower, exact_upper
from retain.comparison.noise import beyond_noise, exceeds, noise_floor, pooled_floor
from retain.errors import UserError
from retain.records import Gate

from .build import bits, change, comparison, measurement, table

GATE = Gate(mean_margin=1.0, margin=3.0)


def twice(lost=0, won=0, both=0, neither=0, probe="facts", **values):
    """One model measured twice."""
    return table(lost, won, both, neither, probe, **{"model": "same", **values})


def floor(moved=0.0, most=0.0, probe="facts", **values):
    (found,) = noise_floor(*([m] for m in twice(both=10, probe=probe)))
    return found.model_copy(update={"moved": moved, "most": most, "low": 0.0, "high": most, **values})


def test_flips_in_both_directions_add_up():
    (found,) = noise_floor(*([m] for m in twice(lost=3, won=2, both=60, neither=35)), "half the batch size")
    assert (found.items, found.changed, found.unit, found.null_change) == (100, 5, "points", "half the batch size")
    assert found.moved == pytest.approx(5)
    assert found.shift == pytest.approx(-1)
    items, count = np.array(100.0), np.array(5.0)
    assert found.most == pytest.approx(100 * exact_upper(count, items, (1 - ONE_SIDED) / 2), abs=1e-6)
    assert found.high == pytest.approx(100 * exact_upper(count, items, (1 - TWO_SIDED) / 2), abs=1e-6)
    assert 0 < found.low < 5 < found.most < found.high


def test_no_flip_bounds_the_floor_by_the_rule_of_three():
    (found,) = noise_floor(*([m] for m in twice(both=60, neither=40)))
    assert (found.moved, found.low, found.shift) == (0, 0, 0)
    assert found.most == pytest.approx(100 * (1 - 0.05 ** (1 / 100)))


def test_clusters_widen_the_floor():
    before, after = twice(lost=10, both=90)
    clusters = {item: f"c{i // 10}" for i, item in enumerate(before.scores)}
    (alone,) = noise_floor([before], [after])
    (shared,) = noise_floor([before.model_copy(update={"clusters": clusters})], [after])
    assert shared.effective_items < alone.effective_items
    assert shared.most > 2 * alone.most


def test_bits_per_byte_move_in_percent_of_the_first():
    rng = np.random.default_rng(0)
    first = rng.uniform(0.8, 1.2, 60)
    second = first + rng.normal(0, 0.001, 60)
    (found,) = noise_floor([bits(scores=first)], [bits(scores=second)])
    assert found.unit == "percent"
    assert found.moved == pytest.approx(100 * np.abs(second - first).sum() / first.sum())
    assert abs(found.shift) < found.moved < found.most < 0.2


def test_another_precision_is_a_null_change_and_other_weights_are_not():
    first = measurement(scores=[1, 0, 1], model="a", settings={"precision": "fp32"})
    low = measurement(scores=[1, 0, 0], model="b", settings={"precision": "bf16"})
    assert noise_floor([first], [low])[0].changed == 1
    with pytest.raises(UserError, match="different weights"):
        noise_floor([first], [low.model_copy(update={"settings": {"precision": "fp32"}})])
    with pytest.raises(UserError, match="shots"):
        noise_floor([first], [low.model_copy(update={"settings": {"precision": "bf16", "shots": 5}})])


def test_a_comparison_of_one_model_with_itself_is_its_noise_floor():
    pairs = [twice(lost=1, both=250, neither=249, probe=f"p{i}") for i in range(8)]
    found = compare([a for a, _ in pairs], [b for _, b in pairs])
    assert found.same_weights
    assert [(one.probe, one.changed) for one in found.noise] == [(f"p{i}", 1) for i in range(8)]
    assert judge(found, GATE).outcome == "retained"
    other = compare(*([m] for m in table(lost=1, both=249)))
    assert not other.same_weights
    assert not other.noise


def test_the_same_scores_again_are_no_noise_floor():
    found = compare(*([m] for m in twice(both=60, neither=40)))
    assert found.same_weights and not found.noise
    assert any("no noise floor" in note for note in found.notes)


def test_a_floor_of_another_probe_or_of_other_items_is_not_used_and_said():
    before, after = table(lost=20, both=80, settings={"unlimited_fingerprint": "mine"})
    for unused in (floor(probe="other"), floor(fingerprint="another")):
        found = compare([before], [after], noise=[unused])
        assert not found.noise
        assert any("is not used" in note for note in found.notes)
    assert compare([before], [after], noise=[floor(fingerprint="mine")]).noise
    assert compare([before], [after], noise=[floor()]).noise


def test_floors_of_the_same_items_do_not_cancel():
    """Two metrics of the same items move together, so that their bounds add as they are."""
    losses = [change("a"), change("b")]
    apart = pooled_floor(losses, [floor(2.0, 5.0, probe="a", group="x"), floor(2.0, 5.0, probe="b", group="y")])
    shared = pooled_floor(losses, [floor(2.0, 5.0, probe="a", group="x"), floor(2.0, 5.0, probe="b", group="x")])
    assert apart.most == pytest.approx(2 + 3 / 2**0.5)
    assert shared.most == pytest.approx(5)


def test_a_floor_knows_with_which_probes_it_shares_items():
    scores = {"x": 1.0, "y": 0.0}
    sides = [[measurement(p, s, model="same") for p, s in (("a", scores), ("b", scores), ("c", [1, 0]))]] * 2
    one, two, other = noise_floor(*sides)
    assert one.group == two.group != other.group


def test_unknown_weights_are_not_taken_for_the_same():
    assert not compare(*([m] for m in twice(both=10, model=""))).same_weights
    served = twice(both=10, settings={"precision": "endpoint"})
    assert not compare(*([m] for m in served)).same_weights


def test_the_same_weights_cannot_have_forgotten():
    found = compare(*([m] for m in twice(lost=40, both=60)))
    assert found.losses[0].loss_low > GATE.margin
    assert judge(found, GATE).outcome == "inconclusive"


def test_forgetting_must_exceed_the_floor():
    lost = change(loss=8, loss_low=5.0, loss_high=11, p_loss=1e-4)
    pooled = change("pooled", 0.5, -0.5, 0.9)

    def outcome(*noise):
        found = comparison([lost], pooled=pooled).model_copy(update={"noise": list(noise)})
        return judge(found, GATE).probes[0].outcome

    assert outcome() == "forgot"
    assert outcome(floor(2.0, 5.0)) == "forgot"
    assert outcome(floor(4.0, 8.0)) == "inconclusive"
    assert outcome(floor(40.0, 50.0, probe="other")) == "forgot"


def test_the_reason_names_the_floor():
    lost = change(loss=8, loss_low=5.0, loss_high=11, p_loss=1e-4)
    noisy = comparison([lost], pooled=change("pooled", 0.5, -0.5, 0.9)).model_copy(update={"noise": [floor(6, 8.0)]})
    verdict = judge(noisy, GATE)
    assert any(
        reason.startswith("Not clear of the noise floor: facts lost 8.0 points, and the same weights moved by 6.0")
        for reason in verdict.reasons
    )
    quiet = noisy.model_copy(update={"noise": [floor(1, 2.0)]})
    assert not any("noise floor" in reason for reason in judge(quiet, GATE).reasons)


def test_the_pooled_loss_must_exceed_the_pooled_floor():
    losses = [change(name, loss=2, loss_low=-1, loss_high=5) for name in "ab"]
    pooled = change("pooled", 2.0, 1.5, 2.5)
    found = comparison(losses, pooled=pooled)
    assert judge(found, GATE).outcome == "forgot"
    noisy = found.model_copy(update={"noise": [floor(1.6, 2.4, probe=name) for name in "ab"]})
    assert judge(noisy, GATE).outcome == "inconclusive"
    assert any("not clear of the noise floor" in reason for reason in judge(noisy, GATE).reasons)
    partly = found.model_copy(update={"noise": noisy.noise[:1]})
    assert judge(partly, GATE).outcome == "forgot"


def test_pooled_floors_average_and_their_distances_add_in_squares():
    losses = [change(name) for name in "abcd"] + [change("e", near_chance=True), change("f", unit="percent")]
    found = pooled_floor(losses, [floor(2.0, 5.0, probe=name) for name in "abcdef"])
    assert found.moved == 2.0
    assert found.most == pytest.approx(2.0 + 3.0 * 2 / 4)
    assert pooled_floor([], []) is None


def test_distances_add_in_squares():
    found = beyond_noise(change(loss=8, loss_low=5.0), floor(1.0, 5.0))
    assert found == pytest.approx(8 - 1 - 5)
    assert beyond_noise(change(loss=8, loss_low=5.0), floor(0.0, 0.0)) == pytest.approx(5)


def test_an_unknown_floor_stops_nothing_and_one_as_large_as_the_loss_does():
    assert exceeds(change(loss=2, loss_low=1.0), None)
    assert not exceeds(change(loss=5, loss_low=5.0), floor(5.0, 5.0))


def test_a_loss_that_is_all_noise_rarely_exceeds_it():
    rng, runs, items, noise = np.random.default_rng(0), 700, 300, 0.05
    lost, moved = rng.binomial(items, noise, runs), rng.binomial(items, noise, runs)
    low = 100 * exact_lower(lost.astype(float), np.full(runs, 300.0), 0.05)
    most = 100 * exact_upper(moved.astype(float), np.full(runs, 300.0), 0.05)
    rows = zip(lost / 3, low, moved / 3, most, strict=True)
    wrongly = [exceeds(change(loss=a, loss_low=b), floor(c, d)) for a, b, c, d in rows]
    assert 0.02 < np.mean(wrongly) < 0.05 + 2 * (0.05 * 0.95 / runs) ** 0.5


def test_a_floor_of_another_model_is_noted():
    before, after = table(lost=1, both=50)
    (other,) = noise_floor(*([m] for m in twice(both=50)))
    assert any("another model" in note for note in compare([before], [after], noise=[other]).notes)
    own = other.model_copy(update={"model": before.model})
    assert not any("another model" in note for note in compare([before], [after], noise=[own]).notes)
    assert compare([before], [after], noise=[own]).noise == [own]
