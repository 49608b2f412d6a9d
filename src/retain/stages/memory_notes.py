"""What ``retain check`` says beside the memory estimate: why there is none, or that it is more than is free here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from retain.data.example import Example
from retain.folder import in_bytes
from retain.models.builtin import PREFIX
from retain.models.load import device
from retain.models.outline import config_here
from retain.recipe import Recipe
from retain.stages.estimating import MemoryEstimate
from retain.stages.fitting import bytes_needed, fit_into, room_here

BY_HAND = "begin with a small training.batch_size, and raise it when a run has shown what it takes"


def memory_notes(recipe: Recipe, rows: Sequence[Example], estimate: MemoryEstimate | None) -> list[str]:
    """One line where the memory is not known, or does not fit into what is free on this machine; else nothing.

    Args:
        recipe: whose training it is.
        rows: the training rows.
        estimate: of the recipe as it stands.
    """
    if estimate is None:
        why, do = _unknown(recipe)
        return [f"memory: not known, since {why}; {do}"]
    on_cpu, room = device() == "cpu", room_here()
    if recipe.training.fit_memory:
        note = fit_into(recipe, rows, room, on_cpu=on_cpu).note
        return [f"memory: {note}"] if note else []
    needed = bytes_needed(estimate, on_cpu)
    if needed <= room:
        return []
    return [
        f"memory: about {in_bytes(needed)} are needed and {in_bytes(room)} are free here; training.fit_memory: false "
        "leaves the batches as they are: use smaller ones, or leave that key out"
    ]


def _unknown(recipe: Recipe) -> tuple[str, str]:
    """Why nothing can be counted, and what to do."""
    base = recipe.model.base
    folder = Path(os.path.expanduser(base))
    if recipe.training.method == "rank":
        return "it is counted for language models, and this trains a reranker", BY_HAND
    if base.endswith(".gguf"):
        return f"it is counted from a config.json, and {base} is a GGUF file", BY_HAND
    if (folder / "adapter_config.json").is_file():
        return f"it is counted from a config.json, and {base} is an adapter", "merge it first: retain export"
    if config_here(base) is not None:
        return f"a model of the kind of {base} cannot be counted without its weights", BY_HAND
    if base.startswith(PREFIX):
        return (
            f"{base} is unpacked when it is first used",
            f"retain measure {base} --limit 2 does that, then check again",
        )
    if folder.is_dir():
        return f"the config.json in {base} cannot be read", "put the model's own there"
    return f"{base} is not on this machine", f"hf download {base} fetches it; check again then"
