"""What was done to the model: choices on dev items, the training, how far it moved."""

from __future__ import annotations

from typing import Literal

from retain.records.base import Record


class Candidate(Record):
    """One setting that was measured on dev items when a choice was made (a strength, a checkpoint, a rate)."""

    label: str
    value: float
    gain: float | None
    """Gain on the dev items of the task, in points."""
    mean_loss: float | None
    """Pooled loss on dev items, in points."""
    worst: str
    worst_loss: float | None
    """The capability that lost most, and how much, in ``worst_unit``."""
    passing: bool
    why: str = ""
    gain_error: float | None = None
    """Standard error of the gain, in points, where a choice needs it."""
    loss_error: float | None = None
    """Standard error of the mean loss, in points."""
    worst_unit: Literal["points", "percent"] = "points"
    """``percent`` of the base's value where nothing but bits per byte was measured, so that no loss is pooled."""

    @property
    def loss(self) -> float | None:
        """What choices put in order: the mean loss, or that of the worst capability where no loss is pooled."""
        return self.worst_loss if self.mean_loss is None else self.mean_loss


class Choice(Record):
    """A choice made on dev items: what was tried and what was taken."""

    what: str
    chosen: float
    candidates: list[Candidate]
    reason: str


class Alarm(Record):
    """What one overfitting alarm came to in a training: a hint, which the recitation test follows up."""

    name: str
    """The file's in ``training/alarms``."""
    raised: bool | None
    """None where it cannot be told; the statement says why."""
    statement: str
    advice: str = ""
    """What to do, in one line; empty where it was not raised."""
    step: int | None = None
    """The update at which it was raised, or last judged."""
    epoch: float | None = None


class RowsAtStart(Record):
    """The losses of rows before the first update: of each row, nats summed over its labelled tokens."""

    held_out: list[float]
    held_out_tokens: list[int]
    """Labelled tokens of each row."""
    trained: list[float]
    """Of training rows, as many as held-out ones."""
    trained_tokens: list[int]


class HeldOutLosses(Record):
    """The losses of held-out rows after some update."""

    step: int
    losses: list[float]
    """Of each row, nats summed over its labelled tokens."""
    tokens: list[int]
    """Labelled tokens of each row."""


class Training(Record):
    """What training did."""

    method: str
    steps: int
    examples: int
    task_tokens: int
    """Tokens of task rows seen, prompts included, all epochs."""
    general_tokens: int
    """Tokens of general text seen (rehearsed or used by a penalty)."""
    batch_tokens: int | None = None
    """Packed rows: tokens of an update on average, rehearsed ones included."""
    trained_parameters: int
    seconds: float
    history: list[dict[str, float]]
    """One entry per logging step: step, loss, learning_rate and each penalty by name. ``task_loss`` where the loss
    holds more than the task's; ``held_out_loss`` where dev rows were read."""
    base_unchanged: bool | None = None
    """Adapters only: the base weights' hash is the same before and after."""
    notes: list[str] = []
    alarms: list[Alarm] = []
    """Each overfitting alarm, raised or not."""
    held_out: list[HeldOutLosses] = []
    """The dev rows' losses that were read for the alarms."""
    rows_at_start: RowsAtStart | None = None
    """How hard they and the training rows are for the base."""
    watch_seconds: float = 0.0
    """Time that this took, part of ``seconds``."""


class KlReading(Record):
    """How far a tuned model's next-token distribution is from its base's, at the tokens that training would label.

    A cheap meter for stopping and for choosing, never the claim: a model can move far and lose nothing, or little and
    lose an ability. KL(base || tuned) in nats per token; intervals are 95%, from resampled rows (None for one row).
    """

    where: Literal["task", "general"]
    name: str
    """Which rows were read."""
    rows: int
    tokens: int
    mean: float
    mean_low: float | None
    mean_high: float | None
    percentile_95: float
    """95% of the tokens moved by less."""
    percentile_95_low: float | None
    percentile_95_high: float | None
    agreement: float
    """Share of tokens at which both models hold the same token for the most likely one."""
    agreement_low: float | None
    agreement_high: float | None
    top_k: int | None
    """Tokens of the base's distribution that were compared, the rest as one bucket, which makes the divergence a lower
    bound; None for the whole vocabulary."""
