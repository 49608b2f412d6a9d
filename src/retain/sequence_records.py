"""What a sequence of tasks came to: every task after every stage, and what was kept. Numbers are in points of 100."""

from __future__ import annotations

from typing import Any, Literal

from retain.records import Change, Comparison, Measurement, Outcome, Record, Verdict, Versioned

BASE = "base"
"""The name of the matrix's first row: before any stage."""


class SequenceTask(Record):
    """One column of the matrix."""

    name: str
    metric: str
    unit: Literal["share", "bits per byte"]
    items: int
    """Test items that every row scored."""
    counted: bool
    """In the means over tasks; open-ended units are not."""


class Estimate(Record):
    """A number with its 95% interval, in points."""

    value: float
    low: float
    high: float
    tasks: int
    """Tasks or probes that it is a mean over."""


class Forgetting(Record):
    """How far a task is below the best that any row had of it."""

    task: str
    value: float
    low: float
    high: float
    best: str
    """The row that had it."""


class Capability(Record):
    """One probe of the suite over the rows."""

    probe: str
    capability: str
    metric: str
    unit: Literal["points", "percent"]
    values: list[float | None]
    """After each row; points, or the metric's own unit where changes are in percent."""
    change: Change | None
    """From the base to the last row."""


class StageResult(Record):
    """What one stage did."""

    name: str
    folder: str
    """Its run, relative to the sequence's folder."""
    rows: int
    """Training rows of its own."""
    memory: dict[str, int] = {}
    """Earlier task -> its rows that were trained on again."""
    memory_tokens: int = 0
    strength: float | None = None
    """Chosen on dev items, where it was."""
    learned: Change | None = None
    """Of its own task, from the stage's start to its end."""
    outcome: Outcome | None = None
    """Of the stage on its own: against the model that it began with."""
    task_tokens: int = 0
    general_tokens: int = 0
    seconds: float = 0.0
    """Of training."""
    notes: list[str] = []


class SequenceRecord(Versioned):
    """Everything that a sequence's report shows."""

    title: str
    recipe: dict[str, Any]
    provenance: dict[str, Any] = {}
    plan: Literal["in_turn", "together"]
    tasks: list[SequenceTask]
    """The columns."""
    rows: list[str]
    """The rows: the base, then each stage (``together``: the one training)."""
    matrix: list[list[float | None]]
    """Row by row, R[i][j]: task j after stage i; None where it was not measured."""
    accuracy: Estimate | None
    """ACC, the mean over tasks of the last row."""
    backward: Estimate | None
    """BWT, the mean over earlier tasks of the last row minus the row right after the task; None with one stage."""
    forward: Estimate | None
    """FWT, the mean over later tasks of the row right before the task minus the base; None with one stage."""
    learned: Estimate | None
    """The mean over tasks of the row right after the task minus the base."""
    forgetting: list[Forgetting]
    general: list[Estimate | None]
    """The pooled change of the capabilities against the base, row by row, the base's left out."""
    gains: list[Change]
    """Each task from the base to the row right after it."""
    capabilities: list[Capability]
    stages: list[StageResult]
    measurements: list[list[Measurement]]
    """Row by row, tasks and capabilities on test items; scores only."""
    comparison: Comparison
    """What is judged: earlier tasks right after their stage, and capabilities of the base, against the end."""
    verdict: Verdict
    data: dict[str, Any] = {}
    general_text: list[dict[str, Any]] = []
    seconds: dict[str, float] = {}
    """Stage -> wall time."""
    output: str
    """Where the last model lies, relative to the sequence's folder."""
    notes: list[str] = []
