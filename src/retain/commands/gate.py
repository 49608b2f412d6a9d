"""``retain gate``: judges a finished comparison, for release pipelines."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from retain.comparison.gate import judge
from retain.errors import UserError
from retain.export_records import AGAINST_TUNED, EXPORT, worse
from retain.paths import absolute, portable_path
from retain.provenance import installed
from retain.record_files import read_json, read_record
from retain.records import Gate, RunRecord, Verdict
from retain.reporting.judged import Judged, judged
from retain.reporting.junit import render_junit
from retain.reporting.pull_request import render_pull_request
from retain.reporting.sarif import render_sarif
from retain.sequence_records import SequenceRecord
from retain.several_records import SEVERAL, SeveralRecord

OTHERS = {
    SEVERAL: "a comparison of several models, which has no record of its own: name the folder of one of them in it",
    "frontier.json": "a frontier: name the folder of one of its arms in arms/",
    "advice.json": "an advice, which judges no tuned model: name a folder that 'retain run' wrote",
}
"""Records of what is no run and no comparison of two models -> what it is and what to do."""
NO_RUN = "name a folder that 'retain run' or 'retain compare' wrote, or the record.json in it"


def gate(comparison: str | Path, margins: Gate | None = None) -> Verdict:
    """The verdict on a run, comparison or export, with its own margins or with others.

    An export is judged twice, against its base and against the model before the export; of several models that were
    compared with one base each is. The worst verdict counts.

    Args:
        comparison: a ``record.json``, or the folder that holds one; or the folder of an export or of several models.
        margins: other margins than those it was judged by.

    Raises:
        UserError: there is no such record.
    """
    return worse([one.verdict for one in judged_points(comparison, margins)])


def judged_points(comparison: str | Path, margins: Gate | None = None) -> list[Judged]:
    """All that was decided, point by point: of a run or a comparison one, of an export two, of several models each.

    Raises:
        UserError: there is no such record.
    """
    records = finished(Path(comparison))
    return [judged(record, judge(record.comparison, margins or record.verdict.gate)) for record in records]


def render_gate(points: list[Judged], comparison: str | Path, format: str) -> str:
    """What :func:`judged_points` found as ``junit`` (XML), ``sarif`` (JSON) or ``markdown`` (a pull request's comment).

    Args:
        points: what was decided.
        comparison: the folder or file that was judged; SARIF shows its results there, or at the run's recipe where it
            lies in the working folder.
        format: one of :data:`FORMATS`.

    Raises:
        UserError: there is no such format.
    """
    if format not in FORMATS:
        raise UserError(f'--format: found "{format}"; allowed: {", ".join(FORMATS)}')
    return FORMATS[format](points, Path(comparison))


def _sarif(points: list[Judged], place: Path) -> str:
    return render_sarif(points, _shown_at(points, place), installed(["retain"]).get("retain", "0.0.0"))


FORMATS: dict[str, Callable[[list[Judged], Path], str]] = {
    "junit": lambda points, place: render_junit(points),
    "sarif": _sarif,
    "markdown": lambda points, place: render_pull_request(points),
}
"""Name -> how the decisions are written."""


def _shown_at(points: list[Judged], place: Path) -> str:
    """The recipe that the run was started with, else the run's own copy, else the record; from the working folder."""
    typed = [word for one in points for word in _words(one.command) if word.endswith((".yaml", ".yml"))]
    recipes = [Path(word) for word in typed if not Path(word).is_absolute() and ".." not in Path(word).parts]
    own = [place / "recipe.yaml", place / "record.json"] if place.is_dir() else [place]
    found = next((path for path in [*recipes[:1], *own] if path.is_file()), place)
    return Path(portable_path(absolute(found), str(Path.cwd()))).as_posix()


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # a record that somebody else wrote
        return []


def finished(place: Path) -> list[RunRecord | SequenceRecord]:
    """The comparisons that are judged: one at least.

    Raises:
        UserError: there is none.
    """
    if (place / SEVERAL).is_file():
        return [load_finished(place / one.name) for one in read_record(place / SEVERAL, SeveralRecord).models]
    if not (place / EXPORT).is_file():
        return [load_finished(place)]
    found = [one for one in (place, place / AGAINST_TUNED) if (one / "record.json").is_file()]
    if not found:
        raise UserError(f"{place} holds an export that was not measured: run 'retain export' without --no-measure")
    return [load_finished(one) for one in found]


def load_run(place: str | Path) -> RunRecord:
    """The record of a finished run or comparison of one task.

    Raises:
        UserError: there is none, the run is not finished, or it is a sequence of tasks.
    """
    record = load_finished(place)
    if isinstance(record, SequenceRecord):
        raise UserError(
            f"{place} holds a sequence of {len(record.stages)} stages; name the folder of one of them, such as "
            f"{Path(place) / record.stages[-1].folder}"
        )
    return record


def load_finished(place: str | Path) -> RunRecord | SequenceRecord:
    """The record of a finished run, comparison or sequence.

    Raises:
        UserError: there is none, or the run is not finished.
    """
    path = Path(place)
    if path.is_dir():
        if not (path / "record.json").is_file():
            for name, what in OTHERS.items():
                if (path / name).is_file():
                    raise UserError(f"{path} holds {what}")
            unfinished = (path / "recipe.yaml").is_file()
            hint = "the run is not finished: run the same command again" if unfinished else NO_RUN
            raise UserError(f"{path} holds no record.json: {hint}")
        path = path / "record.json"
    if not path.exists():
        raise UserError(f"There is no file or folder {path}. {NO_RUN[0].upper()}{NO_RUN[1:]}")
    if path.is_file() and "matrix" in read_json(path):
        return read_record(path, SequenceRecord)
    return read_record(path, RunRecord)
