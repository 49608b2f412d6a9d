"""Numbers of a task matrix against ones worked out by hand, and intervals that cover."""

import numpy as np
import pytest
from scipy import stats

from retain.comparison import task_matrix
from retain.errors import UserError
from retain.records import Measurement

TASKS = ["a", "b", "c"]
NAMES = ["base", *TASKS]


def measured(scores, task="a", left_out=(), **changes):
    values = {f"{task}{place}": float(score) for place, score in enumerate(scores)}
    found = {
        "probe": task, "capability": task, "metric": "exact match", "value": float(np.mean(scores)),
        "higher_is_better": True, "unit": "share", "split": "test", "model": "m",
        "scores": {item: score for item, score in values.items() if item not in left_out},
        "left_out": dict.fromkeys(left_out, "gave up"),
    }  # fmt: skip
    return Measurement(**{**found, **changes})


def right(count, task, items=10):
    """The first ``count`` of the items answered rightly."""
    return measured([place < count for place in range(items)], task)


def table(*counts, items=10):
    return [{task: right(count, task, items) for task, count in zip(TASKS, row, strict=True)} for row in counts]


ROWS = table((1, 2, 0), (9, 3, 1), (6, 10, 4), (2, 7, 8))
"""R = [[10, 20, 0], [90, 30, 10], [60, 100, 40], [20, 70, 80]]."""


def test_the_numbers_are_those_worked_out_by_hand():
    assert task_matrix.matrix(ROWS, TASKS) == [[10, 20, 0], [90, 30, 10], [60, 100, 40], [20, 70, 80]]
    assert task_matrix.accuracy(ROWS, TASKS).value == pytest.approx((20 + 70 + 80) / 3)
    assert task_matrix.backward_transfer(ROWS, TASKS).value == pytest.approx(((20 - 90) + (70 - 100)) / 2)
    assert task_matrix.forward_transfer(ROWS, TASKS).value == pytest.approx(((30 - 20) + (40 - 0)) / 2)
    assert task_matrix.learned(ROWS, TASKS, [1, 2, 3]).value == pytest.approx((80 + 80 + 80) / 3)
    found = task_matrix.forgetting(ROWS, TASKS, NAMES)
    assert [(one.task, one.best) for one in found] == [("a", "a"), ("b", "b"), ("c", "c")]
    assert [one.value for one in found] == pytest.approx([70, 30, 0])
    assert [task_matrix.accuracy(ROWS, TASKS).tasks, task_matrix.backward_transfer(ROWS, TASKS).tasks] == [3, 2]


def test_every_interval_holds_its_estimate_and_narrows_with_items():
    few, many = ROWS, [{task: right(int(10 * one.value) * 20, task, 200) for task, one in row.items()} for row in ROWS]
    for number in (task_matrix.accuracy, task_matrix.backward_transfer, task_matrix.forward_transfer):
        wide, narrow = number(few, TASKS), number(many, TASKS)
        assert wide.low < wide.value < wide.high and narrow.value == pytest.approx(wide.value)
        assert narrow.high - narrow.low < 0.5 * (wide.high - wide.low)
    for one in task_matrix.forgetting(ROWS, TASKS, NAMES):
        assert 0 <= one.low <= one.value <= one.high


def test_one_stage_has_no_transfer_and_open_ended_tasks_no_mean():
    one = [{"a": right(1, "a")}, {"a": right(9, "a")}]
    assert task_matrix.backward_transfer(one, ["a"]) is None and task_matrix.forward_transfer(one, ["a"]) is None
    bits = {"unit": "bits per byte", "higher_is_better": False}
    rows = [{"a": measured([2.0, 1.0], **bits), "b": right(n, "b")} for n in (1, 2, 9)]
    assert task_matrix.matrix(rows, ["a", "b"])[0] == [1.5, 10.0]
    assert task_matrix.accuracy(rows, ["a", "b"]).value == pytest.approx(90)
    assert task_matrix.backward_transfer(rows, ["a", "b"]) is None
    assert [found.task for found in task_matrix.forgetting(rows, ["a", "b"], ["base", "a", "b"])] == ["b"]


