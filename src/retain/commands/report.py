"""``retain report``: renders a finished run again."""

from __future__ import annotations

from pathlib import Path

from retain.commands.gate import load_finished, load_run
from retain.commands.measure import one_of
from retain.export_records import EXPORT, ExportRecord
from retain.folder import parse_yaml, read_record, write_text
from retain.models.licence import AboutBase, about_base
from retain.records import RunRecord
from retain.reporting.card import render_card
from retain.reporting.write import write_reports, write_sequence
from retain.sequence_records import SequenceRecord

FORMATS = ("report", "card")
CARDS = {True: "README.md", False: "card.md"}
"""Name of a card's file, in an export and in a run."""


def report(run: str | Path, format: str = "report") -> list[Path]:
    """Write reports anew from ``record.json``, and return their paths.

    Args:
        run: the folder of a finished run, comparison or export.
        format: ``report`` writes ``report.md`` and ``report.html``; ``card`` writes a model card, ``card.md`` in a
            run's folder and ``README.md`` in an export's.

    Raises:
        UserError: the folder holds no finished run.
    """
    wanted = one_of("--format", format, FORMATS)
    record = load_finished(run) if wanted == "report" else load_run(run)
    place = Path(run) if Path(run).is_dir() else Path(run).parent
    if isinstance(record, SequenceRecord):
        return write_sequence(record, place)
    if wanted == "report":
        return write_reports(record, place)
    written = place / EXPORT
    exported = read_record(written, ExportRecord) if written.is_file() else None
    path = place / CARDS[exported is not None]
    write_text(path, render_card(record, _about(record, place), exported))
    return [path]


def _about(record: RunRecord, place: Path) -> AboutBase:
    """The base: as the run's own recipe names it, whose paths are whole, else as the record does."""
    recipe = place / "recipe.yaml"
    values = parse_yaml(recipe.read_text("utf-8")) if recipe.is_file() else record.recipe
    return about_base(str(values["model"]["base"]) if values else record.comparison.base)
