"""Settings that no arm may change: those that have no effect in one, or by which arms are compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from retain.frontier_settings import FrontierSettings
from retain.wrong_values import shown_value

ALIKE = "all arms are measured and judged alike, or nothing could be compared. Set it in the recipe, for all arms"
FIXED = {
    "seed": "every arm is trained with the frontier's seeds, so that this has no effect. Write them as frontier.seeds",
    "frontier": "an arm has no frontier of its own, so that this has no effect. Set it in the recipe, for all arms",
    "advise": "no arm is advised on, so that this has no effect. Set it in the recipe",
    "measure": ALIKE,
    "gate": ALIKE,
    "model.base": "gains and losses of all arms are against one base. Run a frontier for each base",
}
"""Path of a setting, or of all that lie below it -> why no arm may change it, and what to do."""
WITH_BASE = "it holds the base too, and all arms are compared with one. Change model.load_in alone"


def fixed_settings(settings: FrontierSettings) -> list[str]:
    """What arms and axes change and may not, each with its path, what was found and what to do."""
    return [
        f"{where}: found {shown_value(value)}; {why}"
        for where, path, value in _changes(settings)
        if (why := _why(path)) is not None
    ]


def _changes(settings: FrontierSettings) -> Iterator[tuple[str, str, Any]]:
    """(where it stands in the recipe, path of the setting, values)."""
    for path, values in settings.axes.items():
        yield f"frontier.axes.{path}", path, values
    for name, changes in settings.arms.items():
        for path, value in changes.items():
            yield f"frontier.arms.{name}.{path}", path, value


def _why(path: str) -> str | None:
    if path == "model":
        return WITH_BASE
    return next((why for key, why in FIXED.items() if path == key or path.startswith(f"{key}.")), None)
