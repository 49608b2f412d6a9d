"""The numbers of a sequence, its verdict, and its record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from retain.comparison import task_matrix
from retain.comparison.compare import compare
from retain.comparison.gate import judge
from retain.errors import DamagedError
from retain.paths import portable_path
from retain.record_files import read_record, write_record
from retain.records import Change, Comparison, Measurement, RunRecord
from retain.reporting.write import write_sequence
from retain.sequence_recipe import portable_sequence
from retain.sequence_records import BASE, Capability, Estimate, SequenceRecord, SequenceTask, StageResult
from retain.sequences.adapters import model_folder
from retain.sequences.course import Course
from retain.sequences.folder import TOGETHER
from retain.sequences.memory import Remembered
from retain.sequences.rows import slim

Row = dict[str, Measurement]


def finish_sequence(course: Course, rows: Sequence[Sequence[Measurement]], runs: Sequence[RunRecord]) -> SequenceRecord:
    """Put the record together and write ``record.json``, ``report.md`` and ``report.html``.

    Args:
        course: all stages.
        rows: measurements after each row of the matrix, the base's first.
        runs: the trainings, in order.
    """
    names, together = course.names, course.recipe.settings.plan == "together"
    table: list[Row] = [{one.probe: slim(one) for one in row} for row in rows]
    for name in names:
        table = [dict(row) for row in task_matrix.shared_items(table, name)]
    row_names = [BASE, *([TOGETHER] if together else names)]
    after = [1] * len(names) if together else list(range(1, len(names) + 1))
    tasks: list[task_matrix.Row] = [{name: row[name] for name in names if name in row} for row in table]
    comparison = compared(table, names, after)
    plain, origin = portable_sequence(course.recipe), course.recipe.common.origin
    results = [_result(course, place, run) for place, run in enumerate(runs)]
    last = course.folder.path / results[-1].folder
    data = {name: {**one.summary} for name, one in zip(names, course.data, strict=True)}
    hashes = {portable_path(f, origin): digest for one in course.data for f, digest in one.hashes.items()}
    record = SequenceRecord(
        title=f"{plain['model']['base']}: {course.folder.path.name}",
        recipe=plain,
        provenance={**course.folder.provenance(), "data": hashes, "models": _fingerprints(table, row_names)},
        plan=course.recipe.settings.plan,
        tasks=[_task(table, name) for name in names],
        rows=row_names,
        matrix=task_matrix.matrix(tasks, names),
        accuracy=task_matrix.accuracy(tasks, names),
        backward=None if together else task_matrix.backward_transfer(tasks, names),
        forward=None if together else task_matrix.forward_transfer(tasks, names),
        learned=task_matrix.learned(tasks, names, after),
        forgetting=[] if together else task_matrix.forgetting(tasks, names, row_names),
        general=[_general(table[0], row, course) for row in table[1:]],
        gains=_gains(table, names, after),
        capabilities=[_capability(table, probe.name) for probe in course.suite.probes],
        stages=results,
        measurements=[list(row.values()) for row in table],
        comparison=comparison,
        verdict=judge(comparison, course.recipe.gate),
        data=data,
        general_text=runs[0].general,
        seconds={result.name: round(sum(run.seconds.values()), 2) for result, run in zip(results, runs, strict=True)},
        output=str(model_folder(last).relative_to(course.folder.path)),
        notes=[*course.notes, *_notes(table, names)],
    )
    write_record(course.folder.path / "record.json", record)
    write_sequence(record, course.folder.path)
    return record


def compared(table: Sequence[Row], names: Sequence[str], after: Sequence[int]) -> Comparison:
    """What the verdict is passed on: what each task was at its best known start, against the end of the sequence.

    Earlier tasks count as capabilities from the row right after their own stage on, those of the suite from the base
    on. What was learned is the mean over tasks of the row right after a task against the base, as one gain, and of each
    task in an open-ended unit, which is in no mean, its own: each of these must be reached.

    Args:
        table: of each row, probe -> measurement.
        names: the tasks.
        after: of each task, the number of the row right after it.
    """
    last = table[-1]
    starts = dict(zip(names, after, strict=True))
    kept = [name for name in names if starts[name] < len(table) - 1]
    before = [table[starts[name]][name] for name in kept]
    before += [one for probe, one in table[0].items() if probe not in starts and probe in last]
    gains = _deciding(table, names, after)
    if not before:
        return Comparison(base="base", tuned="end", gains=gains, each_gain=True, losses=[], pooled=None)
    found = compare(before, [last[one.probe] for one in before], (), "before", "at the end")
    return found.model_copy(update={"gains": gains, "each_gain": True})


def _deciding(table: Sequence[Row], names: Sequence[str], after: Sequence[int]) -> list[Change]:
    """The mean gain of the tasks that are scored as shares, and the gain of each other task."""
    pairs = [(table[0][name], table[number][name]) for name, number in zip(names, after, strict=True)]
    shares = [both for both in pairs if both[0].unit == "share"]
    mean = task_matrix.mean_gain(shares, "all tasks" if len(shares) > 1 else shares[0][0].probe) if shares else None
    own = [change for change in _gains(table, names, after) if change.unit == "percent"]
    return [*([mean] if mean else []), *own]


def _gains(table: Sequence[Row], names: Sequence[str], after: Sequence[int]) -> list[Change]:
    pairs = [(table[0][name], table[number][name]) for name, number in zip(names, after, strict=True)]
    return compare([old for old, _ in pairs], [new for _, new in pairs], names).gains


def _general(base: Row, row: Row, course: Course) -> Estimate | None:
    """The pooled change of the suite's capabilities, those near chance left out."""
    probes = [probe.name for probe in course.suite.probes if probe.name in row]
    if not probes:
        return None
    found = compare([base[name] for name in probes], [row[name] for name in probes])
    if found.pooled is None:
        return None
    used = sum(change.unit == "points" and not change.near_chance for change in found.losses)
    return Estimate(value=found.pooled.delta, low=found.pooled.low, high=found.pooled.high, tasks=used)


