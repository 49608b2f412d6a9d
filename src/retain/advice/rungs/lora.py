"""The last rung: a short training of a low-rank adapter, asked without anything around the question."""

from __future__ import annotations

from typing import Any

from retain.advice.bench import UNREAD, Bench
from retain.advice_records import Rung
from retain.advice_settings import ProbeTraining
from retain.data.splits import sample
from retain.mitigations.lora import Lora
from retain.models.causal import as_language_model
from retain.models.size import weights_of
from retain.recipe import Recipe
from retain.stages.prepare import Prepared
from retain.stages.rate import Rate
from retain.stages.run_folder import RunFolder
from retain.stages.setting_up import Workbench
from retain.stages.training import train
from retain.sums import SUMS
from retain.training.rate_scan import SMALL, rate_label
from retain.training.settings import RateScan
from retain.training.trained import TRAINED, load_trained

FOLDER = "training"
SMALL_RATE, RATE = 1e-3, 2e-4
"""A usual start for LoRA on models of less than a billion weights, and on larger ones."""


def climb(bench: Bench) -> Rung:
    """Train as ``retain run`` would, on few rows and with no mitigation but the adapter, and measure.

    What such a training forgets is not measured here.

    Raises:
        UserError: no row has anything to train within ``training.max_length``.
        BrokenError: the loss became NaN.
    """
    rate = rate_of(bench.recipe, bench.settings.training)
    recipe = probe_recipe(bench.recipe, bench.settings.training, rate)
    bench.give_up_base()
    run = RunFolder(bench.run.path / FOLDER, recipe, bench.run.progress, UNREAD)
    work = Workbench(run, _fewer(bench, recipe))
    training = train(run, work, {}, Rate(rate=rate))
    model = as_language_model(load_trained(work.base(), run.path / TRAINED))
    rank = adapter_of(bench.recipe, bench.settings.training).rank
    label = f"LoRA of rank {rank}, {training.examples} rows, {recipe.training.epochs:g} epochs, rate {rate_label(rate)}"
    asked = bench.prompted(bench.plan(), model)
    return bench.finish(
        "lora",
        [bench.try_model(asked, label)],
        asked,
        seconds=training.seconds,
        storage=lambda plan: sum(one.stat().st_size for one in (run.path / TRAINED).iterdir() if one.name != SUMS),
        notes=[*_on_few(training.examples, len(bench.rows)), *training.notes],
    )


def adapter_of(recipe: Recipe, settings: ProbeTraining) -> Lora:
    """The recipe's own adapter, or one of rank 16; of the rank that the settings name.

    CorDA reads general text, which this training has none of: plain LoRA takes its place.
    """
    own = next((one for one in recipe.mitigations if isinstance(one, Lora)), Lora())
    changes: dict[str, Any] = {"rank": settings.rank} if settings.rank is not None else {}
    return own.model_copy(update={**changes, **({"variant": "lora"} if own.wants_general() else {})})


def rate_of(recipe: Recipe, settings: ProbeTraining) -> float:
    """The learning rate of the short training; a model whose size nothing tells counts as a small one."""
    own = recipe.training.learning_rate
    if settings.learning_rate is not None:
        return settings.learning_rate
    if not isinstance(own, RateScan) and any(isinstance(one, Lora) for one in recipe.mitigations):
        return own
    return SMALL_RATE if (weights_of(recipe.model.base) or 0) < SMALL else RATE


def probe_recipe(recipe: Recipe, settings: ProbeTraining, rate: float) -> Recipe:
    """The recipe of the short training, as its folder holds it."""
    extra = {key: value for key, value in recipe.training.extra.items() if key != "max_steps"}
    training = recipe.training.at_rate(rate).model_copy(
        update={"epochs": settings.epochs, "extra": extra, "report_to": []}
    )
    rows = settings.rows if recipe.data.limit is None else min(settings.rows, recipe.data.limit)
    return recipe.model_copy(
        update={
            "data": recipe.data.model_copy(update={"limit": rows, "general": []}),
            "training": training,
            "mitigations": [adapter_of(recipe, settings)],
            "advise": None,
            "frontier": None,
        }
    )


def _fewer(bench: Bench, recipe: Recipe) -> Prepared:
    """The same splits with as many training rows as the recipe allows; copies only where there are no more others."""
    assert recipe.data.limit is not None
    once = {id(row) for row in bench.distinct}
    copies = [row for row in bench.rows if id(row) not in once]
    rows = [*sample(bench.distinct, len(once), recipe.seed), *sample(copies, len(copies), recipe.seed)]
    splits = bench.data.splits.model_copy(update={"train": tuple(rows[: recipe.data.limit])})
    return bench.data.model_copy(update={"splits": splits})


def _on_few(seen: int, rows: int) -> list[str]:
    if seen >= rows:
        return []
    return [f"The training saw {seen} of {rows} rows, and may score more with all of them (advise.training.rows)."]
