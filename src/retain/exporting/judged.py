"""An export measured as it ships, on the run's items, and judged against the base and against the unexported model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from retain.comparison.allowed import PROMPTS, set_aside
from retain.comparison.compare import compare
from retain.comparison.gate import judge
from retain.comparison.read_symptoms import read_symptoms
from retain.export_records import Form
from retain.exporting.merged import load_source
from retain.exporting.sameness import Answered, answered, texts_of
from retain.exporting.source import Source
from retain.models.load import Precision
from retain.progress import Progress
from retain.provenance import provenance
from retain.records import Gate, Measurement, RunRecord, Split
from retain.stages.loading import load_for
from retain.stages.measuring import measure_probes

TEST: Split = "test"
SHIPPED: dict[str, Precision] = {"fp32": "fp32", "f32": "fp32", "bf16": "bf16"}
"""A type of weights -> the precision that computes with them as they are."""


@dataclass(frozen=True)
class Before:
    """What is known of the models before the export."""

    base: list[Measurement]
    """Empty where the base is not known."""
    tuned: list[Measurement]
    answers: Answered
    """What the unexported model answered to some texts."""


def measured_in(source: Source, form: Form, kind: str) -> Precision:
    """The precision of the arithmetic for an export: the type of its weights, where that is fp32 or bf16.

    Weights of other types (f16, blocks of a few bits) are unpacked and used in the run's precision, and in bf16 where
    the base was loaded in 4 bits. An adapter is used as it was trained.
    """
    if form != "adapter" and kind in SHIPPED:
        return SHIPPED[kind]
    return "bf16" if source.load_in == "4bit" and form != "adapter" else source.load_in


def measure_sources(source: Source, progress: Progress) -> Before:
    """The measurements of base and tuned model, a run's own where there is one, and some of the tuned one's logits.

    Raises:
        UserError: the models or the suite cannot be loaded.
    """
    base: list[Measurement] = []
    record = source.record
    if record is None and source.base is not None:
        with progress.stage(f"Measuring the base, {source.base}"):
            model = load_for(source.probes, source.base, source.load_in)
            model.progress = progress.update
            base = measure_probes(model, source.probes, TEST, None, cached=True)
            del model
    with progress.stage("Reading the model before the export"):
        tuned = load_source(source)
        tuned.progress = progress.update
        answers = answered(tuned, texts_of(source.probes))
        if record is not None:
            return Before(record.before, record.after, answers)
        return Before(base, measure_probes(tuned, source.probes, TEST, None, cached=True), answers)


def against_base(
    source: Source, before: Before, after: Sequence[Measurement], name: str, file: str, allowed: Sequence[str]
) -> RunRecord:
    """The record of base and export, with the run's own facts where there is a run.

    Raises:
        UserError: the two were not measured in the same way.
    """
    record = source.record
    base = record.comparison.base if record is not None else str(source.base)
    old, new, notes = set_aside(before.base, after, allowed)
    comparison = compare(old, new, source.tasks, base, name)
    comparison = read_symptoms(comparison, old, new, source.answers)
    comparison = comparison.model_copy(update={"notes": [*notes, *comparison.notes]})
    changed = {
        "title": name,
        "before": before.base,
        "after": list(after),
        "comparison": comparison,
        "verdict": judge(comparison, _gate(source)),
        "output": file,
        "kl": [],
        "recitation": None,
        "seconds": {},
    }
    if record is not None:
        return record.model_copy(update=changed)
    return RunRecord.model_validate({"provenance": provenance(0), **changed})


def against_tuned(
    source: Source, before: Before, after: Sequence[Measurement], name: str, allowed: Sequence[str]
) -> RunRecord:
    """The record of the unexported model and the export: all that was measured counts as a capability, the task too.

    Raises:
        UserError: the two were not measured in the same way.
    """
    old, new, notes = set_aside(before.tuned, after, allowed)
    comparison = compare(old, new, (), f"{source.name} before the export", name)
    comparison = comparison.model_copy(update={"notes": [*notes, *comparison.notes]})
    return RunRecord(
        title=f"{name}, compared with the model before the export",
        provenance=provenance(0),
        before=before.tuned,
        after=list(after),
        comparison=comparison,
        verdict=judge(comparison, _gate(source)),
    )


def _gate(source: Source) -> Gate:
    """The run's margins; the defaults for a model of another origin."""
    return source.record.verdict.gate if source.record is not None else Gate()


def may_differ(source: Source, form: Form, precision: Precision) -> list[str]:
    """What an export itself changes: the type of the weights, and GGUF holds its own chat template."""
    return ["precision"] * (precision != source.load_in) + [PROMPTS] * (form == "gguf")


def written(folder: Path) -> Path:
    """Where the export's measurements are written, one file a probe, so that a killed export goes on."""
    return folder / "measured"