def _task(table: Sequence[Row], name: str) -> SequenceTask:
    one = table[0][name]
    return SequenceTask(
        name=name,
        metric=one.metric,
        unit=one.unit,
        items=len(one.scores) + len(one.left_out),
        counted=one.unit == "share",
    )


def _capability(table: Sequence[Row], probe: str) -> Capability:
    base = table[0][probe]
    scale = 100.0 if base.unit == "share" else 1.0
    change = compare([base], [table[-1][probe]]).losses[0] if probe in table[-1] else None
    return Capability(
        probe=probe,
        capability=base.capability,
        metric=base.metric,
        unit="points" if base.unit == "share" else "percent",
        values=[scale * row[probe].value if probe in row else None for row in table],
        change=change,
    )


def _remembered(path: Path, record: Path) -> Remembered:
    """What a stage remembered of earlier ones.

    Raises:
        DamagedError: the file does not hold what was written.
    """
    try:
        return read_record(path, Remembered) if path.is_file() else Remembered(rows={}, tokens=0)
    except DamagedError as error:
        raise DamagedError(error.what, [path, record]) from None


def _result(course: Course, place: int, run: RunRecord) -> StageResult:
    together = course.recipe.settings.plan == "together"
    folder = course.folder.path / TOGETHER if together else course.folder.stage(place)
    known = _remembered(folder / "memory.json", folder / "record.json")
    training = run.training
    assert training is not None
    strength = next((choice.chosen for choice in run.choices if choice.what == "strength"), None)
    return StageResult(
        name=TOGETHER if together else course.names[place],
        folder=str(folder.relative_to(course.folder.path)),
        rows=int(run.data["train"]),
        memory=known.counts,
        memory_tokens=known.tokens,
        strength=strength,
        learned=run.comparison.gains[0] if run.comparison.gains and not together else None,
        outcome=run.verdict.outcome,
        task_tokens=training.task_tokens,
        general_tokens=training.general_tokens,
        seconds=training.seconds,
        notes=training.notes,
    )


def _fingerprints(table: Sequence[Row], names: Sequence[str]) -> dict[str, str]:
    return {name: next(iter(row.values())).model for name, row in zip(names, table, strict=True)}


def _notes(table: Sequence[Row], names: Sequence[str]) -> list[str]:
    open_ended = [name for name in names if table[0][name].unit != "share"]
    missing = [name for name in names if any(name not in row for row in table)]
    notes = []
    if open_ended:
        notes.append(
            f"Scored in an open-ended unit and in no mean over tasks (ACC, BWT, FWT): {', '.join(open_ended)}. "
            "The gain of each is judged by itself, in percent of the base's."
        )
    if missing:
        notes.append(f"Not measured after some earlier stage, whose model is no longer there: {', '.join(missing)}.")
    return notes
