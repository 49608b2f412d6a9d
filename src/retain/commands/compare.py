"""``retain compare``: two models however they were made, or two sets of measurements, item by item."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from retain.at_work import working_in
from retain.commands.measure import PRECISIONS, one_of
from retain.commands.noise import read_noise
from retain.commands.sides import (
    Kind,
    Side,
    adapter_notes,
    base_of,
    check_models,
    check_pair,
    kind_of,
    measured_side,
    read_side,
)
from retain.comparison.allowed import set_aside
from retain.comparison.compare import compare as compare_measurements
from retain.comparison.gate import judge
from retain.comparison.read_symptoms import read_symptoms
from retain.errors import UserError, nearest
from retain.folder import check_writable
from retain.models.address import is_endpoint
from retain.models.load import Precision
from retain.probes.base import of_rerankers
from retain.probes.suites import check_limit, load_suite
from retain.progress import Progress
from retain.provenance import provenance
from retain.record_files import write_record
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
        suite: what models are measured with; files and logs bring their own, and then it has no effect.
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
        check_place_of_record(Path(folder))
    if after is None:
        before, after = base_of(before), before
    how = How(suite, load_in, limit, gate or Gate(), task, metric, allow_different, noise)
    shown = progress or Progress()
    floors = how.floors()
    kinds = check_pair(before, after, metric)
    for line in how.unused(kinds):
        shown.say(line)
    read = {one: how.read(one, kind) for one, kind in zip((before, after), kinds, strict=True) if kind != "model"}
    check_models(before, after)
    with working_in(Path(folder)) if folder is not None else nullcontext():
        old, new = (read.get(one) or how.measured(one, shown) for one in (before, after))
        record = compared((before, old), (after, new), how, floors, shown)
        if folder is not None:
            write_comparison(record, Path(folder))
    return record


def check_place_of_record(folder: Path) -> None:
    """Refuse a folder that cannot be written, or whose run would be lost.

    Raises:
        UserError: says which of both.
    """
    check_writable(folder / "record.json")
    if (folder / "recipe.yaml").exists():
        raise UserError(f"{folder} holds a run, whose record would be lost. Choose another place with --folder.")


def write_comparison(record: RunRecord, folder: Path) -> None:
    """Write record.json and the reports."""
    write_record(folder / "record.json", record)
    write_reports(record, folder)


@dataclass(frozen=True)
class How:
    """How models are measured and judged, by the names of the arguments of :func:`compare`."""

    suite: str = "core"
    load_in: str = "bf16"
    limit: int | None = None
    gate: Gate = field(default_factory=Gate)
    task: Sequence[str] = ()
    metric: str | None = None
    allow_different: Sequence[str] = ()
    noise: str | Path | None = None

    def unused(self, kinds: Collection[Kind]) -> list[str]:
        """What says how models are measured and has no effect, since none is.

        Raises:
            UserError: a value is wrong, whether it has an effect or not.
        """
        one_of("load_in", self.load_in, PRECISIONS)
        check_limit(self.limit)
        if "model" in kinds:
            return []
        names = [name for name in ("suite", "load_in", "limit") if getattr(self, name) != getattr(How(), name)]
        return [
            f"--{name.replace('_', '-')} has no effect: it says how models are measured, and all were measured before"
            for name in names
        ]

    def floors(self) -> list[NoiseFloor]:
        """The base's noise floor, where it was given."""
        return read_noise(self.noise) if self.noise is not None else []

    def read(self, given: str, kind: Kind) -> Side:
        """The measurements that lie in a file or folder."""
        return read_side(given, kind, self.metric)

    def measured(self, given: str, progress: Progress) -> Side:
        """A model's measurements."""
        return measured_side(given, self.suite, self.load_in, self.limit, progress)


def compared(
    before: tuple[str, Side], after: tuple[str, Side], how: How, floors: Sequence[NoiseFloor], progress: Progress
) -> RunRecord:
    """Compare and judge two sides, each as (what was given, its measurements); the KL meter is read here.

    Raises:
        UserError: the two were not measured in the same way, or a task's probe was not measured.
    """
    (base, old), (tuned, new) = before, after
    comparison = _compared(old, new, [*how.task], how.allow_different, floors)
    kl, unread = _meter(base, tuned, how, comparison, progress)
    notes = [*old.notes, *new.notes, *adapter_notes(base, tuned), *comparison.notes, *unread]
    comparison = comparison.model_copy(update={"notes": notes})
    return RunRecord(
        title=f"{old.name} compared with {new.name}",
        provenance=provenance(0),
        before=old.measurements,
        after=new.measurements,
        comparison=comparison,
        verdict=judge(comparison, how.gate),
        kl=kl,
    )


def _compared(
    old: Side, new: Side, task: Sequence[str], allow_different: Sequence[str], noise: Sequence[NoiseFloor]
) -> Comparison:
    measured = {one.probe for one in (*old.measurements, *new.measurements)}
    if unknown := [name for name in task if name not in measured]:
        raise UserError(f'--task: no probe "{unknown[0]}" was measured; {nearest(unknown[0], measured)}')
    before, after, notes = set_aside(old.measurements, new.measurements, allow_different)
    shared = {one.probe for one in before} & {one.probe for one in after}
    tasks = [*task, *sorted(((new.tasks - old.tasks) & shared) - set(task))]
    kept = sorted((new.tasks & old.tasks & shared) - set(task))
    comparison = compare_measurements(before, after, tasks, old.name, new.name, noise)
    comparison = read_symptoms(comparison, before, after, new.targets, tasks=kept)
    told = [f"{name} was learned by both, and is to be kept; --task {name} judges it as a gain." for name in kept]
    return comparison.model_copy(update={"notes": [*told, *notes, *comparison.notes]})


def _meter(
    before: str, after: str, how: How, comparison: Comparison, progress: Progress
) -> tuple[list[KlReading], list[str]]:
    """The KL meter's readings and why there are none, for two models whose weights are here; nothing for the rest."""
    if any(kind_of(one) != "model" or is_endpoint(one) for one in (before, after)):
        return [], []
    from retain.stages.meter_pair import read_meter_pair

    precision: Precision = one_of("load_in", how.load_in, PRECISIONS)
    probes = load_suite(how.suite, how.limit).probes
    if of_rerankers(probes):  # rerankers write nothing, and so have no distribution of the next token
        return [], []
    tasks = {change.probe for change in comparison.gains}
    with progress.stage("Reading the KL meter"):
        return read_meter_pair(before, after, precision, probes, tasks, progress)
