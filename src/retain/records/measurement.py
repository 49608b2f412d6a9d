"""What one model scored and wrote on a probe. A missing score is missing, never zero."""

from __future__ import annotations

from typing import Any, Literal

from retain.records.base import Record

Split = Literal["dev", "test"]


class Response(Record):
    """What a model wrote for one item."""

    text: str
    tokens: int | None
    """None where it is not known, as in logs of other tools; then ``stopped`` is True and says nothing."""
    stopped: bool
    """True when the model ended by itself (EOS or a stop string), False when it ran into the limit."""


class CalibrationBin(Record):
    """Documents with like scores."""

    pairs: int
    predicted: float
    """Mean probability that the scores stand for."""
    relevant: float
    """Share that is relevant."""


class Calibration(Record):
    """Whether a reranker's scores mean what they say; see ``retain.ranking.calibration``."""

    pairs: int
    """Ranked documents."""
    relevant: float
    """Share of them that is relevant."""
    error: float
    """Expected calibration error."""
    error_low: float
    error_high: float
    """Its 95% interval."""
    brier: float
    bins: list[CalibrationBin] = []


class PairLikelihood(Record):
    """Log-likelihoods of a preference pair's answers, in nats, summed over their tokens."""

    chosen: float
    rejected: float


class Measurement(Record):
    """The scores of one model on one probe and split. One score per item."""

    probe: str
    capability: str
    metric: str
    """Name of the main number, for example ``exact match`` or ``bits per byte``."""
    value: float
    """The main number: the mean of ``scores`` (weighted where the metric says so)."""
    higher_is_better: bool
    unit: Literal["share", "bits per byte"]
    split: Split
    scores: dict[str, float]
    """Item id -> score. An item that could not be scored is absent here and named in ``left_out``."""
    generates: bool = False
    """True when the score comes from text that the model wrote."""
    chance: float | None = None
    """What guessing scores (1/choices), or None where guessing earns nothing."""
    responses: dict[str, Response] = {}
    prompts: dict[str, str] = {}
    """Item id -> the prompt as a person would read it (for reports and symptoms); generating probes only."""
    references: dict[str, str] = {}
    """Item id -> the expected answer as text, where there is one."""
    inputs: dict[str, str] = {}
    """Item id -> hash of exactly what the model was asked, where it is known; the same item may be asked otherwise."""
    clusters: dict[str, str] = {}
    """Item id -> cluster (passage, template, document), where items share one."""
    left_out: dict[str, str] = {}
    """Item id -> reason why it has no score."""
    also: dict[str, dict[str, float]] = {}
    """Other shares that the same answers score, higher being better: measure -> item id -> score. Shown, not judged."""
    calibration: Calibration | None = None
    """Of a reranker's scores on these items."""
    pairs: dict[str, PairLikelihood] = {}
    """Item id -> what the model thinks of both answers; preference pairs only."""
    settings: dict[str, Any] = {}
    """Everything that changes the score: limits, precision, template, truncation rule."""
    model: str
    """Fingerprint of the measured model."""
