import math
import random

import numpy as np
import pytest

from retain.comparison.compare import compare
from retain.comparison.gate import judge
from retain.comparison.intervals import ONE_SIDED, flip_bounds
from retain.errors import UserError
from retain.records import Gate

from .build import bits, measurement, table


def both(*pairs):
    """Lists of the measurements before and after."""
    return [before for before, _ in pairs], [after for _, after in pairs]


def test_a_change_in_points():
    found = compare(*both(table(lost=8, won=3, both=60, neither=29))).losses[0]
    low, high = flip_bounds(8, 3, 100)
    one_low, one_high = flip_bounds(8, 3, 100, ONE_SIDED)
    assert (found.before, found.after, found.delta) == pytest.approx((68, 63, -5))
    assert (found.low, found.high) == pytest.approx((-100 * high, -100 * low))
    assert (found.loss_low, found.loss_high) == pytest.approx((100 * one_low, 100 * one_high))
    assert (found.items, found.effective_items, found.won, found.lost) == (100, 100, 3, 8)
    assert found.unit == "points"
    assert found.binary
    assert found.variance == pytest.approx(100**2 * (0.11 - 0.05**2) * 100 / 99)
    assert 0.05 < found.p_loss < 0.1
    assert not found.near_chance


def test_capabilities_and_tasks_are_told_apart():
    found = compare(*both(table(both=50, probe="facts"), table(won=20, neither=30, probe="task")), {"task"})
    assert [change.probe for change in found.gains] == ["task"]
    assert [change.probe for change in found.losses] == ["facts"]
    assert found.gains[0].delta == 40
    assert (found.base, found.tuned) == ("base", "tuned")


def test_the_main_task_comes_first():
    pairs = both(table(both=5, probe="shifted"), table(both=5, probe="task"), table(both=5, probe="facts"))
    found = compare(*pairs, ["shifted", "task", "other"])
    assert [change.probe for change in found.gains] == ["task", "shifted"]
    assert 'The task probe "other" was not measured.' in found.notes


def test_order_of_items_and_measurements_does_not_matter():
    rng = np.random.default_rng(0)
    scores = {f"i{i}": float(s) for i, s in enumerate(rng.uniform(0.2, 0.8, 60))}
    after = {item: score + rng.normal(0, 0.1) * 0.5 for item, score in scores.items()}
    clusters = {item: f"c{int(item[1:]) // 2}" for item in scores}
    shuffled = list(after)
    random.Random(1).shuffle(shuffled)
    first = compare(
        [measurement("a", scores, clusters=clusters), table(3, 1, 30, probe="b")[0]],
        [measurement("a", after, clusters=clusters), table(3, 1, 30, probe="b")[1]],
    )
    second = compare(
        [measurement("a", {i: scores[i] for i in shuffled}, clusters=clusters), table(3, 1, 30, probe="b")[0]],
        [table(3, 1, 30, probe="b")[1], measurement("a", {i: after[i] for i in shuffled[::-1]})],
    )
    assert first == second


def test_the_bootstrap_is_deterministic():
    rng = np.random.default_rng(1)
    before, after = rng.uniform(size=50), rng.uniform(size=50)
    pairs = [measurement("a", before)], [measurement("a", after)]
    assert compare(*pairs) == compare(*pairs)


def test_lower_is_better():
    rng = np.random.default_rng(2)
    before = rng.uniform(0.8, 1.2, 40)
    worse = compare([bits(scores=before)], [bits(scores=before * 1.1 + rng.normal(0, 0.01, 40))]).losses[0]
    assert worse.unit == "percent"
    assert worse.delta == pytest.approx(-10, abs=1)
    assert worse.loss_low < 10 < worse.loss_high
    assert worse.lost == 40
    assert worse.before == pytest.approx(before.mean())
    wrong = measurement("refuses", [1, 1, 0, 0], higher_is_better=False, metric="wrong refusals")
    more = measurement("refuses", [1, 1, 1, 0], higher_is_better=False, metric="wrong refusals")
    change = compare([wrong], [more]).losses[0]
    assert (change.delta, change.lost, change.won) == (-25, 1, 0)


