"""What ``retain advise`` found: one record for each rung, and the advice. Scores are in points of 100."""

from __future__ import annotations

from typing import Any, Literal

from retain.records import Change, Measurement, Record, Versioned

Within = Literal["proven", "estimated", "no"]
WORDS = {
    "zero_shot": "zero-shot",
    "instructions": "instructions",
    "few_shot": "few-shot",
    "retrieval": "retrieval",
    "lora": "training",
}
"""What a person calls each rung."""


class Tried(Record):
    """One way to ask that was measured on dev items."""

    label: str
    value: float
    """Share of right answers on dev items, in points."""
    tokens: float
    """Mean prompt tokens of a request."""


class Cost(Record):
    """What a rung costs."""

    tokens: float
    """Mean prompt tokens of a request, on test items."""
    training_seconds: float = 0.0
    storage_bytes: int = 0
    """What must be kept beside the base: an adapter's files, or the texts and the index of a search."""


class Rung(Record):
    """One rung: what was chosen on dev items, and what it scores on test items."""

    name: str
    chosen: str
    """In words: how questions are asked, or how the model was trained."""
    tried: list[Tried]
    dev: float
    value: float
    low: float
    high: float
    """Two-sided 95% interval of ``value``."""
    items: int
    cost: Cost
    left_out: int = 0
    """Examples and passages that were left out on test items because the prompt would not have fitted."""
    cut: int = 0
    """Test items whose bare question did not fit and lost its beginning."""
    formed: float
    """Share of the answers to test items that have the form of the training answers."""
    found: float | None = None
    """Retrieval: share of the test items whose right answer occurs in the passages that were put before them."""
    source: str = ""
    """What was searched."""
    from_documents: bool = False
    """Retrieval: the passages are of documents, and not training rows."""
    instruction: str = ""
    """What the chosen way adds in words."""
    example: str = ""
    """The request for one dev item, as the model is given it."""
    notes: list[str] = []
    measurement: Measurement
    """Test items."""


class Difference(Record):
    """Two rungs on the same test items."""

    below: str
    above: str
    change: Change
    """From ``below`` to ``above``."""


class Standing(Record):
    """One rung against the best of those above it."""

    rung: str
    best: str
    """Of the rungs above, the one that scores most on dev items."""
    change: Change
    """From the rung to the best, on test items."""
    most: float
    """The largest of the one-sided 95% upper bounds of its loss against each of the rungs above, in points."""
    within: Within
    """Whether the rung's loss is within the margin: proven against every rung above (``most`` is), estimated against
    the best one alone, or not."""
    items_needed: int | None = None
    """How many test items would prove it, where it is estimated."""


class Advised(Record):
    """The rung to stop at."""

    rung: str
    """Empty where nothing works."""
    basis: Literal["proven", "estimated", "last", "nothing"]
    """``last``: the ladder's end, since every other rung loses more than the margin. ``nothing``: no rung is shown to
    answer rightly more than now and then, so that there is none to stop at."""
    reason: str


class Nature(Record):
    """What the task lacks, told by what was measured alone."""

    kind: Literal["knowledge", "behaviour", "both", "prompt", "open"]
    statement: str
    evidence: list[str]


class AdviceRecord(Versioned):
    """Everything that an advice's report shows."""

    title: str
    recipe: dict[str, Any]
    provenance: dict[str, Any] = {}
    data: dict[str, Any] = {}
    task_metric: str
    form: str
    """The form of the training answers, in words."""
    seen: float
    """Share of the test items whose right answer is also a training row's."""
    rungs: list[Rung]
    differences: list[Difference]
    """Neighbouring rungs, from the bottom."""
    standings: list[Standing]
    """Every rung but the last."""
    margin: float
    """The largest loss against the best rung above that is accepted."""
    advised: Advised
    nature: Nature
    seconds: dict[str, float] = {}
    recommended_recipe: bool = False
    """A recipe to train with was written beside the reports."""
