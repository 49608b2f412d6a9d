"""The arms of a frontier: the recipe with some settings replaced."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from retain.data.example import Example
from retain.errors import UserError, listed
from retain.frontier_records import in_percent
from retain.frontier_settings import FrontierSettings
from retain.overrides import set_value
from retain.recipe import Recipe, as_plain, parse_recipe
from retain.sweep.fixed_settings import fixed_settings
from retain.sweep.presets import preset_arms
from retain.sweep.variant import Overrides, Variant
from retain.wrong_values import shown_value

WHOLE = 1.0
MOST_ARMS = 1000


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
        factor: the one thing in which it differs from the other arms; empty where that is not one thing.
        level: of the factor.
    """

    name: str
    variant: str
    recipe: Recipe
    changes: Overrides
    share: float
    seed: int
    factor: str = ""
    level: float | str | None = None

    @property
    def plain(self) -> bool:
        """Nothing is done against forgetting; 4-bit weights need LoRA to be trained at all."""
        kinds = [getattr(one, "kind", "") for one in self.recipe.mitigations]
        needed = ["lora"] if self.recipe.model.load_in == "4bit" else []
        return [kind for kind in kinds if kind != "strength"] == needed


def arms_of(recipe: Recipe, rows: Sequence[Example]) -> list[Arm]:
    """Every arm of a recipe's ``frontier``, in the order in which they are trained.

    Args:
        recipe: as it was read, with absolute paths.
        rows: training rows, before any share is drawn of them.

    Raises:
        UserError: the recipe has no frontier, or arms are wrong; all that is wrong is named at once.
    """
    settings = settings_of(recipe)
    seeds = settings.seeds or [recipe.seed]
    if problems := fixed_settings(settings):
        raise UserError(f"frontier changes what is the same for all arms:\n{listed(problems)}")
    arms, problems = [], _too_small(settings, min(len(rows), recipe.data.limit or len(rows)))
    if problems:
        raise UserError(f"frontier asks for more than there is:\n{listed(problems)}")
    for variant, share, seed in itertools.product(variants(recipe, rows), settings.shares, seeds):
        tags = [f"{in_percent(share)} of the rows"] * (len(settings.shares) > 1) + [f"seed {seed}"] * (len(seeds) > 1)
        try:
            made = _with(recipe, variant.changes, share, seed, len(rows))
        except UserError as error:
            problems.append(f"{variant.name}: {error}")
            continue
        name = ", ".join([variant.name, *tags])
        arms.append(Arm(name, variant.name, made, variant.changes, share, seed, variant.factor, variant.level))
    if problems:
        raise UserError(f"frontier has {len(problems)} wrong arms:\n{listed(problems)}")
    names = [arm.name for arm in arms]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"frontier.shares: two arms would be called {twice[0]!r}. Choose shares that differ more.")
    return arms


def _too_small(settings: FrontierSettings, rows: int) -> list[str]:
    """Shares that are less than a row, or as many rows as another share, and more arms than anybody can train."""
    known: dict[int, float] = {}
    problems = []
    for share in settings.shares:
        drawn = round(share * rows)
        if drawn < 1:
            problems.append(f"frontier.shares: {share:g} of {rows} training rows is less than one row")
        elif drawn in known:
            problems.append(
                f"frontier.shares: {known[drawn]:g} and {share:g} of {rows} training rows are both {drawn} rows"
            )
        known[drawn] = share
    least = min(settings.shares)
    if settings.halving is not None and round(settings.halving * least * rows) < 1:
        problems.append(
            f"frontier.halving: {settings.halving:g} of {round(least * rows)} training rows is less than one row"
        )
    many = math.prod(len(values) for values in settings.axes.values()) if settings.axes else 0
    arms = max(many, len(settings.arms)) * len(settings.shares) * max(1, len(settings.seeds))
    if arms > MOST_ARMS:
        problems.append(f"frontier: these are {arms:,} arms, each a training; at most {MOST_ARMS} are taken")
    return problems


def settings_of(recipe: Recipe) -> FrontierSettings:
    """A recipe's ``frontier``.

    Raises:
        UserError: it has none.
    """
    if recipe.frontier is None:
        raise UserError("frontier: the recipe names no arms; add, for example, frontier: {preset: quick}")
    return recipe.frontier


def variants(recipe: Recipe, rows: Sequence[Example] = ()) -> list[Variant]:
    """Those of the preset, those with a name, and the combinations of the axes.

    Args:
        recipe: with the key ``frontier``.
        rows: training rows, by which presets choose how much general text they need.

    Raises:
        UserError: two have the same name, or the recipe has nothing that the preset could compare.
    """
    settings = settings_of(recipe)
    found: list[Variant] = []
    if settings.preset is not None:
        found += preset_arms(settings.preset, recipe, rows)
    found += [Variant(name, changes) for name, changes in settings.arms.items()]
    found += _combinations(settings.axes, alone=not found) if settings.axes else []
    names = [variant.name for variant in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"frontier.arms: the name {twice[0]!r} is given twice; presets use names too. Choose another.")
    return found


def _combinations(axes: Mapping[str, list[Any]], alone: bool) -> Iterator[Variant]:
    """Every combination of the axes' values, named after them; levels of a factor where one axis is all there is."""
    for values in itertools.product(*axes.values()):
        changes = dict(zip(axes, values, strict=True))
        name = ", ".join(f"{path.split('.')[-1]} {_short(value)}" for path, value in changes.items())
        factor = next(iter(axes)) if alone and len(axes) == 1 else ""
        yield Variant(name, changes, factor, _level(values[0]) if factor else None)


def _level(value: Any) -> float | str:
    """A number as it is, anything else in few letters."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else _short(value)


def _short(value: Any) -> str:
    """A setting's value in few letters: of mitigations their kinds."""
    if isinstance(value, list):
        return " + ".join(_short(one) for one in value) or "none"
    if isinstance(value, dict):
        rest = [f"{key} {_short(one)}" for key, one in value.items() if key != "kind"]
        return " ".join([str(value.get("kind", "")), *rest]).strip()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _strength(plain: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a recipe says of the strength; nothing where it has none."""
    return next((one for one in plain["mitigations"] if one.get("kind") == "strength"), {})


def _with(recipe: Recipe, changes: Overrides, share: float, seed: int, rows: int) -> Recipe:
    plain = deepcopy(as_plain(recipe))
    settings = plain.pop("frontier")
    before = deepcopy(_strength(plain))
    for path, value in changes.items():
        set_value(plain, path, deepcopy(value), "frontier.arms")
    plain["seed"] = seed
    if share < WHOLE:
        plain["data"]["limit"] = max(1, round(share * min(rows, plain["data"]["limit"] or rows)))
    own = _strength(plain)
    if own.get("values") not in (None, before.get("values"), settings["strengths"]):
        raise UserError(
            f"mitigations (strength).values: found {shown_value(own['values'])}; all arms are measured at the same "
            "strengths, so that this has no effect. Write them as frontier.strengths"
        )
    plain["mitigations"] = [one for one in plain["mitigations"] if one.get("kind") != "strength"]
    plain["mitigations"].append({**own, "kind": "strength", "values": settings["strengths"]})
    return parse_recipe(plain, "the arm").model_copy(update={"origin": recipe.origin})
