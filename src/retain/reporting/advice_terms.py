"""The sentences of an advice's report, the same in all its kinds."""

from __future__ import annotations

from retain.advice_records import WORDS, AdviceRecord

FIGURE = (
    "Each point is a rung's share of right answers on test items with its 95% interval. The diamond is the rung to "
    "stop at, the dashed line what it had to reach: the best of the rungs above it less the margin."
)
RUNGS = (
    "Points of 100 on test items with 95% intervals; differences are paired item by item. What each rung asks was "
    "chosen on dev items; no choice has seen a test item. Storage is what must be kept beside the base."
)
STANDINGS = (
    "A rung is enough where its loss against the best of the rungs above it (the best on dev items) is within the "
    "margin: proven by the one-sided 95% bound, or by the estimate alone."
)
TRIED = "Every way that was tried, on dev items. The best one was measured on test items; of equals the shortest."
PROBE = (
    "The training is a short one that shows whether training helps. What it forgets was not measured: retain run "
    "does that."
)
WITHIN = {"proven": "proven", "estimated": "estimated, not proven", "no": "no"}


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
