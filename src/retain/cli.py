"""The command line. Thin: each command is a function of ``retain.commands``, called and shown here."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError

from retain import processes
from retain.ending import end, run_to_its_end
from retain.errors import UserError
from retain.export_records import export_exit, worse
from retain.folder import write_text
from retain.frontier_records import frontier_exit
from retain.quiet import quiet_libraries, quiet_loggers
from retain.records import EXIT_CODES, Gate, RunRecord, Verdict
from retain.reporting.text import clean, clean_json
from retain.sequence_records import SequenceRecord
from retain.several_records import SeveralRecord
from retain.wrong_values import problems_of

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

RecipeFile = Annotated[Path, typer.Argument(help="The recipe, a YAML file.")]
Folder = Annotated[Path | None, typer.Option(help="Where results are written; a folder of runs/ if not given.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Replace a setting: training.epochs=1")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]
SuiteName = Annotated[str, typer.Option(help="A built-in suite, a YAML file, a folder, or lm-eval:task,task.")]
Precision = Annotated[str, typer.Option(help="fp32, bf16 or 4bit.")]
SEVERAL = ("run", "measure")
"""Commands that run on several processes (torchrun, accelerate launch)."""
Limit = Annotated[int | None, typer.Option(help="At most this many test items per probe.")]


def _say_version(wanted: bool) -> None:
    if wanted:
        from retain import __version__

        _print(f"retain {__version__}")
        raise typer.Exit


@app.callback()
def every_command(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Fine-tune a language model, keep what it already knew, and prove both."""


@app.command()
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
    record = command(recipe, place, set_ or [], _progress(quiet))
    _finish(record, place, json_)


@app.command(short_help="Train several recipes, measure the trade-off, name the best.")
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
    from retain.reporting.frontier import summary

    place = folder or FRONTIERS / recipe.stem
    record = command(recipe, place, set_ or [], _progress(quiet), ray)
    _print(record.model_dump_json(indent=1) if json_ else summary(record, place), json_)
    raise typer.Exit(frontier_exit(record))


@app.command(short_help="Say whether to fine-tune: prompts, examples, retrieval first.")
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
    record = command(recipe, place, set_ or [], _progress(quiet))
    _print(record.model_dump_json(indent=1) if json_ else summary(record, place), json_)


@app.command()
def check(recipe: RecipeFile, set_: Overrides = None, json_: AsJson = False) -> None:
    """Validate a recipe and its data without loading a model."""
    from retain.commands.check import CheckedSequence
    from retain.commands.check import check as command

    checked = command(recipe, set_ or [])
    if json_:
        _print(checked.model_dump_json(indent=1), json_)
        return
    _print(f"{recipe} is valid.")
    for name, stage in checked.stages.items() if isinstance(checked, CheckedSequence) else [("", checked)]:
        _print(f"Stage {name}:" if name else "")
        _print_checked(stage)
    _print(f"Next: {_next_command(recipe, set_ or [], checked)}")


def _next_command(recipe: Path, set_: list[str], checked: Any) -> str:
    """What a recipe was written for: its frontier where it has one, else the run."""
    command = "frontier" if getattr(checked, "arms", []) else "run"
    settings = [word for one in set_ for word in ("--set", one)]
    return shlex.join(["retain", command, str(recipe), *settings])


def _print_checked(checked: Any) -> None:
    """What ``retain check`` says of one task's recipe."""
    from retain.reporting.lint import render_lint
    from retain.stages.estimating import memory_lines

    _print("\n".join(f"  {key}: {value}" for key, value in checked.data.items() if value not in (0, "")))
    _print(f"  the task is scored by: {checked.task_metric}")
    for name, items in checked.probes.items():
        _print(f"  probe {name}: " + ", ".join(f"{count} {part}" for part, count in items.items()))
    if checked.arms:
        _print(f"  the frontier's {len(checked.arms)} arms: {'; '.join(checked.arms)}")
    if checked.passages:
        _print(f"  the documents of an advice: {checked.passages} passages")
    for engine, reasons in checked.processes.items():
        _print(f"  several processes, {engine}: " + ("; ".join(reasons) or "yes"))
    if checked.memory is not None:
        _print("\n".join(f"  {line}" for line in memory_lines(checked.memory)))
    told = [f"note: {note}" for note in checked.notes] + [f"warning: {one}" for one in checked.warnings]
    _print("".join(f"  {line}\n" for line in told).rstrip())
    if checked.lint is not None:
        _print(render_lint(checked.lint))


