"""A frontier's report as markdown and for a terminal."""

from pathlib import Path

from retain.reporting.frontier import render_frontier, summary

from .frontier_makers import make_arm, make_candidate, make_frontier, make_levels


def test_the_arms_the_strengths_and_what_was_left_out():
    text = render_frontier(make_frontier())
    assert "**Recommended: kept.** it loses least. The recipe: recommended.yaml." in text
    row = "| **kept** | 1 | +45.0 | 0.8 | +45.0 (+41.0 to +50.0) | -0.8 (-1.8 to 0.0) | retained | 48,210 | 7 min |"
    assert row in text
    assert "| broken | failed: The loss became NaN. |" in text
    assert "| kept | 0.5 | +22.5 | 0.3 | facts 0.5 | yes | yes |" in text
    assert "| plain | 1 (chosen) | +50.0 | 20.0 | facts 40.0 | no | yes |" in text
    assert "- Dropped after short runs: idle." in text


def test_figures_are_named_where_there_are_any_and_pixels_where_they_were_made():
    alone = render_frontier(make_frontier(make_levels()))
    assert "(frontier.svg)" in alone and "(frontier-factor.svg)" in alone and ".png" not in alone
    assert "## Retention against rehearsal share (%)" in alone
    both = render_frontier(make_frontier(make_levels()), ["frontier.png"])
    assert "[frontier.png](frontier.png)" in both and "frontier-factor.png" not in both
    nothing = render_frontier(make_frontier([make_arm("broken", failed="no")], taken=None))
    assert ".svg" not in nothing and "**No arm could be measured.**" in nothing


def test_a_loss_in_percent_is_shown_as_one():
    curve = [make_candidate(1.0, 40, 1, mean_loss=None, worst_loss=2.5, worst_unit="percent")]
    text = render_frontier(make_frontier([make_arm("kept", curve=curve)]))
    assert "| kept | 1 (chosen) | +40.0 | n/a | facts 2.5% | no | yes |" in text


def test_foreign_names_are_text():
    text = render_frontier(make_frontier([make_arm("<script>|x"), make_arm("kept")], dropped=["a|b"]))
    assert "<script>" not in text and r"\<script\>\|x" in text and r"a\|b" in text


def test_a_terminal_shows_each_arm_the_choice_and_where_the_report_lies():
    text = summary(make_frontier(advice="More rows: it still rises."), Path("x"))
    assert "kept: retained at strength 1: gain +45.0, capabilities -0.8 on average" in text
    assert "broken: failed: The loss became NaN." in text
    assert text.endswith(
        "More rows: it still rises.\nRun it on: retain run x/recommended.yaml\nReport: x/frontier.html"
    )
