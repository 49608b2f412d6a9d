"""The ladder of one recipe, rung by rung: what ``retain advise`` does."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import fmean

from retain.advice.bench import UNREAD, Bench
from retain.advice.documents import read_passages
from retain.advice.nature import nature_of
from retain.advice.recommend import advise, differences, standings
from retain.advice.retrievers import embeddings
from retain.advice.training_recipe import RECIPE, training_recipe
from retain.advice_records import WORDS, AdviceRecord, Rung
from retain.advice_settings import AdviseSettings
from retain.at_work import working_in
from retain.errors import UserError
from retain.folder import write_text
from retain.progress import Progress
from retain.recipe import Recipe, portable
from retain.record_files import write_record
from retain.records import Record, content_hash
from retain.reporting.write import write_advice
from retain.stages.prepare import prepare
from retain.stages.run_folder import RunFolder
from retain.wording import normalised

RECORD = "advice.json"


class Documents(Record):
    """What the documents held when the advice began."""

    passages: int
    hash: str


def run_advice(recipe: Recipe, folder: Path, progress: Progress) -> AdviceRecord:
    """Climb the rungs, compare them on test items, and say where to stop; goes on where an earlier go stopped.

    Each rung is one file in the folder. What was measured also lies in the user's store: the same way to ask the same
    base is measured once, and zero-shot is what ``retain run`` measures before training.

    Args:
        recipe: its key ``advise`` says what is tried; defaults where it is absent.
        folder: where files are written.
        progress: where stages are shown.

    Raises:
        UserError: the recipe's data, documents, model or folder is not usable, or the task cannot be scored by a rule.
        MissingExtraError: ``retriever: embeddings`` is asked for and sentence-transformers is not installed.
        FaultError: another process works in the folder, or a file could not be read or written.
        BrokenError: the short training broke, or memory ran out.
    """
    settings = recipe.advise or AdviseSettings()
    with working_in(folder):
        return _run(RunFolder(folder, recipe.model_copy(update={"advise": settings}), progress, UNREAD), settings)


def _run(run: RunFolder, settings: AdviseSettings) -> AdviceRecord:
    if settings.documents is not None and "retrieval" in settings.rungs:
        _check_documents(run, settings.documents, settings.passage_words)
    if settings.retriever == "embeddings" and {"few_shot", "retrieval"} & {*settings.rungs}:
        embeddings.load_embedder(settings.embedding_model)  # what it lacks is said before anything is measured
    bench = Bench(run, prepare(run))
    rungs = [run.once(name, Rung, partial(_climb, name, bench), f"Rung {WORDS[name]}") for name in settings.ladder]
    return _finish(bench, rungs)


def _check_documents(run: RunFolder, source: str, most_words: int) -> None:
    """Read the documents before hours are spent on the rungs below, and refuse others than the advice began with."""
    texts = read_passages(source, most_words)
    now = Documents(passages=len(texts), hash=content_hash(texts))
    if run.once("documents", Documents, lambda: now, "Reading the documents") != now:
        raise UserError(
            f"{source} has changed since this advice began. Choose another place with --folder to go on with the new "
            "documents."
        )


def _climb(name: str, bench: Bench) -> Rung:
    rung: Rung = import_module(f"retain.advice.rungs.{name}").climb(bench)
    return rung


def _finish(bench: Bench, rungs: list[Rung]) -> AdviceRecord:
    run, margin = bench.run, bench.settings.margin
    found = standings(rungs, margin)
    advised = advise(rungs, found, margin)
    seen = _seen(bench)
    plain = portable(run.recipe)
    if advised.rung == "lora":
        text = training_recipe(run.recipe, bench.settings.training, advised, run.path)
        write_text(run.path / RECIPE, text)
    else:
        (run.path / RECIPE).unlink(missing_ok=True)  # of an earlier go with another margin
    record = AdviceRecord(
        title=f"{plain['model']['base']}: {run.path.name}",
        recipe=plain,
        provenance=run.provenance(),
        data=bench.data.summary,
        task_metric=bench.probe.metric_name,
        form=bench.form.described,
        seen=seen,
        rungs=rungs,
        differences=differences(rungs),
        standings=found,
        margin=margin,
        advised=advised,
        nature=nature_of(rungs, bench.form, seen),
        seconds=run.seconds(),
        recommended_recipe=advised.rung == "lora",
    )
    write_record(run.path / RECORD, record)
    write_advice(record, run.path)
    return record


def _seen(bench: Bench) -> float:
    """Share of the test items of which an accepted answer is also a training row's."""
    known = {normalised(row.target) for row in bench.rows}
    return fmean(any(normalised(answer) in known for answer in item.answer) for item in bench.items("test"))
