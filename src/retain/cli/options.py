"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retain.cli.shown import results_alone


def _alone(context: typer.Context, asked: bool) -> bool:
    if asked and not context.resilient_parsing:  # that is how shells ask for completions
        results_alone()
    return asked


RecipeFile = Annotated[Path, typer.Argument(help="The recipe, a YAML file.")]
Folder = Annotated[Path | None, typer.Option(help="Where results are written; a folder of runs/ if not given.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Replace a setting: training.epochs=1")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.", callback=_alone)]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]
SuiteName = Annotated[str, typer.Option(help="A built-in suite, a YAML file, a folder, or lm-eval:task,task.")]
Precision = Annotated[str, typer.Option(help="fp32, bf16 or 4bit.")]
Limit = Annotated[int | None, typer.Option(help="At most this many test items per probe.")]