def test_percent_of_the_base_is_a_ratio_of_means():
    found = compare([bits(scores=[1.0, 3.0, 2.0])], [bits(scores=[1.0, 3.0, 2.6])]).losses[0]
    assert found.delta == pytest.approx(-10)
    assert found.low < -10 < found.high


def test_a_base_of_no_bits_is_refused():
    with pytest.raises(UserError, match="above 0"):
        compare([bits(scores=[0.0, 0.0])], [bits(scores=[1.0, 0.0])])


def test_continuous_shares():
    rng = np.random.default_rng(3)
    before = rng.uniform(0.4, 0.8, 50)
    found = compare([measurement(scores=before)], [measurement(scores=before - rng.uniform(0, 0.1, 50))]).losses[0]
    assert not found.binary
    assert found.loss_low == pytest.approx(5, abs=1.2)
    assert found.loss_low < -found.delta < found.loss_high
    assert found.p_loss < 1e-6
    few = compare([measurement(scores=before[:20])], [measurement(scores=before[:20] - 0.05)]).losses[0]
    assert (few.loss_low, few.loss_high) == pytest.approx((5, 5))


def test_clusters_widen_the_interval():
    before, after = table(lost=20, won=10, both=170)
    clusters = {item: f"c{i // 10}" for i, item in enumerate(before.scores)}
    alone = compare([before], [after]).losses[0]
    shared = compare([before.model_copy(update={"clusters": clusters})], [after]).losses[0]
    assert shared.effective_items < 60 < alone.effective_items
    assert shared.loss_high > alone.loss_high + 2
    assert shared.delta == alone.delta
    assert shared.p_loss > alone.p_loss


def test_the_pooled_loss():
    pairs = both(
        table(lost=10, both=90, probe="a"),
        table(both=50, probe="b"),
        table(lost=5, both=95, probe="task"),
        (bits(scores=[1.0, 1.1, 1.2]), bits(scores=[1.3, 1.2, 1.4])),
        (measurement("c", [1] * 25 + [0] * 75, chance=0.25), measurement("c", [0] * 100, chance=0.25)),
    )
    found = compare(*pairs, {"task"})
    assert found.pooled.probe == "pooled"
    assert found.pooled.delta == pytest.approx(-5)
    assert (found.pooled.before, found.pooled.after) == pytest.approx((100, 95))
    assert (found.pooled.items, found.pooled.lost, found.pooled.won) == (150, 10, 0)
    assert found.pooled.metric == "mean of 2 probes"
    assert found.pooled.loss_low < 5 < found.pooled.loss_high
    error = math.sqrt(found.pooled.variance / found.pooled.effective_items)
    assert error == pytest.approx(100 * math.sqrt(0.1 * 0.9 / 99) / 2)


def test_nothing_to_pool():
    only_bits = compare([bits(scores=[1.0, 1.1])], [bits(scores=[1.0, 1.2])])
    assert only_bits.pooled is None
    only_task = compare(*both(table(both=5, probe="task")), {"task"})
    assert only_task.pooled is None
    assert only_task.losses == []


def test_near_chance_is_noted_and_left_out():
    guessing = [1] * 26 + [0] * 74
    found = compare([measurement("quiz", guessing, chance=0.25)], [measurement("quiz", guessing, chance=0.25)])
    assert found.losses[0].near_chance
    assert found.pooled is None
    assert any("near chance" in note and "quiz" in note for note in found.notes)
    knowing = [1] * 60 + [0] * 40
    assert (
        not compare([measurement(scores=knowing, chance=0.25)], [measurement(scores=knowing, chance=0.25)])
        .losses[0]
        .near_chance
    )
    mute = [1] * 2 + [0] * 98
    assert compare([measurement(scores=mute)], [measurement(scores=mute)]).losses[0].near_chance
    task = compare([measurement("task", mute)], [measurement("task", mute)], {"task"})
    assert not task.gains[0].near_chance


def test_a_harmful_rate_near_its_ceiling_cannot_get_worse():
    nearly_all = [1] * 99 + [0]
    found = compare(
        [measurement(scores=nearly_all, higher_is_better=False)],
        [measurement(scores=nearly_all, higher_is_better=False)],
    )
    assert found.losses[0].near_chance


