"""Several finished runs side by side as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from retain.reporting import runs as side_by_side
from retain.reporting.charts import Mark, forest_plot
from retain.reporting.page import both_widths, minus, render_page
from retain.reporting.runs import Run
from retain.reporting.trade_off_chart import trade_off


def render_runs_html(runs: Sequence[Run], reports: Mapping[str, str]) -> str:
    """The page: the runs in a chart and a table, then each capability over the runs.

    Args:
        runs: in the order they are shown.
        reports: name of a run -> where its own report lies, as a relative address.
    """
    return render_page(
        "runs",
        runs=runs,
        reports=reports,
        headline=side_by_side.headline(runs),
        cautions=side_by_side.cautions(runs),
        capabilities=side_by_side.capabilities(runs),
        intro=side_by_side.INTRO,
        chart_words=side_by_side.CHART,
        chart=_chart(runs),
        means=_means(runs),
    )


def _chart(runs: Sequence[Run]) -> Markup:
    trades, margin = side_by_side.trades(runs), side_by_side.mean_margin(runs)
    return both_widths(lambda width: trade_off(trades, "Gain against mean loss of each run", margin, width))


def _means(runs: Sequence[Run]) -> Markup:
    marks = [
        Mark(
            label=run.name,
            value=run.mean.change.delta,
            low=run.mean.change.low,
            high=run.mean.change.high,
            tone=run.mean.tone,
            limit=-run.mean.margin_value,
            note=f"{minus(run.mean.delta)} ({minus(run.mean.interval)})",
        )
        for run in runs
        if run.mean
    ]
    title, axis = "Mean change of the capabilities of each run", "mean change in points (right is better)"
    return both_widths(lambda width: forest_plot(marks, title, axis, "mean margin", width))
