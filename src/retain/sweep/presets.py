"""Arms that are worth comparing for anybody, by the name of a preset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from retain.data.example import Example
from retain.errors import UserError
from retain.frontier_settings import Preset
from retain.recipe import Recipe
from retain.stages.prepare import OWN
from retain.sweep.rehearsal_presets import rehearsal_share, rehearsal_source
from retain.sweep.variant import Overrides, Variant
from retain.training.rate_scan import rate_label

RATES = (0.5, 2.0)
"""``thorough``: factors on each arm's rate, beside 1."""
LORA_OVER_FULL = 10
"""A customary rate for LoRA is this many times the one for all weights."""
LORA = {"kind": "lora", "rank": 16}
WIDE_LORA = {"kind": "lora", "rank": 64}
KL = {"kind": "kl_to_base", "weight": 3.0, "share": 0.75}
SCORES = {"kind": "score_to_base", "weight": 1.0, "share": 0.5}
"""What takes the place of ``KL`` where a reranker is trained."""
REHEARSAL = {"kind": "rehearsal", "share": 0.1}
SHORT = {"name": "own", "source": OWN, "count": 4000, "max_tokens": 32}
"""General text where a recipe has none: short answers, since what is lost is lost at their beginning (docs/LOG.md)."""
PLAIN = "plain"
"""All weights (with 4-bit weights LoRA), and nothing against forgetting: what the others are compared with."""


def preset_arms(preset: Preset, recipe: Recipe, rows: Sequence[Example] = ()) -> list[Variant]:
    """A preset's arms, in the order in which they are trained.

    A recipe's rate is that of its own kind of training; arms of the other kind get ten times as much, or a tenth. Of
    arms that are alike, as LoRA and the plain fine-tune of 4-bit weights are, the first stays.

    Args:
        preset: which arms.
        recipe: for its rate, its precision and its general text.
        rows: training rows; presets with rehearsal make the general text large enough for them.

    Raises:
        UserError: the recipe has nothing that the preset could compare.
    """
    if recipe.training.method == "rank" and not recipe.data.general:
        raise UserError(
            "frontier.preset: its arms keep a reranker to its scores of general queries; name some under data.general"
        )
    if preset in _FACTORS:
        return _FACTORS[preset](recipe, rows)
    arms = [Variant(name, changes) for name, changes in _MAKERS[preset](recipe).items()]
    if recipe.model.load_in == "4bit":
        arms = [arm for arm in arms if any(one["kind"] == "lora" for one in arm.changes["mitigations"])]
    return [arm for place, arm in enumerate(arms) if arm.changes not in [one.changes for one in arms[:place]]]


def _arm(recipe: Recipe, *mitigations: Mapping[str, Any], factor: float = 1.0) -> dict[str, Any]:
    lora = any(one["kind"] == "lora" for one in mitigations)
    arm: dict[str, Any] = {"mitigations": [dict(one) for one in mitigations]}
    rate = _rate(recipe, lora)
    if rate is not None:
        arm["training.learning_rate"] = float(rate_label(rate * factor))
    if not recipe.data.general and any(one["kind"] in ("kl_to_base", "rehearsal") for one in mitigations):
        arm["data.general"] = [SHORT]
    return arm


def _rate(recipe: Recipe, lora: bool) -> float | None:
    """The rate for LoRA or for all weights; None where the recipe scans for it."""
    rate = recipe.training.learning_rate
    if not isinstance(rate, float):
        return None
    own = any(getattr(one, "kind", "") == "lora" for one in recipe.mitigations)
    return rate * (1 if own == lora else LORA_OVER_FULL if lora else 1 / LORA_OVER_FULL)


def _near(recipe: Recipe) -> tuple[str, Mapping[str, Any]]:
    """What keeps this recipe's kind of model near its base, and what arms call it."""
    return ("scores", SCORES) if recipe.training.method == "rank" else ("kl", KL)


def _quick(recipe: Recipe, factor: float = 1.0) -> dict[str, Overrides]:
    name, near = _near(recipe)
    return {
        PLAIN: _plain(recipe, factor),
        f"all weights, {name}": _arm(recipe, near, factor=factor),
        "lora": _arm(recipe, LORA, factor=factor),
        f"lora, {name}": _arm(recipe, LORA, near, factor=factor),
    }


def _plain(recipe: Recipe, factor: float = 1.0) -> Overrides:
    return _arm(recipe, *([LORA] if recipe.model.load_in == "4bit" else []), factor=factor)


def _standard(recipe: Recipe, factor: float = 1.0) -> dict[str, Overrides]:
    name, near = _near(recipe)
    return {
        **_quick(recipe, factor),
        "all weights, rehearsal": _arm(recipe, REHEARSAL, factor=factor),
        f"all weights, rehearsal, {name}": _arm(recipe, REHEARSAL, near, factor=factor),
        f"lora of rank 64, {name}": _arm(recipe, WIDE_LORA, near, factor=factor),
    }


def _thorough(recipe: Recipe) -> dict[str, Overrides]:
    arms = _standard(recipe)
    if _rate(recipe, lora=True) is not None:
        for factor in RATES:
            arms |= {f"{name}, {factor:g} of the rate": arm for name, arm in _standard(recipe, factor).items()}
    return arms


def _ladder(recipe: Recipe) -> dict[str, Overrides]:
    name, near = _near(recipe)
    return {
        "lora": _arm(recipe, LORA),
        "lora of rank 64": _arm(recipe, WIDE_LORA),
        f"all weights, rehearsal, {name}": _arm(recipe, REHEARSAL, near),
    }


_MAKERS: dict[Preset, Callable[[Recipe], dict[str, Overrides]]] = {
    "quick": _quick,
    "standard": _standard,
    "thorough": _thorough,
    "ladder": _ladder,
}
_FACTORS: dict[Preset, Callable[[Recipe, Sequence[Example]], list[Variant]]] = {
    "rehearsal_share": rehearsal_share,
    "rehearsal_source": rehearsal_source,
}
