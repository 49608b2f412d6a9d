"""What flows between the stages: frozen, typed, written as JSON. Item ids are hashes of content.

Scores are in their natural unit (a share lies in 0..1). Changes are in *points* of 100 for shares and in
*percent of the base's value* for open-ended units such as bits per byte. A missing score is missing, never zero.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Split = Literal["dev", "test"]
Outcome = Literal["retained", "forgot", "not learned", "inconclusive"]


def content_hash(*parts: Any, length: int = 16) -> str:
    """A short, stable hash of content (strings or JSON-serialisable values); strings may hold lone surrogates."""
    text = "\x1f".join(part if isinstance(part, str) else json.dumps(part, sort_keys=True) for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


class Record(BaseModel):
    """A frozen record. NaN and infinity are written as such, so that reading gives back what was written."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Versioned(Record):
    """A record that is written and printed as a whole, for programs to read; ``retain schema`` describes it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    version: Literal[1] = 1
    """Of this record's format; 1 where a file says none. It rises when a field is renamed, removed or means something
    else; new fields do not raise it."""


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


class Change(Record):
    """Before and after of one probe, paired by item. ``delta`` positive = better, whatever the metric's direction."""

    probe: str
    capability: str
    metric: str
    unit: Literal["points", "percent"]
    generates: bool
    before: float
    after: float
    delta: float
    low: float
    high: float
    """Two-sided 95% interval of ``delta``."""
    loss_low: float
    loss_high: float
    """One-sided 95% bounds of the loss (= -delta): lower and upper."""
    items: int
    """Items that both measurements scored."""
    effective_items: float
    """After the design effect of clusters; equals ``items`` where there are none."""
    won: int
    lost: int
    """Binary: items wrong before and right after, and the reverse. Otherwise items that rose and fell."""
    binary: bool
    variance: float
    """Variance of the paired differences in (unit)^2; for binary scores about psi * 100^2."""
    p_loss: float
    """One-sided p-value of 'the loss is above zero'."""
    near_chance: bool = False
    """The base is not clear of chance here: the probe cannot show a loss and stays out of the pooled number."""
    unpaired: int = 0
    """Items that only one of the two measurements scored."""
    lost_beyond_guessing: float | None = None
    won_beyond_guessing: float | None = None
    """Items lost and won at least, after the flips that guessing explains; None where guessing earns nothing."""


class Rewards(Record):
    """How far a model moved from its base on preference pairs; see ``retain.comparison.rewards``. Nats, sums."""

    probe: str
    capability: str
    pairs: int
    accuracy: float
    """Share of pairs whose chosen answer has the higher reward, equal ones counted half."""
    accuracy_low: float
    accuracy_high: float
    """Its 95% interval."""
    margin: float
    """Mean reward of a chosen answer minus that of the rejected one."""
    margin_low: float
    margin_high: float
    """Its 95% interval."""
    chosen: float
    """Mean reward of a chosen answer; negative: less likely than for the base."""
    rejected: float


class NoiseFloor(Record):
    """How far one probe's scores move between two measurements of the same weights."""

    probe: str
    capability: str
    unit: Literal["points", "percent"]
    null_change: str
    """What differed between the two measurements, in words: the size of the batches, the precision."""
    items: int
    effective_items: float
    changed: int
    """Items whose score is not the same in both."""
    moved: float
    """Mean absolute difference of an item's score; for scores of 0 and 1 the share of flipped items."""
    low: float
    high: float
    """Two-sided 95% interval of ``moved``."""
    most: float
    """One-sided 95% upper bound of ``moved``."""
    shift: float
    """Second minus first mean, positive = better: what is left of ``moved`` when ups and downs cancel."""
    model: str
    """Fingerprint of the first measurement's model."""
    fingerprint: str | None = None
    """The probe's without its limit, where it is known."""
    group: str | None = None
    """An item of the probes that share items with this one, the same for all of them; None: a probe on its own."""


class ExamplePair(Record):
    """One prompt with the answers of both models, shortened. Foreign text, not escaped."""

    prompt: str
    base: str
    tuned: str
    expected: str = ""
    """What should have followed, where that is known."""


class Symptom(Record):
    """Something read off a comparison, always against the base and with an interval.

    Numbers are in points of 100: shares of answers, a capability's score, or lengths in percent of the base's.
    """

    name: str
    """The file's in ``comparison/symptoms``."""
    capability: str
    """Where it was looked for: open prompts, a capability, the ends of answers."""
    found: bool | None
    """None where it cannot be told; the statement says why."""
    statement: str
    before: float | None = None
    after: float | None = None
    low: float | None = None
    high: float | None = None
    """Two-sided 95% interval of ``after - before``."""
    example: ExamplePair | None = None
    """The worst one; only where the symptom was found in answers."""
    evidence: list[str] = []
    """What else speaks for it, a line each. Foreign text, not escaped."""


class Recital(Record):
    """How far both models reproduce the end of one row when they are given its beginning."""

    item: str
    """The row's id."""
    tokens: int
    """Of the row's end: at most 50."""
    base_run: int
    """Tokens of the longest run that the base's continuation has in common with the row's end."""
    tuned_run: int
    base_verbatim: bool
    """The continuation begins with the whole end."""
    tuned_verbatim: bool
    group: str = ""
    """Rows with the same end share this."""


class Recitation(Record):
    """Greedy continuations of beginnings of training rows and of held-out rows that are like them, by both models."""

    training: list[Recital] = []
    held_out: list[Recital] = []
    too_short: int = 0
    """Training rows that were looked at and have too few answer tokens to recite."""
    example: ExamplePair | None = None
    """The training row of which the tuned model reproduces most more than the base."""


class Comparison(Record):
    """All changes between two models."""

    base: str
    tuned: str
    """Names for people; fingerprints are in the measurements."""
    gains: list[Change]
    each_gain: bool = False
    """Every gain must be reached, not the first alone: tasks of a sequence in units that have no common mean."""
    losses: list[Change]
    pooled: Change | None
    """The mean loss over capabilities (points; not near chance), or None where nothing can be pooled."""
    also: list[Change] = []
    """Other measures of the same items; nothing is judged by them."""
    rewards: list[Rewards] = []
    """Of each probe of preference pairs; nothing is judged by them."""
    symptoms: list[Symptom] = []
    noise: list[NoiseFloor] = []
    """The noise floor of each probe where it is known; a loss below it is not judged as forgetting."""
    same_weights: bool = False
    """Both sides are one model: the comparison itself measures the noise floor."""
    notes: list[str] = []
    """What a reader must know: items left out, probes not measured, settings that differ."""


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


EXIT_CODES: dict[str, int] = {"retained": 0, "forgot": 1, "not learned": 1, "inconclusive": 3}
"""Exit code of a verdict, for ``run``, ``compare`` and ``gate``."""
