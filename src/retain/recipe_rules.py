"""Rules that the field agrees on, as warnings: each says what the recipe does, why that is risky and what to do.

A warning stops nothing. One function is one rule; :func:`recipe_warnings` finds them all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from retain.models.size import weights_of
from retain.recipe import Recipe
from retain.training.rate_scan import SMALL, grid_ends, rate_label
from retain.training.settings import RateScan

MOST_EPOCHS = 3
MOST_EPOCHS_KEPT = 4
"""With ``lora`` and ``kl_to_base`` together: what benchmarks/headline took, with no loss on average."""
SHARES = (0.05, 0.20)
"""Common advice for general tokens per task token in rehearsal."""
REPLAY = (0.01, 1 / 3)
"""The same for continued pretraining: 1 to 5% of what is read for text near what the base knows, 25% for a strong
shift (Ibrahim et al. 2024, arXiv 2403.08763)."""
LEAST_RANK = 8
FAR_ABOVE = 2
"""A rate is far above the customary ones when it is more than this many times the greatest of them."""


@dataclass(frozen=True)
class Seen:
    """What the rules look at."""

    recipe: Recipe
    weights: int | None
    """Weights of the base, where they are known."""
    rate: float | None
    """The rate that is trained with, where a scan has found it."""
    rows: int | None = None
    """Rows that an epoch goes through, where they are known."""

    def unit(self, kind: str) -> Any:
        """The recipe's mitigation of a kind, or None."""
        return next((one for one in self.recipe.mitigations if getattr(one, "kind", "") == kind), None)


def recipe_warnings(
    recipe: Recipe, weights: int | None = None, rate: float | None = None, rows: int | None = None
) -> list[str]:
    """All warnings about a recipe.

    Args:
        recipe: the recipe.
        weights: of the base; told from its files or its name when None.
        rate: the rate that a scan found.
        rows: that an epoch goes through; at most ``data.limit`` when None.
    """
    seen = Seen(recipe, weights if weights is not None else weights_of(recipe.model.base), rate, rows)
    return [warning for rule in RULES if (warning := rule(seen)) is not None]


def full_without_general(seen: Seen) -> str | None:
    """Full fine-tuning without general text."""
    kl = seen.unit("kl_to_base")
    general = (kl is not None and kl.wants_general()) or seen.unit("score_to_base") is not None
    if general or any(seen.unit(kind) is not None for kind in ("lora", "rehearsal", "ewc")):
        return None
    which = "all weights" if seen.unit("freeze") is None else "the weights that freeze leaves"
    ranks = seen.recipe.training.method == "rank"
    text, add = (
        ("general queries then stand", "score_to_base or rehearsal on general rankings")
        if ranks
        else ("general text then stands", "kl_to_base or rehearsal on self-written text")
    )
    return (
        f"mitigations: {which} are trained on the task alone. No {text} for the old abilities, and "
        f"full fine-tuning forgets most; add {add}, or lora"
    )


def many_epochs(seen: Seen) -> str | None:
    """More passes than the task needs."""
    found = _many_passes(seen)
    if found is None:
        return None
    todo = "train less" if seen.unit("early_stop") is not None else "add early_stop, or train less"
    return (
        f"{found}. Later passes mostly learn rows by heart while the update goes on growing, and forgetting grows with "
        f"it; {todo}"
    )


def _many_passes(seen: Seen) -> str | None:
    """What makes for more passes over the rows than is customary, or None."""
    training = seen.recipe.training
    kept = all(seen.unit(kind) is not None for kind in ("lora", "kl_to_base"))
    most = MOST_EPOCHS_KEPT if kept else MOST_EPOCHS
    rows = seen.recipe.data.limit if seen.rows is None else seen.rows
    steps = training.extra.get("max_steps", 0)
    if training.method == "pretrain" and steps:
        return None  # packed, nobody knows here how many rows an update draws
    if not isinstance(steps, int) or steps <= 0:
        many = training.epochs > most
        return f"training.epochs: {training.epochs:g} is more than {most}" if many else None
    drawn = steps * training.gradient_accumulation * training.batch_size
    what = f"training.extra.max_steps: {steps} updates, whatever training.epochs says, draw {drawn} rows"
    if rows is None:
        return f"{what}. Of fewer than {math.ceil(drawn / most)} rows that is more than {most} passes"
    return f"{what} of {rows}: more than {most} passes" if drawn > most * rows else None


def high_rate(seen: Seen) -> str | None:
    """A learning rate far above the customary ones for the model's size."""
    rate = _greatest_rate(seen)
    most, kind = _customary(seen)
    if rate <= FAR_ABOVE * most:
        return None
    size = "models of this size" if seen.weights is not None else "models of under a billion weights"
    return (
        f"training.learning_rate: {rate_label(rate)} is far above what is customary for {kind} on {size}, at most "
        f"{rate_label(most)}. The size of the update decides most about forgetting; scan for the rate "
        "(learning_rate: scan)"
    )


def _greatest_rate(seen: Seen) -> float:
    if seen.rate is not None:
        return seen.rate
    asked = seen.recipe.training.learning_rate
    return max(asked.scan, default=0.0) if isinstance(asked, RateScan) else asked


def _customary(seen: Seen) -> tuple[float, str]:
    """The greatest customary rate, and what is trained."""
    adapter = seen.unit("lora") is not None
    small = seen.weights is None or seen.weights < SMALL
    return grid_ends(seen.recipe.training.method, adapter, small)[1], "LoRA" if adapter else "full fine-tuning"


def rehearsal_share(seen: Seen) -> str | None:
    """Too little general text to hold anything, or so much that the task suffers."""
    rehearsal = seen.unit("rehearsal")
    least, most = REPLAY if seen.recipe.training.method == "pretrain" else SHARES
    if rehearsal is None or least <= rehearsal.share <= most:
        return None
    low = rehearsal.share < least
    why = "too little to hold the old abilities" if low else "more only costs time and takes updates from the task"
    return (
        f"mitigations.rehearsal.share: {rehearsal.share:g} general tokens per task token, and common advice is "
        f"{least:g} to {most:.2g}: {why}"
    )


def low_rank(seen: Seen) -> str | None:
    """A rank too small for a strong shift."""
    lora = seen.unit("lora")
    if lora is None or lora.rank >= LEAST_RANK:
        return None
    return (
        f"mitigations.lora.rank: {lora.rank} is under {LEAST_RANK}. For a task far from what the base does (another "
        "language, format or domain) so few directions learn less; the same gain then takes a larger, more forgetful "
        "update. Use 16, or 32 to 64 for a strong shift"
    )


RULES: tuple[Callable[[Seen], str | None], ...] = (
    full_without_general,
    many_epochs,
    high_rate,
    rehearsal_share,
    low_rank,
)
