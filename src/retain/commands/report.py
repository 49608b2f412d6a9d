"""``retain report``: renders a finished run again, or several side by side."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from retain.at_work import working_in
from retain.commands.gate import judged_points, load_finished, load_run
from retain.commands.measure import one_of
from retain.errors import UserError
from retain.export_records import EXPORT, ExportRecord
from retain.folder import write_text
from retain.models.licence import AboutBase, about_base
from retain.models.rerank_prompt import asked_in
from retain.record_files import read_record
from retain.records import RunRecord
from retain.reporting.card import render_card
from retain.reporting.pull_request import render_pull_request
from retain.reporting.runs import runs_of
from retain.reporting.write import HTML, write_reports, write_runs, write_sequence
from retain.sequence_records import SequenceRecord
from retain.training.trained import TUNED
from retain.yaml_text import parse_yaml

TEXTS = ("markdown", "json")
"""Formats of one text, which is shown or written to one file."""
FORMATS = ("report", "card", *TEXTS)
CARDS = {True: "README.md", False: "card.md"}
"""Name of a card's file, in an export and in a run."""


def report(*runs: str | Path, output: str | Path | None = None, format: str = "report") -> list[Path]:
    """Write reports anew from ``record.json``, and return their paths.

    Several runs are put side by side in ``runs.md`` and ``runs.html``.

    Args:
        runs: folders of finished runs or comparisons, or their ``record.json``.
        output: the folder to write to, one run's own when None; the file of ``markdown`` and ``json``.
        format: ``report``; ``card`` for a model card, ``card.md`` of a run and ``README.md`` of an export; ``markdown``
            or ``json``: see :func:`report_text`.

    Raises:
        UserError: a folder holds no finished run, or several runs are given and no place for what is written.
        FaultError: reports are written into the run's folder, and another process works there.
    """
    wanted = one_of("--format", format, FORMATS)
    if not runs:
        raise UserError("No run is named. Give the folder of a finished run.")
    if wanted in TEXTS:
        if output is None:
            raise UserError(f"{wanted} is one text: name its file with --output FILE")
        write_text(Path(output), report_text(*runs, format=wanted))
        return [Path(output)]
    if len(runs) > 1 and wanted == "card":
        raise UserError("A model card is of one run; name one folder.")
    if len(runs) > 1:
        return _side_by_side([Path(run) for run in runs], output)
    write = _card if wanted == "card" else _report
    run = Path(runs[0])
    if output is not None:
        return write(run, Path(output))
    load_finished(run)  # a folder that holds no run is not locked
    with working_in(_folder(run), "--output"):
        return write(run, _folder(run))


def _report(run: Path, place: Path) -> list[Path]:
    record = load_finished(run)
    return write_sequence(record, place) if isinstance(record, SequenceRecord) else write_reports(record, place)


def report_text(*runs: str | Path, format: str) -> str:
    """A finished run as one text.

    ``markdown`` is the comment on a pull request that :func:`retain.commands.gate.render_gate` makes, by the run's own
    margins, of several runs one below the other. ``json`` is the record.

    Raises:
        UserError: a folder holds no finished run, or JSON of several runs is asked for.
    """
    if format == "markdown":
        return render_pull_request([point for run in runs for point in judged_points(run)])
    if len(runs) > 1:
        raise UserError("JSON is of one run; name one folder.")
    return load_finished(runs[0]).model_dump_json(indent=1) + "\n"


def _folder(run: Path) -> Path:
    return run if run.is_dir() else run.parent


def _side_by_side(runs: list[Path], output: str | Path | None) -> list[Path]:
    if output is None:
        raise UserError("Several runs are put side by side in a folder of their own: name it with --output FOLDER.")
    place = Path(output)
    records = [load_run(run) for run in runs]
    names = [_folder(run).resolve().name or str(run) for run in runs]
    shown = runs_of(list(zip(names, records, strict=True)))
    reports = {
        one.name: quote(os.path.relpath(_folder(run) / HTML, place))
        for one, run in zip(shown, runs, strict=True)
        if (_folder(run) / HTML).is_file()
    }
    return write_runs(shown, reports, place)


def _card(run: Path, place: Path) -> list[Path]:
    record, folder = load_run(run), _folder(run)
    written = folder / EXPORT
    exported = read_record(written, ExportRecord) if written.is_file() else None
    asked = asked_in(folder if exported is not None else folder / TUNED)
    path = place / CARDS[exported is not None]
    write_text(path, render_card(record, _about(record, folder), exported, asked=asked))
    return [path]


def _about(record: RunRecord, place: Path) -> AboutBase:
    """The base: as the run's own recipe names it, whose paths are whole, else as the record does."""
    recipe = place / "recipe.yaml"
    values = parse_yaml(recipe.read_text("utf-8")) if recipe.is_file() else record.recipe
    return about_base(str(values["model"]["base"]) if values else record.comparison.base)
