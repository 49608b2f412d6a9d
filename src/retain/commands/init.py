"""``retain init``: looks at a model's name and training data, and writes a commented recipe."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from retain.commands.pretraining_text import render_pretraining_recipe
from retain.commands.recipe_texts import render_preference_recipe, render_ranking_recipe, render_recipe
from retain.data.documents import read_documents
from retain.data.example import Example
from retain.data.lint.material import LintData
from retain.data.lint.unread_answers import UnreadAnswers
from retain.errors import UserError
from retain.folder import write_text
from retain.models.builtin import BUILTINS, PREFIX, check_name
from retain.models.load import check_place
from retain.progress import Progress
from retain.ranking.read import is_rankings, read_ranking
from retain.recipe import load_recipe
from retain.reporting.lint import finding_lines

THIS_FILE = "{this file}"
"""What the texts of recipes call themselves."""


def init(
    model: str,
    data: str | Path,
    output: str | Path = "recipe.yaml",
    force: bool = False,
    suite: str | Path | None = None,
    general: str | Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a recipe that suits the model and the data, with a comment on each choice.

    Rankings (rows of query, pos and neg, labelled pairs, triples, a BEIR folder) get a recipe that trains a reranker;
    preference pairs one of ``method: dpo``; plain text (a folder of text files, a .txt or .md file, rows of text) one
    for continued pretraining.

    Args:
        model: the base model, as ``model.base`` takes it.
        data: the training rows.
        output: where the recipe is written.
        force: replace an existing file.
        suite: what to measure, as ``measure.suite`` takes it; only rankings need it.
        general: rows that stand for the old abilities; by default the base writes them, and a reranker has none.
        progress: where a column of the rows that looks like their answer and is not read is told; nowhere when None.

    Raises:
        UserError: there is no such model, the data cannot be read, or is of a kind that no method trains; rankings have
            no suite; or the recipe exists and ``force`` is False.
    """
    path = Path(output)
    if path.exists() and not force:
        raise UserError(f"{path} exists. Choose another name with --output, or replace it with --force.")
    _check_model(model)
    check_place(str(model))
    rankings = is_rankings(str(data))
    rows = [] if rankings else read_documents(str(data))
    shape = "ranking" if rankings else rows[0].shape
    named = _from(path.parent, model), _from(path.parent, data)
    kept = None if general is None else _from(path.parent, general)
    what = None if suite is None else _from(path.parent, suite)
    if shape == "ranking":
        found, queries = _rankings(str(data), what)
        text = render_ranking_recipe(named, what or "", kept, found, queries)
    elif shape == "preference":
        text = render_preference_recipe(named, len(rows), what, kept)
    elif shape == "text":
        sizes = _letters(str(data)), 0 if general is None else _letters(str(general))
        text = render_pretraining_recipe(named, what, kept, len(rows), sizes)
    else:
        text = render_recipe(*named, shape, len(rows), what, kept)
    write_text(path, text.replace(THIS_FILE, " ".join(shlex.quote(str(output)).split())))
    load_recipe(path)
    if progress is not None:
        _tell_unread(rows, progress)
    return path


def _tell_unread(rows: Sequence[Example], progress: Progress) -> None:
    """Say which column of plain text looks like its answer and is not read."""
    data = LintData(examples=rows)
    check = UnreadAnswers()
    for finding in check.find(data) if check.left_out(data) is None else []:
        for line in finding_lines(finding, examples=False):
            progress.say(line)


def _letters(source: str) -> int:
    """Characters of the texts and conversations of a source."""
    return sum(len(row.text) + sum(len(turn.content) for turn in row.messages) for row in read_documents(source))


def _check_model(model: str) -> None:
    """Refuse what no model is called: an unknown ``builtin:`` name, or the name of one without ``builtin:``."""
    check_name(str(model))
    if model in BUILTINS and not os.path.exists(model):
        raise UserError(f'model: there is no folder {model}; the embedded model is "{PREFIX}{model}"')


def _rankings(data: str, suite: str | None) -> tuple[str, int]:
    """What shape rankings have, and how many queries with a relevant document.

    Raises:
        UserError: nothing says what a reranker should keep.
    """
    found = read_ranking(data)
    if suite is None:
        raise UserError(
            f"{data} holds rankings ({found.format}), and a recipe for a reranker needs to know what to keep.\n"
            "  Name it with --suite: a folder of BEIR folders, or a YAML file of probes of the kind ranking."
        )
    return found.format, sum(bool(row.positives) for row in found.examples)


def _from(folder: Path, place: str | Path) -> str:
    """A path here as one from ``folder``, which is what a recipe means; a name that is no path as it is."""
    return os.path.relpath(place, folder) if os.path.exists(place) else str(place)
