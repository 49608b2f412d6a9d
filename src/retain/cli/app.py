"""All commands, in the order in which they are used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from retain.cli.about import doctor, list_, schema
from retain.cli.measuring import compare, gate, measure, noise
from retain.cli.preparing import advise, check, init, lint
from retain.cli.shipping import export, report
from retain.cli.shown import show
from retain.cli.training import frontier, run

COMMANDS: dict[Callable[..., Any], str] = {
    init: "Look at a model and data, and write a commented recipe.",
    check: "Validate a recipe and its data without loading a model.",
    lint: "Look for what is wrong with rows before training on them.",
    advise: "Say whether to fine-tune: prompts, examples, retrieval first.",
    run: "Fine-tune, measure before and after, compare, judge, report.",
    frontier: "Train several recipes, measure the trade-off, name the best.",
    measure: "Measure one model.",
    compare: "Compare tuned models with their base; judge what was forgotten.",
    noise: "Show how far one model's scores move under a null change.",
    gate: "Judge a finished run; the exit code is the verdict.",
    export: "Write a tuned model as it ships, and judge that.",
    report: "Write reports again, a model card, or runs side by side.",
    list_: "Show mitigations, probes, suites and more.",
    doctor: "Show versions, devices and what does not work together.",
    schema: "Print the JSON schema of a recipe or a result.",
}
"""Each command, and its line in ``retain --help``."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _say_version(wanted: bool) -> None:
    if wanted:
        from retain import __version__

        show(f"retain {__version__}")
        raise typer.Exit


@app.callback()
def every_command(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Fine-tune a language model, keep what it already knew, and prove both."""


for command, about in COMMANDS.items():
    app.command(command.__name__.rstrip("_"), short_help=about)(command)
