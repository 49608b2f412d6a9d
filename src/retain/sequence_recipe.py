"""A recipe with ``stages``: a recipe of its own for each stage, and how they hang together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from retain.errors import UserError, listed
from retain.mitigations.base import Mitigation
from retain.recipe import HeldOutFiles, Recipe, as_plain, portable, recipe_problems, with_paths
from retain.records import Gate
from retain.sequence_settings import MemorySettings, SequenceKeys, SequenceSettings, StageSettings
from retain.training.settings import RateScan
from retain.wrong_values import Location, problems_of

FOR_ALL = {"model": (), "gate": (), "seed": (), "measure": ("suite", "limit")}
"""Keys that hold for the whole sequence, and of which only some parts do."""
NOT_HERE = ("frontier", "advise")
RESERVED = frozenset({"task", "pooled", "base", "together"})
"""Names that mean something else in a record."""


@dataclass(frozen=True)
class Stage:
    """One task and the recipe that it is learned by; ``recipe.model.base`` is the sequence's."""

    name: str
    recipe: Recipe


@dataclass(frozen=True)
class SequenceRecipe:
    """Several tasks that one model learns one after another."""

    stages: tuple[Stage, ...]
    settings: SequenceSettings
    common: Recipe
    """What holds for all stages (model, gate, suite, seed, general text); its task is the first stage's."""

    @property
    def gate(self) -> Gate:
        """The margins."""
        return self.common.gate

    @property
    def names(self) -> list[str]:
        """The tasks' names in order."""
        return [stage.name for stage in self.stages]


def is_sequence(values: dict[str, Any]) -> bool:
    """Whether a recipe's plain values have stages."""
    return "stages" in values


def parse_sequence(values: dict[str, Any], where: str = "recipe", folder: Path | None = None) -> SequenceRecipe:
    """Check plain values with ``stages`` and make a recipe of each stage.

    Args:
        values: the recipe's; left as they are.
        where: what messages call it.
        folder: that relative paths are meant from.

    Raises:
        UserError: everything that is wrong with it, all at once, each with its path.
    """
    given = {key: values[key] for key in ("stages", "sequence") if key in values}
    common = {key: value for key, value in values.items() if key not in given}
    try:
        keys = SequenceKeys.model_validate(given)
    except ValidationError as error:
        raise _refused(where, [_placed_rightly(one) for one in problems_of(error, given, _keys)]) from None
    problems: dict[str, None] = dict.fromkeys(_common_problems(common))
    stages = []
    for number, stage in enumerate(keys.stages):
        own = _own(stage)
        recipe, found = recipe_problems(_merged({k: v for k, v in common.items() if k not in NOT_HERE}, own))
        problems |= dict.fromkeys(_placed(one, number, own, common) for one in found)
        if recipe is not None:
            stages.append(Stage(stage.name, recipe if folder is None else with_paths(recipe, folder)))
    if problems:
        raise _refused(where, list(problems))
    sequence = SequenceRecipe(tuple(stages), keys.sequence, stages[0].recipe)
    if found := contradictions(sequence, keys.stages):
        raise _refused(where, found)
    return sequence


def contradictions(sequence: SequenceRecipe, given: Sequence[StageSettings]) -> list[str]:
    """What no single key shows: things that do not go together in a sequence.

    Args:
        sequence: the whole.
        given: what each stage says itself.
    """
    names = sequence.names
    problems = [f'stages: the name "{name}" is given twice' for name in dict.fromkeys(names) if names.count(name) > 1]
    problems += [f'stages: "{name}" means something else in a report; rename it' for name in names if name in RESERVED]
    for number, (stage, own) in enumerate(zip(sequence.stages, given, strict=True)):
        problems += [f"stages.{number}.{one}" for one in _stage_problems(stage.recipe, own)]
    if sequence.common.model.load_in == "4bit":
        problems.append(
            "model.load_in: what a stage learned is merged into the weights, and 4-bit ones cannot take it up; use bf16"
        )
    methods = [stage.recipe.training.method for stage in sequence.stages]
    if sequence.settings.memory is not None and {*methods} != {"sft"}:
        other = next(method for method in methods if method != "sft")
        problems.append(
            f"sequence.memory: it mixes answers of earlier tasks into training, which method: {other} cannot take; "
            "leave it out, or rehearse general text with {kind: rehearsal}"
        )
    together = sequence.settings.plan == "together"
    return problems + (_together_problems(sequence, given) if together else _adapter_problems(sequence))


