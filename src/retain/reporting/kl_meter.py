"""The section on the KL meter: how far the tuned model's answers are from the base's, token by token."""

from __future__ import annotations

from retain.records import KlReading, RunRecord
from retain.reporting.facts import Block
from retain.reporting.numbers import count, plain

METER = (
    "A cheap meter for stopping and for choosing; never the claim. KL(base || tuned) is in nats for each token that "
    "training would label (answers; whole texts), on held-out rows. Agreement is the share of tokens at which both "
    "models hold the same token for the most likely one. In brackets: 95% intervals from resampled rows."
)
LOWER_BOUND = (
    "Where only the base's most likely tokens are compared, the rest as one bucket, the value is a lower bound."
)


def kl_block(record: RunRecord) -> Block | None:
    """One row for each place that was read; None where none was."""
    if not record.kl:
        return None
    columns = ["Where", "Rows", "Tokens", "Mean KL", "95th percentile", "Agreement", "Compared"]
    return Block("", columns=columns, rows=[_row(reading) for reading in record.kl])


def kl_intro(record: RunRecord) -> str:
    """What the table means, and what it does not."""
    return f"{METER} {LOWER_BOUND}" if any(reading.top_k for reading in record.kl) else METER


def _row(one: KlReading) -> list[str]:
    return [
        one.name if one.where == one.name else f"{one.where}: {one.name}",
        count(one.rows),
        count(one.tokens),
        _with_interval(one.mean, one.mean_low, one.mean_high),
        _with_interval(one.percentile_95, one.percentile_95_low, one.percentile_95_high),
        _with_interval(100 * one.agreement, _percent(one.agreement_low), _percent(one.agreement_high), 1, "%"),
        f"top {count(one.top_k)} tokens" if one.top_k else "the whole vocabulary",
    ]


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _with_interval(value: float, low: float | None, high: float | None, digits: int = 4, unit: str = "") -> str:
    interval = "" if low is None else f" [{plain(low, digits)} to {plain(high, digits)}]"
    return f"{plain(value, digits)}{unit}{interval}"
