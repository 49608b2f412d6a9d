"""The rows of gains and losses: every number of the tables, formatted once for all kinds of report."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from retain.comparison import reasons
from retain.comparison.gate import judge_gain, main_gain
from retain.comparison.power import smallest_detectable
from retain.records import Change, Measurement, ProbeVerdict, RunRecord
from retain.reporting.numbers import NOT_AVAILABLE, count, finite, interval, plain, share, signed
from retain.reporting.text import words

Tone = Literal["good", "bad", "open", "muted"]
TONES: dict[str, Tone] = {
    "retained": "good",
    "learned": "good",
    "forgot": "bad",
    "not learned": "open",
    "inconclusive": "open",
    "near chance": "muted",
}
_SEVERITY = {"forgot": 0, "inconclusive": 1, "retained": 2, "near chance": 3}


@dataclass(frozen=True)
class Row:
    """One change as it is printed."""

    change: Change
    label: str
    probe: str
    metric: str
    before: str
    after: str
    delta: str
    interval: str
    loss_at_most: str
    margin_value: float
    margin: str
    items: str
    flips: str
    spread: str
    detectable: str
    outcome: str
    needed: str
    tone: Tone
    pooled: bool = False

    @property
    def source(self) -> str:
        """Probe and metric; the probe only where its name says more than the capability's."""
        named_alike = self.pooled or words(self.probe) == self.label
        return self.metric if named_alike else f"{self.probe}: {self.metric}"

    @property
    def measured(self) -> str:
        """Items, and how many independent ones they are worth where they share passages or templates."""
        return f"{self.items} (worth {self.worth})" if self.worth else self.items

    @property
    def worth(self) -> str:
        """How many independent items they are worth; empty where each counts for itself."""
        worth = self.change.effective_items
        return "" if not finite(worth) or worth > self.change.items - 0.5 else count(worth)


def gain_rows(record: RunRecord) -> list[Row]:
    """What was learned, in the comparison's order."""
    return [_gain_row(change, record) for change in record.comparison.gains]


def loss_rows(record: RunRecord) -> list[Row]:
    """Capabilities: forgotten first, then unproven, retained, near chance; the greatest fall first."""
    rows = [_loss_row(change, record) for change in record.comparison.losses]
    return sorted(rows, key=lambda row: (_SEVERITY.get(row.outcome, 1), _sortable(row.change.delta), row.label))


def pooled_row(record: RunRecord) -> Row | None:
    """The mean over capabilities, held against the mean margin."""
    change = record.comparison.pooled
    if change is None:
        return None
    margin = record.verdict.gate.mean_margin
    detectable = plain(smallest_detectable(change)) if finite(change.variance) else NOT_AVAILABLE
    return _row(change, margin, pooled_outcome(change, margin), detectable, "", "Mean (pooled)", pooled=True)


def pooled_outcome(change: Change, margin: float) -> str:
    """``retained`` or ``forgot`` where a bound of the loss lies on one side of the margin."""
    if change.loss_high < margin:
        return "retained"
    return "forgot" if change.loss_low > margin else "inconclusive"


def main_reasons(record: RunRecord) -> list[str]:
    """The verdict's reasons without those that a table of unproven capabilities repeats."""
    losses, probes = record.comparison.losses, record.verdict.probes
    listed = reasons.unproven(losses, probes) if len(losses) == len(probes) else []
    return [reason for reason in record.verdict.reasons if reason not in listed]


def unproven(record: RunRecord) -> list[Row]:
    """Capabilities that these items cannot decide."""
    return [row for row in loss_rows(record) if row.outcome == "inconclusive"]


def spread(change: Change) -> str:
    """The share of flipped items, or the standard deviation of the change per item."""
    if change.binary:
        return share(change.won + change.lost, change.items)
    if not finite(change.variance) or change.variance < 0:
        return NOT_AVAILABLE
    return f"sd {plain(math.sqrt(change.variance))}"


def probe_of(measurements: list[Measurement], probe: str) -> Measurement | None:
    """The measurement of one probe."""
    return next((measurement for measurement in measurements if measurement.probe == probe), None)


def _sortable(value: float) -> float:
    return value if math.isfinite(value) else math.inf


def _gain_row(change: Change, record: RunRecord) -> Row:
    verdict = record.verdict
    judged = change is main_gain(record.comparison) and verdict.gain != "not measured"
    outcome = verdict.gain if judged else judge_gain(change, verdict.gate.min_gain)
    return _row(change, verdict.gate.min_gain, outcome, NOT_AVAILABLE, "")


def _loss_row(change: Change, record: RunRecord) -> Row:
    judged = _judged(record, change.probe)
    label = _label(change, record)
    if judged is None:
        gate = record.verdict.gate
        margin = gate.margin if change.unit == "points" else gate.bits_margin
        return _row(change, margin, "near chance" if change.near_chance else "inconclusive", NOT_AVAILABLE, "", label)
    needed = "" if judged.items_needed is None else count(judged.items_needed)
    return _row(change, judged.margin, judged.outcome, plain(judged.detectable), needed, label)


def _label(change: Change, record: RunRecord) -> str:
    """The capability, and the probe where several probes measure it."""
    capabilities = [loss.capability for loss in record.comparison.losses]
    alone = capabilities.count(change.capability) == 1 or change.probe == change.capability
    return change.capability if alone else f"{change.capability} ({change.probe})"


def _judged(record: RunRecord, probe: str) -> ProbeVerdict | None:
    return next((judged for judged in record.verdict.probes if judged.probe == probe), None)


def _row(
    change: Change,
    margin: float,
    outcome: str,
    detectable: str,
    needed: str,
    label: str | None = None,
    pooled: bool = False,
) -> Row:
    digits = 1 if change.unit == "points" else 3
    percent = "" if change.unit == "points" else "%"
    return Row(
        change=change,
        label=label or change.capability,
        probe=change.probe,
        metric=change.metric,
        before=plain(change.before, digits),
        after=plain(change.after, digits),
        delta=_unit(signed(change.delta), percent),
        interval=_unit(interval(change.low, change.high), percent),
        loss_at_most=_unit(plain(change.loss_high), percent),
        margin_value=margin,
        margin=_unit(plain(margin), percent),
        items=count(change.items),
        flips=f"{count(change.won)} / {count(change.lost)}",
        spread=NOT_AVAILABLE if pooled and not change.binary else spread(change),
        detectable=_unit(detectable, percent),
        outcome=outcome,
        needed=needed,
        tone=TONES.get(outcome, "open"),
        pooled=pooled,
    )


def _unit(text: str, unit: str) -> str:
    return text if text == NOT_AVAILABLE else f"{text}{unit}"