def test_clusters_count_for_near_chance():
    scores = [1] * 48 + [0] * 72
    before = measurement(scores=scores, chance=0.25)
    clusters = {item: f"c{i // 12}" for i, item in enumerate(before.scores)}
    assert not compare([before], [before]).losses[0].near_chance
    clustered = before.model_copy(update={"clusters": clusters})
    assert compare([clustered], [clustered]).losses[0].near_chance


def test_items_on_one_side_are_counted():
    before = measurement(scores={"a": 1, "b": 1, "c": 0}, left_out={"z": "too long"})
    after = measurement(scores={"b": 1, "c": 1, "d": 1}, left_out={"z": "too long", "a": "too long"})
    found = compare([before], [after])
    assert (found.losses[0].items, found.losses[0].unpaired) == (3, 1)
    assert any("1 items were scored on one side only" in note for note in found.notes)
    assert any("1 items could not be scored on either side" in note for note in found.notes)


def test_probes_on_one_side_are_noted():
    found = compare([*table(both=3, probe="a")[:1], table(both=3, probe="b")[0]], [table(both=3, probe="a")[1]])
    assert [change.probe for change in found.losses] == ["a"]
    assert any('"b"' in note and "only before" in note for note in found.notes)


def test_probes_without_items_are_noted_and_nothing_at_all_is_refused():
    empty = measurement("b", {}, left_out={"x": "too long"})
    found = compare([table(both=3, probe="a")[0], empty], [table(both=3, probe="a")[1], empty])
    assert any('"b" has no item' in note for note in found.notes)
    with pytest.raises(UserError, match="No item was scored on both sides"):
        compare([empty], [empty])


def test_no_shared_probe_is_refused():
    with pytest.raises(UserError, match=r"Before: a \(test\)\. After: b \(test\)"):
        compare([table(both=3, probe="a")[0]], [table(both=3, probe="b")[0]])
    with pytest.raises(UserError, match="none"):
        compare([], [])


def test_no_shared_item_is_refused():
    with pytest.raises(UserError, match="share no item"):
        compare([measurement(scores={"a": 1})], [measurement(scores={"b": 1})])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_scores_that_are_not_numbers_are_refused(bad):
    good, wrong = measurement(scores={"a": 1, "b": 0}), measurement(scores={"a": 1, "b": bad})
    with pytest.raises(UserError, match=r"(?s)not numbers.*b: "):
        compare([good], [wrong])
    with pytest.raises(UserError, match="before"):
        compare([wrong], [good])


def test_shares_outside_their_range_are_refused():
    with pytest.raises(UserError, match="not shares"):
        compare([measurement(scores={"a": 1})], [measurement(scores={"a": 55.0})])


@pytest.mark.parametrize(
    "values", [{"metric": "f1"}, {"unit": "bits per byte"}, {"higher_is_better": False}, {"chance": 0.25}]
)
def test_different_measures_are_refused(values):
    with pytest.raises(UserError, match=next(iter(values))):
        compare([measurement(scores=[1, 0])], [measurement(scores=[1, 0], **values)])


def test_different_settings_are_refused_with_both_values():
    first = measurement(scores=[1, 0], settings={"precision": "bf16", "limit": 3})
    second = measurement(scores=[1, 0], settings={"precision": "4bit", "limit": 3, "shots": 5})
    with pytest.raises(UserError, match='precision is "bf16" before and "4bit" after') as error:
        compare([first], [second])
    assert "shots is not set before and 5 after" in str(error.value)
    assert "2 problems" in str(error.value)


def test_harmless_settings_are_noted():
    first = measurement(scores=[1, 0], settings={"batch_size": 8, "limit": 100, "fingerprint": "x"})
    second = measurement(scores=[1, 0], settings={"batch_size": 16, "limit": 200, "fingerprint": "y"})
    assert sum("setting" in note for note in compare([first], [second]).notes) == 2
    same_limit = second.model_copy(update={"settings": {**second.settings, "limit": 100}})
    with pytest.raises(UserError, match="fingerprint"):
        compare([first], [same_limit])


def test_twice_the_same_probe_and_two_splits_are_refused():
    one = measurement(scores=[1, 0])
    dev = one.model_copy(update={"split": "dev"})
    with pytest.raises(UserError, match="occurs twice"):
        compare([one, one], [one])
    with pytest.raises(UserError, match="one split at a time"):
        compare([one, dev], [one, dev])
    assert compare([dev], [dev]).losses[0].items == 2


