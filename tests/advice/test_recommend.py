"""Where to stop: rules on hand-made rungs."""

import pytest

from retain.advice.recommend import advise, difference, differences, standings

from .makers import make_rung


def stop(*rungs, margin=5.0):
    return advise(rungs, standings(rungs, margin), margin)


def test_it_stops_at_the_first_rung_that_nothing_above_beats_by_more_than_the_margin():
    zero, few, retrieval, lora = (
        make_rung(name, right, 400)
        for name, right in (("zero_shot", 100), ("few_shot", 340), ("retrieval", 342), ("lora", 344))
    )
    found = stop(zero, few, retrieval, lora)
    assert (found.rung, found.basis) == ("few_shot", "proven")
    assert (
        "few-shot scores 85.0; the best on dev items of the rungs above it, training, scores 86.0 (+1.0" in found.reason
    )
    assert "no rung above it more than " in found.reason
    assert found.reason.endswith("points more (95%), within the margin of 5")


def test_the_best_above_counts_and_not_the_next():
    zero, few, lora = make_rung("zero_shot", 50), make_rung("few_shot", 51), make_rung("lora", 90)
    found = standings([zero, few, lora], 5.0)
    assert [(one.rung, one.best, one.within) for one in found] == [
        ("zero_shot", "lora", "no"),
        ("few_shot", "lora", "no"),
    ]
    advised = stop(zero, few, lora)
    assert (advised.rung, advised.basis) == ("lora", "last")
    assert "every rung below scores more than 5 points less" in advised.reason and "+39.0" in advised.reason
    rungs = [zero, few, make_rung("retrieval", 3), lora]
    assert "few-shot, the best on dev items of the rungs below it, 51.0" in stop(*rungs).reason


def test_a_rung_that_is_not_shown_to_beat_the_bare_question_says_so():
    few_items = stop(make_rung("zero_shot", 0, 15), make_rung("few_shot", 3, 15), make_rung("lora", 3, 15))
    assert few_items.rung == "few_shot"
    assert "more than zero-shot is open (+20.0" in few_items.reason and "15 items are too few" in few_items.reason
    many = stop(make_rung("zero_shot", 0, 400), make_rung("few_shot", 80, 400), make_rung("lora", 80, 400))
    assert many.rung == "few_shot" and "is open" not in many.reason


def test_the_best_above_is_chosen_on_dev_items():
    zero = make_rung("zero_shot", 50)
    few, lora = make_rung("few_shot", 52, dev=80), make_rung("lora", 90, dev=60)
    assert standings([zero, few, lora], 5.0)[0].best == "few_shot"
    equal = make_rung("lora", 90, dev=80)
    assert standings([zero, few, equal], 5.0)[0].best == "few_shot", "of equals the lower rung"


def test_what_is_estimated_is_said_with_the_items_that_would_prove_it():
    zero, lora = make_rung("zero_shot", 20, 40), make_rung("lora", 21, 40)
    found = standings([zero, lora], 5.0)[0]
    assert found.within == "estimated" and found.items_needed > 40
    advised = stop(zero, lora)
    assert advised.basis == "estimated" and "by the estimate; these 40 items do not prove it" in advised.reason
    assert standings([zero, lora], 60.0)[0].within == "proven"
    assert standings([zero, lora], 60.0)[0].items_needed is None
    assert standings([zero, lora], 2.0)[0].within == "no"


@pytest.mark.parametrize("margin", [0.0, 5.0, 30.0])
def test_a_greater_margin_never_climbs_higher(margin):
    rungs = [make_rung("zero_shot", 40, 200), make_rung("few_shot", 60, 200), make_rung("lora", 110, 200)]
    order = [rung.name for rung in rungs]
    here, above = (order.index(stop(*rungs, margin=one).rung) for one in (margin, margin + 20))
    assert above <= here


def test_a_rung_that_scores_less_than_the_one_below_stops_it_there():
    zero, few = make_rung("zero_shot", 80, 200), make_rung("few_shot", 20, 200)
    assert (stop(zero, few).rung, stop(zero, few).basis) == ("zero_shot", "proven")
    assert stop(zero, few).reason.endswith("no rung above it more (95%)")
    assert stop(zero, few, margin=0.0).rung == "zero_shot"


def test_neighbours_are_paired():
    zero, few = make_rung("zero_shot", 20, 100), make_rung("few_shot", 20, 100, begin=50)
    change = difference(zero, few)
    assert (change.delta, change.won, change.lost, change.items) == (0, 20, 20, 100)
    found = differences([zero, few, make_rung("lora", 60, 100)])
    assert [(one.below, one.above) for one in found] == [("zero_shot", "few_shot"), ("few_shot", "lora")]
    assert found[1].change.delta == 40


def test_proof_is_against_every_rung_above_and_not_only_against_the_best_on_dev_items():
    few = make_rung("few_shot", 200, 400)
    retrieval, lora = make_rung("retrieval", 200, 400, dev=80), make_rung("lora", 240, 400, dev=60)
    found = standings([few, retrieval, lora], 5.0)[0]
    assert (found.best, found.change.delta, found.within) == ("retrieval", 0, "estimated")
    assert found.most > 10, "training may score as much more"
    assert standings([few, retrieval], 5.0)[0].within == "proven"
    assert standings([few, retrieval, lora], 20.0)[0].within == "proven"


@pytest.mark.parametrize(
    ("right", "items", "works"), [(0, 100, False), (9, 100, False), (10, 100, True), (1, 6, False)]
)
def test_where_no_rung_works_there_is_none_to_stop_at(right, items, works):
    rungs = [make_rung("zero_shot", 0, items), make_rung("few_shot", right, items), make_rung("lora", 0, items)]
    found = stop(*rungs, margin=3.0)
    assert (found.basis != "nothing") == works and bool(found.rung) == works
    if not works:
        assert f"on {items} items), which is not clear of 5." in found.reason and "measure.task.score" in found.reason
        assert ("hold out more rows" in found.reason) == (items < 30)


def test_a_rung_that_works_is_enough_however_bad_the_last_ones_are():
    assert stop(make_rung("zero_shot", 90), make_rung("lora", 0)).rung == "zero_shot"
