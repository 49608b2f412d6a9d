"""``retain run``: everything, from the recipe to the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from retain import processes
from retain.errors import UserError
from retain.pipeline import run_recipe
from retain.pipeline_sequence import run_sequence
from retain.progress import Progress
from retain.recipe import parse_recipe, read_values
from retain.records import RunRecord
from retain.sequence_recipe import is_sequence, parse_sequence
from retain.sequence_records import SequenceRecord

RUNS = Path("runs")
"""Where run folders are made when none is named."""


def run(
    recipe: str | Path,
    folder: str | Path | None = None,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
) -> RunRecord | SequenceRecord:
    """Fine-tune, measure before and after, compare, judge and report; goes on where an earlier go stopped.

    A recipe with ``stages`` is learned task by task, and gives the record of a sequence. Processes that torchrun or
    accelerate launch started together do one run together, and each gets its record.

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
    values = read_values(path, list(overrides))
    if is_sequence(values):
        if processes.launched() > 1:
            raise UserError("stages: tasks that are learned one after another run in one process, without torchrun")
        return run_sequence(parse_sequence(values, str(path), path.parent), place, progress or Progress())
    with processes.together():
        return run_recipe(parse_recipe(values, str(path), path.parent), place, progress or Progress())
