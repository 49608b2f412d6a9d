"""Stage 1: read the data, split it, and refuse what would spoil the measurement. No model is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from retain.data.documents import document_files, read_documents
from retain.data.example import Example
from retain.data.formats import read_examples
from retain.data.lint.run_checks import Lint
from retain.data.overlap import refuse_overlaps
from retain.data.preference_rows import length_summary
from retain.data.splits import Splits, sample, split
from retain.errors import UserError, listed, naming
from retain.probes.answers import Answers
from retain.probes.base import Probe, of_rerankers
from retain.probes.preferences import Preferences
from retain.probes.suites import Suite, load_suite
from retain.progress import Progress
from retain.ranking.read import read_ranking
from retain.recipe import HeldOutFiles, Recipe
from retain.records import Record
from retain.stages.linting import lint_splits
from retain.stages.named_models import check_named_models
from retain.stages.ranking_data import check_taught, judged_rows, ranking_probes, ranking_summary, read_sources
from retain.stages.run_folder import RunFolder
from retain.sums import file_hash
from retain.training.check_settings import check_settings
from retain.training.ranking_settings import ROWS
from retain.training.trackers import check_trackers

TASK = "task"
SHIFTED = "task, shifted"
TRAINABLE = ("chat", "text")
PAIRS = (
    "Pairs of answers are trained on with training.method: dpo. To train on the chosen answers alone (sft), or to use "
    "them as general text, write them as rows of messages, or of prompt and completion."
)
NO_PAIRS = (
    "training.method: dpo trains on pairs: rows with chosen and rejected (and prompt or messages before them). To "
    "train on these rows, set training.method: sft."
)
"""What to do about rows that another method trains on."""
OWN = "base_model"
"""A general set's source where the base writes it."""
LEAST_GENERAL = 2
WINDOW = 4
"""``method: pretrain``: bytes of a window in which held-out documents are read, for each token of ``max_length``."""


class Prepared(Record):
    """The rows of a run, and what a report says of them."""

    splits: Splits
    summary: dict[str, Any]
    hashes: dict[str, str]
    """File -> sha256 when it was read."""
    suite: str
    """Fingerprint of the suite's probes."""
    lint: Lint | None = None
    """What the checks found in the rows."""


def prepare(run: RunFolder) -> Prepared:
    """The rows of a run: read now, or as they were read when the run began.

    Raises:
        UserError: as :func:`read_and_split`, or a data file or the suite has changed since.
    """
    prepared = run.once(
        "data", Prepared, lambda: read_and_split(run.recipe, run.progress), "Reading the data", alone=True
    )
    _check_unchanged(prepared, run.recipe)
    return prepared


def read_and_split(recipe: Recipe, progress: Progress | None = None) -> Prepared:
    """Read and split the task's rows, check them against the probes, and lint them.

    Args:
        recipe: whose rows they are.
        progress: where a run shows what the lint found; it is only returned when None.

    Raises:
        UserError: rows are bad, of a shape that the method cannot train, contain a probe's items, or cannot be trained.
    """
    data = recipe.data
    check_trackers(recipe.training.report_to)
    check_settings(recipe.training, recipe.model.load_in)
    if recipe.training.method == "rank":
        return _read_rankings(recipe, progress)
    method = recipe.training.method
    rows = _read("data.train", data.train, method)
    files = [data.train]
    parts: dict[str, list[Example]] = {}
    if isinstance(data.held_out, HeldOutFiles):
        named = {key: value for key, value in data.held_out.model_dump().items() if isinstance(value, str)}
        parts = {key: _read(f"data.held_out.{key}", value, method) for key, value in named.items()}
        _same_shape({data.train: rows, **{named[key]: part for key, part in parts.items()}})
        files += named.values()
    splits = _split(recipe, rows, parts)
    suite = _checked_suite(recipe, splits)
    texts = {probe.name: list(probe.texts()) for probe in suite.probes}
    for place, one in enumerate(data.general):
        if one.source != OWN:
            with naming(f"data.general.{place}.source"):
                refuse_overlaps(read_general(one.source, method), texts)
    summary = _summary(splits, len(rows))
    lint = lint_splits(recipe, splits, progress)
    return Prepared(splits=splits, summary=summary, hashes=_hashes(files), suite=suite.fingerprint(), lint=lint)


