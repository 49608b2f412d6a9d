"""Commands before a training: a recipe is written and checked, rows are looked at, and other ways are tried."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from retain.cli.options import AsJson, Folder, Overrides, Quiet, RecipeFile
from retain.cli.shown import columns, progress, show, show_lines
from retain.errors import UserError


def init(
    model: Annotated[
        str | None,
        typer.Argument(help="The base model: a Hub id, a folder, a .gguf file or builtin:NAME (retain list builtin)."),
    ] = None,
    data: Annotated[Path | None, typer.Argument(help="The training rows, or text: a file or a folder.")] = None,
    from_: Annotated[
        Path | None, typer.Option("--from", help="A configuration of Axolotl or LLaMA-Factory to take over.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Where the recipe is written.")] = Path("recipe.yaml"),
    force: Annotated[bool, typer.Option(help="Replace an existing recipe.")] = False,
    suite: Annotated[
        str | None,
        typer.Option(help="What to measure: a suite (retain list suites), a file or a folder. Only rankings need it."),
    ] = None,
    general: Annotated[
        Path | None,
        typer.Option(help="Rows for the old abilities. Without it the base writes them; a reranker has none."),
    ] = None,
) -> None:
    """Look at a model's name and training data, or at another trainer's configuration, and write a commented recipe."""
    from retain.commands.init import init as command
    from retain.commands.init_from import init_from, told

    if from_ is not None:
        show(told(init_from(from_, output, force, suite, general, model, data)))
        return
    if model is None or data is None:
        raise UserError("Name the base model and the training rows: retain init MODEL DATA, or retain init --from FILE")
    command(model, data, output, force, suite, general, progress(quiet=False))
    show(f"{output} is written. Check it: retain check {output}\nRun it:   retain run {output}")


def check(recipe: RecipeFile, set_: Overrides = None, json_: AsJson = False) -> None:
    """Validate a recipe and its data without loading a model."""
    from retain.commands.check import CheckedSequence
    from retain.commands.check import check as command

    checked = command(recipe, set_ or [])
    if json_:
        show(checked.model_dump_json(indent=1), json_)
        return
    show(f"{recipe} is valid.")
    for name, stage in checked.stages.items() if isinstance(checked, CheckedSequence) else [("", checked)]:
        show(f"Stage {name}:" if name else "")
        _show_checked(stage)
    show(f"Next: {_next_command(recipe, set_ or [], checked)}")


def _next_command(recipe: Path, set_: list[str], checked: Any) -> str:
    """What a recipe was written for: its frontier where it has one, else the run."""
    command = "frontier" if getattr(checked, "arms", []) else "run"
    settings = [word for one in set_ for word in ("--set", one)]
    return shlex.join(["retain", command, str(recipe), *settings])


def _show_checked(checked: Any) -> None:
    """What ``retain check`` says of one task's recipe."""
    from retain.reporting.lint import render_lint
    from retain.stages.estimating import memory_lines

    show_lines("\n".join(f"  {key}: {value}" for key, value in checked.data.items() if value not in (0, "")))
    show_lines(f"  the task is scored by: {checked.task_metric}")
    for name, items in checked.probes.items():
        show_lines(f"  probe {name}: " + ", ".join(f"{count} {part}" for part, count in items.items()))
    show_lines(f"  {checked.provable}" if checked.provable else "")
    if checked.arms:
        show_lines(f"  the frontier's {len(checked.arms)} arms: {'; '.join(checked.arms)}")
    if checked.passages:
        show_lines(f"  the documents of an advice: {checked.passages} passages")
    for engine, reasons in checked.processes.items():
        show_lines(f"  several processes, {engine}: " + ("; ".join(reasons) or "yes"))
    memory = [*(memory_lines(checked.memory) if checked.memory is not None else []), *checked.memory_notes]
    show_lines("\n".join(f"  {line}" for line in memory))
    told = [f"note: {note}" for note in checked.notes] + [f"warning: {one}" for one in checked.warnings]
    show_lines("".join(f"  {line}\n" for line in told).rstrip())
    if checked.lint is not None:
        show(render_lint(checked.lint))


def lint(
    file: Annotated[str, typer.Argument(help="Rows: a file or a Hub data set.")],
    held_out: Annotated[str | None, typer.Option(help="Rows that will be measured on.")] = None,
    model: Annotated[
        str | None, typer.Option(help="Whose tokenizer counts tokens; its weights are not loaded.")
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(help="Longest row in tokens; with --model, 1024 if not given.")
    ] = None,
    real: Annotated[str | None, typer.Option(help="Prompts as they come in use, to compare the rows with.")] = None,
    suite: Annotated[str, typer.Option(help="A suite whose items must not be in the rows, or none.")] = "core",
    fix: Annotated[
        Path | None, typer.Option(help="Write the rows without the bad ones to this new .jsonl file.")
    ] = None,
    json_: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Look for what is wrong with rows before training on them; exit code 2 where a finding is an error."""
    from retain.commands.lint import lint as command
    from retain.commands.lint import render_linted

    named = None if suite == "none" else suite
    found = command(file, held_out, model, max_length, named, real, fix, progress(quiet))
    show(found.model_dump_json(indent=1) if json_ else render_linted(found), json_)
    raise typer.Exit(2 if found.stopping else 0)


def advise(
    recipe: RecipeFile,
    folder: Folder = None,
    set_: Overrides = None,
    json_: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure prompts, solved examples, retrieval and a short training, and say whether to fine-tune."""
    from retain.commands.advise import ADVICE
    from retain.commands.advise import advise as command
    from retain.reporting.advice import summary

    place = folder or ADVICE / recipe.stem
    record = command(recipe, place, set_ or [], progress(quiet))
    show(record.model_dump_json(indent=1) if json_ else summary(record, place, columns()), json_)
