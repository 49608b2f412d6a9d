from retain.records import Comparison
from retain.reporting.pairs import fallen, pairs, shown

from .makers import make_change, make_measurement, make_record


def record_of(base, tuned, **more):
    return make_record(
        before=[make_measurement("facts", base, **more)], after=[make_measurement("facts", tuned, **more)]
    )


def test_the_greatest_fall_comes_first_and_equals_follow_their_ids():
    base = [("p0", "a", 0.5), ("p1", "b", 1.0), ("p2", "c", 1.0), ("p3", "d", 0.0)]
    tuned = [("p0", "x", 0.4), ("p1", "y", 0.0), ("p2", "z", 0.0), ("p3", "w", 1.0)]
    assert [pair.item for pair in pairs(record_of(base, tuned))] == ["i1", "i2", "i0", "i3"]
    assert [pair.item for pair in fallen(record_of(base, tuned))] == ["i1", "i2", "i0"]


def test_where_lower_is_better_a_higher_score_is_a_fall():
    record = record_of([("p", "a", 0.9)], [("p", "b", 1.4)], higher_is_better=False)
    assert [round(pair.change, 6) for pair in fallen(record)] == [-0.5]


def test_an_item_that_only_one_model_answered_is_no_pair():
    assert pairs(record_of([("p0", "a", 1.0), ("p1", "b", 1.0)], [("p0", "x", 0.0)]))[0].item == "i0"
    assert len(pairs(record_of([("p0", "a", 1.0), ("p1", "b", 1.0)], [("p0", "x", 0.0)]))) == 1


def test_items_of_the_task_are_never_what_was_lost():
    record = record_of([("p", "a", 1.0)], [("p", "b", 0.0)])
    task = Comparison(base="b", tuned="t", gains=[make_change("facts")], losses=[], pooled=None)
    assert len(fallen(record)) == 1
    assert fallen(record.model_copy(update={"comparison": task})) == []


def test_the_first_examples_come_from_several_capabilities_the_worst_hit_first():
    fell = [(f"p{i}", "a", 1.0) for i in range(3)], [(f"p{i}", "b", 0.0) for i in range(3)]
    record = make_record(
        before=[make_measurement("mild", fell[0]), make_measurement("hard", fell[0])],
        after=[make_measurement("mild", fell[1]), make_measurement("hard", fell[1])],
        comparison=Comparison(
            base="b",
            tuned="t",
            gains=[],
            pooled=None,
            losses=[make_change("mild", delta=-1.0), make_change("hard", delta=-20.0)],
        ),
    )
    assert [pair.probe for pair in fallen(record)] == ["hard", "mild"] * 3


def test_a_report_shows_some_falls_and_some_rises_of_each_probe():
    base = [(f"p{i}", "a", 1.0) for i in range(9)] + [(f"q{i}", "a", 0.0) for i in range(9)] + [("same", "a", 1.0)]
    tuned = [(f"p{i}", "b", 0.0) for i in range(9)] + [(f"q{i}", "b", 1.0) for i in range(9)] + [("same", "b", 1.0)]
    found = shown(record_of(base, tuned), fell=4, rose=2)
    assert [pair.change for pair in found] == [-1.0] * 4 + [1.0] * 2
