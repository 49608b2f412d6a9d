"""Which rows of a forward pass each process gets: on any number of processes an update sees the rows it sees on one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def part_of(rows: int, processes: int, process: int) -> range:
    """The places among a pass's rows that a process gets: neighbours, and as many as the others get or one less."""
    return range(process * rows // processes, (process + 1) * rows // processes)


def share_of(rows: int, processes: int, process: int) -> float:
    """A process's rows over the mean of all processes: a mean over them times this becomes, averaged, one over all."""
    return len(part_of(rows, processes, process)) * processes / rows


class DealtBatches:
    """A process's part of each forward pass, in place of accelerate's, which fills the last pass up with other rows.

    Where a pass has fewer rows than there are processes, those without one get the pass's first row; its loss must not
    count (:func:`share_of` is 0).

    Args:
        batches: batches of a process's size in the order of all processes together.
        processes: how many there are.
        process: which one this is.
    """

    batch_size = None
    drop_last = False

    def __init__(self, batches: Any, processes: int, process: int) -> None:
        self.batches = batches
        self.processes = processes
        self.process = process

    @property
    def sampler(self) -> Any:
        """Gives the rows' order; accelerate tells it the epoch."""
        return getattr(self.batches, "sampler", None)

    @sampler.setter
    def sampler(self, sampler: Any) -> None:
        self.batches.sampler = sampler

    def set_epoch(self, epoch: int) -> None:
        """Handed on."""
        if hasattr(self.batches, "set_epoch"):
            self.batches.set_epoch(epoch)

    def __len__(self) -> int:
        return -(-len(self.batches) // self.processes)

    def __iter__(self) -> Iterator[list[int]]:
        rows: list[int] = []
        for number, batch in enumerate(self.batches, 1):
            rows += batch
            if number % self.processes == 0:
                yield self._mine(rows)
                rows = []
        if rows:
            yield self._mine(rows)

    def _mine(self, rows: list[int]) -> list[int]:
        return [rows[place] for place in part_of(len(rows), self.processes, self.process)] or rows[:1]


def deal(loader: Any, processes: int, process: int) -> Any:
    """A loader that accelerate prepared for several processes, with our parts of each pass."""
    shard = loader.batch_sampler
    shard.batch_sampler = DealtBatches(shard.batch_sampler, processes, process)
    shard.num_processes, shard.process_index, shard.batch_size = 1, 0, None
    return loader
