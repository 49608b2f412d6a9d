"""Measuring a model on probes: each probe's measurement is a file of its own; the base's are kept for later runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from retain.errors import UserError
from retain.folder import cache_folder, read_record, write_record
from retain.models.causal import TransformersCausal
from retain.models.load import load_causal
from retain.probes.base import Probe
from retain.provenance import versions
from retain.records import Measurement, Record, Split, content_hash
from retain.stages.run_folder import RunFolder
from retain.training.trained import TUNED

if TYPE_CHECKING:
    from retain.stages.setting_up import Workbench

ENGINE = ("retain", "torch", "transformers", "tokenizers", "peft", "bitsandbytes")
"""Packages whose version can change a score."""
SPLITS: tuple[Split, ...] = ("dev", "test")


class Measurements(Record):
    """One model's measurements of one split."""

    measurements: list[Measurement]
    name: str = ""
    """What a person calls the model."""


def measure_probes(
    model: TransformersCausal,
    probes: Sequence[Probe],
    split: Split,
    folder: Path | None,
    cached: bool = False,
) -> list[Measurement]:
    """Measure each probe, in order; what ``folder`` or the cache already holds is read.

    Args:
        model: what is measured.
        probes: what it is measured with.
        split: dev or test.
        folder: where measurements are written, one file each; nowhere when None.
        cached: also look into and fill the user's cache, by fingerprint of model and probe. For bases.
    """
    return [_measure(model, probe, split, folder, cached) for probe in probes if has_items(probe, split)]


def has_items(probe: Probe, split: Split) -> bool:
    """False for a probe that has nothing in a split, such as a shifted test set without dev rows."""
    pool = getattr(probe, "pool", None)
    return pool is None or bool(pool(split))


def _measure(model: TransformersCausal, probe: Probe, split: Split, folder: Path | None, cached: bool) -> Measurement:
    own = folder / f"{split}-{file_name(probe.name)}.json" if folder else None
    if own is not None and (found := _written(own)) is not None and _is_of(found, model, probe):
        return found
    common = cache_folder() / "measurements" / f"{_key(model, probe, split)}.json" if cached else None
    earlier = _written(common) if common is not None else None
    if earlier is not None:
        measurement = earlier.model_copy(update={"probe": probe.name})
    else:
        model.doing = probe.name
        measurement = _with_precision(probe.measure(model, split), model)
        model.doing = ""
        if common is not None:
            write_record(common, measurement)
    if own is not None:
        write_record(own, measurement)
    return measurement


def _written(path: Path) -> Measurement | None:
    """An earlier measurement; None where there is none that can be read (it is then made anew)."""
    try:
        return read_record(path, Measurement)
    except UserError:
        return None


def _is_of(found: Measurement, model: TransformersCausal, probe: Probe) -> bool:
    """False when the model or the probe's items have changed since."""
    return found.model == model.fingerprint and found.settings.get("fingerprint") in (None, probe.fingerprint())


def _key(model: TransformersCausal, probe: Probe, split: Split) -> str:
    """Everything that a score depends on, the libraries that compute it and the device among it."""
    installed = versions()
    engine = {name: installed.get(name) for name in ENGINE}
    return content_hash(
        model.fingerprint, probe.fingerprint(), probe.capability, split, engine, str(model.module.device), length=32
    )


def _with_precision(measurement: Measurement, model: TransformersCausal) -> Measurement:
    """Precision is a setting like any other: fp32 against bf16 must not pass for forgetting."""
    return measurement.model_copy(update={"settings": {**measurement.settings, "precision": model.load_in}})


def file_name(name: str) -> str:
    """A probe's name as a file name, distinct for distinct names."""
    plain = "".join(letter if letter.isalnum() else "_" for letter in name)
    return plain if plain == name else f"{plain}-{content_hash(name, length=6)}"


def measure_before(run: RunFolder, bench: Workbench) -> list[Measurement]:
    """The base's scores on test items (and, for choices, on dev items, which are not returned)."""

    def make() -> Measurements:
        base = bench.base()
        for split in SPLITS:
            measured = measure_probes(base, bench.probes, split, run.path / "before", cached=True)
        return Measurements(measurements=measured, name=base.name)

    return run.once("before", Measurements, make, "Measuring the base").measurements


def measure_after(run: RunFolder, bench: Workbench) -> list[Measurement]:
    """The finished model's scores on test items, measured as it was saved: what is measured is what ships."""

    def make() -> Measurements:
        model = load_causal(str(run.path / TUNED), run.recipe.model.load_in)
        model.progress = run.progress.update
        measured = measure_probes(model, bench.probes, "test", run.path / "after")
        return Measurements(measurements=measured, name="tuned")

    return run.once("after", Measurements, make, "Measuring the tuned model").measurements
