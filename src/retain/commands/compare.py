"""``retain compare``: two models however they were made, or two sets of measurements, item by item."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from retain.commands.measure import PRECISIONS, one_of
from retain.commands.noise import read_noise
from retain.commands.sides import Side, adapter_notes, base_of, check_pair, kind_of, measured_side, read_side
from retain.comparison.allowed import set_aside
from retain.comparison.compare import compare as compare_measurements
from retain.comparison.gate import judge
from retain.comparison.read_symptoms import read_symptoms
from retain.errors import UserError, nearest
from retain.folder import check_writable, write_record
from retain.models.address import is_endpoint
from retain.models.load import Precision
from retain.probes.base import of_rerankers
from retain.probes.suites import load_suite
from retain.progress import Progress
from retain.provenance import provenance
from retain.records import Comparison, Gate, KlReading, NoiseFloor, RunRecord
from retain.reporting.write import write_reports


def compare(
    before: str,
    after: str | None = None,
    suite: str = "core",
    load_in: str = "bf16",
    limit: int | None = None,
    gate: Gate | None = None,
    task: Sequence[str] = (),
    folder: str | Path | None = None,
    progress: Progress | None = None,
    metric: str | None = None,
    allow_different: Sequence[str] = (),
    noise: str | Path | None = None,
) -> RunRecord:
    """Compare two models on test items and judge what was forgotten.

    Each side is one of: a model as ``retain measure`` takes it (a folder, an adapter, a merged model, a .gguf file,
    a Hub id, an endpoint); a JSON file that ``retain measure`` wrote; the folder of a finished run (the model that it
    made); the output of ``lm_eval --log_samples --output_path`` (the path, the model's folder in it, or one results
    file). Logs of lm-eval are compared with each other only.

    Args:
        before: the base.
        after: the tuned model. None where ``before`` is an adapter folder: it is compared with the base that it names.
        suite: what models are measured with; files and logs bring their own.
        load_in: precision of both models.
        limit: at most this many test items per probe.
        gate: the margins; the defaults when None.
        task: names of probes that measure what was learned; the others measure what should be kept.
        folder: where record.json and the reports are written; nowhere when None.
        progress: where work is shown; on standard error when None.
        metric: logs of lm-eval: the metric of tasks that have it, such as ``acc`` or ``exact_match,strict-match``.
        allow_different: settings that may differ although they change scores; ``prompts`` for all that is asked.
            What differs is noted in the report.
        noise: the base's noise floor, a file that ``retain noise`` wrote; a loss that is not clear of it is not
            called forgetting.

    Raises:
        UserError: a model, file or folder is wrong, or the two were not measured in the same way.
    """
    if folder is not None:
        check_writable(Path(folder) / "record.json")
        if (Path(folder) / "recipe.yaml").exists():
            raise UserError(f"{folder} holds a run, whose record would be lost. Choose another place with --folder.")
    if after is None:
        before, after = base_of(before), before
    floors = read_noise(noise) if noise is not None else []
    shown = progress or Progress()
    old, new = _sides(before, after, suite, load_in, limit, shown, metric)
    comparison = _compared(old, new, [*task], allow_different, floors)
    kl, unread = _meter(before, after, suite, load_in, limit, comparison, shown)
    notes = [*old.notes, *new.notes, *adapter_notes(before, after), *comparison.notes, *unread]
    comparison = comparison.model_copy(update={"notes": notes})
    record = RunRecord(
        title=f"{old.name} compared with {new.name}",
        provenance=provenance(0),
        before=old.measurements,
        after=new.measurements,
        comparison=comparison,
        verdict=judge(comparison, gate or Gate()),
        kl=kl,
    )
    if folder is not None:
        place = Path(folder)
        write_record(place / "record.json", record)
        write_reports(record, place)
    return record


def _sides(
    before: str,
    after: str,
    suite: str,
    load_in: str,
    limit: int | None,
    progress: Progress,
    metric: str | None,
) -> tuple[Side, Side]:
    """Both sides; what can be read is read before anything is measured."""
    given = (before, after)
    kinds = check_pair(before, after, metric)
    found = {i: read_side(given[i], kinds[i], metric) for i in (0, 1) if kinds[i] != "model"}
    for i in (0, 1):
        if kinds[i] == "model":
            found[i] = measured_side(given[i], suite, load_in, limit, progress)
    return found[0], found[1]


def _compared(
    old: Side, new: Side, task: Sequence[str], allow_different: Sequence[str], noise: Sequence[NoiseFloor]
) -> Comparison:
    measured = {one.probe for one in (*old.measurements, *new.measurements)}
    if unknown := [name for name in task if name not in measured]:
        raise UserError(f'--task: no probe "{unknown[0]}" was measured; {nearest(unknown[0], measured)}')
    before, after, notes = set_aside(old.measurements, new.measurements, allow_different)
    shared = {one.probe for one in before} & {one.probe for one in after}
    tasks = [*task, *sorted(((old.tasks | new.tasks) & shared) - set(task))]
    comparison = compare_measurements(before, after, tasks, old.name, new.name, noise)
    comparison = read_symptoms(comparison, before, after, new.targets)
    return comparison.model_copy(update={"notes": [*notes, *comparison.notes]})


def _meter(
    before: str, after: str, suite: str, load_in: str, limit: int | None, comparison: Comparison, progress: Progress
) -> tuple[list[KlReading], list[str]]:
    """The KL meter's readings and why there are none, for two models whose weights are here; nothing for the rest."""
    if any(kind_of(one) != "model" or is_endpoint(one) for one in (before, after)):
        return [], []
    from retain.stages.meter_pair import read_meter_pair

    precision: Precision = one_of("load_in", load_in, PRECISIONS)
    probes = load_suite(suite, limit).probes
    if of_rerankers(probes):  # rerankers write nothing, and so have no distribution of the next token
        return [], []
    tasks = {change.probe for change in comparison.gains}
    with progress.stage("Reading the KL meter"):
        return read_meter_pair(before, after, precision, probes, tasks, progress)
