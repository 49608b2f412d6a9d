"""Measuring a model on probes: each probe's measurement is a file of its own; the base's are kept for later runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from retain import processes
from retain.errors import CannotMeasureError, UserError, listed
from retain.models.endpoint import EndpointModel
from retain.models.transformers_model import TransformersModel
from retain.probes.base import Probe
from retain.provenance import versions
from retain.record_files import read_record, write_record
from retain.records import Measurement, Split, content_hash
from retain.scoring import ENGINE_VERSION
from retain.stages.kept_measurements import has_items, keep, kept
from retain.stages.loading import load_for
from retain.stages.measurements import Measurements as Measurements  # for those who import it from here
from retain.stages.run_folder import RunFolder
from retain.stages.timings import remember
from retain.training.trained import tuned_folder

if TYPE_CHECKING:
    from retain.stages.setting_up import Workbench

SPLITS: tuple[Split, ...] = ("dev", "test")

Measured = TransformersModel | EndpointModel
"""What can be measured: weights that are loaded here, or a server's answers."""


def measure_probes(
    model: Measured,
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


def measure_endpoint(model: EndpointModel, probes: Sequence[Probe], split: Split) -> Measurements:
    """Measure a served model with every probe that its server allows.

    Nothing is taken from the cache of measurements: another model may have the same name by now. What a killed
    measurement was answered is (see ``EndpointModel``).

    Raises:
        UserError: no probe can be measured, or the server refuses requests.
        BrokenError: the server does not answer.
    """
    found: list[Measurement] = []
    not_measured: dict[str, str] = {}
    for probe in probes:
        try:
            found += measure_probes(model, [probe], split, None)
        except CannotMeasureError as error:
            not_measured[probe.name] = str(error)
    if not_measured and not found:
        reasons = listed([f"{name}: {reason}" for name, reason in not_measured.items()])
        raise UserError(f"{model.name} cannot be measured with any of these probes:\n{reasons}")
    return Measurements(measurements=found, name=model.name, not_measured=not_measured, notes=model.finish())


def _measure(model: Measured, probe: Probe, split: Split, folder: Path | None, cached: bool) -> Measurement:
    own = folder / f"{split}-{file_name(probe.name)}.json" if folder else None
    if own is not None and (found := processes.from_first(lambda: _written(own))) and _is_of(found, model, probe):
        return found
    measurement = kept(model.fingerprint, _device(model), probe, split) if cached else None
    if measurement is None:
        model.doing = probe.name
        begun = time.monotonic()
        measurement = processes.gather(_as_measured(probe.measure(cast(Any, model), split), model))[0]
        model.doing = ""
        if cached:
            remember(model.fingerprint, _device(model), probe, split, time.monotonic() - begun)
            keep(measurement, _device(model), probe)
    if own is not None:
        write_record(own, measurement)
    return measurement


def _written(path: Path) -> Measurement | None:
    """An earlier measurement; None where there is none that can be read (it is then made anew)."""
    try:
        return read_record(path, Measurement)
    except UserError:
        return None


def _is_of(found: Measurement, model: Measured, probe: Probe) -> bool:
    """False when the model or the probe's items have changed since."""
    return found.model == model.fingerprint and found.settings.get("fingerprint") in (None, probe.fingerprint())


def _device(model: Measured) -> str:
    return model.load_in if isinstance(model, EndpointModel) else model.device


def _as_measured(measurement: Measurement, model: Measured) -> Measurement:
    """With how it was measured: precision is a setting like any other, fp32 against bf16 must not pass for forgetting.

    Engine, library and device are for the record. Where requests could not share their work, ``unshared`` says why.
    """
    settings = {**measurement.settings, "precision": model.load_in}
    if not isinstance(model, EndpointModel):
        settings |= {"retain_engine": ENGINE_VERSION, "device": model.device, "torch": versions()["torch"]}
        if reasons := model.take_plain_reasons():
            settings["unshared"] = "; ".join(reasons)
        if cuts := model.take_cuts():
            settings["prompts cut at the beginning"] = cuts
    return measurement.model_copy(update={"settings": settings})


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
        model = load_for(bench.probes, tuned_folder(run.path), run.recipe.model.load_in)
        model.progress = run.progress.update
        measured = measure_probes(model, bench.probes, "test", run.path / "after")
        return Measurements(measurements=measured, name="tuned")

    return run.once("after", Measurements, make, "Measuring the tuned model").measurements
