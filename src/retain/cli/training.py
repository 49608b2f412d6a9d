"""Commands that train."""

from __future__ import annotations

from typing import Annotated

import typer

from retain.cli.options import AsJson, Folder, Overrides, Quiet, RecipeFile
from retain.cli.shown import columns, finish, progress, show
from retain.frontier_records import frontier_exit


def run(
    recipe: RecipeFile,
    folder: Folder = None,
    set_: Overrides = None,
    json_: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Fine-tune, measure before and after, compare, judge, report. Goes on where it stopped."""
    from retain.commands.run import RUNS
    from retain.commands.run import run as command

    place = folder or RUNS / recipe.stem
    record = command(recipe, place, set_ or [], progress(quiet))
    finish(record, place, json_)


def frontier(
    recipe: RecipeFile,
    folder: Folder = None,
    set_: Overrides = None,
    ray: Annotated[
        str | None, typer.Option(help="Train arms in parallel: a Ray cluster's address, auto or local.")
    ] = None,
    json_: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train the recipe's arms, measure them at several strengths, and name the one to take."""
    from retain.commands.frontier import FRONTIERS
    from retain.commands.frontier import frontier as command
    from retain.reporting.columns import page_of
    from retain.reporting.frontier import summary

    place = folder or FRONTIERS / recipe.stem
    record = command(recipe, place, set_ or [], progress(quiet), ray)
    text = record.model_dump_json(indent=1) if json_ else page_of(columns()).fitted(summary(record, place))
    show(text, json_)
    raise typer.Exit(frontier_exit(record))
