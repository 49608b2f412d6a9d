"""``retain measure``: one model on one suite."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retain import processes
from retain.errors import UserError
from retain.folder import check_writable
from retain.models.address import is_endpoint, parse_address
from retain.probes.base import Probe
from retain.probes.suites import load_suite
from retain.progress import Progress
from retain.record_files import write_record
from retain.records import Split
from retain.stages.kept_measurements import has_items, kept_of_files
from retain.stages.known_models import KnownModel, files_state, remember_model
from retain.stages.loading import load_for, loaded_as
from retain.stages.measurements import Measurements

if TYPE_CHECKING:
    from retain.models.load import Precision

SPLITS = ("dev", "test")
PRECISIONS = ("fp32", "bf16", "4bit")


def measure(
    model: str,
    suite: str = "core",
    load_in: str = "bf16",
    split: str = "test",
    limit: int | None = None,
    output: str | Path | None = None,
    progress: Progress | None = None,
) -> Measurements:
    """Measure one model and, where ``output`` is given, write the measurements there as JSON.

    What was measured before is read from the user's store; a model whose files are as they were is not even loaded.

    Args:
        model: ``builtin:NAME``, a folder (adapters too), a .gguf file, a Hub id, or a served model:
            ``http://HOST/v1#NAME``, without ``#NAME`` where the server has only one.
        suite: a built-in suite, a YAML file, a folder of JSONL files, or ``lm-eval:task,task``.
        load_in: ``fp32``, ``bf16`` or ``4bit``. Compare only what was measured in one precision. A served model
            is measured in the precision that its server has chosen.
        split: ``test`` or ``dev``.
        limit: at most this many test items per probe.
        output: a JSON file that ``retain compare`` reads.
        progress: where work is shown; on standard error when None.

    Raises:
        UserError: the model, the suite or an option is wrong.
        BrokenError: a server does not answer.
    """
    if is_endpoint(model):
        parse_address(model)  # before it is shown: an address with a password is refused
    checked: Split = one_of("split", split, SPLITS)
    precision: Precision = one_of("load_in", load_in, PRECISIONS)
    if output is not None:
        check_writable(Path(output))
    probes = load_suite(suite, limit).probes
    if not any(has_items(probe, checked) for probe in probes):
        raise UserError(
            f"--split {split}: no probe of the suite {suite} has {split} items, so there is nothing to measure. "
            f"Measure its other items, or add some with split: {split}."
        )
    shown = progress or Progress()
    with processes.together(), shown.stage(f"Measuring {model}"):
        if is_endpoint(model):
            found = _served(model, probes, checked, shown)
        else:
            found = _loaded(model, precision, probes, checked, shown)
        if output is not None:
            write_record(Path(output), found)
    return found


def _loaded(
    model: str, precision: Precision, probes: Sequence[Probe], split: Split, progress: Progress
) -> Measurements:
    way, notes = loaded_as(probes, precision), [note for probe in probes for note in probe.notes()]
    known = processes.from_first(lambda: kept_of_files(model, way, probes, split))
    if known is not None:
        progress.say("  measured before: read from the store")
        return Measurements(measurements=known, name=model, notes=notes)
    from retain.stages.measuring import measure_probes  # torch takes seconds, and the store does without

    state = processes.from_first(lambda: files_state(model, way))
    loaded = load_for(probes, model, precision)
    loaded.progress = progress.update
    loaded_one = KnownModel(fingerprint=loaded.fingerprint, device=loaded.device)
    processes.from_first(lambda: remember_model(state, model, way, loaded_one))
    found = measure_probes(loaded, probes, split, None, cached=True)
    return Measurements(measurements=found, name=model, notes=notes)


def _served(model: str, probes: Sequence[Probe], split: Split, progress: Progress) -> Measurements:
    from retain.models.endpoint import open_endpoint
    from retain.stages.measuring import measure_endpoint

    served = open_endpoint(model)
    served.progress = progress.update
    return measure_endpoint(served, probes, split)


def one_of(what: str, value: str, allowed: tuple[str, ...]) -> Any:
    """The value, if it is allowed.

    Raises:
        UserError: it is not.
    """
    if value not in allowed:
        raise UserError(f"{what}: found {value!r}; allowed: {', '.join(allowed)}")
    return value
