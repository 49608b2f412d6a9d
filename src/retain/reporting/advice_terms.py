"""The sentences of an advice's report, the same in all its kinds."""

from __future__ import annotations

from retain.advice_records import WORDS, AdviceRecord

FIGURE = (
    "Each point is a rung's share of right answers on test items with its 95% interval. The diamond is the rung to "
    "stop at, the dashed line what it had to reach: the best of the rungs above it less the margin. Where no rung "
    "is shown to work there is neither."
)
RUNGS = (
    "Points of 100 on test items with 95% intervals; differences are paired item by item. What each rung asks was "
    "chosen on dev items; the rung to stop at is read off the test items of this table, so that its own score is "
    "somewhat flattering. Storage is what must be kept beside the base."
)
STANDINGS = (
    "From the bottom, the first rung that is enough is the one to stop at. Enough is what is estimated to lose no more "
    "than the margin against the best of the rungs above it (the best on dev items), or proven to, where the one-sided "
    "95% bounds against all of them are within it. Several rungs are looked at, one after the other: one that truly "
    "loses the margin or more is called proven in at most 7 of 100 advices, and passes as estimated far more often "
    "(half of the time where the loss is the margin, and again at each rung)."
)
TRIED = "Every way that was tried, on dev items. The best one was measured on test items; of equals the shortest."
PROBE = (
    "The training is a short one that shows whether training helps. What it forgets was not measured: retain run "
    "does that."
)
WITHIN = {"proven": "proven", "estimated": "estimated, not proven", "no": "no"}


def headline(record: AdviceRecord) -> str:
    """``Stop at few-shot``, or that there is no rung to stop at."""
    return f"Stop at {WORDS[record.advised.rung]}" if record.advised.rung else "No rung is shown to work"


def rungs(record: AdviceRecord) -> str:
    """What the table of rungs shows."""
    return f"{RUNGS} {PROBE}" if any(rung.name == "lora" for rung in record.rungs) else RUNGS


def left_out(record: AdviceRecord) -> list[str]:
    """What did not fit into prompts, a sentence for each rung."""
    found = []
    for rung in record.rungs:
        if rung.left_out:
            found.append(
                f"{WORDS[rung.name]}: examples and passages left out of requests to make them fit (examples first, "
                f"those least like the question first): {rung.left_out}."
            )
        if rung.cut:
            found.append(
                f"{WORDS[rung.name]}: questions longer than the model reads, which lost their beginning: {rung.cut}."
            )
    return found