def _stage_problems(recipe: Recipe, own: StageSettings) -> list[str]:
    problems = [
        f"measure.{key}: it is the same for all stages; set it in the recipe's measure"
        for key in FOR_ALL["measure"]
        if key in own.measure
    ]
    if recipe.training.method == "rank":
        problems.append("training.method: a sequence is one of language models; rank trains a reranker")
    if isinstance(recipe.data.held_out, HeldOutFiles) and recipe.data.held_out.shifted:
        problems.append("data.held_out.shifted: a task has one column in the matrix; leave it out, or measure it apart")
    if recipe.measure.recitation is not None:
        problems.append("measure.recitation: no recitation is tried in a sequence; leave it out")
    return problems


def _together_problems(sequence: SequenceRecipe, given: Sequence[StageSettings]) -> list[str]:
    """What one training for all tasks leaves without effect."""
    problems = [
        f"sequence.{key}: plan: together trains once, on everything; leave it out"
        for key in ("memory", "adapters")
        if getattr(sequence.settings, key) != SequenceSettings.model_fields[key].default
    ]
    for number, own in enumerate(given):
        parts = {"training": own.training, "mitigations": own.mitigations is not None}
        parts |= {f"data.{key}": key in own.data for key in ("general", "loss_on")}
        problems += [
            f"stages.{number}.{key}: plan: together trains once; set it in the recipe's {key.split('.')[0]}"
            for key, there in parts.items()
            if there
        ]
    return problems


def _adapter_problems(sequence: SequenceRecipe) -> list[str]:
    """What an adapter that goes on over stages needs."""
    kind = sequence.settings.adapters
    if kind == "one_a_stage":
        return []
    loras = [_has(stage.recipe, "lora") for stage in sequence.stages]
    without = [stage.name for stage, lora in zip(sequence.stages, loras, strict=True) if lora is None]
    if without:
        return [f"sequence.adapters: {kind} needs {{kind: lora}} in every stage; {', '.join(without)} has none"]
    if getattr(loras[0], "variant", "") != "lora":
        return [f"sequence.adapters: {kind} goes on with the factors of plain LoRA; set lora's variant to lora"]
    stopped = [stage.name for stage in sequence.stages if _has(stage.recipe, "early_stop")]
    if kind == "merged" and stopped:
        return [
            "sequence.adapters: merged changes the adapter after training, which early_stop has not seen; leave it out"
        ]
    scanned = [stage.name for stage in sequence.stages if isinstance(stage.recipe.training.learning_rate, RateScan)]
    if kind == "merged" and scanned:
        return [
            "sequence.adapters: merged changes the adapter after training, which learning_rate: scan has not seen; "
            f"give a rate in training.learning_rate ({', '.join(scanned)})"
        ]
    if any(lora != loras[0] for lora in loras):
        return [f"sequence.adapters: {kind} needs the same lora settings in every stage; found different ones"]
    return []


def _has(recipe: Recipe, kind: str) -> Mitigation | None:
    return next((one for one in recipe.mitigations if getattr(one, "kind", "") == kind), None)


def _common_problems(common: dict[str, Any]) -> list[str]:
    """Keys of the recipe that a sequence does not read."""
    problems = [
        f"{key}: `retain {key}` takes one task; leave it out of a recipe with stages"
        for key in NOT_HERE
        if key in common
    ]
    data = common.get("data")
    if isinstance(data, dict) and "train" in data:
        problems.append("data.train: the rows stand in the stages (stages.0.data.train); leave it out here")
    return problems


