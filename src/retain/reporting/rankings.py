"""The sections on other measures of the same items, and on the calibration of a reranker's scores."""

from __future__ import annotations

from retain.records import Calibration, Measurement, RunRecord
from retain.reporting.facts import Block
from retain.reporting.numbers import count, interval, plain, signed

MEASURES = "The same items measured in other ways. Nothing is judged by them."
CALIBRATION = (
    "Whether scores mean what they say, for those who cut at a threshold: the mean distance between the probability "
    "that a score stands for, 1 / (1 + exp(-score)), and the share of documents with like scores that are relevant "
    "(expected calibration error, ten bins of equally many documents; in brackets its 95% interval from resampled "
    "queries), and the Brier score. Documents that nobody judged count as not relevant, so compare before with after."
)


def measures_block(record: RunRecord) -> Block | None:
    """One row for each other measure of each probe; None where there are none."""
    if not record.comparison.also:
        return None
    columns = ["Capability", "Measure", "Before", "After", "Change", "95% interval", "Items", "Rose / fell"]
    rows = [
        [
            one.capability,
            one.metric,
            plain(one.before),
            plain(one.after),
            signed(one.delta),
            interval(one.low, one.high),
            count(one.items),
            f"{count(one.won)} / {count(one.lost)}",
        ]
        for one in record.comparison.also
    ]
    return Block("", columns=columns, rows=rows)


def calibration_block(record: RunRecord) -> Block | None:
    """One row for each probe of rerankers; None where there is none."""
    after = {one.probe: one for one in record.after}
    pairs = [(one, after[one.probe]) for one in record.before if one.probe in after]
    rows = [row for old, new in pairs if (row := _row(old, new)) is not None]
    columns = ["Capability", "Documents", "Relevant", "Error before", "Error after", "Brier before", "Brier after"]
    return Block("", columns=columns, rows=rows) if rows else None


def _row(old: Measurement, new: Measurement) -> list[str] | None:
    before, after = old.calibration, new.calibration
    if before is None or after is None:
        return None
    return [
        old.capability,
        count(before.pairs),
        f"{plain(100 * before.relevant)}%",
        _error(before),
        _error(after),
        plain(before.brier, 3),
        plain(after.brier, 3),
    ]


def _error(one: Calibration) -> str:
    return f"{plain(one.error, 3)} [{plain(one.error_low, 3)} to {plain(one.error_high, 3)}]"
