"""``retain check``: recipe and data, without loading a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from retain.advice.documents import read_passages
from retain.advice.feasible import distinct_rows, problems, scored_by_rule
from retain.advice_settings import AdviseSettings
from retain.data.example import Example
from retain.data.lint.run_checks import Lint
from retain.errors import UserError, listed, naming
from retain.models.builtin import PREFIX, check_name
from retain.models.hub_cache import cached_folder
from retain.models.load import check_place
from retain.probes.base import Probe
from retain.probes.bits_per_byte import BitsPerByte
from retain.process_rules import abilities
from retain.recipe import Recipe, parse_recipe, read_values
from retain.recipe_rules import recipe_warnings
from retain.records import Record
from retain.sequence_recipe import is_sequence, parse_sequence
from retain.sequences.course import refuse_taken
from retain.stages.estimating import MemoryEstimate, estimate_memory
from retain.stages.memory_notes import memory_notes
from retain.stages.prepare import plain_text_note, read_and_split, suite_of, task_probes
from retain.stages.provable import provable_note
from retain.sweep.arms import arms_of


class Checked(Record):
    """What a recipe would do."""

    recipe: str
    data: dict[str, object]
    suite: str
    probes: dict[str, dict[str, int]]
    """Probe -> items by split."""
    task_metric: str
    provable: str = ""
    """Which mean loss the suite's items can prove."""
    notes: list[str]
    warnings: list[str]
    """What the recipe does against what the field agrees on, each with its reason; arms of a frontier say it in their
    own reports."""
    memory: MemoryEstimate | None = None
    """At the peak of training; None where the model's config is not here."""
    memory_notes: list[str] = []
    """Why the memory is not known, or that it is more than is free here."""
    lint: Lint | None = None
    """What is wrong with the rows."""
    processes: dict[str, list[str]] = {}
    """What trains on several processes -> why this recipe does not go with it; empty where it does."""
    arms: list[str] = []
    """Of its frontier."""
    passages: int = 0
    """Of the documents that ``retain advise`` searches."""


class CheckedSequence(Record):
    """What a recipe with stages would do."""

    recipe: str
    plan: str
    stages: dict[str, Checked]


def check(recipe: str | Path, overrides: Sequence[str] = ()) -> Checked | CheckedSequence:
    """Validate a recipe and its data: keys, files, rows, splits, documents, overlap with the probes, and the data lint.

    What a frontier or an advice asks for is held against the rows that there are. Of a recipe with stages, all of that
    for each stage.

    Raises:
        UserError: everything that is wrong, with file, line and what to do.
    """
    path = Path(recipe)
    values = read_values(path, list(overrides))
    if not is_sequence(values):
        return _checked(parse_recipe(values, str(path), path.parent), str(recipe))
    sequence = parse_sequence(values, str(path), path.parent)
    with naming(str(recipe)):
        suite = suite_of(sequence.common)
    refuse_taken(sequence.names, suite)
    stages = {stage.name: _checked(stage.recipe, f"{recipe}, {stage.name}") for stage in sequence.stages}
    return CheckedSequence(recipe=str(recipe), plan=sequence.settings.plan, stages=stages)


def _checked(checked: Recipe, recipe: str) -> Checked:
    """One recipe's data, probes and warnings."""
    check_name(checked.model.base)
    check_place(checked.model.base)
    with naming(recipe):
        suite = suite_of(checked)
    prepared = read_and_split(checked)
    rows = prepared.splits.train
    task = task_probes(checked, prepared.splits)
    probes = {}
    for probe in [*task, *suite.probes]:
        select = getattr(probe, "select", None)
        probes[probe.name] = {part: len(select(part)) for part in ("dev", "test")} if select else {}
    passages = _check_advise(checked, task[0], rows) if checked.advise is not None else 0
    memory = estimate_memory(checked, rows)
    metric = str(getattr(task[0], "metric_name", "bits per byte"))
    return Checked(
        recipe=recipe,
        data=prepared.summary,
        suite=suite.name,
        probes=probes,
        task_metric=metric,
        provable=_provable(checked, suite.probes, probes),
        notes=[
            *_elsewhere(checked.model.base),
            *(note for probe in task for note in probe.notes()),
            *suite.notes(),
            *plain_text_note(checked, prepared.splits),
        ],
        warnings=[] if checked.frontier else recipe_warnings(checked),
        memory=memory,
        memory_notes=memory_notes(checked, rows, memory),
        lint=prepared.lint,
        processes=abilities(checked),
        passages=passages,
        arms=[arm.name for arm in arms_of(checked, rows)] if checked.frontier else [],
    )


def _elsewhere(base: str) -> list[str]:
    """That a base is not on this machine, so that nothing here can tell a name that is mistyped."""
    if base.startswith(PREFIX) or base.endswith(".gguf") or Path(base).expanduser().is_dir():
        return []
    if cached_folder(base) is not None:
        return []
    return [
        f"model.base: there is no folder {base}, and no such model in the Hub's cache: it will be downloaded, and only "
        "then a mistyped name shows"
    ]


def _provable(recipe: Recipe, suite: Sequence[Probe], items: Mapping[str, Mapping[str, int]]) -> str:
    """What the suite's items can prove of the mean; nothing where scores are not right or wrong."""
    if recipe.training.method == "rank":
        return ""
    shares = [items[probe.name].get("test", 0) for probe in suite if not isinstance(probe, BitsPerByte)]
    return provable_note(shares, recipe.gate)


def _check_advise(recipe: Recipe, task: Probe, rows: Sequence[Example]) -> int:
    """How many passages the documents of an advice have; 0 without documents.

    Raises:
        UserError: the advice could not do what its settings ask.
    """
    settings = recipe.advise or AdviseSettings()
    scored_by_rule(task)
    passages = len(read_passages(settings.documents, settings.passage_words)) if settings.documents else None
    if wrong := problems(settings, len(distinct_rows(rows)), passages):
        raise UserError(f"advise asks for more than there is:\n{listed(wrong)}")
    return passages or 0
