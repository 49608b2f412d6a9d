"""The rows of a sequence's tables: every number formatted once for all kinds of report. Foreign text is not escaped."""

from __future__ import annotations

from dataclasses import dataclass

from retain.records import Change
from retain.reporting.drawing import Tone
from retain.reporting.numbers import count, duration, interval, number_of, plain, signed
from retain.reporting.sequence_terms import NUMBERS
from retain.reporting.tables import TONES
from retain.sequence_records import Capability, Estimate, SequenceRecord


@dataclass(frozen=True)
class Cell:
    """One task after one row."""

    value: str
    change: str = ""
    """Since the task was learned; empty before and right after."""
    shade: float = 0.0
    """0 to 100, how strongly it is coloured."""
    own: bool = False
    """Right after the task's own stage."""
    yet: bool = True
    """The task has been learned by this row."""
    tone: Tone | None = None
    """The last row of an earlier task: its verdict's."""
    outcome: str = ""


@dataclass(frozen=True)
class MatrixRow:
    """A model and its scores."""

    name: str
    cells: list[Cell]


@dataclass(frozen=True)
class Number:
    """A number that sums the matrix up."""

    name: str
    value: str
    range: str
    note: str


@dataclass(frozen=True)
class KeptRow:
    """An earlier task or a capability, as the verdict saw it."""

    name: str
    kind: str
    before: str
    after: str
    delta: str
    interval: str
    loss_at_most: str
    margin: str
    items: str
    outcome: str
    tone: Tone


def matrix_rows(record: SequenceRecord) -> list[MatrixRow]:
    """The matrix with what a reader needs beside each number."""
    judged = {one.probe: one.outcome for one in record.verdict.probes}
    return [
        MatrixRow(
            name, [_cell(record, place, column, judged.get(task.name, "")) for column, task in enumerate(record.tasks)]
        )
        for place, name in enumerate(record.rows)
    ]


def own_row(record: SequenceRecord, column: int) -> int:
    """The row right after a task's own stage."""
    return 1 if record.plan == "together" else column + 1


def _cell(record: SequenceRecord, place: int, column: int, outcome: str) -> Cell:
    value, task, own = record.matrix[place][column], record.tasks[column], own_row(record, column)
    digits = 1 if task.counted else 3
    if value is None:
        return Cell(plain(None), yet=place >= own)
    learned = record.matrix[own][column]
    change = signed(value - learned, digits) if place > own and learned is not None else ""
    last = place == len(record.rows) - 1 and place > own
    return Cell(
        value=plain(value, digits),
        change=change,
        shade=max(0.0, min(100.0, value)) if task.counted else 0.0,
        own=place == own,
        yet=place >= own,
        tone=TONES.get(outcome) if last else None,
        outcome=outcome if last else "",
    )


def numbers(record: SequenceRecord) -> list[Number]:
    """ACC, BWT, FWT, what was learned, and the change of the capabilities, as far as there are any."""
    found = []
    for field, (name, note) in NUMBERS.items():
        estimate: Estimate | None = getattr(record, field)
        if estimate is not None:
            sign = plain if field == "accuracy" else signed
            over = number_of(estimate.tasks, "task")
            span = _span(estimate, field == "accuracy")
            found.append(Number(name, sign(estimate.value), span, f"{note}, {over}"))
    general = record.general[-1] if record.general else None
    if general is not None:
        note = f"mean change against the base, {number_of(general.tasks, 'probe')}"
        found.append(Number("Capabilities", signed(general.value), interval(general.low, general.high), note))
    return found


def _span(estimate: Estimate, unsigned: bool) -> str:
    if unsigned:
        return f"{plain(estimate.low)} to {plain(estimate.high)}"
    return interval(estimate.low, estimate.high)


def kept_rows(record: SequenceRecord) -> list[KeptRow]:
    """Earlier tasks, then capabilities, each with its verdict."""
    tasks = {task.name for task in record.tasks}
    judged = {one.probe: one for one in record.verdict.probes}
    rows = []
    for change in record.comparison.losses:
        one = judged[change.probe]
        digits = 1 if change.unit == "points" else 3
        rows.append(
            KeptRow(
                name=change.probe if change.probe in tasks else change.capability,
                kind="task" if change.probe in tasks else "capability",
                before=plain(change.before, digits),
                after=plain(change.after, digits),
                delta=_delta(change),
                interval=interval(change.low, change.high),
                loss_at_most=plain(change.loss_high),
                margin=plain(one.margin),
                items=count(change.items),
                outcome=one.outcome,
                tone=TONES.get(one.outcome, "muted"),
            )
        )
    return rows


def _delta(change: Change) -> str:
    return signed(change.delta) + ("" if change.unit == "points" else "%")


def forgetting_rows(record: SequenceRecord) -> list[list[str]]:
    """Task, forgetting, its interval, and the row that was best."""
    return [
        [one.task, plain(one.value), f"{plain(one.low)} to {plain(one.high)}", one.best] for one in record.forgetting
    ]


def gain_rows(record: SequenceRecord) -> list[list[str]]:
    """Task, before, after, gain and its interval, items."""
    return [
        [
            one.probe,
            one.metric,
            plain(one.before, 1 if one.unit == "points" else 3),
            plain(one.after, 1 if one.unit == "points" else 3),
            _delta(one),
            interval(one.low, one.high),
            count(one.items),
        ]
        for one in record.gains
    ]


GAIN_HEADS = ["task", "scored by", "base", "after its stage", "gain", "95% interval", "items"]


def capability_heads(record: SequenceRecord) -> list[str]:
    """Columns of the capabilities' table."""
    return ["capability", *record.rows, "change", "95% interval"]


def capability_rows(record: SequenceRecord) -> list[list[str]]:
    """Each capability over the rows of the matrix, then the pooled change."""
    rows = [_capability(one) for one in record.capabilities]
    if any(one is not None for one in record.general):
        last = record.general[-1]
        means = ["", *("" if one is None else signed(one.value) for one in record.general)]
        ends = ["", ""] if last is None else [signed(last.value), interval(last.low, last.high)]
        rows.append(["mean change (pooled)", *means, *ends])
    return rows


def _capability(one: Capability) -> list[str]:
    digits = 1 if one.unit == "points" else 3
    ends = ["", ""] if one.change is None else [_delta(one.change), interval(one.change.low, one.change.high)]
    return [one.capability, *(plain(value, digits) for value in one.values), *ends]


STAGE_HEADS = [
    "stage", "rows", "earlier tasks' rows", "strength", "its task", "95% interval", "verdict of the stage",
    "task tokens", "general tokens", "training",
]  # fmt: skip


def stage_rows(record: SequenceRecord) -> list[list[str]]:
    """What each stage did."""
    return [
        [
            one.name,
            count(one.rows),
            ", ".join(f"{rows} of {name}" for name, rows in one.memory.items()),
            "" if one.strength is None else f"{one.strength:g}",
            "" if one.learned is None else _delta(one.learned),
            "" if one.learned is None else interval(one.learned.low, one.learned.high),
            one.outcome or "",
            count(one.task_tokens),
            count(one.general_tokens),
            duration(one.seconds),
        ]
        for one in record.stages
    ]


def stage_notes(record: SequenceRecord) -> list[tuple[str, str]]:
    """(stages, note) of all that a reader must know of the trainings; once for all that it is true of."""
    notes = dict.fromkeys(note for one in record.stages for note in one.notes)
    return [(", ".join(one.name for one in record.stages if note in one.notes), note) for note in notes]
