"""Stage 7: the KL meter, on held-out task rows and on general text that nothing was trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from retain.data.encoding import Encoded
from retain.data.example import Example
from retain.mitigations.base import GeneralSet
from retain.mitigations.distributions import Stored
from retain.mitigations.kl_meter import TOP_K, first_rows, kl_reading, moved_from_base, moved_from_stored
from retain.models.causal import TransformersCausal, as_language_model
from retain.models.load import load_causal
from retain.records import KlReading, Record
from retain.stages.base_distributions import base_distributions
from retain.stages.meter_rows import general_rows
from retain.stages.prepare import TASK, Prepared
from retain.stages.run_folder import RunFolder
from retain.stages.setting_up import Workbench, row_encoder
from retain.training.trained import is_adapter, tuned_folder

Where = Literal["task", "general"]


class Meter(Record):
    """All readings of one tuned model."""

    readings: list[KlReading]


class Place(NamedTuple):
    """Rows that are read together."""

    where: Where
    name: str
    rows: list[Encoded]


def read_meter(run: RunFolder, bench: Workbench, data: Prepared, general: Mapping[str, GeneralSet]) -> list[KlReading]:
    """How far the finished model has moved from its base, on test rows of the task and on general text.

    An adapter is compared with itself switched off, over the whole vocabulary. After full fine-tuning the base's
    most likely tokens are stored first, so that two models are never in memory: a lower bound.
    """

    def make() -> Meter:
        if run.recipe.training.method == "rank":  # no next token, and so no distribution of it
            return Meter(readings=[])
        tuned = load_causal(tuned_folder(run.path), run.recipe.model.load_in)
        examples: dict[tuple[Where, str], Sequence[Example]] = {("task", TASK): data.splits.test}
        for name, rows in general_rows(general, bench.suite.probes).items():
            examples["general", name] = rows
        encode = row_encoder(tuned, run.recipe)
        places = [Place(*place, first_rows([encode(row) for row in rows])) for place, rows in examples.items()]
        places = [place for place in places if place.rows]
        if is_adapter(tuned.module):
            return Meter(readings=_against_itself(tuned, places, run.progress.update))
        del tuned
        return Meter(readings=_against_base(run, bench, places))

    return run.once("kl", Meter, make, "Reading the KL meter").readings


def _against_itself(
    tuned: TransformersCausal, places: Sequence[Place], progress: Callable[[str, int, int], None]
) -> list[KlReading]:
    model = TransformersCausal(
        tuned.module, tuned.tokenizer, tuned.name, tuned.load_in, base=tuned.module.disable_adapter
    )
    model.progress = progress
    return [kl_reading(one.where, one.name, moved_from_base(model, one.rows), None) for one in places]


def _against_base(run: RunFolder, bench: Workbench, places: Sequence[Place]) -> list[KlReading]:
    base = as_language_model(bench.base())
    known = base.fingerprint, str(base.module.device)
    stored = [base_distributions(*known, one.rows, TOP_K, lambda: as_language_model(bench.base())) for one in places]
    del base
    bench.give_up_base()
    tuned = load_causal(tuned_folder(run.path), run.recipe.model.load_in)
    tuned.progress = run.progress.update
    return [
        kl_reading(one.where, one.name, moved_from_stored(tuned, one.rows, kept), top_k_of(kept, tuned))
        for one, kept in zip(places, stored, strict=True)
    ]


def top_k_of(stored: Stored, tuned: TransformersCausal) -> int | None:
    """How many tokens of each distribution are stored; None where it is the whole vocabulary."""
    kept = int(stored[0][0].shape[-1])
    return None if kept >= tuned.module.config.get_text_config().vocab_size else kept
