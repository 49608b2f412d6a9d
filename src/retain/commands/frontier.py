"""``retain frontier``: the arms of a recipe, compared on equal terms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from retain.frontier_records import FrontierRecord
from retain.progress import Progress
from retain.recipe import load_recipe
from retain.sweep.frontier import run_frontier

FRONTIERS = Path("frontiers")
"""Where a frontier's folder is made when none is named."""


def frontier(
    recipe: str | Path,
    folder: str | Path | None = None,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
    ray: str | None = None,
) -> FrontierRecord:
    """Train the arms of a recipe's ``frontier``, measure their strengths, and name the one to take.

    Writes ``frontier.json``, the reports ``frontier.html`` and ``frontier.md`` with its figures, and
    ``recommended.yaml``, a recipe ready to run. Goes on where an earlier go stopped.

    Args:
        recipe: the recipe file, with the key ``frontier``.
        folder: the frontier's folder; ``frontiers/<recipe's name>`` when None.
        overrides: ``a.b=value`` settings that replace the recipe's, for all arms.
        progress: where stages are shown; on standard error when None.
        ray: address of a Ray cluster whose machines train arms in parallel, ``auto`` or ``local``; all must see
            the folder at the same path. One arm after the other when None.

    Raises:
        UserError: the recipe, its arms, the data, the model, the folder or the cluster's address is wrong.
        MissingExtraError: Ray is asked for and not installed.
    """
    path = Path(recipe)
    place = Path(folder) if folder is not None else FRONTIERS / path.stem
    return run_frontier(load_recipe(path, list(overrides)), place, progress or Progress(), ray)
