"""``retain compare`` of several tuned models: the base is measured once, and each model is judged against it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from urllib.parse import quote

from retain.at_work import working_in
from retain.commands.compare import How, check_place_of_record, compared, write_comparison
from retain.commands.comparison_folders import folder_names
from retain.commands.sides import check_models, check_pair
from retain.errors import UserError
from retain.folder import check_writable
from retain.progress import Progress
from retain.provenance import provenance
from retain.record_files import write_record
from retain.records import Gate, RunRecord
from retain.reporting.runs import Run, remarks, runs_of
from retain.reporting.write import HTML, write_runs
from retain.several_records import SEVERAL, ComparedModel, SeveralRecord, worst


def compare_several(
    before: str,
    after: Sequence[str],
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
) -> SeveralRecord:
    """Compare several tuned models with one base on test items, and judge each.

    The base is measured once. Each model gets a folder of its own in ``folder``, with its record and reports, as
    ``compare`` writes them; ``several.json``, ``runs.md`` and ``runs.html`` put them side by side.

    Args:
        before: the base, as ``compare`` takes it.
        after: two tuned models or more, each as ``compare`` takes it.
        suite: as in ``compare``, and so are all that follow.
        load_in: precision of all models.
        limit: at most this many test items per probe.
        gate: the margins of all; the defaults when None.
        task: names of probes that measure what was learned.
        folder: where everything is written; nowhere when None.
        progress: where work is shown; on standard error when None.
        metric: logs of lm-eval: the metric of tasks that have it.
        allow_different: settings that may differ although they change scores.
        noise: the base's noise floor.

    Raises:
        UserError: fewer than two models are named or one is named twice; one is wrong, or was not measured as the
            base was.
    """
    if len(after) < 2:
        raise UserError(f"Name two tuned models or more; found {len(after)}. One is what 'compare' is for.")
    _check_unlike(after)
    names = folder_names(after)
    place = Path(folder) if folder is not None else None
    if place is not None:
        _check_place(place, names)
    how = How(suite, load_in, limit, gate or Gate(), task, metric, allow_different, noise)
    shown = progress or Progress()
    floors = how.floors()
    kinds = dict(kind for one in after for kind in zip((before, one), check_pair(before, one, metric), strict=True))
    for line in how.unused(kinds.values()):
        shown.say(line)
    sides = {one: how.read(one, kind) for one, kind in kinds.items() if kind != "model"}
    check_models(before, *after)
    with working_in(place) if place is not None else nullcontext():
        old = sides.get(before) or how.measured(before, shown)
        records = []
        for number, (name, given) in enumerate(zip(names, after, strict=True), 1):
            shown.say(f"Model {number} of {len(after)}: {given}")
            new = sides.get(given) or how.measured(given, shown)
            records.append(compared((before, old), (given, new), how, floors, shown))
            if place is not None:
                write_comparison(records[-1], place / name)
        record = _several(before, list(zip(names, after, records, strict=True)), place is not None)
        if place is not None:
            reports = {name: quote(f"{name}/{HTML}") for name in names}
            write_runs(rows_of(record, records), reports, place, "model", record.title)
            write_record(place / SEVERAL, record)
    return record


def _several(before: str, models: Sequence[tuple[str, str, RunRecord]], written: bool) -> SeveralRecord:
    runs = runs_of([(name, record) for name, _, record in models])
    found = [
        ComparedModel(
            name=name,
            given=given,
            folder=name if written else None,
            outcome=record.verdict.outcome,
            gain=run.gain.change if run.gain else None,
            mean=record.comparison.pooled,
            comparison=record.comparison,
            verdict=record.verdict,
        )
        for run, (name, given, record) in zip(runs, models, strict=True)
    ]
    return SeveralRecord(
        title=f"{len(models)} models compared with {models[0][2].comparison.base}",
        base=before,
        provenance=provenance(0),
        outcome=worst([record.verdict for _, _, record in models]),
        models=found,
        notes=remarks(runs, "model"),
    )


def rows_of(record: SeveralRecord, records: Sequence[RunRecord] | None = None) -> list[Run]:
    """The models as rows of a table; without their records, times and items of measurements are not known."""
    if records is None:
        records = [
            RunRecord(title=one.name, before=[], after=[], comparison=one.comparison, verdict=one.verdict)
            for one in record.models
        ]
    return runs_of([(one.name, run) for one, run in zip(record.models, records, strict=True)])


def _check_unlike(after: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for one in after:
        real = os.path.realpath(one) if os.path.exists(one) else one
        if real in seen:
            raise UserError(
                f"{one} is named twice{'' if one == seen[real] else f', as {seen[real]} too'}. Name it once."
            )
        seen[real] = one


def _check_place(place: Path, names: Sequence[str]) -> None:
    """Refuse a place before anything is measured: each model's folder and what lies beside them.

    Raises:
        UserError: it cannot be written, or holds something else's record.
    """
    check_writable(place / SEVERAL)
    if (place / "record.json").exists() or (place / "recipe.yaml").exists():
        raise UserError(
            f"{place} holds a run or a comparison of two models, which would be mistaken for this one. "
            "Choose another place with --folder."
        )
    for name in names:
        check_place_of_record(place / name)
