"""Before training: batches that fit into the memory, with the same updates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from retain import processes
from retain.data.example import Example
from retain.folder import in_bytes, read_record, write_record
from retain.models.load import device
from retain.recipe import Recipe
from retain.records import Record
from retain.scoring.room import free_memory
from retain.stages.estimating import MemoryEstimate, estimate_memory
from retain.stages.run_folder import RunFolder
from retain.training.settings import TrainingSettings

FILE = "fitted.json"
"""In the run's folder: training goes on with the batches that it began with, whatever memory is free then."""
SHARE = 0.9
"""Of the memory that is free, what an estimate may come to."""


class Fitted(Record):
    """How an update's rows are computed."""

    batch_size: int
    gradient_accumulation: int
    gradient_checkpointing: bool
    note: str = ""
    """What was changed and why; empty where the recipe's batches fit, or nothing is known of the model's size."""


def fitted(run: RunFolder, rows: Sequence[Example]) -> tuple[TrainingSettings, str]:
    """The recipe's training with batches that fit, and what was changed in words; decided once for a run.

    Updates stay what they are, up to rounding: as many rows each, in smaller passes (``gradient_accumulation``), and
    where a pass of one row is too large still, with activations that are computed again (``gradient_checkpointing``).
    Nothing is changed with ``training.fit_memory: false``, or where :func:`estimate_memory` knows nothing.
    """
    settings = run.recipe.training
    if not settings.fit_memory:
        return settings, ""
    path = run.path / FILE

    def decide() -> Fitted:
        if path.is_file():
            return read_record(path, Fitted)
        found = fit_into(run.recipe, rows, room_here(), processes.size(), on_cpu=device() == "cpu")
        if found.note:
            run.progress.say(f"  {found.note}")
        write_record(path, found)
        return found

    found = processes.from_first(decide)
    return settings.model_copy(update=found.model_dump(exclude={"note"})), found.note


def room_here() -> int:
    """Bytes that this process may take on the device that it trains on, those it has already included."""
    where = torch.device(device())
    if where.type == "cuda":
        return free_memory(where) + int(torch.cuda.memory_reserved(where))
    if where.type == "cpu":
        import psutil

        return free_memory(where) + int(psutil.Process().memory_info().rss)
    return free_memory(where)


def fit_into(recipe: Recipe, rows: Sequence[Example], room: int, sharing: int = 1, on_cpu: bool = True) -> Fitted:
    """The largest passes whose estimated memory is at most ``SHARE`` of ``room``.

    Args:
        recipe: whose training it is.
        rows: the training rows.
        room: bytes that may be taken.
        sharing: processes among which a pass is divided.
        on_cpu: whether the program and what measuring takes lie in the same memory.
    """
    asked = recipe.training
    first = needed = 0
    found = _as_asked(asked)
    for tried in _ways(asked, sharing):
        estimate = estimate_memory(_with(recipe, tried), rows)
        if estimate is None:
            return _as_asked(asked)
        found, needed = tried, _bytes(estimate, on_cpu)
        first = first or needed
        if needed <= SHARE * room:
            break
    if found == _as_asked(asked):
        return found
    return found.model_copy(update={"note": _said(asked, found, first, needed, room)})


def _ways(asked: TrainingSettings, sharing: int) -> Iterator[Fitted]:
    """From the recipe's batches down to single rows; then the same with activations computed again."""
    sizes = [size for size in range(asked.batch_size, 0, -1) if asked.batch_size % size == 0 and size % sharing == 0]
    for again in sorted({asked.gradient_checkpointing, True}):
        for size in sizes or [asked.batch_size]:
            yield Fitted(
                batch_size=size,
                gradient_accumulation=asked.gradient_accumulation * (asked.batch_size // size),
                gradient_checkpointing=again,
            )


def _as_asked(asked: TrainingSettings) -> Fitted:
    return Fitted(
        batch_size=asked.batch_size,
        gradient_accumulation=asked.gradient_accumulation,
        gradient_checkpointing=asked.gradient_checkpointing,
    )


def _with(recipe: Recipe, tried: Fitted) -> Recipe:
    training = recipe.training.model_copy(update=tried.model_dump(exclude={"note"}))
    return recipe.model_copy(update={"training": training})


def _bytes(estimate: MemoryEstimate, on_cpu: bool) -> int:
    """On an accelerator training alone counts, without the program."""
    return estimate.total if on_cpu else estimate.training - estimate.program


def _said(asked: TrainingSettings, found: Fitted, first: int, needed: int, room: int) -> str:
    again = " with activations computed again" if found.gradient_checkpointing > asked.gradient_checkpointing else ""
    text = (
        f"batches of {asked.batch_size} would need about {in_bytes(first)} of {in_bytes(room)} of memory: computed "
        f"{found.batch_size} at a time{again}, for which about {in_bytes(needed)} suffice"
    )
    if needed > SHARE * room:
        return (
            f"training may not fit: it needs about {in_bytes(needed)} of {in_bytes(room)} of memory even "
            f"{found.batch_size} row at a time with activations computed again"
        )
    return f"{text}; updates are the same up to rounding"
