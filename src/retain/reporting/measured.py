"""How it was measured: one line per probe, and whether base and tuned were treated alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from retain.records import Measurement, RunRecord
from retain.reporting.facts import as_text
from retain.reporting.numbers import count
from retain.reporting.tables import probe_of
from retain.reporting.text import words


@dataclass(frozen=True)
class Way:
    """How one probe was measured."""

    probe: str
    capability: str
    metric: str
    kind: str
    items: str
    left_out: str
    settings: str
    alike: str
    """``yes``, or which settings differ between base and tuned."""


def ways(record: RunRecord) -> list[Way]:
    """One entry per probe of the base's measurements, then those that only the tuned model has."""
    names = dict.fromkeys(measurement.probe for measurement in [*record.before, *record.after])
    return [_way(name, probe_of(record.before, name), probe_of(record.after, name)) for name in names]


def _way(name: str, before: Measurement | None, after: Measurement | None) -> Way:
    one = before or after
    assert one is not None
    return Way(
        probe=name,
        capability=one.capability,
        metric=f"{one.metric} ({'higher' if one.higher_is_better else 'lower'} is better)",
        kind="ranking" if one.calibration else "the model writes" if one.generates else "likelihood",
        items=count(len(one.scores)),
        left_out=_left_out(before, after),
        settings=", ".join(f"{words(key)}: {as_text(value)}" for key, value in one.settings.items()) or "none recorded",
        alike=_alike(before, after),
    )


def _left_out(before: Measurement | None, after: Measurement | None) -> str:
    """Reasons with their counts; an item that both models could not be scored on counts once."""
    merged = {**(before.left_out if before else {}), **(after.left_out if after else {})}
    return "; ".join(f"{count(number)} {reason}" for reason, number in Counter(merged.values()).most_common()) or "none"


def _alike(before: Measurement | None, after: Measurement | None) -> str:
    if before is None:
        return "only the tuned model was measured"
    if after is None:
        return "only the base was measured"
    keys = [*before.settings, *(key for key in after.settings if key not in before.settings)]
    differing = [key for key in keys if before.settings.get(key) != after.settings.get(key)]
    return f"no: {', '.join(words(key) for key in differing)}" if differing else "yes"
