"""Commands after a run: the model as it ships, and reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from retain.cli.options import AsJson, Limit, Quiet
from retain.cli.shown import columns, progress, show
from retain.errors import UserError
from retain.export_records import export_exit


def export(
    run: Annotated[Path, typer.Argument(help="A finished run's folder, or one of a model or an adapter.")],
    to: Annotated[str, typer.Option(help="merged, adapter or gguf.")] = "merged",
    type_: Annotated[
        str | None, typer.Option("--type", help="GGUF: q8_0 if not given, f16, bf16, q4_k_m and more.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="The new folder; in the run's folder if not given.")] = None,
    load_in: Annotated[str | None, typer.Option(help="Type of the merged weights: fp32 or bf16.")] = None,
    measure: Annotated[bool, typer.Option("--measure/--no-measure", help="Measure and judge what was written.")] = True,
    suite: Annotated[str | None, typer.Option(help="For a model that no run made: what it is measured with.")] = None,
    limit: Limit = None,
    json_: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a tuned model as it ships, measure that, and judge it against the base and the model before."""
    from retain.commands.export import export as command
    from retain.reporting.export import render_export

    record = command(run, to, type_, output, load_in, measure, suite, limit, progress(quiet))
    show(record.model_dump_json(indent=1) if json_ else render_export(record, width=columns()), json_)
    raise typer.Exit(export_exit(record))


def report(
    runs: Annotated[list[Path], typer.Argument(help="A run folder; several are put side by side.")],
    output: Annotated[
        Path | None,
        typer.Option(help="The folder to write to (of markdown and json the file); needed for several reports."),
    ] = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="report (Markdown and HTML), card (a model card), markdown (a pull request's comment) or json.",
        ),
    ] = "report",
    json_: AsJson = False,
) -> None:
    """Write the reports of a finished run again, or its model card, or put several runs side by side.

    Without --output, markdown and json are printed.
    """
    from retain.commands.report import TEXTS, report_text
    from retain.commands.report import report as command

    if format_ in TEXTS and json_:
        raise UserError(f"--json prints the paths of files; leave it out with --format {format_}")
    if format_ in TEXTS and output is None:
        show(report_text(*runs, format=format_).rstrip("\n"), format_ == "json")
        return
    paths = [str(path) for path in command(*runs, output=output, format=format_)]
    show(json.dumps(paths) if json_ else "\n".join(paths), json_)