def _read_rankings(recipe: Recipe, progress: Progress | None) -> Prepared:
    """:func:`read_and_split` for a reranker; the models that it names beside the base are looked for as well."""
    check_named_models(recipe.training.groups)
    sources = read_sources(recipe)
    parts = {}
    if isinstance(recipe.data.held_out, HeldOutFiles):
        held = {"test": sources.test, "shifted": sources.shifted}
        held |= {"dev": sources.dev} if isinstance(recipe.data.held_out.dev, str) else {}
        parts = {key: judged_rows(one) for key, one in held.items() if one is not None}
    splits = _split(recipe, judged_rows(sources.train), parts)
    if recipe.training.groups.teacher == ROWS:
        check_taught(splits.train)
    suite = _checked_suite(recipe, splits)
    texts = {probe.name: list(probe.texts()) for probe in suite.probes}
    general = []
    for place, named in enumerate(recipe.data.general):
        with naming(f"data.general.{place}.source"):
            general.append(read_ranking(named.source))
            refuse_overlaps(general[-1].examples, texts)
    files = [file for one in (*sources, *general) if one is not None for file in one.files]
    summary = ranking_summary(sources, splits)
    lint = lint_splits(recipe, splits, progress)
    return Prepared(splits=splits, summary=summary, hashes=_hashes(files), suite=suite.fingerprint(), lint=lint)


def _split(recipe: Recipe, rows: list[Example], parts: Mapping[str, list[Example]]) -> Splits:
    """Training rows and held-out ones, as the recipe's ``held_out`` says; at most ``limit`` to train on."""
    held_out = recipe.data.held_out
    share = held_out.dev if isinstance(held_out, HeldOutFiles) else held_out
    found = split(
        rows,
        share if isinstance(share, float) else None,
        dev=parts.get("dev"),
        test=parts.get("test"),
        shifted=parts.get("shifted", []),
    )
    if recipe.data.limit is None:
        return found
    return found.model_copy(update={"train": tuple(sample(found.train, recipe.data.limit, recipe.seed))})


def _checked_suite(recipe: Recipe, splits: Splits) -> Suite:
    """The recipe's suite, whose names are free and whose items are not trained on."""
    suite = suite_of(recipe)
    names = {probe.name for probe in suite.probes}
    if taken := sorted({TASK, SHIFTED} & names):
        raise UserError(f'{recipe.measure.suite}: "{taken[0]}" is what the task itself is called; rename that probe')
    refuse_overlaps(splits.train, {probe.name: list(probe.texts()) for probe in suite.probes})
    return suite


def read_general(source: str, method: str = "sft") -> list[Example]:
    """The rows of a file or data set of general text; with ``method: pretrain`` text files and folders are documents.

    Raises:
        UserError: rows are bad, of a shape that cannot be trained, or too few to keep some back.
    """
    read = read_documents if method == "pretrain" else read_examples
    rows = _trainable(source, read(source), "sft")
    if len({row.id for row in rows}) < LEAST_GENERAL:
        raise UserError(
            f"{source}: general text needs at least {LEAST_GENERAL} different rows; some are kept back to measure on"
        )
    return rows


def _same_shape(parts: dict[str, Sequence[Example]]) -> None:
    """Refuse held-out rows of another shape than the training rows.

    Raises:
        UserError: there are such rows.
    """
    shapes = {source: rows[0].shape for source, rows in parts.items() if rows}
    if len(set(shapes.values())) > 1:
        found = "\n".join(f"  - {source}: {shape}" for source, shape in shapes.items())
        raise UserError(f"Training rows and held-out rows need one shape, conversations or plain text; found:\n{found}")


def _read(key: str, source: str, method: str) -> list[Example]:
    """Rows of the task, which a recipe's key names.

    Raises:
        UserError: rows are bad, or of a shape that the method cannot train.
    """
    with naming(key):
        return _trainable(source, (read_documents if method == "pretrain" else read_examples)(source), method)


def plain_text_note(recipe: Recipe, splits: Splits) -> list[str]:
    """What is said where plain text is trained row by row; nothing where it is not."""
    if recipe.training.method != "sft" or splits.train[0].shape != "text":
        return []
    return [
        "The rows are plain text, and training.method: sft trains each by itself and cuts it at max_length; "
        "method: pretrain packs documents and cuts nothing"
    ]