def test_all_rows_are_of_the_same_items_and_no_score_is_the_worst_one():
    rows = [{"a": measured([1, 1, 1, 0])}, {"a": measured([1, 1, 1])}, {"a": measured([1, 1, 1], left_out=("a1",))}]
    same = task_matrix.shared_items(rows, "a")
    assert [len(row["a"].scores) for row in same] == [3, 3, 2]
    assert task_matrix.matrix(same, ["a"]) == [[100], [100], [pytest.approx(200 / 3)]]
    assert task_matrix.accuracy(same, ["a"]).value == pytest.approx(200 / 3)
    with pytest.raises(UserError, match="share no item"):
        task_matrix.shared_items([{"a": measured([1])}, {"a": measured([0, 1]).model_copy(
            update={"scores": {"x": 1.0}})}], "a")  # fmt: skip


def test_what_was_not_measured_is_missing_and_not_zero():
    rows = [dict(row) for row in ROWS]
    del rows[1]["c"]
    assert task_matrix.matrix(rows, TASKS)[1] == [90, 30, None]
    assert task_matrix.forgetting(rows, TASKS, NAMES)[2].value == 0
    del rows[2]["c"]
    assert task_matrix.forward_transfer(rows, TASKS).tasks == 1  # c was not measured right before its stage


def test_a_gain_for_the_verdict_has_the_same_estimate():
    pairs = [(ROWS[0][task], ROWS[number][task]) for number, task in enumerate(TASKS, 1)]
    gain, plain = task_matrix.mean_gain(pairs, "all tasks"), task_matrix.mean_change(pairs)
    assert (gain.delta, gain.low, gain.high) == pytest.approx((plain.value, plain.low, plain.high))
    assert gain.before == pytest.approx(10) and gain.after == pytest.approx(90) and gain.items == 30
    assert gain.won == 24 and gain.lost == 0 and -gain.loss_high > gain.low - 1e-9
    assert task_matrix.mean_gain([], "x") is None and task_matrix.mean_change([]) is None


def test_with_many_items_the_interval_is_that_of_a_bootstrap_of_items_within_tasks():
    draw = np.random.default_rng(1)
    pairs = []
    for task, loss in (("a", 0.3), ("b", 0.1)):
        before = draw.random(400) < 0.8
        pairs.append((measured(before, task), measured(before & (draw.random(400) > loss), task)))
    found = task_matrix.mean_change(pairs)
    means = []
    for _ in range(2000):
        parts = []
        for before, after in pairs:
            change = np.array([after.scores[item] - score for item, score in before.scores.items()])
            parts.append(change[draw.integers(0, 400, 400)].mean())
        means.append(100 * np.mean(parts))
    low, high = np.quantile(means, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.8) and found.high == pytest.approx(high, abs=0.8)


def test_intervals_cover_where_few_answers_change_and_a_bootstrap_does_not():
    """Two earlier tasks of 60 items, each answer of which is lost with a probability of 2%: exact, over what is likely.

    What is left out (more than 5 of 60 lost, one in 700) counts as not covered.
    """
    items, truth = 60, 2.0
    likely = range(6)
    chance = stats.binom.pmf(likely, items, truth / 100)
    covered = booted = kept = 0.0
    for one in likely:
        for other in range(one + 1):
            weight = chance[one] * chance[other] * (1 if one == other else 2)
            rows = table((0, 0, 0), (items, 0, 0), (items, items, 0), (items - one, items - other, items), items=items)
            found = task_matrix.backward_transfer(rows, TASKS)
            covered += weight * (found.low <= -truth <= found.high)
            low, high = _percentiles(one, other, items)
            booted += weight * (low <= -truth <= high)
            first = task_matrix.forgetting(rows, TASKS, NAMES)[0]
            kept += weight * (first.low <= truth <= first.high)
    assert covered >= 0.95 and kept >= 0.95
    assert booted < 0.92


def _percentiles(one, other, items, draws=20000):
    """The bootstrap of items within each of two tasks with so many losses."""
    draw = np.random.default_rng(0)
    lost = [draw.binomial(items, count / items, draws) / items for count in (one, other)]
    return np.quantile(-50 * (lost[0] + lost[1]), [0.025, 0.975])
