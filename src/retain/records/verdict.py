"""Margins, and what is judged by them."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from retain.records.base import Record

Outcome = Literal["retained", "forgot", "not learned", "inconclusive"]


class Gate(Record):
    """What loss is acceptable, in points of 100 (bits per byte: in percent of the base's)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    mean_margin: float = Field(1.0, ge=0)
    """Largest loss of the mean over all capabilities, in points."""
    margin: float = Field(3.0, ge=0)
    """Largest loss of one capability, in points."""
    bits_margin: float = Field(3.0, ge=0)
    """Largest loss of a probe in bits per byte, in percent of the base's; such probes are not in the mean."""
    min_gain: float = 0.0
    """The gain on the task must be above it, in points; of a task in bits per byte in percent of the base's."""
    demonstration: bool = False
    """Wide margins for a short demonstration; the report says plainly that nothing should ship on it."""


class ProbeVerdict(Record):
    """The judgement on one change."""

    probe: str
    capability: str
    outcome: Literal["retained", "forgot", "inconclusive", "near chance"]
    margin: float
    items: int
    items_needed: int | None
    """How many items would decide it (80% power at zero loss), where it is inconclusive."""
    detectable: float
    """The smallest loss that this many items would detect with 80% power."""


class Verdict(Record):
    """The run's verdict and why."""

    outcome: Outcome
    reasons: list[str]
    items_needed: int | None
    gate: Gate
    probes: list[ProbeVerdict]
    gain: Literal["learned", "not learned", "inconclusive", "not measured"]


EXIT_CODES: dict[str, int] = {"retained": 0, "forgot": 1, "not learned": 1, "inconclusive": 3}
"""Exit code of a verdict, for ``run``, ``compare`` and ``gate``."""
