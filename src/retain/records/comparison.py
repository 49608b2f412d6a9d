"""What changed between two models, item by item."""

from __future__ import annotations

from typing import Literal

from retain.records.base import Record


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