def test_a_single_item_leaves_everything_open():
    found = compare([measurement(scores=[1])], [measurement(scores=[1])]).losses[0]
    assert found.loss_high == pytest.approx(95)
    alone = compare([bits(scores=[1.0])], [bits(scores=[1.1])]).losses[0]
    assert (alone.loss_low, alone.loss_high) == (-math.inf, math.inf)
    assert alone.p_loss == 0.5


def test_flips_beyond_guessing_are_kept_with_the_change():
    quiz = compare(*both(table(lost=40, won=30, both=60, neither=70, chance=0.25))).losses[0]
    assert (quiz.lost, quiz.won) == (40, 30)
    assert quiz.lost_beyond_guessing == pytest.approx((40 - 70 / 3) / 0.75)
    assert quiz.won_beyond_guessing == pytest.approx((30 - 70 / 3) / 0.75)
    written = compare(*both(table(lost=40, won=30, both=60, neither=70))).losses[0]
    assert (written.lost_beyond_guessing, written.won_beyond_guessing) == (None, None)


def test_flips_beyond_guessing_turn_with_the_direction():
    values = {"higher_is_better": False, "metric": "errors"}
    errors = compare(*both(table(lost=30, won=40, both=70, neither=60, chance=0.75, **values))).losses[0]
    quiz = compare(*both(table(lost=40, won=30, both=60, neither=70, chance=0.25))).losses[0]
    assert (errors.lost, errors.won) == (40, 30)
    assert errors.lost_beyond_guessing == pytest.approx(quiz.lost_beyond_guessing)
    assert errors.won_beyond_guessing == pytest.approx(quiz.won_beyond_guessing)


def test_scores_that_are_no_right_or_wrong_have_no_flips_beyond_guessing():
    parts = [0.2, 0.9, 0.4]
    found = compare([measurement(scores=parts, chance=0.5)], [measurement(scores=parts[::-1], chance=0.5)]).losses[0]
    assert found.lost_beyond_guessing is None


def test_what_could_not_be_scored_after_counts_as_lost():
    """Leaving it out would let a model pass whose likelihoods became NaN."""
    before = measurement(scores=[1] * 100)
    kept = dict(list(before.scores.items())[:70])
    gone = {item: "the model's likelihood is not finite" for item in before.scores if item not in kept}
    after = measurement(scores=kept, left_out=gone, model="tuned")
    found = compare([before], [after])
    (change,) = found.losses
    assert (change.items, change.lost, change.delta) == (100, 30, -30)
    assert judge(found, Gate()).outcome == "forgot"
    assert any("30 items that were scored before could not be scored after" in note for note in found.notes)
    whole = measurement(scores={}, left_out={**dict.fromkeys(kept, "no"), **gone}, model="tuned")
    assert compare([before], [whole]).losses[0].delta == -100


def test_an_item_that_was_not_asked_is_left_out():
    before = measurement(scores=[1] * 100)
    after = measurement(scores=dict(list(before.scores.items())[:70]), model="tuned")
    assert compare([before], [after]).losses[0].items == 70


def test_open_ended_scores_that_are_gone_count_as_the_worst():
    before = bits(scores=[1.0, 1.1, 0.9, 1.2] * 10)
    kept = dict(list(before.scores.items())[:-4])
    gone = {item: "not finite" for item in before.scores if item not in kept}
    found = compare([before], [bits(scores=kept, left_out=gone, model="tuned")])
    assert found.losses[0].items == 40 and found.losses[0].delta < 0


def test_with_other_limits_the_same_items_must_still_be_asked_the_same():
    """The same questions with other accepted answers have the same ids."""

    def side(limit, unlimited):
        settings = {"limit": limit, "fingerprint": f"{limit}-{unlimited}"}
        return measurement(
            scores=[1, 0, 1], settings=settings | ({"unlimited_fingerprint": unlimited} if unlimited else {})
        )

    with pytest.raises(UserError, match="unlimited_fingerprint"):
        compare([side(3, "Paris")], [side(4, "London")])
    assert compare([side(3, "Paris")], [side(4, "Paris")]).losses
    assert compare([side(3, "Paris")], [side(4, None)]).losses, "an older file does not say"
