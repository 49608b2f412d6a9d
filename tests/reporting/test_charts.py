import re
import xml.etree.ElementTree as ElementTree
from math import inf, isfinite, nan

import pytest

from retain.reporting.charts import Mark, Series, Setting, forest_plot, line_chart, strength_curve
from retain.reporting.drawing import PAPER, ticks
from retain.reporting.frontier_chart import Curve, Place, frontier_plot

SVG = "{http://www.w3.org/2000/svg}"
POSITIONS = ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "points")


def parsed(svg):
    """The SVG's tree, after checking that every coordinate in it is a finite number."""
    tree = ElementTree.fromstring(svg)
    for element in tree.iter():
        for name in POSITIONS:
            for number in re.split(r"[ ,]+", element.get(name, "0")):
                assert isfinite(float(number)), (element.tag, name, number)
    assert "nan" not in svg.lower().replace("finance", "")
    assert "inf" not in re.sub(r">[^<]*<|aria-label=\"[^\"]*\"", "", svg)
    return tree


def mark(value=-1.0, low=-2.0, high=0.5, **more):
    return Mark(**{"label": "facts", "value": value, "low": low, "high": high, "limit": -3.0, **more})


@pytest.mark.parametrize("width", [330, 1000])
@pytest.mark.parametrize(
    "marks",
    [
        [mark()],
        [mark(0.0, 0.0, 0.0, limit=0.0)],
        [mark(0.0, 0.0, 0.0, limit=None)],
        [mark(1e308, -1e308, 1e308)],
        [mark(-1e-12, -2e-12, 0.0, limit=-1e-13)],
        [mark(5, 5, 5), mark(-5, -5, -5, strong=True)],
        [mark(limit=nan), mark(limit=inf)],
        [mark(), mark(nan, nan, nan), mark(1, -inf, inf)],
        [mark(label="x" * 300)],
    ],
)
def test_a_forest_plot_of_anything_is_finite(marks, width):
    parsed(forest_plot(marks, "Changes", "points", width=width))


def test_a_forest_plot_without_a_number_is_no_plot():
    assert forest_plot([], "Changes", "points") == ""
    assert forest_plot([mark(nan, nan, nan)], "Changes", "points") == ""


def test_a_worse_change_stands_further_left_and_its_bar_is_its_interval():
    tree = parsed(forest_plot([mark(-5, -8, -2), mark(3, 1, 4)], "Changes", "points", width=1000))
    worse, better = (float(dot.get("cx")) for dot in tree.iter(f"{SVG}circle"))
    assert worse < better
    bars = [line for line in tree.iter(f"{SVG}line") if line.get("stroke-width") == "2.4"]
    for bar, dot in zip(bars, (worse, better), strict=True):
        assert float(bar.get("x1")) < dot < float(bar.get("x2"))
    left, right = (float(bars[0].get(end)) for end in ("x1", "x2"))
    scale = (better - worse) / 8
    assert right - left == pytest.approx(6 * scale, abs=0.3)


def test_the_margin_is_drawn_where_it_is():
    tree = parsed(forest_plot([mark(0, -6, 6, limit=-6)], "Changes", "points", width=1000))
    dashed = next(line for line in tree.iter(f"{SVG}line") if line.get("stroke-dasharray"))
    bar = next(line for line in tree.iter(f"{SVG}line") if line.get("stroke-width") == "2.4")
    assert dashed.get("x1") == bar.get("x1")


def test_a_chart_tells_its_numbers_to_those_who_cannot_see_it():
    tree = parsed(forest_plot([mark(-5.25, -8, -2)], "Changes", "points"))
    assert tree.get("role") == "img"
    assert "facts: -5.2, interval -8.0 to -2.0" in tree.get("aria-label")


def test_labels_are_text_and_never_markup():
    svg = forest_plot([mark(label="<script>x</script>&\"'", note="<b>")], "<t>", "<a>")
    tree = parsed(svg)
    assert {element.tag.removeprefix(SVG) for element in tree.iter()} <= {
        "svg",
        "g",
        "title",
        "text",
        "line",
        "rect",
        "circle",
        "polygon",
    }
    assert any(element.text == "<script>x</script>&\"'" for element in tree.iter(f"{SVG}text"))


