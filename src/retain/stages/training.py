"""Stage 4: train the base with the recipe's mitigations and keep what was learned."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from transformers import TrainerCallback, set_seed

from retain import processes
from retain.data.encoding import Encoded
from retain.data.example import Example
from retain.data.splits import sample
from retain.errors import UserError
from retain.mitigations.base import KEPT, GeneralSet, Mitigation, Setup
from retain.mitigations.general_groups import RankingSetup, as_reranker
from retain.mitigations.preference_pairs import PreferenceSetup
from retain.models.causal import as_language_model
from retain.models.fingerprint import base_weights_hash
from retain.models.transformers_model import TransformersModel
from retain.progress import Progress
from retain.recipe_rules import recipe_warnings
from retain.records import Training
from retain.stages.afterwards import seconds_after
from retain.stages.rate import Rate
from retain.stages.run_folder import RunFolder
from retain.stages.setting_up import Workbench
from retain.training.held_out import MOST_ROWS
from retain.training.preference import train_preferences
from retain.training.preference_rows import encode_pairs
from retain.training.reranker import train_ranking
from retain.training.settings import TrainingSettings
from retain.training.sft import train_sft
from retain.training.time_left import TimeLeft
from retain.training.trackers import Trackers
from retain.training.trained import TRAINED, is_adapter, save_trained

AFTER_TRAINING = ("chosen", "after", "kl", "recitation", "merged", "row")
"""Stages that look at what was trained."""


def train(run: RunFolder, bench: Workbench, general: Mapping[str, GeneralSet], rate: Rate) -> Training:
    """Train, or read what an earlier go trained.

    Raises:
        UserError: no row has anything to train within ``training.max_length``.
        BrokenError: the loss became NaN.
    """

    def make() -> Training:
        setup = bench.setup(general)
        settings = bench.training.at_rate(rate.rate)
        size = setup.base.module.num_parameters()
        warnings = recipe_warnings(run.recipe, size, rate.rate, len(bench.train_rows))
        held_out = sample(bench.dev_rows, MOST_ROWS, run.recipe.seed)
        mitigations = run.recipe.mitigations
        base = (setup.base.fingerprint, setup.base.device)  # before its weights are trained
        watching: list[TrainerCallback] = [TimeLeft(run.progress.say, partial(seconds_after, bench, general, base))]
        if settings.report_to:
            watching.append(Trackers(settings.report_to, run.path, setup.kept))
        setup = replace(setup, watching=watching)
        model, record = fit(setup.base, setup, bench.train_rows, settings, mitigations, run.progress, held_out)
        save_trained(model, run.path / TRAINED)
        bench.give_up_base()
        return record.model_copy(update={"notes": [*record.notes, *bench.notes, *warnings]})

    record = run.once("training", Training, make, "Training", before=AFTER_TRAINING)
    processes.from_first(lambda: _clear(run.path / "training"))
    return record


def fit(
    base: TransformersModel,
    setup: Setup,
    rows: Sequence[Example],
    settings: TrainingSettings,
    mitigations: Sequence[Mitigation],
    progress: Progress,
    held_out: Sequence[Example] = (),
) -> tuple[TransformersModel, Training]:
    """Train a freshly loaded base with mitigations; its module is changed.

    ``held_out``: dev rows in an order of chance, of which some are read for the overfitting alarms.

    Raises:
        UserError: no row has anything to train within ``training.max_length``.
        BrokenError: the loss became NaN.
    """
    mixed = tasks = rows
    for mitigation in mitigations:
        mixed = mitigation.mix_data(mixed, setup)
        tasks = mixed if mitigation.mixes_tasks else tasks
    notes: list[str] = []
    setup = replace(setup, note=notes.append)
    before = base_weights_hash(base.module)
    if isinstance(setup, RankingSetup):
        model, record = _fit_reranker(base, setup, (rows, mixed), settings, mitigations, progress)
    elif isinstance(setup, PreferenceSetup):
        model, record = _fit_pairs(base, setup, mixed, settings, mitigations, progress)
    else:
        setup = replace(setup, task_tokens=sum(setup.tokens(row) for row in tasks))
        model, record = _fit_text(base, setup, (rows, mixed), settings, mitigations, progress, held_out)
    unchanged = base_weights_hash(model.module) == before if is_adapter(model.module) else None
    return model, record.model_copy(update={"base_unchanged": unchanged, "notes": [*record.notes, *notes]})


def _fit_text(
    base: TransformersModel,
    setup: Setup,
    rows: tuple[Sequence[Example], Sequence[Example]],
    settings: TrainingSettings,
    mitigations: Sequence[Mitigation],
    progress: Progress,
    held_out: Sequence[Example],
) -> tuple[TransformersModel, Training]:
    """Train a language model on (task rows, all rows)."""
    task, lost = _encoded(rows[0], setup)
    encoded, _ = _encoded(rows[1], setup)
    for note in lost:
        setup.note(note)
    setup = replace(setup, rows=encoded)
    model = _wrapped(base, setup, mitigations)
    watched = [row for one in held_out for row in setup.encoded(one)]
    record = train_sft(as_language_model(model), encoded, task, settings, mitigations, setup, progress, watched)
    if setup.pieces is not None:
        record = record.model_copy(update={"examples": len(rows[1])})
    return model, record


def _fit_reranker(
    base: TransformersModel,
    setup: RankingSetup,
    rows: tuple[Sequence[Example], Sequence[Example]],
    settings: TrainingSettings,
    mitigations: Sequence[Mitigation],
    progress: Progress,
) -> tuple[TransformersModel, Training]:
    """Train a reranker on (task rows, all rows)."""
    task, groups = ([group for row in part for group in setup.groups(row)] for part in rows)
    if not task:
        raise UserError("data.train: no query has a relevant document and another one to tell it from")
    model = _wrapped(base, setup, mitigations)
    record = train_ranking(as_reranker(model), groups, task, settings, mitigations, setup, progress)
    return model, record


def _fit_pairs(
    base: TransformersModel,
    setup: PreferenceSetup,
    rows: Sequence[Example],
    settings: TrainingSettings,
    mitigations: Sequence[Mitigation],
    progress: Progress,
) -> tuple[TransformersModel, Training]:
    """Train a language model on preference pairs."""
    pairs, lost = encode_pairs(rows, base.tokenizer, base.within(settings.max_length))
    for note in lost:
        setup.note(note)
    setup = replace(setup, rows=[pair.rows[0] for pair in pairs], task_tokens=sum(pair.tokens for pair in pairs))
    model = _wrapped(base, setup, mitigations)
    return model, train_preferences(as_language_model(model), pairs, settings, mitigations, setup, progress)


def _wrapped(base: TransformersModel, setup: Setup, mitigations: Sequence[Mitigation]) -> TransformersModel:
    set_seed(setup.seed)  # an adapter begins with random weights
    model = base
    for mitigation in mitigations:
        model = mitigation.wrap_model(model, setup)
    return model


def _clear(folder: Path) -> None:
    """Remove what was needed while training lasted; what mitigations keep for the choosing stage stays."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name != KEPT:
            shutil.rmtree(path, ignore_errors=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _encoded(rows: Sequence[Example], setup: Setup) -> tuple[list[Encoded], list[str]]:
    found = [setup.encoded(row) for row in rows]
    kept = [row for one in found for row in one]
    if not kept:
        raise UserError("data.train: no row has an answer within training.max_length; raise it")
    lost, cut = sum(not one for one in found), sum(row.cut for row in kept)
    notes = {
        f"{lost} training rows were left out: their answer begins beyond training.max_length": lost,
        f"{cut} training rows lost their end, and with it the end token, to training.max_length": cut,
    }
    return kept, [note for note, rows in notes.items() if rows]
