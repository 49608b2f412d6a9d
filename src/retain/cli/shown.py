"""What commands show, and how they end."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any, NoReturn, TextIO

import typer

from retain import processes
from retain.records import EXIT_CODES, RunRecord, Verdict
from retain.reporting.columns import page_of
from retain.reporting.terms import outcome_of
from retain.reporting.text import clean, clean_json
from retain.sequence_records import SequenceRecord
from retain.several_records import SeveralRecord

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2
"""The system's numbers."""
_results: TextIO | None = None
"""Where results go while libraries' words go elsewhere; None before :func:`results_alone`."""


def results_alone() -> None:
    """From now on only :func:`show` writes to standard output; whatever else does, writes to standard error instead.

    Libraries, native code and processes that these start print there as they like, and a reader of JSON must not see
    it. It lasts until the process ends: what native code holds back is written only then. Nothing changes where
    standard output is replaced by something of Python's, or either of the two is closed.
    """
    global _results
    if _results is not None:
        return
    try:
        if sys.stdout.fileno() != STANDARD_OUTPUT:
            return
        sys.stdout.flush()
        kept = os.dup(STANDARD_OUTPUT)
        os.dup2(STANDARD_ERROR, STANDARD_OUTPUT)
    except (OSError, ValueError, AttributeError):
        return
    _results = open(kept, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors)  # noqa: SIM115 - until the end


def progress(quiet: bool) -> Any:
    """What shows how far a command is."""
    from retain.progress import Progress

    return Progress(quiet)


def show(text: str, json_: bool = False) -> None:
    """Results go to standard output; everything else to standard error.

    Names of probes and models are other people's text: what a terminal would obey is shown, not sent; JSON spells it
    as an escape. When the reader has gone (``retain gate run | head -1``) nothing is said any more, and the exit code
    still counts.
    """
    if not text or not processes.leads():
        return
    stream = _results or sys.stdout
    try:
        stream.write((clean_json(text) if json_ else clean(text)) + "\n")
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def show_lines(text: str) -> None:
    """A result for people, its lines no longer than the terminal's."""
    show(page_of(columns()).fitted(text))


def columns() -> int:
    """Columns of the terminal; 80 where there is none."""
    return shutil.get_terminal_size().columns


def finish(record: RunRecord | SequenceRecord, folder: Path, as_json: bool) -> None:
    """Show a record, and leave with its verdict's exit code."""
    from retain.reporting.sequence import sequence_summary
    from retain.reporting.summary import render_summary

    if as_json:
        text = record.model_dump_json(indent=1)
    elif isinstance(record, SequenceRecord):
        text = sequence_summary(record, folder, columns())
    else:
        text = render_summary(record, folder / "report.html", columns())
    show(text, as_json)
    raise typer.Exit(EXIT_CODES[record.verdict.outcome])


def finish_several(record: SeveralRecord, folder: Path, as_json: bool) -> NoReturn:
    """The same for several models against one base."""
    from retain.commands.compare_several import rows_of
    from retain.reporting.several import render_several

    if as_json:
        text = record.model_dump_json(indent=1)
    else:
        text = render_several(record, rows_of(record), folder / "runs.html", columns())
    show(text, as_json)
    raise typer.Exit(EXIT_CODES[record.outcome])


def judged_text(points: list[Any], verdict: Verdict) -> str:
    """The verdict that counts in the terminal's width; below it, where several were judged, each one's outcome."""
    told = "\n".join([outcome_of(verdict), *(f"  - {reason}" for reason in verdict.reasons)])
    each = [f"{one.base} -> {one.tuned}: {outcome_of(one.verdict)}" for one in points] if len(points) > 1 else []
    return "\n".join([page_of(columns()).fitted(told), *each])
