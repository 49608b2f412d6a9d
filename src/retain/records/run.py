"""Everything that a run found."""

from __future__ import annotations

from typing import Any

from retain.records.base import Versioned
from retain.records.comparison import Comparison, Recitation
from retain.records.measurement import Measurement
from retain.records.training import Choice, KlReading, Training
from retain.records.verdict import Verdict


class RunRecord(Versioned):
    """Everything a report shows. ``retain compare`` fills only the measured part."""

    title: str
    recipe: dict[str, Any] | None = None
    provenance: dict[str, Any] = {}
    """Versions, hashes, seeds, hardware, when it started."""
    data: dict[str, Any] = {}
    """Row counts by split, detected shape, refused and dropped rows with reasons."""
    general: list[dict[str, Any]] = []
    """Each general set: name, source, rows, tokens, kept back, rejected by reason."""
    training: Training | None = None
    choices: list[Choice] = []
    before: list[Measurement]
    after: list[Measurement]
    """Test items only."""
    comparison: Comparison
    verdict: Verdict
    seconds: dict[str, float] = {}
    """Stage -> wall time."""
    output: str | None = None
    """Where the tuned model lies, relative to the run folder."""
    kl: list[KlReading] = []
    """The KL meter, on held-out task rows and on general text that training has not used."""
    recitation: Recitation | None = None
    """What training rows and held-out rows were continued with; None where nobody tried."""
