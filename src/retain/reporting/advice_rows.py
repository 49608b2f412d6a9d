"""The rows of an advice's tables: every number formatted once for all kinds of report. Foreign text is not escaped."""

from __future__ import annotations

from dataclasses import dataclass

from retain.advice_records import WORDS, AdviceRecord, Rung, Standing
from retain.reporting.advice_terms import WITHIN
from retain.reporting.drawing import Tone
from retain.reporting.numbers import count, duration, interval, plain, signed

RECIPE = "recommended.yaml"
"""The recipe to train with, beside the reports."""
TONES: dict[str, Tone] = {"proven": "good", "estimated": "open", "no": "muted"}
_UNITS = ("bytes", "kB", "MB", "GB")


@dataclass(frozen=True)
class RungRow:
    """One rung."""

    name: str
    word: str
    advised: bool
    chosen: str
    score: str
    interval: str
    against: str
    """Against the rung below; empty for the first."""
    against_interval: str
    tokens: str
    training: str
    storage: str


@dataclass(frozen=True)
class StandingRow:
    """One rung against the best of those above it."""

    rung: str
    best: str
    loss: str
    most: str
    """Upper one-sided 95% bound of the loss against any rung above."""
    within: str
    tone: Tone
    needed: str


@dataclass(frozen=True)
class TriedRow:
    """One way to ask, on dev items."""

    rung: str
    label: str
    value: str
    tokens: str
    chosen: bool


def rung_rows(record: AdviceRecord) -> list[RungRow]:
    """From the bottom."""
    return [_rung(record, rung) for rung in record.rungs]


def _rung(record: AdviceRecord, rung: Rung) -> RungRow:
    step = next((one.change for one in record.differences if one.above == rung.name), None)
    return RungRow(
        name=rung.name,
        word=WORDS[rung.name],
        advised=rung.name == record.advised.rung,
        chosen=rung.chosen,
        score=plain(rung.value),
        interval=f"{plain(rung.low)} to {plain(rung.high)}",
        against="" if step is None else signed(step.delta),
        against_interval="" if step is None else interval(step.low, step.high),
        tokens=count(rung.cost.tokens),
        training=duration(rung.cost.training_seconds) if rung.cost.training_seconds else "none",
        storage=size(rung.cost.storage_bytes),
    )


def standing_rows(record: AdviceRecord) -> list[StandingRow]:
    """Every rung but the last."""
    return [_standing(one) for one in record.standings]


def _standing(one: Standing) -> StandingRow:
    return StandingRow(
        rung=WORDS[one.rung],
        best=WORDS[one.best],
        loss=signed(one.change.delta),
        most=signed(one.most),
        within=WITHIN[one.within],
        tone=TONES[one.within],
        needed="" if one.items_needed is None else count(one.items_needed),
    )


def tried_rows(record: AdviceRecord) -> list[TriedRow]:
    """Every way that was tried, in the order of the rungs."""
    return [
        TriedRow(WORDS[rung.name], one.label, plain(one.value), count(one.tokens), place == _chosen(rung))
        for rung in record.rungs
        for place, one in enumerate(rung.tried)
    ]


def _chosen(rung: Rung) -> int:
    """The place of the way that was taken: labels can occur twice, with other instructions."""
    best = max(rung.tried, key=lambda one: (one.value, -one.tokens))
    return rung.tried.index(best)


def size(number: int) -> str:
    """``4718592`` -> ``4.7 MB``; ``none`` for nothing."""
    if not number:
        return "none"
    value, unit = float(number), _UNITS[0]
    for larger in _UNITS[1:]:
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{plain(value, 0 if unit == 'bytes' else 1)} {unit}"
