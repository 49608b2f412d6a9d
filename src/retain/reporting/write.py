"""Writes the reports of a run into its folder."""

from __future__ import annotations

from pathlib import Path

from retain.folder import write_text
from retain.records import RunRecord
from retain.reporting.html import render_html
from retain.reporting.markdown import render_markdown


def write_reports(record: RunRecord, folder: Path) -> list[Path]:
    """Write ``report.md`` and ``report.html``, each wholly or not at all, and return their paths.

    Both are rendered before either is written, so that an error leaves the old pair as it was.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    texts = {"report.md": render_markdown(record), "report.html": render_html(record)}
    paths = []
    for name, text in texts.items():
        write_text(folder / name, text)
        paths.append(folder / name)
    return paths
