"""Writes the reports of a run, a sequence, a frontier or an advice into its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from retain.advice_records import AdviceRecord
from retain.folder import write_bytes, write_text
from retain.frontier_records import FrontierRecord
from retain.records import RunRecord
from retain.reporting.advice import render_advice
from retain.reporting.advice_chart import advice_figure
from retain.reporting.advice_html import render_advice_html
from retain.reporting.frontier import render_frontier
from retain.reporting.frontier_figures import factor_figure, frontier_figure
from retain.reporting.frontier_html import render_frontier_html
from retain.reporting.html import render_html
from retain.reporting.markdown import render_markdown
from retain.reporting.png import png
from retain.reporting.runs import Kind, Run, render_runs
from retain.reporting.runs_html import render_runs_html
from retain.reporting.sequence import render_sequence
from retain.reporting.sequence_html import render_sequence_html
from retain.sequence_records import SequenceRecord

HTML = "report.html"


def write_reports(record: RunRecord, folder: Path) -> list[Path]:
    """Write ``report.md`` and ``report.html``, each wholly or not at all, and return their paths.

    Both are rendered before either is written, so that an error leaves the old pair as it was.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    return _write({"report.md": render_markdown(record), HTML: render_html(record)}, folder)


def write_frontier(record: FrontierRecord, folder: Path) -> list[Path]:
    """Write ``frontier.md``, ``frontier.html`` and the figures into a frontier's folder, and return their paths.

    Figures are SVG; with the extra ``png`` there is a PNG beside each. One that an earlier go left is removed.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    figures = {"frontier": frontier_figure(record), "frontier-factor": factor_figure(record)}
    drawn = {f"{name}.svg": svg for name, svg in figures.items() if svg}
    pictures = {f"{name}.png": pixels for name, svg in figures.items() if svg and (pixels := png(svg)) is not None}
    reports = {
        arm.folder: quote(f"{arm.folder}/{HTML}") for arm in record.arms if (folder / arm.folder / HTML).is_file()
    }
    texts = {"frontier.md": render_frontier(record, pictures), "frontier.html": render_frontier_html(record, reports)}
    paths = _write({**drawn, **texts}, folder)
    for name, content in pictures.items():
        write_bytes(folder / name, content)
        paths.append(folder / name)
    for name in (f"{figure}.{kind}" for figure in figures for kind in ("svg", "png")):
        if name not in drawn and name not in pictures:
            (folder / name).unlink(missing_ok=True)
    return paths


def write_sequence(record: SequenceRecord, folder: Path) -> list[Path]:
    """Write ``report.md`` and ``report.html`` into a sequence's folder, and return their paths.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    reports = {
        one.name: quote(f"{one.folder}/{HTML}") for one in record.stages if (folder / one.folder / HTML).is_file()
    }
    return _write({"report.md": render_sequence(record), HTML: render_sequence_html(record, reports)}, folder)


def write_runs(
    runs: Sequence[Run], reports: Mapping[str, str], folder: Path, kind: Kind = "run", title: str = ""
) -> list[Path]:
    """Write ``runs.md`` and ``runs.html``, several runs side by side, and return their paths.

    Args:
        runs: in the order they are shown.
        reports: name of a run -> where its own report lies, as an address relative to ``folder``.
        folder: made when it is missing.
        kind: what the rows are.
        title: of both pages; foreign text.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    html = render_runs_html(runs, reports, kind, title)
    return _write({"runs.md": render_runs(runs, kind, title), "runs.html": html}, folder)


def write_advice(record: AdviceRecord, folder: Path) -> list[Path]:
    """Write ``advice.md`` with its figure and ``advice.html`` into an advice's folder, and return their paths.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    texts = {"advice.md": render_advice(record), "advice.html": render_advice_html(record)}
    return _write({"advice.svg": advice_figure(record), **texts}, folder)


def _write(texts: dict[str, str], folder: Path) -> list[Path]:
    for name, text in texts.items():
        write_text(folder / name, text)
    return [folder / name for name in texts]
