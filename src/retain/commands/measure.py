"""``retain measure``: one model on one suite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retain.errors import UserError
from retain.folder import check_writable, write_record
from retain.models.load import Precision, load_causal
from retain.probes.suites import load_suite
from retain.progress import Progress
from retain.records import Split
from retain.stages.measuring import Measurements, measure_probes

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

    Args:
        model: ``builtin:NAME``, a folder (adapters too), a .gguf file or a Hub id.
        suite: a built-in suite, a YAML file, a folder of JSONL files, or ``lm-eval:task,task``.
        load_in: ``fp32``, ``bf16`` or ``4bit``. Compare only what was measured in one precision.
        split: ``test`` or ``dev``.
        limit: at most this many test items per probe.
        output: a JSON file that ``retain compare`` reads.
        progress: where work is shown; on standard error when None.

    Raises:
        UserError: the model, the suite or an option is wrong.
    """
    checked = one_of("split", split, SPLITS)
    precision: Precision = one_of("load_in", load_in, PRECISIONS)
    if output is not None:
        check_writable(Path(output))
    probes = load_suite(suite, limit).probes
    shown = progress or Progress()
    with shown.stage(f"Measuring {model}"):
        loaded = load_causal(model, precision)
        loaded.progress = shown.update
        part: Split = checked
        found = Measurements(measurements=measure_probes(loaded, probes, part, None, cached=True), name=model)
    if output is not None:
        write_record(Path(output), found)
    return found


def one_of(what: str, value: str, allowed: tuple[str, ...]) -> Any:
    """The value, if it is allowed.

    Raises:
        UserError: it is not.
    """
    if value not in allowed:
        raise UserError(f"{what}: found {value!r}; allowed: {', '.join(allowed)}")
    return value
