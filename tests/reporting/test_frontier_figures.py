"""A frontier's figures hold the numbers of its record."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from retain.frontier_records import FrontierRecord
from retain.reporting.factor_chart import Level, factor_plot
from retain.reporting.frontier_figures import factor_figure, factor_levels, frontier_figure

from .frontier_makers import make_arm, make_candidate, make_frontier, make_levels
from .test_charts import SVG, parsed

EVIL = "<script>alert('x')</script>\x00\u202e"


def titles(svg):
    return [title.text for title in parsed(svg).iter(f"{SVG}title")]


def texts(svg):
    return ["".join(text.itertext()) for text in parsed(svg).iter(f"{SVG}text")]


def circles(svg):
    return [(float(one.get("cx")), float(one.get("cy"))) for one in parsed(svg).iter(f"{SVG}circle")]


def test_every_point_says_what_is_known_of_it():
    assert titles(frontier_figure(make_frontier()))[2:4] == [
        "kept at strength 0.5\ngain +22.5 (+18.6 to +26.4)\nmean loss 0.3 (-0.7 to +1.2)\n"
        "worst capability: facts, loss 0.5\nwithin the margins",
        "kept at strength 1: take this\ngain +45.0 (+41.1 to +48.9)\nmean loss 0.8 (-0.2 to +1.8)\n"
        "worst capability: facts, loss 1.6\nwithin the margins",
    ]


def test_the_plain_fine_tune_and_the_point_to_take_are_marked():
    svg = frontier_figure(make_frontier())
    assert {"plain fine-tune", "take this", "base"} <= set(texts(svg))
    squares = [one for one in parsed(svg).iter(f"{SVG}rect") if one.get("width") == "10"]
    assert len(squares) == 1 and svg.count("<polygon") == 1
    without = frontier_figure(make_frontier([make_arm("other"), make_arm("kept")]))
    assert "plain fine-tune" not in texts(without)


def test_half_of_a_plain_fine_tune_is_not_called_one():
    half = [make_candidate(0.25, 10, 1), make_candidate(0.5, 20, 2)]
    svg = frontier_figure(make_frontier([make_arm("plain", plain=True, curve=half, strength=0.5), make_arm("kept")]))
    assert "plain fine-tune" not in svg and "plain at strength 0.5: gain +20.0" in svg
    assert not [one for one in parsed(svg).iter(f"{SVG}rect") if one.get("width") == "10"]
    beyond = [*half, make_candidate(1.0, 40, 4), make_candidate(1.5, 50, 9)]
    svg = frontier_figure(make_frontier([make_arm("plain", plain=True, curve=beyond), make_arm("kept")]))
    (square,) = [one for one in parsed(svg).iter(f"{SVG}rect") if one.get("width") == "10"]
    places = sorted(x for x, _ in circles(svg))
    assert places[0] < float(square.get("x")) + 5 < places[-1], "at strength 1, not at 1.5"


def test_of_several_plain_arms_one_is_named_and_all_are_squares():
    svg = frontier_figure(
        make_frontier([make_arm("plain", plain=True), make_arm("plain at twice the rate", plain=True)])
    )
    assert texts(svg).count("plain fine-tune") == 2, "once with paper around it, once with ink"
    assert len([one for one in parsed(svg).iter(f"{SVG}rect") if one.get("width") == "10"]) == 2


def test_a_plain_arm_that_is_taken_says_both():
    svg = frontier_figure(make_frontier([make_arm("kept", plain=True)]))
    assert "plain fine-tune, take this" in texts(svg)


def test_seeds_are_one_curve_and_a_failed_arm_none():
    arms = [
        make_arm("kept", 40, 0.5, 0),
        make_arm("kept", 50, 0.7, 1),
        make_arm("x"),
        make_arm("x", seed=1, failed="no"),
    ]
    svg = frontier_figure(make_frontier(arms))
    assert svg.count("<polyline") == 1
    last = titles(svg)[1].split("\n")
    assert (
        last[0] == "kept at strength 1: take this"
        and last[1].startswith("gain +45.0 (")
        and last[-1] == "mean of 2 seeds"
    )


def test_seeds_that_chose_different_strengths_have_a_point_of_their_own():
    arms = [make_arm("kept", 40, 0.5, 0, strength=0.5), make_arm("kept", 50, 0.7, 1)]
    said = [title.split("\n")[:2] for title in titles(frontier_figure(make_frontier(arms)))]
    assert ["kept at strength 0.75 (each seed at its own): take this", "gain +35.0 (-155.6 to +225.6)"] in said
    assert sum("take this" in title[0] for title in said) == 1


def test_intervals_far_beyond_the_points_do_not_squeeze_them():
    wide = make_arm("kept", curve=[make_candidate(1.0, 40, 1, gain_error=500.0, loss_error=500.0)])
    svg = frontier_figure(make_frontier([make_arm("plain", 50, 20), wide]))
    places = circles(svg)
    assert max(x for x, _ in places) - min(x for x, _ in places) > 300


def test_a_missing_number_draws_no_point():
    curve = [make_candidate(0.5), make_candidate(1.0, mean_loss=None)]
    assert len(titles(frontier_figure(make_frontier([make_arm("kept", curve=curve)])))) == 2, "a point and the legend"


@pytest.mark.parametrize("width", [330, 760, 1000])
def test_twenty_arms_and_foreign_names_are_drawn(width):
    arms = [make_arm(f"{EVIL} {number}", 40 + number, number / 9) for number in range(21)]
    root = parsed(frontier_figure(make_frontier(arms, title=EVIL), width))
    assert not [element for element in root.iter() if element.tag.endswith("script")]
    looks = {(one.get("style"), one.get("stroke-dasharray")) for one in root.iter(f"{SVG}polyline")}
    assert len(looks) == 21, "no two arms look alike"
    high = float(root.get("viewBox").split()[3])
    assert all(float(text.get("y")) < high for text in root.iter(f"{SVG}text"))


def test_levels_that_are_numbers_are_lines_in_their_order():
    svg = factor_figure(make_frontier(make_levels((20.0, 0.0, 5.0))))
    root = parsed(svg)
    change, gain = (
        [tuple(float(n) for n in point.split(",")) for point in one.get("points").split()]
        for one in root.iter(f"{SVG}polyline")
    )
    assert [x for x, _ in change] == [x for x, _ in gain] == sorted(x for x, _ in change)
    labels = [text.text for text in root.iter(f"{SVG}text")]
    assert labels[-4:] == ["0", "5", "20", "rehearsal share (%)"]
    assert {"capabilities, mean change (points)", "gain on the task (points)", "rehearsal share (%)"} <= set(labels)
    first, least, worst = (y for _, y in change)  # -7, -2 and -12 points
    assert first - least == pytest.approx(worst - first, abs=0.2) and least < first < worst
    assert titles(svg)[0] == "0: capabilities -7.0 (-8.0 to -6.2), gain +49.0 (+45.0 to +54.0)"


def test_a_level_is_the_mean_over_its_seeds_with_a_wider_interval():
    one = factor_levels(make_frontier(make_levels(seeds=(0,))))[1][0]
    three = factor_levels(make_frontier(make_levels(seeds=(0, 1, 2))))[1][0]
    assert (one.gain.value, three.gain.value) == (50, 51)
    assert (one.change.value, three.change.value) == (-12, -13)
    assert three.gain.high - three.gain.low > one.gain.high - one.gain.low


def test_levels_that_are_names_are_rows():
    svg = factor_figure(make_frontier(make_levels(("web", "<b>own</b>"), factor="rehearsal source")))
    root = parsed(svg)
    assert not list(root.iter(f"{SVG}polyline"))
    assert texts(svg).count("web") == texts(svg).count("<b>own</b>") == 2, "a row for the change, one for the gain"
    assert "-12.0 (-13.0 to -11.2)" in texts(svg) and "+50.0 (+46.0 to +55.0)" in texts(svg)
    assert "<b>" not in svg


def test_a_level_that_is_no_number_makes_rows_of_all():
    assert "<polyline" not in factor_figure(
        make_frontier(make_levels((0.001, "scan"), factor="training.learning_rate"))
    )


def test_there_is_no_figure_of_a_factor_without_two_levels():
    assert factor_figure(make_frontier()) == ""
    assert factor_figure(make_frontier(make_levels((5.0,)))) == ""
    broken = [arm.model_copy(update={"failed": "too few rows"}) for arm in make_levels((0.0, 5.0))[1:]]
    assert factor_figure(make_frontier([*make_levels((0.0, 5.0))[:1], *broken])) == ""


def test_of_several_shares_of_the_rows_the_largest_is_drawn():
    half = [arm.model_copy(update={"share": 0.5}) for arm in make_levels((0.0, 5.0, 7.0))]
    assert len(factor_levels(make_frontier([*half, *make_levels((0.0, 5.0))]))[1]) == 2


@pytest.mark.parametrize("level", [0.0, 5.0, "web", None])
def test_a_level_survives_being_stored(level):
    record = make_frontier([make_arm(level=level, factor="x")])
    assert FrontierRecord.model_validate_json(record.model_dump_json()).arms[0].level == level


def test_a_level_without_numbers_is_not_drawn():
    nothing = Level(1.0, "1", None, None)
    assert factor_plot([nothing], "t", "f", 1.0) == ""
    known = factor_levels(make_frontier(make_levels()))[1]
    assert factor_plot([*known, nothing], "t", "f", 1.0) == factor_plot(known, "t", "f", 1.0)


def test_colours_come_from_the_page_and_have_a_stand_in():
    for svg in (frontier_figure(make_frontier()), factor_figure(make_frontier(make_levels()))):
        assert all(re.fullmatch(r"var\(--[\w-]+,#\w+\)", found) for found in re.findall(r"var\([^)]*\)", svg))
        ElementTree.fromstring(svg)
