"""What goes with which method of training: language models and rerankers share a recipe, not all of its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retain.ranking.measures import measure_name
from retain.training.ranking_settings import ROWS

if TYPE_CHECKING:
    from retain.recipe import Recipe


def method_problems(recipe: Recipe) -> list[str]:
    """Keys and mitigations that do not go with the recipe's ``training.method``, each with its reason."""
    if recipe.training.preference is not None and recipe.training.method != "dpo":
        return ["training.preference: it is for training.method: dpo; leave it out", *_of_method(recipe)]
    return _of_method(recipe)


def _of_method(recipe: Recipe) -> list[str]:
    if recipe.training.method == "rank":
        return _ranking_problems(recipe)
    own = {"dpo": _preference_problems, "pretrain": _pretraining_problems}.get(recipe.training.method)
    return [*_text_problems(recipe), *(own(recipe) if own else [])]


def _preference_problems(recipe: Recipe) -> list[str]:
    """What does not go with training on preference pairs."""
    task, training = recipe.measure.task, recipe.training
    defaults = type(training).model_fields
    found = {
        "training.packing": training.packing and "pairs are not packed; set it to false",
        "training.watch": training.watch != defaults["watch"].default
        and "the alarms read the loss of supervised fine-tuning; leave it out",
        "data.loss_on": recipe.data.loss_on != "completion" and "pairs are compared by their answers; leave it out",
        "advise": recipe.advise is not None
        and "its rungs ask for one right answer, and of a pair one is better; leave it out",
    }
    problems = [f"{key}: {why}" for key, why in found.items() if why]
    problems += [
        f"measure.task.{key}: held-out pairs are measured by which answer the model prefers; leave it out"
        for key in ("score", "max_tokens", "database")
        if getattr(task, key) != type(task).model_fields[key].default
    ]
    for place, one in enumerate(recipe.mitigations):
        if one.not_for_preferences:
            problems.append(f"mitigations.{place}: {one.not_for_preferences}")
        if getattr(one, "dropout", 0):
            problems.append(
                f"mitigations.{place}.dropout: pairs are trained without dropout, so that a model which has learned "
                "nothing answers as its reference; leave it out"
            )
    return problems


def _ranking_problems(recipe: Recipe) -> list[str]:
    """What does not go with the training of a reranker."""
    task = recipe.measure.task
    text = {"score": "auto", "max_tokens": None, "database": None}
    problems = _watching(recipe)
    problems += [
        f"measure.task.{key}: it is for language models, and training.method: rank trains a reranker; leave it out"
        for key, value in text.items()
        if getattr(task, key) != value
    ]
    if recipe.training.packing:
        problems.append("training.packing: groups of documents are not packed; set it to false")
    if recipe.data.loss_on != "completion":
        problems.append("data.loss_on: a reranker is trained on no tokens; leave it out")
    if recipe.measure.suite == type(recipe.measure).model_fields["suite"].default:
        problems.append(
            "measure.suite: name what a reranker should keep: a YAML file of probes of the kind ranking, or a folder "
            "of BEIR folders"
        )
    problems += [
        f"data.general.{place}.source: a reranker writes no text; name a file or folder of queries with documents"
        for place, one in enumerate(recipe.data.general)
        if one.source == "base_model"
    ]
    if recipe.training.groups.teacher == ROWS:
        problems += [
            f"mitigations.{place}: rehearsed queries have no teacher's scores, which training.ranking.teacher: rows "
            "needs; name a model as the teacher, or keep the general queries with score_to_base"
            for place, one in enumerate(recipe.mitigations)
            if getattr(one, "kind", "") == "rehearsal"
        ]
    try:
        measure_name(task.metric)
    except ValueError as error:
        problems.append(f"measure.task.metric: {error}")
    return problems + [
        f"mitigations.{place}: {one.not_for_rerankers}"
        for place, one in enumerate(recipe.mitigations)
        if one.not_for_rerankers
    ]


def _watching(recipe: Recipe) -> list[str]:
    """What is read off a language model's own text."""
    problems = []
    if recipe.training.watch != type(recipe.training).model_fields["watch"].default:
        problems.append("training.watch: the alarms read a language model's loss; leave it out")
    if recipe.measure.recitation is not None:
        problems.append("measure.recitation: a reranker writes nothing that it could recite; leave it out")
    if recipe.advise is not None:
        problems.append("advise: its rungs are those of a language model; leave it out")
    return problems


def _pretraining_problems(recipe: Recipe) -> list[str]:
    """What does not go with continued pretraining: its task is measured in bits per byte, and its rows are packed."""
    task, problems = recipe.measure.task, []
    problems += [
        f"measure.task.{key}: plain text has no answers; training.method: pretrain measures the bits per byte of "
        "held-out text; leave it out"
        for key in ("score", "max_tokens", "database")
        if getattr(task, key) != type(task).model_fields[key].default
    ]
    if recipe.training.packing:
        problems.append("training.packing: method: pretrain always packs; leave it out")
    problems += [
        f"training.extra.{key}: method: pretrain packs rows so that attention stays within each; leave it out"
        for key in ("packing_strategy", "padding_free", "eval_packing")
        if key in recipe.training.extra
    ]
    if recipe.advise is not None:
        problems.append("advise: its rungs answer questions, and plain text asks none; leave it out")
    return problems


def _text_problems(recipe: Recipe) -> list[str]:
    """What goes with the training of a reranker only."""
    problems, task = [], recipe.measure.task
    if recipe.training.ranking is not None:
        problems.append("training.ranking: it is for training.method: rank; leave it out")
    if recipe.model.rerank is not None:
        problems.append("model.rerank: it is what a reranker is asked (training.method: rank); leave it out")
    problems += [
        f"measure.task.{key}: it is for rerankers (training.method: rank); leave it out"
        for key in ("metric", "candidates", "first_stage")
        if getattr(task, key) != type(task).model_fields[key].default
    ]
    return problems + [
        f"mitigations.{place}: {one.not_for_language_models}"
        for place, one in enumerate(recipe.mitigations)
        if one.not_for_language_models
    ]
