"""Commands that measure models and judge what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from retain.cli.options import AsJson, Folder, Limit, Precision, Quiet, SuiteName
from retain.cli.shown import finish, finish_several, judged_text, progress, show, show_lines
from retain.errors import UserError
from retain.export_records import worse
from retain.folder import write_text
from retain.records import EXIT_CODES, Gate
from retain.wrong_values import problems_of


def measure(
    model: Annotated[
        str, typer.Argument(help="builtin:NAME, a folder, a .gguf file, a Hub id, or a server: http://HOST/v1#NAME.")
    ],
    suite: SuiteName = "core",
    load_in: Precision = "bf16",
    split: Annotated[str, typer.Option(help="test or dev.")] = "test",
    limit: Limit = None,
    output: Annotated[Path | None, typer.Option(help="Write the measurements to this JSON file.")] = None,
    json_: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure one model."""
    from retain.commands.measure import measure as command

    found = command(model, suite, load_in, split, limit, output, progress(quiet))
    if json_:
        show(found.model_dump_json(indent=1), json_)
        return
    width = max(len(one.probe) for one in found.measurements)
    for one in found.measurements:
        left_out = f", {len(one.left_out)} left out" if one.left_out else ""
        show(f"{one.probe:<{width}}  {one.value:7.4f}  {one.metric}, {len(one.scores)} items{left_out}")
    show_lines("\n".join(f"note: {remark}" for remark in found.remarks()))


def compare(
    before: Annotated[
        str, typer.Argument(help="A model, an adapter, a file of measurements, a run folder or lm-eval's output path.")
    ],
    after: Annotated[
        list[str] | None,
        typer.Argument(help="The same. Several are each judged; none where BEFORE is an adapter."),
    ] = None,
    suite: SuiteName = "core",
    load_in: Precision = "bf16",
    limit: Limit = None,
    task: Annotated[list[str] | None, typer.Option(help="A probe that measures what was learned.")] = None,
    margin: Annotated[float | None, typer.Option(help="Largest loss of one capability, in points.")] = None,
    mean_margin: Annotated[float | None, typer.Option(help="Largest mean loss, in points.")] = None,
    metric: Annotated[str | None, typer.Option(help="lm-eval: acc, or exact_match,strict-match.")] = None,
    allow_different: Annotated[list[str] | None, typer.Option(help="A setting that may differ; it is noted.")] = None,
    noise: Annotated[Path | None, typer.Option(help="The base's noise floor, as 'retain noise' wrote it.")] = None,
    folder: Folder = None,
    json_: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare models with their base item by item, and judge what was forgotten.

    Models are measured; files of measurements, run folders and lm-eval's logs (--log_samples) are read. With several
    tuned models the exit code is that of the worst verdict ('retain schema several' describes the JSON).
    """
    from retain.commands.comparison_folders import default_folder

    gate = margins_of(Gate(), margin, mean_margin, None)
    asked = suite, load_in, limit, gate, task or []
    shown = progress(quiet), metric, allow_different or [], noise
    if after is not None and len(after) > 1:
        from retain.commands.compare_several import compare_several

        place = folder or default_folder([before, *after])
        finish_several(compare_several(before, after, *asked, place, *shown), place, json_)
    from retain.commands.compare import compare as command

    place = folder or default_folder([before, *(after or [])])
    finish(command(before, after[0] if after else None, *asked, place, *shown), place, json_)


def noise(
    model: Annotated[str, typer.Argument(help="builtin:NAME, a folder, a .gguf file or a Hub id.")],
    change: Annotated[str, typer.Option(help="What differs the second time: batch or precision.")] = "batch",
    suite: SuiteName = "core",
    load_in: Precision = "bf16",
    limit: Limit = None,
    output: Annotated[Path | None, typer.Option(help="Write a file for 'retain compare --noise'.")] = None,
    json_: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure one model twice under a null change, and show how far its scores move."""
    from retain.commands.noise import noise as command
    from retain.reporting.noise import floor_text

    found = command(model, change, suite, load_in, limit, output, progress(quiet))
    if json_:
        show(found.model_dump_json(indent=1), json_)
        return
    show(f"{found.name}, measured again: {found.floors[0].null_change}")
    show("\n".join(f"  {floor_text(floor)}" for floor in found.floors))
    show(f"Compared with itself: {found.verdict.outcome}.")


def gate(
    comparison: Annotated[Path, typer.Argument(help="A run folder or its record.json.")],
    margin: Annotated[float | None, typer.Option(help="Largest loss of one capability, in points.")] = None,
    mean_margin: Annotated[float | None, typer.Option(help="Largest mean loss, in points.")] = None,
    min_gain: Annotated[float | None, typer.Option(help="Smallest gain, in points.")] = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", help="For CI systems: junit, sarif or markdown (a pull request's comment)."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write what --format asks for to this file.")] = None,
    json_: AsJson = False,
) -> None:
    """Judge a finished run, or a comparison of one model or several; the exit code is the (worst) verdict."""
    from retain.commands.gate import finished, judged_points, render_gate

    if json_ and format_:
        raise UserError(f"--json and --format {format_} are two ways to print the verdict: leave one out")
    if output and not format_:
        raise UserError("--output needs --format; the verdict as JSON: retain gate RUN --json > verdict.json")
    margins = margins_of(finished(comparison)[0].verdict.gate, margin, mean_margin, min_gain)
    points = judged_points(comparison, margins)
    verdict = worse([one.verdict for one in points])
    written = render_gate(points, comparison, format_) if format_ else ""
    if output is not None:
        write_text(output, written)
    if json_:
        show(verdict.model_dump_json(indent=1), json_)
    elif written and not output:
        show(written.rstrip("\n"), format_ == "sarif")
    else:
        show(judged_text(points, verdict))
    raise typer.Exit(EXIT_CODES[verdict.outcome])


def margins_of(margins: Gate, margin: float | None, mean_margin: float | None, min_gain: float | None) -> Gate:
    """Margins with those that options replace; both of a loss replaced, none stays as wide as a demonstration's."""
    options = {"margin": margin, "mean_margin": mean_margin, "min_gain": min_gain}
    changed: dict[str, float | bool] = {key: value for key, value in options.items() if value is not None}
    if margins.demonstration and margin is not None and mean_margin is not None:
        changed |= {"demonstration": False, "bits_margin": min(margins.bits_margin, Gate().bits_margin)}
        changed.setdefault("min_gain", max(margins.min_gain, Gate().min_gain))
    try:
        return Gate.model_validate({**margins.model_dump(), **changed})
    except ValidationError as error:
        wrong = problems_of(error, changed)[0]
        raise UserError(f"--{wrong.replace('_', '-', wrong.split(':')[0].count('_'))}, in points of 100") from None
