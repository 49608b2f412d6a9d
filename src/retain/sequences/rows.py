"""One row of the matrix: a model measured on the test items of every task and of the suite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from retain.errors import UserError
from retain.models.transformers_model import TransformersModel
from retain.probes.base import Probe
from retain.record_files import read_record, write_record
from retain.records import Measurement
from retain.stages.measurements import Measurements
from retain.stages.measuring import measure_probes

ROW = "row"
"""Name of the file, and of the folder of single measurements."""


def measured_row(
    place: Path, probes: Sequence[Probe], load: Callable[[], TransformersModel] | None
) -> list[Measurement]:
    """The model's scores on test items, probe by probe; what was measured before is read.

    Measurements go into the user's cache too: the next stage begins with this model.

    Args:
        place: folder of the row.
        probes: tasks and suite, in the order that is wanted.
        load: gives the model; called only where a probe is missing. None where the model is no longer there: then
            probes that were added since are missing in the row.

    Raises:
        UserError: neither the model nor a measurement of it is there.
    """
    known = _known(place / f"{ROW}.json")
    have = [known[probe.name] for probe in probes if probe.name in known and _is_of(known[probe.name], probe)]
    if len(have) == len(probes):
        return have
    if load is None:
        if have:
            return have
        raise UserError(
            f"{place} holds neither a model nor its measurements. Put them back, or remove that folder and those of "
            "the stages after it to learn them again."
        )
    model = load()
    row = measure_probes(model, probes, "test", place / ROW, cached=True)
    write_record(place / f"{ROW}.json", Measurements(measurements=row, name=model.name))
    return row


def _known(path: Path) -> dict[str, Measurement]:
    """What a row holds; nothing where it cannot be read (it is then made anew)."""
    try:
        return {one.probe: one for one in read_record(path, Measurements).measurements}
    except UserError:
        return {}


def _is_of(found: Measurement, probe: Probe) -> bool:
    return found.settings.get("fingerprint") in (None, probe.fingerprint())


def slim(measurement: Measurement) -> Measurement:
    """Without what the model wrote: the stage's folder keeps that."""
    return measurement.model_copy(update={"responses": {}, "prompts": {}, "references": {}, "inputs": {}})
