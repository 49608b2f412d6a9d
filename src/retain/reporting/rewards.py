"""The section on preference pairs: how far the model moved from its base, for and against the answers."""

from __future__ import annotations

from retain.records import RunRecord
from retain.reporting.facts import Block
from retain.reporting.numbers import count, interval, plain, signed

REWARDS = (
    "On held-out pairs; nothing is judged by it. The reward of an answer is how much likelier the tuned model finds it "
    "than the base does, in nats for the whole answer. Accuracy is the share of pairs whose chosen answer has the "
    "higher reward (50% for a model that is its base), the margin the mean difference of both. Where the chosen "
    "answers' reward is negative too, the model finds even them less likely than the base did."
)


def rewards_block(record: RunRecord) -> Block | None:
    """One row for each probe of pairs; None where there is none."""
    if not record.comparison.rewards:
        return None
    columns = ["Capability", "Pairs", "Accuracy", "95% interval", "Margin", "95% interval", "Chosen", "Rejected"]
    rows = [
        [
            one.capability,
            count(one.pairs),
            f"{plain(100 * one.accuracy)}%",
            f"{plain(100 * one.accuracy_low)} to {plain(100 * one.accuracy_high)}%",
            signed(one.margin, 2),
            interval(one.margin_low, one.margin_high, 2),
            signed(one.chosen, 2),
            signed(one.rejected, 2),
        ]
        for one in record.comparison.rewards
    ]
    return Block("", columns=columns, rows=rows)
