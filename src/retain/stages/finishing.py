"""Stage 8: the run's record and its reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from retain import processes
from retain.mitigations.base import GeneralSet
from retain.paths import portable_path
from retain.recipe import portable
from retain.record_files import write_record
from retain.records import Comparison, KlReading, Measurement, Recitation, RunRecord, Training, Verdict
from retain.reporting.lint import lint_section
from retain.reporting.tracked import tracked
from retain.reporting.write import write_reports
from retain.stages.choosing import Chosen
from retain.stages.prepare import Prepared
from retain.stages.rate import Rate
from retain.stages.run_folder import RunFolder
from retain.training.trackers import send_results
from retain.training.trained import TUNED, tuned_folder


def finish(
    run: RunFolder,
    data: Prepared,
    general: Mapping[str, GeneralSet],
    rate: Rate,
    training: Training,
    chosen: Chosen,
    before: Sequence[Measurement],
    after: Sequence[Measurement],
    kl: Sequence[KlReading],
    recitation: Recitation | None,
    comparison: Comparison,
    verdict: Verdict,
) -> RunRecord:
    """Put the record together and write ``record.json``, ``report.md`` and ``report.html``.

    Raises:
        DamagedError: the finished model is not what was saved.
    """
    if (run.path / TUNED).is_dir():
        tuned_folder(run.path)  # it ships with this record
    plain, origin = portable(run.recipe), run.recipe.origin
    hashes = {portable_path(file, origin): digest for file, digest in data.hashes.items()}
    record = RunRecord(
        title=f"{plain['model']['base']}: {run.path.name}",
        recipe=plain,
        provenance={**run.provenance(), "data": hashes, "models": _fingerprints(before, after)},
        data={**data.summary, **lint_section(data.lint)},
        general=[_described(one, origin) for one in general.values()],
        training=training,
        choices=[*([rate.choice] if rate.choice else []), *chosen.choices],
        before=list(before),
        after=list(after),
        comparison=comparison,
        verdict=verdict,
        seconds=run.seconds(),
        output=TUNED,
        kl=list(kl),
        recitation=recitation,
    )

    def write() -> RunRecord:
        if names := run.recipe.training.report_to:
            said = "\n".join([verdict.outcome, *verdict.reasons])
            send_results(names, run.path, tracked(record), said, training.steps)
        write_record(run.path / "record.json", record)
        write_reports(record, run.path)
        return record

    return processes.from_first(write)


def _fingerprints(before: Sequence[Measurement], after: Sequence[Measurement]) -> dict[str, str]:
    return {"base": before[0].model, "tuned": after[0].model}


def _described(one: GeneralSet, origin: str) -> dict[str, Any]:
    return {
        "name": one.name,
        "source": "written by the base model" if one.source == "base_model" else portable_path(one.source, origin),
        "rows": len(one.examples),
        "kept back": len(one.kept_back),
        "rejected": dict(one.rejected),
    }
