"""Stage 4: train the base with the recipe's mitigations and keep what was learned."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence

from transformers import set_seed

from retain.data.encoding import Encoded
from retain.data.example import Example
from retain.errors import UserError
from retain.mitigations.base import GeneralSet, Setup
from retain.models.causal import TransformersCausal
from retain.models.fingerprint import base_weights_hash
from retain.records import Training
from retain.stages.run_folder import RunFolder
from retain.stages.setting_up import Workbench
from retain.training.sft import train_sft
from retain.training.trained import TRAINED, is_adapter, save_trained


def train(run: RunFolder, bench: Workbench, general: Mapping[str, GeneralSet]) -> Training:
    """Train, or read what an earlier go trained.

    Raises:
        UserError: no row has anything to train within ``training.max_length``.
        BrokenError: the loss became NaN.
    """

    def make() -> Training:
        setup = bench.setup(general)
        record = _train(run, bench.base(), setup, bench.train_rows)
        bench.give_up_base()
        return record

    record = run.once("training", Training, make, "Training")
    shutil.rmtree(run.path / "training", ignore_errors=True)
    return record


def _train(run: RunFolder, base: TransformersCausal, setup: Setup, rows: Sequence[Example]) -> Training:
    mitigations = run.recipe.mitigations
    mixed: Sequence[Example] = rows
    for mitigation in mitigations:
        mixed = mitigation.mix_data(mixed, setup)
    task, notes = _encoded(rows, setup)
    encoded, _ = _encoded(mixed, setup)
    before = base_weights_hash(base.module)
    set_seed(setup.seed)  # an adapter begins with random weights
    model = base
    for mitigation in mitigations:
        model = mitigation.wrap_model(model, setup)
    record = train_sft(model, encoded, task, run.recipe.training, mitigations, setup, run.progress)
    unchanged = base_weights_hash(model.module) == before if is_adapter(model.module) else None
    save_trained(model, run.path / TRAINED)
    return record.model_copy(update={"base_unchanged": unchanged, "notes": [*record.notes, *notes]})


def _encoded(rows: Sequence[Example], setup: Setup) -> tuple[list[Encoded], list[str]]:
    found = [setup.encode(row) for row in rows]
    kept = [row for row in found if row is not None]
    if not kept:
        raise UserError("data.train: no row has an answer within training.max_length; raise it")
    lost, cut = len(found) - len(kept), sum(row.cut for row in kept)
    notes = {
        f"{lost} training rows were left out: their answer begins beyond training.max_length": lost,
        f"{cut} training rows lost their end, and with it the end token, to training.max_length": cut,
    }
    return kept, [note for note, rows in notes.items() if rows]
