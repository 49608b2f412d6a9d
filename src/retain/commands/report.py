"""``retain report``: renders a finished run again, or several side by side."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from retain.commands.gate import load_finished, load_run
from retain.commands.measure import one_of
from retain.errors import UserError
from retain.export_records import EXPORT, ExportRecord
from retain.folder import parse_yaml, read_record, write_text
from retain.models.licence import AboutBase, about_base
from retain.models.rerank_prompt import asked_in
from retain.records import RunRecord
from retain.reporting.card import render_card
from retain.reporting.runs import runs_of
from retain.reporting.write import HTML, write_reports, write_runs, write_sequence
from retain.sequence_records import SequenceRecord
from retain.training.trained import TUNED

FORMATS = ("report", "card")
CARDS = {True: "README.md", False: "card.md"}
"""Name of a card's file, in an export and in a run."""


def report(*runs: str | Path, output: str | Path | None = None, format: str = "report") -> list[Path]:
    """Write reports anew from ``record.json``, and return their paths.

    Several runs are put side by side in ``runs.md`` and ``runs.html``.

    Args:
        runs: folders of finished runs or comparisons, or their ``record.json``.
        output: where to write; one run's own folder when None.
        format: ``report``, or ``card`` for a model card: ``card.md`` of a run, ``README.md`` of an export.

    Raises:
        UserError: a folder holds no finished run, or several runs are given and no place for what is written.
    """
    wanted = one_of("--format", format, FORMATS)
    if not runs:
        raise UserError("No run is named. Give the folder of a finished run.")
    if len(runs) > 1 and wanted == "card":
        raise UserError("A model card is of one run; name one folder.")
    if len(runs) > 1:
        return _side_by_side([Path(run) for run in runs], output)
    if wanted == "card":
        return [_card(Path(runs[0]), output)]
    record = load_finished(runs[0])
    place = Path(output) if output is not None else _folder(Path(runs[0]))
    return write_sequence(record, place) if isinstance(record, SequenceRecord) else write_reports(record, place)


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


def _card(run: Path, output: str | Path | None) -> Path:
    record, folder = load_run(run), _folder(run)
    written = folder / EXPORT
    exported = read_record(written, ExportRecord) if written.is_file() else None
    asked = asked_in(folder if exported is not None else folder / TUNED)
    path = (Path(output) if output is not None else folder) / CARDS[exported is not None]
    write_text(path, render_card(record, _about(record, folder), exported, asked=asked))
    return path


def _about(record: RunRecord, place: Path) -> AboutBase:
    """The base: as the run's own recipe names it, whose paths are whole, else as the record does."""
    recipe = place / "recipe.yaml"
    values = parse_yaml(recipe.read_text("utf-8")) if recipe.is_file() else record.recipe
    return about_base(str(values["model"]["base"]) if values else record.comparison.base)
