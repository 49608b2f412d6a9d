"""What goes with training on several processes: the recipe's settings, and each mitigation by each engine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from retain.errors import UserError, listed
from retain.registry import units

if TYPE_CHECKING:
    from retain.mitigations.base import Mitigation
    from retain.recipe import Recipe

Engine = Literal["DDP", "FSDP2", "DeepSpeed"]
"""Every process holds all weights (DDP), a part of them (FSDP2), or a part of the optimizer's state (DeepSpeed)."""
ENGINES: tuple[Engine, ...] = ("DDP", "FSDP2", "DeepSpeed")
OWN_ORDER = {
    "train_sampling_strategy": ("random",),
    "accelerator_config": (None,),
    "average_tokens_across_devices": (True,),
    "dataloader_drop_last": (False,),
}
"""Key of ``training.extra`` that changes which rows an update sees or how they are averaged -> values that do not."""


def engine_of(recipe: Recipe) -> Engine:
    """What trains on several processes, as ``training.extra`` (fsdp, deepspeed) or accelerate's launcher asks for.

    Raises:
        UserError: the first version of FSDP, or ZeRO stage 3, is asked for.
    """
    extra = recipe.training.extra
    if extra.get("deepspeed") or os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true":
        if _zero_stage(extra.get("deepspeed")) == "3":
            raise UserError(
                "training.extra.deepspeed: ZeRO stage 3 deals weights over processes in a way of its own, and nothing "
                "here gathers them; use stage 1 or 2, or FSDP2 (extra: {fsdp: true})"
            )
        return "DeepSpeed"
    if not extra.get("fsdp") and os.environ.get("ACCELERATE_USE_FSDP") != "true":
        return "DDP"
    config = extra.get("fsdp_config") or {}
    version = config.get("version", 2) if extra.get("fsdp") else os.environ.get("FSDP_VERSION", "1")
    if str(version) != "2":
        raise UserError(
            "FSDP: its first version is not supported; use version 2 (accelerate launch --use_fsdp --fsdp_version 2, "
            "or training.extra: {fsdp: true})"
        )
    return "FSDP2"


def _zero_stage(config: Any) -> str:
    """The stage of a DeepSpeed configuration: values, their file, or accelerate's variable."""
    if isinstance(config, str):
        try:
            config = json.loads(Path(config).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"training.extra.deepspeed: {config} cannot be read as JSON: {error}") from None
    if isinstance(config, dict):
        return str(config.get("zero_optimization", {}).get("stage", 0))
    return os.environ.get("ACCELERATE_DEEPSPEED_ZERO_STAGE", "2")


def process_problems(recipe: Recipe, engine: Engine, processes: int | None = None) -> list[str]:
    """What of a recipe does not go with several processes, each with its reason.

    Args:
        recipe: what would be run.
        engine: what would train.
        processes: how many; None where that is not known yet.
    """
    training = recipe.training
    problems = []
    if processes is not None and training.batch_size % processes:
        low, high = (training.batch_size // processes + more for more in (0, 1))
        use = " or ".join(str(one * processes) for one in (low, high) if one)
        problems.append(
            f"training.batch_size: {processes} processes share the {training.batch_size} rows of a forward pass, and "
            f"each must get as many; use {use}, or another number of processes"
        )
    problems += [
        f"training.extra.{key}: an update must see the same rows with the same weights on any number of processes; "
        "leave it out"
        for key, same in OWN_ORDER.items()
        if key in training.extra and training.extra[key] not in same
    ]
    if training.method == "dpo" and training.pairs.nll:
        problems.append("training.preference.nll: its mean is over each process's own tokens; leave it out")
    if engine == "FSDP2":
        problems += _dealt_problems(recipe)
    for place, one in enumerate(recipe.mitigations):
        if reason := refusal(one, engine, recipe.mitigations):
            problems.append(f"mitigations.{place} ({getattr(one, 'kind', '')}): {reason}")
    return problems


def _dealt_problems(recipe: Recipe) -> list[str]:
    """What does not go with weights that are dealt over processes."""
    problems = []
    if recipe.training.method in ("dpo", "rank"):
        problems.append(
            f"training.method: {recipe.training.method} calls parts of the model by themselves, whose weights are then "
            "not gathered; use DDP"
        )
    if recipe.model.load_in == "4bit":
        problems.append("model.load_in: 4-bit weights are packed and cannot be dealt; use bf16, or DDP")
    return problems


def refusal(mitigation: Mitigation, engine: Engine, others: Sequence[Mitigation] = ()) -> str:
    """Why a mitigation, as it is set, does not go with an engine beside the others of a recipe; empty where it does."""
    adapter = any(getattr(one, "kind", "") == "lora" for one in others)
    if engine == "FSDP2":
        return mitigation.not_dealt(adapter)
    if engine == "DeepSpeed":
        return mitigation.not_with_own_gradients(adapter)
    return ""


def check_processes(recipe: Recipe, processes: int) -> None:
    """Refuse before anything starts what several processes cannot do together.

    Raises:
        UserError: says all of it.
    """
    if processes == 1:
        return
    engine = engine_of(recipe)
    if problems := process_problems(recipe, engine, processes):
        raise UserError(f"This recipe does not run on {processes} processes with {engine}:\n{listed(problems)}")


def abilities(recipe: Recipe) -> dict[str, list[str]]:
    """For each engine what of a recipe does not go with it; empty where it does."""
    return {engine: process_problems(recipe, engine) for engine in ENGINES}


def ability_table() -> list[str]:
    """The lines of a Markdown table: each mitigation by each engine, and knobs whose values make a difference."""
    lines = [f"| mitigation | {' | '.join(ENGINES)} |", f"|---|{'---|' * len(ENGINES)}"]
    for kind, unit in units("mitigations").items():
        known: list[list[str]] = []
        for label, one, adapter in _ways(kind, unit):
            others = [one, units("mitigations")["lora"]()] if adapter else [one]
            cells = [refusal(one, engine, others) for engine in ENGINES]
            if cells not in known:
                known.append(cells)
                said = [f"refused: {cell}" if cell else "yes" for cell in cells]
                lines.append(f"| {label} | {' | '.join(said)} |")
    return lines


def _ways(kind: str, unit: type[Mitigation]) -> Iterator[tuple[str, Mitigation, bool]]:
    """(what it is called, a mitigation, whether beside an adapter): as it is by default, then with other values."""
    yield f"`{kind}`", unit(), False
    yield f"`{kind}` with `lora`", unit(), True
    for name, field in unit.model_fields.items():
        for value in get_args(field.annotation) if get_origin(field.annotation) is Literal else ():
            if value != field.default:
                yield f"`{kind}`, `{name}: {value}`", unit(**{name: value}), True