@app.command(short_help="Look for what is wrong with rows before training on them.")
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
    found = command(file, held_out, model, max_length, named, real, fix, _progress(quiet))
    _print(found.model_dump_json(indent=1) if json_ else render_linted(found), json_)
    raise typer.Exit(2 if found.stopping else 0)


@app.command()
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

    found = command(model, suite, load_in, split, limit, output, _progress(quiet))
    if json_:
        _print(found.model_dump_json(indent=1), json_)
        return
    width = max(len(one.probe) for one in found.measurements)
    for one in found.measurements:
        left_out = f", {len(one.left_out)} left out" if one.left_out else ""
        _print(f"{one.probe:<{width}}  {one.value:7.4f}  {one.metric}, {len(one.scores)} items{left_out}")
    _print("\n".join(f"note: {remark}" for remark in found.remarks()))


@app.command(short_help="Compare tuned models with their base; judge what was forgotten.")
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
    gate = _gate(Gate(), margin, mean_margin, None)
    asked = suite, load_in, limit, gate, task or []
    shown = _progress(quiet), metric, allow_different or [], noise
    if after is not None and len(after) > 1:
        from retain.commands.compare_several import compare_several

        place = folder or Path("runs") / "comparisons"
        _finish_several(compare_several(before, after, *asked, place, *shown), place, json_)
    from retain.commands.compare import compare as command

    place = folder or Path("runs") / "comparison"
    _finish(command(before, after[0] if after else None, *asked, place, *shown), place, json_)


@app.command(short_help="Show how far one model's scores move under a null change.")
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

    found = command(model, change, suite, load_in, limit, output, _progress(quiet))
    if json_:
        _print(found.model_dump_json(indent=1), json_)
        return
    _print(f"{found.name}, measured again: {found.floors[0].null_change}")
    _print("\n".join(f"  {floor_text(floor)}" for floor in found.floors))
    _print(f"Compared with itself: {found.verdict.outcome}.")


@app.command(short_help="Judge a finished run; the exit code is the verdict.")
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

    if (json_ and format_) or (output and not format_):
        raise UserError("--output needs --format, and --json goes without both: retain gate RUN --json > verdict.json")
    margins = _gate(finished(comparison)[0].verdict.gate, margin, mean_margin, min_gain)
    points = judged_points(comparison, margins)
    verdict = worse([one.verdict for one in points])
    written = render_gate(points, comparison, format_) if format_ else ""
    if output is not None:
        write_text(output, written)
    shown = written if written and not output else _judged_text(points, verdict)
    text = verdict.model_dump_json(indent=1) if json_ else shown
    _print(text.rstrip("\n"), json_ or (format_ == "sarif" and output is None))
    raise typer.Exit(EXIT_CODES[verdict.outcome])


@app.command(short_help="Write a tuned model as it ships, and judge that.")
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

    record = command(run, to, type_, output, load_in, measure, suite, limit, _progress(quiet))
    _print(record.model_dump_json(indent=1) if json_ else render_export(record), json_)
    raise typer.Exit(export_exit(record))


@app.command(short_help="Write reports again, a model card, or runs side by side.")
def report(
    runs: Annotated[list[Path], typer.Argument(help="A run folder; several are put side by side.")],
    output: Annotated[Path | None, typer.Option(help="The folder to write to; needed for several runs.")] = None,
    format_: Annotated[
        str, typer.Option("--format", help="report (Markdown and HTML) or card (a model card).")
    ] = "report",
    json_: AsJson = False,
) -> None:
    """Write the reports of a finished run again, or its model card, or put several runs side by side."""
    from retain.commands.report import report as command

    paths = [str(path) for path in command(*runs, output=output, format=format_)]
    _print(json.dumps(paths) if json_ else "\n".join(paths), json_)


@app.command(short_help="Look at a model and data, and write a commented recipe.")
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
        _print(told(init_from(from_, output, force, suite, general, model, data)))
        return
    if model is None or data is None:
        raise UserError("Name the base model and the training rows: retain init MODEL DATA, or retain init --from FILE")
    command(model, data, output, force, suite, general)
    _print(f"{output} is written. Check it: retain check {output}\nRun it:   retain run {output}")


@app.command("list", short_help="Show mitigations, probes, suites and more.")
def list_(
    what: Annotated[
        str | None, typer.Argument(help="mitigations, probes, symptoms, alarms, checks, suites or builtin.")
    ] = None,
    json_: AsJson = False,
) -> None:
    """Show what there is: mitigations, probes, symptoms, alarms, checks, suites, embedded models."""
    from retain.commands.list_units import list_units, render_list

    found = list_units(what)
    _print(json.dumps(found, indent=1) if json_ else render_list(found), json_)


