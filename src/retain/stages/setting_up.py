"""What the stages share: the probes, the base model (loaded when first needed) and the mitigations' view of a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any

from retain.data.encoding import Encoded, Labelled, encode
from retain.data.example import Example
from retain.data.pieces import pieces
from retain.data.preference_rows import as_conversations
from retain.errors import UserError
from retain.mitigations.base import GeneralSet, Setup
from retain.mitigations.general_groups import RankingSetup
from retain.mitigations.preference_pairs import PreferenceSetup
from retain.models.causal import TransformersCausal, as_language_model
from retain.models.transformers_model import TransformersModel
from retain.probes.base import Probe
from retain.recipe import Recipe
from retain.record_files import read_record
from retain.records import Measurement
from retain.stages.fitting import fitted
from retain.stages.loading import load_for
from retain.stages.measuring import Measurements, measure_probes
from retain.stages.prepare import Prepared, plain_text_note, suite_of, task_probes
from retain.stages.run_folder import RunFolder
from retain.training.settings import TrainingSettings
from retain.training.trained import is_adapter


class Workbench:
    """The tools of one run. A base that training has changed is given up and loaded again when asked for."""

    def __init__(self, run: RunFolder, data: Prepared) -> None:
        self.run = run
        self.suite = suite_of(run.recipe)
        task = task_probes(run.recipe, data.splits)
        self.probes: list[Probe] = [*task, *self.suite.probes]
        self.task_names = frozenset(probe.name for probe in task)
        self.train_rows = data.splits.train
        self.dev_rows = data.splits.dev
        self.test_rows = data.splits.test
        self.notes: list[str] = plain_text_note(run.recipe, data.splits)
        self.notes += [note for probe in self.probes for note in probe.notes()]
        """What a reader of the report must know of the training rows and of what is measured."""
        self.loaded_in = 0.0
        """Seconds that loading the base took, the last time."""
        self._base: TransformersModel | None = None

    def base(self) -> TransformersModel:
        """The base model.

        Raises:
            UserError: it is an adapter, or not the model that was measured when the run began.
        """
        if self._base is None:
            begun = time.monotonic()
            model = self.run.recipe.model
            self._base = load_for(self.probes, model.base, model.load_in, model.rerank)
            self.loaded_in = time.monotonic() - begun
            self._base.progress = self.run.progress.update
            self._check(self._base)
        return self._base

    def _check(self, base: TransformersModel) -> None:
        if is_adapter(base.module):
            raise UserError(
                f"model.base: {base.name} is an adapter. Merge it into its own base first (merge_and_unload and "
                "save_pretrained in PEFT) and name the merged folder."
            )
        path = self.run.path / "before.json"
        if path.is_file() and read_record(path, Measurements).measurements[0].model != base.fingerprint:
            raise UserError(
                f"model.base: {base.name} is not the model that was measured when this run began. "
                "Choose another place with --folder."
            )

    @cached_property
    def training(self) -> TrainingSettings:
        """The recipe's, with batches that fit into the memory; what was changed is noted."""
        settings, note = fitted(self.run, self.train_rows)
        self.notes += [note] if note else []
        return settings

    def give_up_base(self) -> None:
        """Forget the loaded base because its module was trained or changed."""
        self._base = None

    def setup(self, general: Mapping[str, GeneralSet]) -> Setup:
        """The read-only view that every hook gets; it offers dev items only."""
        run, base, recipe = self.run, self.base(), self.run.recipe

        def measure_dev(model: TransformersModel) -> list[Measurement]:
            return measure_probes(model, self.probes, "dev", run.path / "dev" / model.fingerprint)

        def base_dev() -> list[Measurement]:
            return measure_probes(base, self.probes, "dev", run.path / "before")

        shared: dict[str, Any] = {
            "base": base,
            "general": general,
            "gate": recipe.gate,
            "folder": run.path / "training",
            "seed": recipe.seed,
            "measure_dev": measure_dev,
            "base_dev": cache(base_dev),
            "task_probes": self.task_names,
        }
        longest = base.within(recipe.training.max_length)
        if longest < recipe.training.max_length and (note := _positions_note(base, longest)) not in self.notes:
            self.notes.append(note)
        if recipe.training.method == "rank":
            groups = recipe.training.groups
            return RankingSetup(
                **shared,
                encode=lambda example: None,
                max_tokens=longest,
                group_size=groups.group_size,
                most_groups=groups.positives,
            )
        model = as_language_model(base)
        shared["encode"] = row_encoder(model, recipe)
        if recipe.training.method == "pretrain":
            return Setup(**shared, pieces=splitter(model, longest, recipe.data.loss_on))
        kind = PreferenceSetup if recipe.training.method == "dpo" else Setup
        return kind(**shared)


def _positions_note(model: TransformersModel, longest: int) -> str:
    return (
        f"training.max_length is above what {model.name} was made for: rows are cut at {longest} tokens, as its "
        "configuration says"
    )


def row_encoder(model: TransformersCausal, recipe: Recipe) -> Callable[[Example], Encoded | None]:
    """A function from a row to its tokens and labels as the recipe trains them; of a document the first row of it."""
    make = first_piece if recipe.training.method == "pretrain" else encoder
    return make(model, recipe.training.max_length, recipe.data.loss_on)


def encoder(model: TransformersCausal, max_length: int, loss_on: Labelled) -> Callable[[Example], Encoded | None]:
    """A function from a row to its tokens and labels, which remembers the rows it has seen.

    Rows are cut at ``max_length``, or where the model's positions end. Of a preference pair the chosen answer's; None
    where that is empty.
    """
    seen: dict[str, Encoded | None] = {}
    longest = model.within(max_length)

    def encoded(example: Example) -> Encoded | None:
        if example.id not in seen:
            rows = as_conversations([example])
            seen[example.id] = encode(rows[0], model.tokenizer, longest, loss_on) if rows else None
        return seen[example.id]

    return encoded


def splitter(model: TransformersCausal, max_length: int, loss_on: Labelled) -> Callable[[Example], Sequence[Encoded]]:
    """A function from a document to the rows that it goes on in, which remembers the documents it has seen."""
    seen: dict[str, list[Encoded]] = {}

    def split(example: Example) -> Sequence[Encoded]:
        if example.id not in seen:
            seen[example.id] = pieces(example, model.tokenizer, max_length, loss_on)
        return seen[example.id]

    return split


def first_piece(model: TransformersCausal, max_length: int, loss_on: Labelled) -> Callable[[Example], Encoded | None]:
    """A function from a document to the first row of it, for what reads beginnings (the KL meter)."""
    split = splitter(model, model.within(max_length), loss_on)
    return lambda example: next(iter(split(example)), None)
