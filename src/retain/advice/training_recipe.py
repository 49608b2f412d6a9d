"""The recipe to train with, where training is what the advice is."""

from __future__ import annotations

from pathlib import Path

import yaml

from retain.advice.rungs.lora import adapter_of, rate_of
from retain.advice_records import Advised
from retain.advice_settings import ProbeTraining
from retain.paths import absolute
from retain.recipe import Recipe, parse_recipe, portable

RECIPE = "recommended.yaml"
KEEPS = [{"kind": "kl_to_base", "weight": 3.0, "share": 0.5}, {"kind": "strength"}]
"""What ``retain init`` writes, too: measured to forget least (benchmarks/ablation)."""
GENERAL = [{"name": "own", "source": "base_model", "count": 1000, "max_tokens": 32}]


def training_recipe(recipe: Recipe, tried: ProbeTraining, advised: Advised, folder: Path) -> str:
    """A recipe file for ``retain run``, its paths meant from ``folder``.

    A recipe that names mitigations stays as it is. One without them gets the adapter and the rate that were tried, and
    with them what keeps the old abilities: KL to the base on text that it writes itself, and the strength.
    """
    values = portable(recipe.model_copy(update={"origin": absolute(folder)}))
    values.pop("advise", None)
    values.pop("frontier", None)
    if not recipe.mitigations:
        values["mitigations"] = [adapter_of(recipe, tried).model_dump(mode="json"), *KEEPS]
        values["training"]["learning_rate"] = rate_of(recipe, tried)
        values["data"]["general"] = values["data"]["general"] or GENERAL
    parse_recipe(values)
    head = f"# The training that an advice speaks for: {' '.join(advised.reason.split())}.\n"
    return head + yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
