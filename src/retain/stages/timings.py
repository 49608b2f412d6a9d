"""How long measuring took on this machine, so that a run can say how long it will take again."""

from __future__ import annotations

from collections.abc import Sequence

from retain.probes.base import Probe
from retain.records import Record, Split, content_hash
from retain.store import Store

STORE = "timings"


class Timing(Record):
    """One probe's measurement of one model."""

    seconds: float


def remember(fingerprint: str, device: str, probe: Probe, split: Split, seconds: float) -> None:
    """Keep how long a probe took on a model; measured again, the last time counts."""
    Store(STORE).write(_key(fingerprint, device, probe, split), Timing(seconds=seconds))


def known_seconds(fingerprint: str, device: str, probes: Sequence[Probe], split: Split) -> float | None:
    """How long all probes took together on a model; None where one was not timed here."""
    found = [Store(STORE).read(_key(fingerprint, device, probe, split), Timing) for probe in probes]
    times = [one.seconds for one in found if one is not None]
    return sum(times) if len(times) == len(found) else None


def _key(fingerprint: str, device: str, probe: Probe, split: Split) -> str:
    return content_hash(fingerprint, device, probe.name, probe.fingerprint(), split, length=32)
