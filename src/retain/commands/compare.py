"""``retain compare``: two models, or two files of measurements, item by item."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from retain.commands.measure import measure
from retain.comparison.compare import compare as compare_measurements
from retain.comparison.gate import judge
from retain.errors import UserError, nearest
from retain.folder import check_writable, read_record, write_record
from retain.progress import Progress
from retain.provenance import provenance
from retain.records import Gate, RunRecord
from retain.reporting.write import write_reports
from retain.stages.measuring import Measurements


def compare(
    before: str,
    after: str,
    suite: str = "core",
    load_in: str = "bf16",
    limit: int | None = None,
    gate: Gate | None = None,
    task: Sequence[str] = (),
    folder: str | Path | None = None,
    progress: Progress | None = None,
) -> RunRecord:
    """Compare two models on test items and judge what was forgotten.

    Args:
        before: a model, or a JSON file that ``retain measure`` wrote.
        after: the same.
        suite: what models are measured with; files bring their own.
        load_in: precision of both models.
        limit: at most this many test items per probe.
        gate: the margins; the defaults when None.
        task: names of probes that measure what was learned; the others measure what should be kept.
        folder: where record.json and the reports are written; nowhere when None.
        progress: where work is shown; on standard error when None.

    Raises:
        UserError: a model or file is wrong, or the two were not measured in the same way.
    """
    if folder is not None:
        check_writable(Path(folder) / "record.json")
        if (Path(folder) / "recipe.yaml").exists():
            raise UserError(f"{folder} holds a run, whose record would be lost. Choose another place with --folder.")
    shown = progress or Progress()
    old, new = (_measured(one, suite, load_in, limit, shown) for one in (before, after))
    measured = {one.probe for one in (*old.measurements, *new.measurements)}
    if unknown := [name for name in task if name not in measured]:
        raise UserError(f'--task: no probe "{unknown[0]}" was measured; {nearest(unknown[0], measured)}')
    comparison = compare_measurements(old.measurements, new.measurements, task, old.name or before, new.name or after)
    record = RunRecord(
        title=f"{old.name or before} compared with {new.name or after}",
        provenance=provenance(0),
        before=old.measurements,
        after=new.measurements,
        comparison=comparison,
        verdict=judge(comparison, gate or Gate()),
    )
    if folder is not None:
        place = Path(folder)
        write_record(place / "record.json", record)
        write_reports(record, place)
    return record


def _measured(one: str, suite: str, load_in: str, limit: int | None, progress: Progress) -> Measurements:
    path = Path(one)
    if path.suffix == ".json":
        if not path.is_file():
            raise UserError(f"There is no file {one}")
        return read_record(path, Measurements)
    return measure(one, suite, load_in, "test", limit, None, progress)
