"""Measurements that are kept between runs: a base is measured once, and found again by all that a score depends on."""

from __future__ import annotations

from collections.abc import Sequence

from retain.probes.base import Probe
from retain.provenance import versions
from retain.records import Measurement, Split, content_hash
from retain.scoring import ENGINE_VERSION
from retain.stages.known_models import files_state, known_model
from retain.store import Store

LIBRARIES = ("torch", "transformers", "tokenizers", "peft", "bitsandbytes")
"""Packages whose version can change a score. Retain's own changes are counted by ``ENGINE_VERSION``."""


def measurement_key(fingerprint: str, device: str, probe: Probe, split: Split) -> str:
    """A hash of everything that a score depends on.

    Args:
        fingerprint: the model's: of its weights, tokenizer and load options.
        device: where it runs; kernels differ.
        probe: its items and settings.
        split: dev or test.
    """
    installed = versions()
    libraries = {name: installed.get(name) for name in LIBRARIES}
    scored = (probe.fingerprint(), probe.capability, split)
    return content_hash(fingerprint, device, *scored, ENGINE_VERSION, libraries, length=32)


def kept(fingerprint: str, device: str, probe: Probe, split: Split) -> Measurement | None:
    """What a model scored before; None where it was not measured, or the file is no longer sound."""
    found = _store().read(measurement_key(fingerprint, device, probe, split), Measurement)
    if found is None or found.model != fingerprint or found.split != split:
        return None
    return found.model_copy(update={"probe": probe.name})


def keep(measurement: Measurement, device: str, probe: Probe) -> None:
    """Keep a measurement for later runs."""
    _store().write(measurement_key(measurement.model, device, probe, measurement.split), measurement)


def kept_of_files(spec: str, load_in: str, probes: Sequence[Probe], split: Split) -> list[Measurement] | None:
    """What a model scored before, told by its files alone; None where it must be loaded to tell, or not all is kept."""
    model = known_model(files_state(spec, load_in))
    if model is None:
        return None
    found = [kept(model.fingerprint, model.device, probe, split) for probe in probes if has_items(probe, split)]
    known = [measurement for measurement in found if measurement is not None]
    return known if known and len(known) == len(found) else None


def has_items(probe: Probe, split: Split) -> bool:
    """False for a probe that has nothing in a split, such as a shifted test set without dev rows."""
    pool = getattr(probe, "pool", None)
    return pool is None or bool(pool(split))


def _store() -> Store:
    return Store("measurements")
