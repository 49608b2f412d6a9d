"""``retain run``: everything, from the recipe to the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import load_recipe
from retain.records import RunRecord

RUNS = Path("runs")
"""Where run folders are made when none is named."""


def run(
    recipe: str | Path,
    folder: str | Path | None = None,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
) -> RunRecord:
    """Fine-tune, measure before and after, compare, judge and report; goes on where an earlier go stopped.

    Args:
        recipe: the recipe file.
        folder: the run folder; ``runs/<recipe's name>`` when None.
        overrides: ``a.b=value`` settings that replace the recipe's.
        progress: where stages are shown; on standard error when None.

    Raises:
        UserError: the recipe, the data, the model or the folder is wrong.
        BrokenError: training broke; what was finished is kept.
    """
    path = Path(recipe)
    place = Path(folder) if folder is not None else RUNS / path.stem
    return run_recipe(load_recipe(path, list(overrides)), place, progress or Progress())