def _own(stage: StageSettings) -> dict[str, Any]:
    """What a stage says itself, as parts of a recipe."""
    own: dict[str, Any] = {"data": stage.data, "training": stage.training, "measure": stage.measure}
    if stage.mitigations is not None:
        own["mitigations"] = stage.mitigations
    return {key: value for key, value in own.items() if value or key in ("data", "mitigations")}


def _merged(common: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Keys of both, key by key; lists and values of ``own`` take the place of the others."""
    merged = dict(common)
    for key, value in own.items():
        there = common.get(key)
        merged[key] = _merged(there, value) if isinstance(value, dict) and isinstance(there, dict) else value
    return merged


def _placed(problem: str, number: int, own: dict[str, Any], common: dict[str, Any]) -> str:
    """A problem with the path where it was written: in a stage, or for all of them."""
    matched = re.match(r"[\w.]+", problem)
    parts = matched[0].strip(".").split(".") if matched else []
    written_for_all = _holds(common, parts) and not _holds(own, parts)
    return problem if written_for_all else f"stages.{number}.{problem}"


def _holds(values: Any, parts: Sequence[str]) -> bool:
    """Whether a path leads to something."""
    if not parts:
        return True
    if isinstance(values, dict):
        return parts[0] in values and _holds(values[parts[0]], parts[1:])
    if isinstance(values, list) and parts[0].isdecimal():
        return int(parts[0]) < len(values) and _holds(values[int(parts[0])], parts[1:])
    return True


def _placed_rightly(problem: str) -> str:
    """A mistake in the keys ``stages`` and ``sequence``; of a key that is no stage's, where it belongs."""
    path = problem.partition(":")[0]
    if path.startswith("stages.") and path.rpartition(".")[2] in ("model", "gate", "seed"):
        return f"{path}: it is the same for all stages; set it in the recipe"
    return problem


def _keys(location: Location) -> list[str]:
    """The keys that are allowed where an unknown one was found."""
    if location[0] == "stages":
        return list(StageSettings.model_fields)
    inner = SequenceSettings.model_fields
    if len(location) > 2:
        return list(MemorySettings.model_fields)
    return list(inner)


def _refused(where: str, problems: Sequence[str]) -> UserError:
    return UserError(f"{where} has {len(problems)} error{'s' * (len(problems) > 1)}:\n{listed(list(problems))}")


def sequence_as_plain(sequence: SequenceRecipe) -> dict[str, Any]:
    """The resolved recipe as plain values, every default written out; it can be parsed again."""
    return _as_one(sequence, [as_plain(stage.recipe) for stage in sequence.stages])


def portable_sequence(sequence: SequenceRecipe) -> dict[str, Any]:
    """:func:`sequence_as_plain` with paths relative to the recipe's folder again."""
    return _as_one(sequence, [portable(stage.recipe) for stage in sequence.stages])


def _as_one(sequence: SequenceRecipe, recipes: list[dict[str, Any]]) -> dict[str, Any]:
    """One mapping of the stages' recipes, with what holds for all of them above."""
    first = recipes[0]
    together = sequence.settings.plan == "together"
    keys = ("data", "measure") if together else ("data", "training", "mitigations", "measure")
    whole: dict[str, Any] = {
        "model": first["model"],
        "measure": {key: first["measure"][key] for key in FOR_ALL["measure"]},
        "gate": first["gate"],
        "seed": first["seed"],
        "sequence": sequence.settings.model_dump(mode="json"),
    }
    own_data = ("general", "loss_on")
    if together:
        whole |= {key: first[key] for key in ("training", "mitigations")}
        whole["data"] = {key: first["data"][key] for key in own_data}
    stages = []
    for stage, recipe in zip(sequence.stages, recipes, strict=True):
        one = {key: recipe[key] for key in keys}
        one["measure"] = {k: v for k, v in recipe["measure"].items() if k not in FOR_ALL["measure"] and v is not None}
        if together:
            one["data"] = {key: value for key, value in recipe["data"].items() if key not in own_data}
        stages.append({"name": stage.name, **one})
    return {**whole, "stages": stages}
