"""The arms of a frontier: the recipe with some settings replaced."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from retain.errors import UserError, listed
from retain.frontier_settings import FrontierSettings
from retain.recipe import Recipe, as_plain, parse_recipe, set_value
from retain.sweep.presets import Overrides, preset_arms

WHOLE = 1.0


@dataclass(frozen=True)
class Arm:
    """One recipe of a frontier.

    Attributes:
        name: what a person calls it; of the seed and the share too where there are several.
        variant: the name without seed and share.
        recipe: ready to run, ``strength`` with the frontier's values among its mitigations.
        changes: what it replaces, path -> value.
        share: of the training rows.
        seed: of everything that is drawn.
    """

    name: str
    variant: str
    recipe: Recipe
    changes: Overrides
    share: float
    seed: int


def arms_of(recipe: Recipe, rows: int) -> list[Arm]:
    """Every arm of a recipe's ``frontier``, in the order in which they are trained.

    Args:
        recipe: as it was read, with absolute paths.
        rows: training rows that there are.

    Raises:
        UserError: the recipe has no frontier, or arms are wrong; all that is wrong is named at once.
    """
    settings = settings_of(recipe)
    seeds = settings.seeds or [recipe.seed]
    arms, problems = [], []
    for (name, changes), share, seed in itertools.product(variants(recipe), settings.shares, seeds):
        tags = [f"{share:.0%} of the rows"] * (len(settings.shares) > 1) + [f"seed {seed}"] * (len(seeds) > 1)
        try:
            made = _with(recipe, changes, share, seed, rows)
        except UserError as error:
            problems.append(f"{name}: {error}")
            continue
        arms.append(Arm(", ".join([name, *tags]), name, made, changes, share, seed))
    if problems:
        raise UserError(f"frontier has {len(problems)} wrong arms:\n{listed(problems)}")
    return arms


def settings_of(recipe: Recipe) -> FrontierSettings:
    """A recipe's ``frontier``.

    Raises:
        UserError: it has none.
    """
    if recipe.frontier is None:
        raise UserError("frontier: the recipe names no arms; add, for example, frontier: {preset: quick}")
    return recipe.frontier


def variants(recipe: Recipe) -> list[tuple[str, Overrides]]:
    """(name, changes) of each variant: of the preset, those with a name, and the combinations of the axes.

    Raises:
        UserError: two have the same name.
    """
    settings = settings_of(recipe)
    found: list[tuple[str, Overrides]] = []
    if settings.preset is not None:
        found += preset_arms(settings.preset, recipe).items()
    found += settings.arms.items()
    found += _combinations(settings.axes) if settings.axes else []
    names = [name for name, _ in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"frontier.arms: the name {twice[0]!r} is given twice; presets use names too. Choose another.")
    return found


def _combinations(axes: Mapping[str, list[Any]]) -> Iterator[tuple[str, Overrides]]:
    """Every combination of the axes' values, named after them."""
    for values in itertools.product(*axes.values()):
        changes = dict(zip(axes, values, strict=True))
        yield ", ".join(f"{path.split('.')[-1]} {_short(value)}" for path, value in changes.items()), changes


def _short(value: Any) -> str:
    """A setting's value in few letters: of mitigations their kinds."""
    if isinstance(value, list):
        return " + ".join(_short(one) for one in value) or "none"
    if isinstance(value, dict):
        rest = [f"{key} {_short(one)}" for key, one in value.items() if key != "kind"]
        return " ".join([str(value.get("kind", "")), *rest]).strip()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _with(recipe: Recipe, changes: Overrides, share: float, seed: int, rows: int) -> Recipe:
    plain = deepcopy(as_plain(recipe))
    settings = plain.pop("frontier")
    for path, value in changes.items():
        set_value(plain, path, deepcopy(value), "frontier.arms")
    plain["seed"] = seed
    if share < WHOLE:
        plain["data"]["limit"] = max(1, round(share * min(rows, plain["data"]["limit"] or rows)))
    strength = {"kind": "strength", "values": settings["strengths"]}
    own = [one for one in plain["mitigations"] if one.get("kind") == "strength"]
    plain["mitigations"] = [one for one in plain["mitigations"] if one.get("kind") != "strength"]
    plain["mitigations"].append({**(own[0] if own else {}), **strength})
    return parse_recipe(plain, "the arm").model_copy(update={"origin": recipe.origin})
