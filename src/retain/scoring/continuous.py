"""Continuous batching: a finished sequence leaves the batch, a waiting one enters."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import torch

from retain.scoring.choosing_tokens import choose, draws_of
from retain.scoring.forward import forward
from retain.scoring.own_attention import own_attention
from retain.scoring.prefill import compute_prefix, prefilled
from retain.scoring.row_cache import RowCache
from retain.scoring.shared_prefixes import group_by_prefix
from retain.scoring.stopping import judge
from retain.scoring.writing import Order, Written

REFILL_SHARE = 8
"""Waiting prompts enter when one row in so many is free, so that one pass computes several prompts."""


@dataclass
class _Row:
    """One prompt and what was written for it so far."""

    index: int
    prompt: list[int]
    group: int
    draws: list[float]
    written: list[int] = field(default_factory=list)

    @property
    def newest(self) -> int:
        return self.written[-1] if self.written else self.prompt[-1]


def write_continuously(
    module: Any, order: Order, indices: Sequence[int], rows: int, finish: Callable[[int, Written], None]
) -> None:
    """Answer the prompts of these indices; ``finish`` is called with each index and its answer as it ends.

    A prompt is computed up to its last token, its beginning together with that of other prompts where they share
    one; the last token is fed with everybody else's newest tokens at the next step. Every step adds a token to each
    row; rows stay packed, so that a batch of few rows costs little.

    Requirements: a cache of keys and values of all tokens in every layer; see ``engine_check``.

    Raises:
        torch.OutOfMemoryError: there is too little memory for so many rows; what was finished is finished.
    """
    with own_attention(module) as fast:
        batch = _Batch(module, order, rows, indices, RowCache(whole=fast))
        while batch.waiting or batch.live:
            batch.admit()
            batch.step()
            batch.dismiss(finish)


class _Batch:
    """The rows that are being written and those that wait."""

    def __init__(self, module: Any, order: Order, rows: int, indices: Sequence[int], cache: RowCache) -> None:
        self._module = module
        self._order = order
        self._rows = rows
        self._groups = group_by_prefix([order.prompts[index][:-1] for index in indices])
        draws = draws_of(order.prompts, order.sampling)
        self.waiting = deque(
            _Row(indices[place], order.prompts[indices[place]], number, draws[indices[place]].tolist())
            for number, group in enumerate(self._groups)
            for place in group.members
        )
        self.live: list[_Row] = []
        self._cache = cache
        self._prefix: tuple[int, Any] = (-1, None)
        """A group and the cache of its prefix; groups enter one after the other."""

    def admit(self) -> None:
        """Let waiting prompts enter when enough rows are free."""
        free = self._rows - len(self.live)
        if not self.waiting or free < min(len(self.waiting), max(1, self._rows // REFILL_SHARE)):
            return
        entering = [self.waiting.popleft() for _ in range(min(free, len(self.waiting)))]
        most_rows = len(self.live) + len(entering)
        for group, rows in groupby(entering, key=lambda row: row.group):
            members = list(rows)
            prefix = self._groups[group].prefix
            if self._prefix[0] != group:
                self._prefix = (group, compute_prefix(self._module, members[0].prompt[:prefix]))
            known = [row.prompt[:-1] for row in members]
            for computed, batch in prefilled(self._module, self._prefix[1], known, prefix):
                self._cache.enter(computed, [len(sequence) for sequence in batch], most_rows)
            self.live += members

    def step(self) -> None:
        """Write one token in every row."""
        cache, live, sampling = self._cache, self.live, self._order.sampling
        cache.make_room(min(self._rows, len(live) + len(self.waiting)))
        device = self._module.device
        positions = torch.tensor(cache.window.lengths, device=device)[:, None]
        ids = torch.tensor([[row.newest] for row in live], device=device)
        logits = forward(self._module, ids, cache.window.mask(device), positions, cache)
        cache.step_done()
        draws = [row.draws[len(row.written)] for row in live] if sampling.temperature else []
        for row, token in zip(live, choose(logits, sampling, draws), strict=True):
            row.written.append(token)

    def dismiss(self, finish: Callable[[int, Written], None]) -> None:
        """Report finished answers and drop their rows."""
        order = self._order
        for place in reversed(range(len(self.live))):
            row = self.live[place]
            answer = judge(row.written, order.ends, order.stops, order.sampling.max_tokens)
            if answer is not None:
                finish(row.index, answer)
                self._cache.leave(place)
                self.live[place] = self.live[-1]
                self.live.pop()
