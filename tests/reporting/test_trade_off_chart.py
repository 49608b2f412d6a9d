import re

from retain.reporting.trade_off_chart import Trade, trade_off


def circles(svg):
    return [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="5.5"', svg)]


def test_more_gain_is_higher_and_more_loss_further_right():
    svg = trade_off([Trade("a", gain=10, loss=1), Trade("b", gain=40, loss=6)], "T", 2.0)
    (ax, ay), (bx, by) = circles(svg)
    assert ax < bx and ay > by
    assert 'aria-label="T. a: gain +10.0, mean loss 1.0; b: gain +40.0, mean loss 6.0"' in svg


def test_the_margin_and_the_intervals_are_drawn_where_there_are_any():
    bare = trade_off([Trade("a", 10, 1)], "T", None)
    full = trade_off([Trade("a", 10, 1, (5, 15), (0, 2))], "T", 2.0)
    assert "mean margin" not in bare and "mean margin" in full
    assert full.count('stroke-width="1.6"') == 2 and 'stroke-width="1.6"' not in bare


def test_names_of_points_that_lie_together_do_not_overlap():
    svg = trade_off([Trade(f"run {i}", 10.0, 1.0) for i in range(4)], "T", None)
    heights = {float(y) for y in re.findall(r'<text x="[\d.]+" y="([\d.]+)"[^>]*font-weight="600"[^>]*>run', svg)}
    assert len(heights) == 4


def test_points_that_are_no_numbers_are_left_out_and_nothing_is_drawn_without_any():
    assert trade_off([Trade("a", float("nan"), 1), Trade("b", 1, float("inf"))], "T", 1.0) == ""
    assert len(circles(trade_off([Trade("a", float("nan"), 1), Trade("b", 1, 1)], "T", float("nan")))) == 1


def test_the_chosen_one_has_a_ring_and_a_word_and_names_are_escaped():
    svg = trade_off([Trade("<b>&", 1, 1, chosen=True), Trade("c", 2, 2, passing=False)], "<T>", 1.0, joined=True)
    assert "&lt;b&gt;&amp; (chosen)" in svg and 'r="9.5"' in svg and "<b>" not in svg and "<polyline" in svg