def _trainable(source: str, rows: list[Example], method: str) -> list[Example]:
    shape = rows[0].shape
    if (shape == "preference") != (method == "dpo"):
        raise UserError(f"{source}: found {shape} rows. {PAIRS if shape == 'preference' else NO_PAIRS}")
    if method == "pretrain" and shape != "text":
        raise UserError(
            f"{source}: found {shape} rows, and training.method: pretrain trains on plain text: .txt and .md files, a "
            "folder of them, or rows with the key text.\n  To train on answers use method: sft; to train on such rows "
            "as text, write each as one string under the key text."
        )
    if shape not in (*TRAINABLE, "preference"):
        raise UserError(
            f"{source}: found {shape} rows, and training.method: {method} trains on conversations "
            "(messages, prompt/completion, alpaca, sharegpt) or plain text"
        )
    return rows


def _summary(splits: Splits, read: int) -> dict[str, Any]:
    answers = Counter(example.target for example in splits.train)
    summary = splits.summary
    return {
        "shape": splits.train[0].shape,
        "rows read": read,
        "train": len(splits.train),
        "dev": len(splits.dev),
        "test": len(splits.test),
        "shifted": len(splits.shifted),
        "distinct answers": len(answers),
        "left out of train (input is held out)": len(summary.removed_from_train),
        "duplicate rows": len(summary.duplicates),
        "conflicting rows (same input, another answer)": len(summary.conflicts),
        **(length_summary(splits.train) if splits.train[0].shape == "preference" else {}),
    }


def _hashes(files: list[str]) -> dict[str, str]:
    return {str(one): file_hash(one) for file in files for one in document_files(file)}


def _check_unchanged(prepared: Prepared, recipe: Recipe) -> None:
    """Refuse to go on with a run whose data files or probes have changed.

    Raises:
        UserError: a file's content is not what it was when the run began.
    """
    if suite_of(recipe).fingerprint() != prepared.suite:
        raise UserError(
            f"The suite {recipe.measure.suite} has changed since this run began. "
            "Choose another place with --folder to measure with the new one."
        )
    for file, digest in prepared.hashes.items():
        path = Path(file)
        if path.is_file() and file_hash(path) != digest:
            raise UserError(
                f"{file} has changed since this run began. Choose another place with --folder to run with the new data."
            )


def task_probes(recipe: Recipe, splits: Splits) -> list[Probe]:
    """The probes that measure the task itself on held-out rows; a shifted one where the recipe names such rows."""
    if recipe.training.method == "rank":
        return ranking_probes(recipe, splits, (TASK, SHIFTED))
    probes = [_task_probe(recipe, TASK, splits.dev, splits.test)]
    if splits.shifted:
        probes.append(_task_probe(recipe, SHIFTED, (), splits.shifted))
    return probes


def _task_probe(recipe: Recipe, name: str, dev: tuple[Example, ...], test: tuple[Example, ...]) -> Probe:
    task = recipe.measure.task
    if test[0].shape == "preference":
        return Preferences.from_examples(name, "task", test, dev, task.limit)
    extra: dict[str, Any]
    if test[0].shape == "text":
        from retain.probes.bits_per_byte import BitsPerByte, TextItem

        whole = {"long": "windows", "max_bytes": WINDOW * recipe.training.max_length}
        items = [
            TextItem.model_validate({"text": one.text, "split": part})
            for part, rows in (("dev", dev), ("test", test))
            for one in rows
        ]
        extra = whole if recipe.training.method == "pretrain" else {}
        return BitsPerByte(name=name, capability="task", items=tuple(items), limit=task.limit, **extra)
    extra = {"database": task.database} if task.database else {}
    probe = Answers.from_examples(
        name, "task", test, task.score, dev=dev, max_tokens=task.max_tokens, limit=task.limit, **extra
    )
    if problems := probe.problems():
        raise UserError(f"measure.task.score: {task.score} does not fit the held-out rows:\n{listed(problems)}")
    return probe


def suite_of(recipe: Recipe) -> Suite:
    """The recipe's suite, limited as the recipe says.

    Raises:
        UserError: there is no such suite, or it measures another kind of model than the recipe trains.
    """
    with naming("measure.suite"):
        suite = load_suite(recipe.measure.suite, recipe.measure.limit)
    if of_rerankers(suite.probes) != (recipe.training.method == "rank"):
        kinds = ("language models", "rerankers")
        measured, trained = kinds[of_rerankers(suite.probes)], kinds[recipe.training.method == "rank"]
        raise UserError(
            f"measure.suite: {recipe.measure.suite} measures {measured}, and training.method: "
            f"{recipe.training.method} trains {trained}; name another suite"
        )
    return suite
