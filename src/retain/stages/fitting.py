"""Before training: batches that fit into the memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import torch

from retain import processes
from retain.data.example import Example
from retain.errors import DamagedError
from retain.folder import in_bytes
from retain.models.load import device
from retain.recipe import Recipe
from retain.record_files import read_record, write_record
from retain.records import Record
from retain.scoring.room import free_memory
from retain.stages.estimating import MemoryEstimate, estimate_memory
from retain.stages.run_folder import RunFolder
from retain.training.settings import TrainingSettings

FILE = "fitted.json"
"""In the run's folder: training goes on with the batches that it began with, whatever memory is free then."""
SHARE = 0.9
"""Of the memory that is free, what an estimate may come to."""
CLEARLY = 0.9
"""Where nothing fits, a way that needs more than this share of the recipe's own is not worth its time."""


class Fitted(Record):
    """How an update's rows are computed."""

    batch_size: int
    gradient_accumulation: int
    gradient_checkpointing: bool
    note: str = ""
    """What was changed and why; empty where the recipe's batches fit, or nothing is known of the model's size."""


def fitted(run: RunFolder, rows: Sequence[Example]) -> tuple[TrainingSettings, str]:
    """The recipe's training with batches that fit, and what was changed in words; decided once for a run.

    An update sees as many rows as before, in smaller passes (``gradient_accumulation``), and where those are too large
    still, with activations that are computed again (``gradient_checkpointing``). Pairs are not divided, since their
    loss is a mean over a pass. Nothing is changed with ``training.fit_memory: false``, or where
    :func:`estimate_memory` knows nothing.

    Raises:
        DamagedError: the file does not hold what was written.
    """
    settings = run.recipe.training
    if not settings.fit_memory:
        return settings, ""
    path, sharing = run.path / FILE, processes.size()

    def decide() -> Fitted:
        if path.is_file() and _has_begun(run):
            try:
                return read_record(path, Fitted)
            except DamagedError as error:
                raise DamagedError(error.what, [path]) from None
        found = fit_into(run.recipe, rows, room_here(), sharing, on_cpu=device() == "cpu")
        if found.note:
            run.progress.say(f"  {found.note}")
        write_record(path, found)
        return found

    found = processes.from_first(decide)
    return settings.model_copy(update=found.model_dump(exclude={"note"})), found.note


def _has_begun(run: RunFolder) -> bool:
    """Whether there is something trained that this run goes on from."""
    return (run.path / "scan").is_dir() or any((run.path / "training").rglob("checkpoint-*"))


def room_here() -> int:
    """Bytes that this process may take on the device that it trains on, those it has already included.

    Processes of one machine share its memory, and have an accelerator each.
    """
    where = torch.device(device())
    free = free_memory(where)
    if where.type == "cuda":
        return free + int(torch.cuda.memory_reserved(where))
    if where.type == "mps":
        return free + int(torch.mps.current_allocated_memory())
    if where.type != "cpu":
        return free
    import psutil

    return free // int(os.environ.get("LOCAL_WORLD_SIZE") or 1) + int(psutil.Process().memory_info().rss)


def fit_into(recipe: Recipe, rows: Sequence[Example], room: int, sharing: int = 1, on_cpu: bool = True) -> Fitted:
    """The largest passes whose estimated memory is at most ``SHARE`` of ``room``; where none are, the recipe's or less.

    Args:
        recipe: whose training it is.
        rows: the training rows.
        room: bytes that may be taken.
        sharing: processes among which a pass is divided.
        on_cpu: whether the program and what measuring takes lie in the same memory.
    """
    found: list[tuple[int, Fitted]] = []
    for tried in _ways(recipe.training, sharing):
        estimate = estimate_memory(_with(recipe, tried, sharing), rows)
        if estimate is not None:
            found.append((bytes_needed(estimate, on_cpu), tried))
            if found[-1][0] <= SHARE * room:
                break
        elif not found:
            break
    if not found or (len(found) == 1 and found[0][0] <= SHARE * room):
        return _as_asked(recipe.training)
    asked, best = found[0], min(found, key=lambda one: one[0])
    if SHARE * room < best[0] and best[0] > CLEARLY * asked[0]:
        best = asked
    return best[1].model_copy(update={"note": _said(asked, best, room)})


def _ways(asked: TrainingSettings, sharing: int) -> Iterator[Fitted]:
    """From the recipe's batches down to single rows; then the same with activations computed again."""
    sizes = [size for size in range(asked.batch_size, 0, -1) if asked.batch_size % size == 0 and size % sharing == 0]
    if asked.method == "dpo":
        sizes = []
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


def _with(recipe: Recipe, tried: Fitted, sharing: int) -> Recipe:
    """What one process has of a pass."""
    changed = {**tried.model_dump(exclude={"note"}), "batch_size": max(1, tried.batch_size // sharing)}
    return recipe.model_copy(update={"training": recipe.training.model_copy(update=changed)})


def bytes_needed(estimate: MemoryEstimate, on_cpu: bool) -> int:
    """On an accelerator training alone counts, without the program."""
    return estimate.total if on_cpu else estimate.training - estimate.program


def _said(asked: tuple[int, Fitted], best: tuple[int, Fitted], room: int) -> str:
    """What was changed, or that nothing helps."""
    (first, before), (needed, after) = asked, best
    again = " with activations computed again" if after.gradient_checkpointing > before.gradient_checkpointing else ""
    way = f"{after.batch_size} of {before.batch_size} rows at a time{again}"
    if needed > SHARE * room:
        return (
            f"training may not fit: about {in_bytes(needed)} are needed, {way}, and {SHARE:.0%} of the "
            f"{in_bytes(room)} that are there may be taken"
        )
    return (
        f"batches of {before.batch_size} would need about {in_bytes(first)} of {in_bytes(room)} of memory: computed "
        f"{way}, for which about {in_bytes(needed)} suffice; an update sees as many rows as before"
    )
