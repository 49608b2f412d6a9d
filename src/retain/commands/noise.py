"""``retain noise``: one model measured twice under a null change, and how far its scores moved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from retain.commands.measure import PRECISIONS, one_of
from retain.comparison.allowed import set_aside
from retain.comparison.compare import compare
from retain.comparison.gate import judge
from retain.comparison.noise import noise_floor
from retain.errors import UserError
from retain.folder import check_writable
from retain.models.address import is_endpoint
from retain.models.load import Precision
from retain.models.transformers_model import TransformersModel
from retain.probes.base import Probe
from retain.probes.suites import load_suite
from retain.progress import Progress
from retain.record_files import read_record, write_record
from retain.records import Gate, NoiseFloor, Verdict, Versioned
from retain.stages.loading import load_for
from retain.stages.measuring import measure_probes

NullChange = Literal["batch", "precision"]
CHANGES = ("batch", "precision")
BATCH_TOKENS, BATCH_ROWS = 256, 3
"""Tokens scored in one forward pass and answers written at a time in the second measurement."""
OTHER: dict[str, Precision] = {"bf16": "fp32", "fp32": "bf16"}


class NoiseFloors(Versioned):
    """What ``retain noise`` writes and ``retain compare --noise`` reads."""

    name: str
    """What a person calls the model."""
    floors: list[NoiseFloor]
    verdict: Verdict
    """On the model against itself, with the default margins; never ``forgot``."""


def noise(
    model: str,
    change: str = "batch",
    suite: str = "core",
    load_in: str = "bf16",
    limit: int | None = None,
    output: str | Path | None = None,
    progress: Progress | None = None,
) -> NoiseFloors:
    """Measure a model's test items twice and say how far an unchanged model moves.

    The first measurement is the one that ``measure`` makes, found again where it is known. The second is always
    made anew.

    Args:
        model: a model as ``measure`` takes it, not a served one: its batches cannot be chosen from here.
        change: ``batch`` scores and writes in small batches; ``precision`` takes fp32 instead of bf16, or bf16
            instead of fp32.
        suite: as for ``measure``.
        load_in: precision of the first measurement.
        limit: at most this many test items per probe.
        output: a JSON file for ``compare --noise``.
        progress: where work is shown; on standard error when None.

    Raises:
        UserError: the model, the suite or an option is wrong.
    """
    precision: Precision = one_of("load_in", load_in, PRECISIONS)
    kind: NullChange = one_of("change", change, CHANGES)
    if is_endpoint(model):
        raise UserError(f"{model}: a server chooses its batches and its precision itself; name the model's weights.")
    if kind == "precision" and precision not in OTHER:
        raise UserError(f"--change precision: no other precision to load {precision} in; allowed: {', '.join(OTHER)}")
    if output is not None:
        check_writable(Path(output))
    probes = load_suite(suite, limit).probes
    shown = progress or Progress()
    with shown.stage(f"Measuring {model}"):
        loaded = load_for(probes, model, precision)
        loaded.progress = shown.update
        first = measure_probes(loaded, probes, "test", None, cached=True)
    with shown.stage(f"Measuring {model} again"):
        again, words = _changed(loaded, model, kind, probes)
        again.progress = shown.update
        second = measure_probes(again, probes, "test", None)
    floors = noise_floor(first, second, words)
    before, after, _ = set_aside(first, second, ["precision"])
    verdict = judge(compare(before, after, base_name=model, tuned_name=words, noise=floors), Gate())
    found = NoiseFloors(name=model, floors=floors, verdict=verdict)
    if output is not None:
        write_record(Path(output), found)
    return found


def _changed(
    loaded: TransformersModel, spec: str, kind: NullChange, probes: Sequence[Probe]
) -> tuple[TransformersModel, str]:
    """The same weights measured in another way, and what is other about it."""
    if kind == "precision":
        other = OTHER[loaded.load_in]
        return load_for(probes, spec, other), f"{other} instead of {loaded.load_in}"
    small = loaded.renewed()
    small.in_small_batches(BATCH_TOKENS, BATCH_ROWS)
    return small, f"batches of {BATCH_TOKENS} tokens and {BATCH_ROWS} answers"


def read_noise(path: str | Path) -> list[NoiseFloor]:
    """The noise floors in a file that ``noise`` wrote.

    Raises:
        UserError: there is no such file, or it holds something else.
    """
    if not Path(path).is_file():
        raise UserError(f"--noise: there is no file {path}. 'retain noise MODEL --output {path}' writes it.")
    return read_record(Path(path), NoiseFloors).floors