@pytest.mark.parametrize(
    "points",
    [
        [(0, 1)],
        [(0, 1), (1, 1)],
        [(0, 0), (0, 0)],
        [(0, 2e-4), (9, 2e-4)],
        [(0, 1e308), (1, -1e308)],
        [(0, nan), (1, 2)],
    ],
)
def test_a_line_chart_of_anything_is_finite(points):
    parsed(line_chart([Series("loss", points)], "loss", "step"))


def test_a_flat_small_line_has_an_axis_of_its_own_size():
    tree = parsed(line_chart([Series("rate", [(0, 2e-4), (9, 2e-4)])], "rate", "step"))
    labels = [element.text for element in tree.iter(f"{SVG}text")]
    assert "0.0002" in labels
    assert "0.5" not in labels


def test_a_line_chart_without_points_is_no_chart():
    assert line_chart([Series("loss", [(0, nan)]), Series("kl", [])], "loss", "step") == ""


def test_every_series_is_drawn_and_named():
    tree = parsed(line_chart([Series("loss", [(0, 3), (1, 2)]), Series("kl", [(0, 0), (1, 1)])], "t", "step"))
    assert len(list(tree.iter(f"{SVG}polyline"))) == 2
    assert {"loss", "kl"} <= {element.text for element in tree.iter(f"{SVG}text")}


def setting(label, gain=10.0, **more):
    return Setting(**{"label": label, "gain": gain, "mean_loss": 1.0, "worst_loss": 2.0, "passing": True, **more})


@pytest.mark.parametrize(
    "settings",
    [
        [setting("1")],
        [setting("1", gain=None), setting("0.5", mean_loss=None, worst_loss=None)],
        [setting("1", gain=nan, mean_loss=inf), setting("0", gain=0.0, mean_loss=0.0, worst_loss=0.0)],
        [setting(str(i), gain=1e300 * i) for i in range(40)],
    ],
)
@pytest.mark.parametrize("width", [330, 1000])
def test_a_strength_curve_of_anything_is_finite(settings, width):
    parsed(strength_curve(settings, "Strength", "strength", 1.0, 3.0, width))


def test_a_strength_curve_without_numbers_is_no_curve():
    nothing = setting("1", gain=None, mean_loss=None, worst_loss=None)
    assert strength_curve([nothing], "Strength", "strength", 1.0, 3.0) == ""
    assert strength_curve([], "Strength", "strength", 1.0, 3.0) == ""


def test_settings_that_do_not_pass_are_hollow():
    svg = strength_curve([setting("1", passing=False), setting("0.5", chosen=True)], "S", "strength", 1.0, 3.0)
    fills = [circle.get("style").split(";")[0] for circle in parsed(svg).iter(f"{SVG}circle")]
    assert sum("--paper" in fill for fill in fills) == 3
    assert len(fills) == 6
    assert "chosen: 0.5" in parsed(svg).get("aria-label")


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0, 10, [0, 2, 4, 6, 8, 10]), (-3.1, 1.2, [-3, -2, -1, 0, 1]), (4, 4, [4])]
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == expected


def test_a_frontier_marks_the_base_the_margin_and_the_point_to_take():
    curves = [
        Curve("plain", [Place(20, -10, 3, 2, passing=False), Place(50, -40, 4, 3, passing=False)]),
        Curve("<kept>", [Place(18, -0.2, 3, 1), Place(45, -0.8, 4, 1, chosen=True)]),
        Curve("not measured", [Place(nan, -1)]),
    ]
    text = frontier_plot(curves, "Retention against gain", 1.0)
    root = parsed(text)
    texts = ["".join(node.itertext()) for node in root.iter() if node.tag.endswith("text")]
    assert {"base", "dashed: mean margin", "take this", "plain", "<kept>"} <= set(texts) and "not measured" not in texts
    assert text.count("<polyline") == 2 and text.count("<polygon") == 1
    assert text.count(f'style="fill:{PAPER};stroke') == 2, "points that did not pass are hollow"
    assert frontier_plot([], "x", 1.0) == frontier_plot([Curve("a", [])], "x", 1.0) == ""
