import re

import pytest

from retain.records import Comparison, Gate
from retain.reporting.runs import (
    capabilities,
    cautions,
    headline,
    mean_margin,
    multiplicity,
    remarks,
    render_runs,
    runs_of,
    trades,
)
from retain.reporting.runs_html import render_runs_html

from .makers import make_change, make_full_record, make_measurement, make_record, make_verdict
from .test_html import EVIL, Page


def two():
    other = make_record(verdict=make_verdict(outcome="retained", gain="not measured"))
    return runs_of([("plain", make_full_record()), ("kept", other)])


def test_equal_names_are_numbered():
    names = [run.name for run in runs_of([("a", make_record()), ("b", make_record()), ("a", make_record())])]
    assert names == ["a (1)", "b", "a (2)"]


def test_each_run_is_a_row_with_its_numbers():
    first, second = two()
    assert (first.outcome, first.gain.delta, first.mean.delta, first.worst.label) == (
        "forgot",
        "+46.9",
        "-5.2",
        "facts",
    )
    assert (first.unproven, first.symptoms, second.symptoms, second.gain, second.mean) == (1, "1", "", None, None)
    assert headline(two()) == "2 runs: 1 forgot, 1 retained."


def test_capabilities_are_rows_and_what_one_run_lacks_is_missing():
    table = dict(capabilities(two()))
    assert next(iter(table)) == "facts"
    assert [row.delta for row in table["facts"]] == ["-13.1", "-13.1"]
    assert table["science"][1] is None


def test_a_point_is_the_gain_against_the_mean_loss_with_their_intervals():
    (point,) = trades(two())
    assert (point.label, point.gain, point.loss) == ("plain", 46.9, 5.17)
    assert (point.gain_range, point.loss_range) == ((33.4, 60.2), (3.1, 7.3))
    assert not point.passing


def test_a_margin_is_drawn_only_where_all_runs_share_it():
    wide = make_record(verdict=make_verdict(gate=Gate(mean_margin=5)))
    assert mean_margin(two()) == 1.0
    assert mean_margin(runs_of([("a", make_record()), ("b", wide)])) is None


def test_what_makes_runs_less_comparable_is_said():
    same = runs_of([("a", make_record()), ("b", make_record())])
    assert cautions(same) == []
    wide = make_record(
        comparison=Comparison(base="other", tuned="t", gains=[], losses=[make_change("x")], pooled=None),
        before=[make_measurement(scores={"other": 1.0})],
        verdict=make_verdict(gate=Gate(mean_margin=5)),
    )
    found = " ".join(cautions(runs_of([("a", make_record()), ("b", wide)])))
    for words in ("different bases (", "No capability was measured in every run", "different margins"):
        assert words in found


def test_items_are_those_that_both_models_scored():
    ends = [[make_measurement("x", scores=dict.fromkeys(items, 1.0))] for items in ("abc", "ab")]
    few = make_record(before=ends[0], after=ends[1])
    assert cautions(runs_of([("a", few), ("b", few)])) == []
    whole = make_record(before=ends[0], after=ends[0])
    assert any("same items (x)" in one for one in cautions(runs_of([("a", few), ("b", whole)])))


def test_bases_of_one_name_may_be_unlike():
    ones = [make_record(before=[make_measurement(model=model)], after=[]) for model in ("f1", "f2")]
    assert any("one name but were not the same" in one for one in cautions(runs_of(list(zip("ab", ones, strict=True)))))


def test_several_verdicts_are_less_sure_than_one():
    runs = runs_of([(str(i), make_record()) for i in range(3)])
    assert "Over 3 runs" in multiplicity(runs) and "up to 15%" in multiplicity(runs)
    assert "Over 3 models" in multiplicity(runs, "model")
    assert multiplicity(runs[:1]) == ""
    assert "up to 100%" in multiplicity(runs * 20)
    assert multiplicity(runs) in remarks(runs) and "15%" in render_runs(runs) and "15%" in render_runs_html(runs, {})


def test_both_reports_hold_the_numbers():
    page = Page(render_runs_html(two(), {"plain": "../plain/report.html"}))
    assert "plain" in page.words and "+46.9" in page.words and "−5.2" in page.words and "not measured" in page.words
    assert "../plain/report.html" in {a["href"] for a in page.all("a")}
    text = render_runs(two())
    assert "| plain | ✗ forgot | +46.9 | -5.2 |" in text and "| facts | ✗ -13.1 (-17.4 to -8.7) |" in text


@pytest.mark.parametrize("render", [render_runs, lambda runs: render_runs_html(runs, {})])
def test_foreign_text_is_text(render):
    evil = make_record(
        title=EVIL,
        comparison=Comparison(
            base=EVIL, tuned=EVIL, gains=[], losses=[make_change("x", capability=EVIL)], pooled=make_change("pooled")
        ),
    )
    text = render(runs_of([(EVIL, evil), ("b\x1b\u202e", evil)]))
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", text)
    assert not re.search(r"(?<!\\)<(img|script>alert)", text)


def test_hundreds_of_capabilities_fit_a_comment():
    losses = [make_change(f"capability {i} " + "x" * 150) for i in range(600)]
    record = make_record(comparison=Comparison(base="b", tuned="t", gains=[], losses=losses, pooled=None))
    text = render_runs(runs_of([("a", record), ("b", record)]))
    assert len(text) <= 65_536 and "Cut here" in text
