from math import nan

import pytest

from retain.comparison import reasons
from retain.records import Comparison, Gate
from retain.reporting.tables import gain_rows, loss_rows, main_reasons, pooled_row, unproven

from .makers import make_change, make_full_record, make_probe_verdict, make_record, make_verdict


def losses_of(*changes, probes=(), **verdict):
    comparison = Comparison(base="b", tuned="t", gains=[], losses=list(changes), pooled=None)
    return make_record(comparison=comparison, verdict=make_verdict(probes=list(probes), **verdict))


def test_every_number_of_a_row_is_the_records():
    row = loss_rows(make_record())[0]
    numbers = (
        row.before,
        row.after,
        row.delta,
        row.interval,
        row.loss_at_most,
        row.margin,
        row.items,
        row.flips,
    )
    assert numbers == ("54.3", "41.2", "-13.1", "-17.4 to -8.7", "16.8", "3.0", "351", "12 / 58")
    assert (row.spread, row.detectable, row.outcome, row.tone) == ("19.9%", "5.7", "forgot", "bad")


def test_bits_per_byte_are_in_percent_and_their_values_keep_three_digits():
    change = make_change(
        "prose",
        unit="percent",
        before=0.957,
        after=0.969,
        delta=-1.25,
        low=-1.71,
        high=-0.79,
        binary=False,
        variance=16.0,
    )
    row = loss_rows(losses_of(change, probes=[make_probe_verdict("prose", margin=2.0, detectable=0.58)]))[0]
    assert (row.before, row.after, row.interval, row.margin) == ("0.957", "0.969", "-1.7 to -0.8%", "2.0%")
    assert (row.detectable, row.spread) == ("0.6%", "sd 4.0")


def test_clusters_show_how_many_independent_items_there_are():
    worth = loss_rows(losses_of(make_change(items=287, effective_items=190.4)))[0]
    assert worth.measured == "287 (worth 190)"
    assert loss_rows(losses_of(make_change(items=287, effective_items=287.0)))[0].measured == "287"


def test_forgotten_capabilities_come_first_and_near_chance_last():
    names = {"a": "near chance", "b": "retained", "c": "inconclusive", "d": "forgot", "e": "forgot"}
    changes = [make_change(name, delta=-float(i)) for i, name in enumerate(names)]
    probes = [make_probe_verdict(name, outcome=outcome) for name, outcome in names.items()]
    record = losses_of(*changes, probes=probes)
    assert [row.label for row in loss_rows(record)] == ["e", "d", "c", "b", "a"]
    assert [row.label for row in unproven(record)] == ["c"]


def test_a_change_that_nobody_judged_is_unproven_at_the_gates_margin():
    gate = Gate(margin=4.0, bits_margin=2.0)
    rows = loss_rows(losses_of(make_change("x"), make_change("y", unit="percent"), gate=gate))
    assert {row.probe: (row.outcome, row.margin) for row in rows} == {
        "x": ("inconclusive", "4.0"),
        "y": ("inconclusive", "2.0%"),
    }


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(-0.5, 0.9, "retained"), (1.1, 2.0, "forgot"), (-0.5, 1.4, "inconclusive")]
)
def test_the_pooled_mean_is_held_against_the_mean_margin(low, high, expected):
    pooled = make_change("pooled", loss_low=low, loss_high=high)
    comparison = Comparison(base="b", tuned="t", gains=[], losses=[], pooled=pooled)
    row = pooled_row(make_record(comparison=comparison))
    assert (row.outcome, row.margin, row.pooled) == (expected, "1.0", True)


def test_a_pooled_mean_of_unknown_variance_is_shown_without_what_it_could_detect():
    comparison = Comparison(
        base="b", tuned="t", gains=[], losses=[], pooled=make_change("pooled", variance=nan, binary=False)
    )
    row = pooled_row(make_record(comparison=comparison))
    assert (row.detectable, row.spread) == ("n/a", "n/a")


def test_the_main_gain_carries_the_verdicts_word_and_others_their_own():
    main = make_change("task", loss_low=-50.0, loss_high=-30.0)
    shifted = make_change("task shifted", loss_low=-5.0, loss_high=2.0)
    worse = make_change("task other", loss_low=1.0, loss_high=9.0)
    comparison = Comparison(base="b", tuned="t", gains=[shifted, main, worse], losses=[], pooled=None)
    record = make_record(comparison=comparison, verdict=make_verdict(gain="learned"))
    assert [row.outcome for row in gain_rows(record)] == ["inconclusive", "learned", "not learned"]


def test_reasons_that_the_table_of_unproven_repeats_are_left_out():
    record = make_full_record()
    told = ["facts lost 13.1 points", *reasons.unproven(record.comparison.losses, record.verdict.probes)]
    assert len(told) == 3
    record = record.model_copy(update={"verdict": record.verdict.model_copy(update={"reasons": told})})
    assert main_reasons(record) == ["facts lost 13.1 points"]


def test_probes_that_share_a_capability_are_told_apart():
    changes = [make_change(probe, capability="commonsense") for probe in ("hellaswag", "piqa")]
    rows = loss_rows(losses_of(*changes, make_change("facts", capability="knowledge")))
    assert sorted(row.label for row in rows) == ["commonsense (hellaswag)", "commonsense (piqa)", "knowledge"]
