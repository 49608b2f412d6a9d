"""What a gate decided, point by point: the common ground of JUnit, SARIF and the summary for a pull request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from retain.comparison import reasons
from retain.comparison.gate import deciding_gains, judge_gain
from retain.comparison.noise import exceeds, pooled_floor
from retain.records import Change, Gate, ProbeVerdict, RunRecord, Symptom, Verdict
from retain.reporting.lint import findings
from retain.reporting.tables import pooled_outcome
from retain.reporting.terms import outcome_of
from retain.sequence_records import SequenceRecord

State = Literal["passed", "failed", "open"]
"""``failed`` stands between the model and its release; ``open`` was not proven and does not."""
Kind = Literal["verdict", "gain", "mean-margin", "margin"]


@dataclass(frozen=True)
class Point:
    """One thing that a gate looked at."""

    kind: Kind
    name: str
    """The probe; ``verdict`` and ``mean`` for what is no probe."""
    outcome: str
    """As the verdict says it: ``retained``, ``inconclusive``, ``not learned`` ..."""
    state: State
    message: str
    """One line with the numbers. It names probes, which are other people's text, not escaped."""
    change: Change | None = None
    margin: float | None = None
    """In points, or in percent of the base's bits per byte; of a gain the smallest one wanted."""


@dataclass(frozen=True)
class Judged:
    """One comparison and everything that was decided on it."""

    title: str
    base: str
    tuned: str
    verdict: Verdict
    points: list[Point]
    """The verdict first, then the gain, the mean and each probe."""
    symptoms: list[Symptom] = field(default_factory=list)
    """Those that were found."""
    lint: Sequence[Mapping[str, Any]] = ()
    """Findings about the training rows, as ``retain.reporting.lint`` writes them into a record."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Stage -> wall time; empty where it is not known."""
    started: str = ""
    """ISO 8601; empty where it is not known."""
    command: str = ""
    """What was typed to make it, empty where it is not known."""


def judged(record: RunRecord | SequenceRecord, verdict: Verdict) -> Judged:
    """What ``verdict`` decided on the record's comparison, which may be judged by other margins than its own.

    *Inconclusive* fails where it stands in the way of ``retained``: for the verdict, the gain and the mean. A probe
    that is not proven alone is open, unless nothing is pooled and each probe must be proven.
    """
    comparison = record.comparison
    return Judged(
        title=record.title,
        base=comparison.base,
        tuned=comparison.tuned,
        verdict=verdict,
        points=[_verdict(verdict), *_gain(record, verdict), *_mean(record, verdict.gate), *_probes(record, verdict)],
        symptoms=[one for one in comparison.symptoms if one.found],
        lint=findings(record.data),
        recipe=record.recipe or {},
        seconds=record.seconds,
        started=str(record.provenance.get("started", "")),
        command=str(record.provenance.get("command", "")),
    )


def _verdict(verdict: Verdict) -> Point:
    state: State = "passed" if verdict.outcome == "retained" else "failed"
    message = " ".join([f"The verdict is: {outcome_of(verdict)}.", *verdict.reasons])
    return Point("verdict", "verdict", verdict.outcome, state, message)


def _gain(record: RunRecord | SequenceRecord, verdict: Verdict) -> list[Point]:
    return [_gained(change, verdict.gate) for change in deciding_gains(record.comparison)]


def _gained(change: Change, gate: Gate) -> Point:
    gain = judge_gain(change, gate.min_gain)
    state: State = "passed" if gain == "learned" else "failed"
    return Point("gain", change.probe, gain, state, reasons.gained(change, gain, gate, None), change, gate.min_gain)


def _mean(record: RunRecord | SequenceRecord, gate: Gate) -> list[Point]:
    comparison = record.comparison
    change = comparison.pooled
    if change is None:
        return []
    outcome = pooled_outcome(change, gate.mean_margin)
    if outcome == "forgot" and not exceeds(change, pooled_floor(comparison.losses, comparison.noise)):
        outcome = "inconclusive"
    state: State = "passed" if outcome == "retained" else "failed"
    return [Point("mean-margin", "mean", outcome, state, reasons.pooled(comparison, gate)[0], change, gate.mean_margin)]


def _probes(record: RunRecord | SequenceRecord, verdict: Verdict) -> list[Point]:
    losses = record.comparison.losses
    alone = bool(losses) and all(change.unit == "percent" for change in losses)
    return [_probe(change, one, alone) for change, one in zip(losses, verdict.probes, strict=True)]


def _probe(change: Change, one: ProbeVerdict, alone: bool) -> Point:
    told = (
        f"{reasons.name(change)} {reasons.moved(change)} ({reasons.interval(change)}; margin {one.margin:g}) "
        f"on {change.items:,} items: {one.outcome}.{reasons.would_decide(one.items_needed)}"
    )
    states: dict[str, State] = {"retained": "passed", "forgot": "failed", "inconclusive": "failed" if alone else "open"}
    return Point("margin", change.probe, one.outcome, states.get(one.outcome, "open"), told, change, one.margin)