@app.command(short_help="Show versions, devices and what does not work together.")
def doctor(
    adapter: Annotated[Path | None, typer.Option(help="An adapter folder to check as well.")] = None,
    four_bit: Annotated[bool, typer.Option("--4bit", help="Also check what load_in: 4bit needs.")] = False,
    hub: Annotated[bool, typer.Option("--hub", help="Also ask whether the hub can be reached.")] = False,
    json_: AsJson = False,
) -> None:
    """Show versions and devices, and what is known not to work together."""
    from retain.commands.doctor import doctor as command
    from retain.commands.doctor import render_doctor

    found = command(adapter, four_bit, hub)
    _print(found.model_dump_json(indent=1) if json_ else render_doctor(found), json_)
    raise typer.Exit(found.exit_code)


@app.command(short_help="Print the JSON schema of a recipe or a result.")
def schema(
    what: Annotated[str, typer.Argument(help="recipe, or several: what 'compare --json' prints of them.")] = "recipe",
) -> None:
    """Print the recipe's JSON schema, for editors, or that of a result."""
    from retain.commands.schema import schema as command

    _print(json.dumps(command(what), indent=1), json_=True)


def _progress(quiet: bool) -> Any:
    from retain.progress import Progress

    return Progress(quiet)


def _gate(margins: Gate, margin: float | None, mean_margin: float | None, min_gain: float | None) -> Gate:
    options = {"margin": margin, "mean_margin": mean_margin, "min_gain": min_gain}
    changed = {key: value for key, value in options.items() if value is not None}
    try:
        return Gate.model_validate({**margins.model_dump(), **changed})
    except ValidationError as error:
        wrong = problems_of(error, changed)[0]
        raise UserError(f"--{wrong.replace('_', '-', wrong.split(':')[0].count('_'))}, in points of 100") from None


def _verdict_text(verdict: Verdict) -> str:
    return "\n".join([verdict.outcome, *(f"  - {reason}" for reason in verdict.reasons)])


def _judged_text(points: list[Any], verdict: Verdict) -> str:
    """The verdict that counts; below it, where several were judged, each one's outcome."""
    each = [f"{one.base} -> {one.tuned}: {one.verdict.outcome}" for one in points] if len(points) > 1 else []
    return "\n".join([_verdict_text(verdict), *each])


def _finish(record: RunRecord | SequenceRecord, folder: Path, as_json: bool) -> None:
    """Show a record, and leave with its verdict's exit code."""
    from retain.reporting.sequence import sequence_summary
    from retain.reporting.summary import render_summary

    if as_json:
        text = record.model_dump_json(indent=1)
    elif isinstance(record, SequenceRecord):
        text = sequence_summary(record, folder)
    else:
        text = render_summary(record, folder / "report.html", shutil.get_terminal_size().columns)
    _print(text, as_json)
    raise typer.Exit(EXIT_CODES[record.verdict.outcome])


def _finish_several(record: SeveralRecord, folder: Path, as_json: bool) -> NoReturn:
    """The same for several models against one base."""
    from retain.commands.compare_several import rows_of
    from retain.reporting.several import render_several

    if as_json:
        text = record.model_dump_json(indent=1)
    else:
        columns = shutil.get_terminal_size().columns
        text = render_several(record, rows_of(record), folder / "runs.html", columns)
    _print(text, as_json)
    raise typer.Exit(EXIT_CODES[record.outcome])


def _print(text: str, json_: bool = False) -> None:
    """Results go to standard output; everything else to standard error.

    Names of probes and models are other people's text: what a terminal would obey is shown, not sent; JSON spells it
    as an escape. When the reader has gone (``retain gate run | head -1``) nothing is said any more, and the exit code
    still counts.
    """
    if not text or not processes.leads():
        return
    try:
        sys.stdout.write((clean_json(text) if json_ else clean(text)) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """Run a command; every way it can end has an exit code, and mistakes show no traceback."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    quiet_loggers()
    quiet_libraries()
    if wrong := processes.wrongly_told():
        sys.stderr.write(clean(wrong) + "\n")
        raise SystemExit(2)
    if processes.launched() > 1 and (problem := _one_process(sys.argv[1:2])):
        end(problem, 2)
    run_to_its_end(lambda: app(standalone_mode=True))


def _one_process(command: list[str]) -> str:
    """Why a command does not run on several processes; empty where it does."""
    if not command or command[0] in SEVERAL or command[0].startswith("-"):  # --version and --help
        return ""
    return f"retain {command[0]} runs in one process: start it without torchrun or accelerate launch."


if __name__ == "__main__":
    main()
