"""Several finished runs side by side as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from retain.reporting import runs as side_by_side
from retain.reporting.charts import Mark, forest_plot
from retain.reporting.page import both_widths, minus, render_page
from retain.reporting.runs import Kind, Run
from retain.reporting.trade_off_chart import trade_off


def render_runs_html(runs: Sequence[Run], reports: Mapping[str, str], kind: Kind = "run", title: str = "") -> str:
    """The page: the runs in a chart and a table, then each capability over the runs.

    Args:
        runs: in the order they are shown.
        reports: name of a run -> where its own report lies, as a relative address.
        kind: what the rows are.
        title: of the page; foreign text.
    """
    return render_page(
        "runs",
        runs=runs,
        reports=reports,
        headline=side_by_side.headline(runs, kind),
        remarks=side_by_side.remarks(runs, kind),
        kind=kind,
        title=title or side_by_side.heading(runs, kind),
        capabilities=side_by_side.capabilities(runs),
        intro=side_by_side.intro(kind),
        chart_words=side_by_side.chart_words(kind),
        chart=_chart(runs, kind),
        means=_means(runs, kind),
    )


def _chart(runs: Sequence[Run], kind: Kind) -> Markup:
    trades, margin = side_by_side.trades(runs), side_by_side.mean_margin(runs)
    return both_widths(lambda width: trade_off(trades, f"Gain against mean loss of each {kind}", margin, width))


def _means(runs: Sequence[Run], kind: Kind) -> Markup:
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
    title, axis = f"Mean change of the capabilities of each {kind}", "mean change in points (right is better)"
    return both_widths(lambda width: forest_plot(marks, title, axis, "mean margin", width))
