"""``retain advise``: whether to fine-tune at all, measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from retain.advice.ladder import run_advice
from retain.advice_records import AdviceRecord
from retain.errors import UserError
from retain.progress import Progress
from retain.recipe import load_recipe

ADVICE = Path("advice")
"""Where an advice's folder is made when none is named."""


def advise(
    recipe: str | Path,
    folder: str | Path | None = None,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
) -> AdviceRecord:
    """Measure what prompts, solved examples, retrieval and a short training reach, and say where to stop and why.

    Writes ``advice.json``, the reports ``advice.html`` and ``advice.md``, and, where training is the advice,
    ``recommended.yaml``, a recipe ready to run. Goes on where an earlier go stopped.

    Args:
        recipe: the recipe file; its key ``advise`` says what is tried.
        folder: the advice's folder; ``advice/<recipe's name>`` when None.
        overrides: ``a.b=value`` settings that replace the recipe's.
        progress: where stages are shown; on standard error when None.

    Raises:
        UserError: the recipe, the data, the documents, the model or the folder is wrong.
        MissingExtraError: ``retriever: embeddings`` is asked for and sentence-transformers is not installed.
        BrokenError: the short training broke; what was finished is kept.
    """
    path = Path(recipe)
    place = Path(folder) if folder is not None else ADVICE / path.stem
    loaded = load_recipe(path, list(overrides))
    if loaded.training.method == "rank":
        raise UserError(f"{path}: advise asks a language model, and training.method: rank trains a reranker")
    if loaded.training.method == "dpo":
        raise UserError(
            f"{path}: advise asks for right answers by prompts, examples and retrieval, and of a preference pair one "
            "answer is only better than the other. Train with retain run, or ask advise with rows of prompt and answer "
            "(training.method: sft)"
        )
    if loaded.training.method == "pretrain":
        raise UserError(
            f"{path}: advise asks questions that have answers, and training.method: pretrain trains on plain text, "
            "which asks none.\n  To learn whether the text's facts need training at all, write rows of prompt and "
            "completion about it, and give the text to retrieval: advise: {documents: FOLDER} in a recipe with "
            "method: sft."
        )
    return run_advice(loaded, place, progress or Progress())
