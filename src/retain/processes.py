"""Several processes that do one job together, as torchrun and accelerate launch start them; one process is the same.

Every process runs the same code. Within :func:`together` they may meet: the first one writes, speaks and decides
(:func:`from_first`), and work on many items is dealt over all of them (:func:`split`). Outside of it, and in a process
that was started alone, each of these functions just does what it is given.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from retain.errors import BrokenError, CannotMeasureError, DamagedError, FaultError, UserError

T = TypeVar("T")
R = TypeVar("R")
STARTED_BY = ("RANK", "LOCAL_RANK", "WORLD_SIZE")
"""What torchrun and accelerate launch tell each process that they start."""
PATIENCE = timedelta(days=7)
"""How long processes wait for each other: the first one may be busy for hours, and one that ended ends all at once."""
TOLD = (DamagedError, FaultError, UserError, CannotMeasureError, BrokenError)
"""Errors of the first process that are raised as what they are by the others; narrower kinds first."""

_group: Any = None
"""The processes' own group within :func:`together`; None outside of it."""
_alone = False
"""The first process does something that the others wait for."""


def launched() -> int:
    """How many processes were started together; 1 for one that was started alone."""
    if any(name not in os.environ for name in STARTED_BY):
        return 1
    return int(os.environ["WORLD_SIZE"])


def wrongly_told() -> str:
    """What is wrong with the numbers that the starter of several processes gives in the environment; empty if nothing.

    Everything else here takes them as they are.
    """
    if any(name not in os.environ for name in STARTED_BY):
        return ""
    bad = [f"{name}={os.environ[name]!r}" for name in STARTED_BY if not os.environ[name].isdecimal()]
    if not bad and not 0 <= int(os.environ["RANK"]) < int(os.environ["WORLD_SIZE"]):
        bad = [f"RANK={os.environ['RANK']} of WORLD_SIZE={os.environ['WORLD_SIZE']}"]
    if not bad:
        return ""
    return (
        f"The environment says {', '.join(bad)}. torchrun and accelerate launch count processes from 0 there; unset "
        f"{', '.join(STARTED_BY)} for one process."
    )


def leads() -> bool:
    """Whether this is the first of the processes that were started together, or the only one."""
    return launched() == 1 or int(os.environ["RANK"]) == 0


@contextmanager
def together() -> Iterator[None]:
    """Within it the processes that were started together are one; each must run the same code.

    Nothing for a process that was started alone, and within another one.
    """
    global _group
    if launched() == 1 or _group is not None:
        yield
        return
    import torch
    from accelerate import PartialState

    os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "false"  # every process measures, and so needs the weights
    PartialState(cpu=not torch.accelerator.is_available())
    # Objects and waiting go through gloo: an accelerator's own backend gives up on who waits for minutes.
    _group = torch.distributed.new_group(backend="gloo", timeout=PATIENCE)
    try:
        yield
    finally:
        _group = None


def size() -> int:
    """How many processes work together at this moment."""
    return 1 if _group is None or _alone else int(os.environ["WORLD_SIZE"])


def rank() -> int:
    """This process's number among them, from 0."""
    return 0 if size() == 1 else int(os.environ["RANK"])


def is_first() -> bool:
    """Whether this is the process that writes and speaks."""
    return rank() == 0


def wait() -> None:
    """Go on when every process has come here, so that what the first one wrote is there."""
    gather(None)


def gather(value: T) -> list[T]:
    """Every process's value, in their order, on every process."""
    if size() == 1:
        return [value]
    import torch

    found: list[Any] = [None] * size()
    torch.distributed.all_gather_object(found, value, group=_group)
    return found


def from_first(make: Callable[[], T]) -> T:
    """What the first process makes, on every process; the others wait for it.

    Raises:
        UserError, CannotMeasureError, BrokenError: the first process raised it; every process does.
    """
    global _alone
    if size() == 1:
        return make()
    import torch

    sent: list[Any] = [None]
    failed: Exception | None = None
    if is_first():
        _alone = True
        try:
            sent = [(make(), None)]
        except TOLD as error:
            failed = error
            sent = [(None, (next(kind for kind in TOLD if isinstance(error, kind)), str(error)))]
        finally:
            _alone = False
    torch.distributed.broadcast_object_list(sent, src=0, group=_group)
    made, told = sent[0]
    if failed is not None:
        raise failed
    if told is not None:
        raise told[0](told[1])
    return made  # type: ignore[no-any-return]


def split(items: Sequence[T], work: Callable[[Sequence[T]], Sequence[R]], key: Callable[[T], Hashable] = id) -> list[R]:
    """The results of items, in their order, on every process, which each work off a part of them.

    Args:
        items: the same ones on every process.
        work: gives a result for each item that it gets.
        key: items of one key are worked off by one process, in their order; each by itself when left out.

    Raises:
        BrokenError: the processes were given different items.
    """
    if size() == 1 or not items:
        return list(work(items))
    mine = dealt([key(item) for item in items], size())[rank()]
    results = list(work([items[place] for place in mine])) if mine else []
    found: dict[int, R] = {}
    digests = set()
    for places, part, digest in gather((mine, results, zlib.crc32(repr(items).encode()))):
        found.update(zip(places, part, strict=True))
        digests.add(digest)
    if len(digests) > 1:
        raise BrokenError(f"Processes that work together came to different work: {len(items)} items here.")
    return [found[place] for place in range(len(items))]


def dealt(keys: Sequence[Hashable], parts: int) -> list[list[int]]:
    """The places of items for each process: about as many each, neighbours and those of one key together."""
    groups: dict[Hashable, list[int]] = {}
    for place, key in enumerate(keys):
        groups.setdefault(key, []).append(place)
    found: list[list[int]] = [[] for _ in range(parts)]
    done = 0
    for group in groups.values():
        found[min(parts - 1, done * parts // len(keys))] += group
        done += len(group)
    return found
