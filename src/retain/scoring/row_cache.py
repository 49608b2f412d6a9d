"""Keys and values of the sequences that are being written, updated in place."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

GROWTH = 32
"""Columns by which the buffers grow: every so many steps the columns in use are copied once."""


class Window:
    """Which part of the buffers is in use: the first ``rows`` rows, columns ``start`` to ``end``.

    All rows end in the same column, so that a step writes one column and what a model sees is what it sees of a
    batch padded on the left. A row of n tokens stands in columns ``end - n`` to ``end``.
    """

    def __init__(self, whole: bool) -> None:
        self.whole = whole
        """Whether a model sees all columns there are, those not in use masked, or only those in use."""
        self.lengths: list[int] = []
        """Tokens of each row."""
        self.end = 0
        self.columns = 0
        """Columns that there are."""
        self.capacity = 0
        """Rows that there are."""

    @property
    def rows(self) -> int:
        """Rows in use."""
        return len(self.lengths)

    @property
    def width(self) -> int:
        """Tokens of the longest row."""
        return max(self.lengths, default=0)

    @property
    def start(self) -> int:
        """The first column in use."""
        return self.end - self.width

    @property
    def shown(self) -> slice:
        """The columns that a model sees while it writes column ``end``."""
        return slice(0, self.columns) if self.whole else slice(self.start, self.end + 1)

    def mask(self, device: Any) -> torch.Tensor:
        """1 for a token, the one that is being written included, else 0; (rows, columns shown)."""
        columns = torch.arange(self.shown.start, self.shown.stop, device=device)
        starts = torch.tensor([self.end - length for length in self.lengths], device=device)
        return ((columns >= starts[:, None]) & (columns <= self.end)).long()


class RowLayer(DynamicLayer):
    """One layer's keys and values, (rows, heads, columns, head size), seen by the model through the window."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.window = window

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Allocate buffers of the window's size."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys, self.values = (self._buffer(like) for like in (key_states, value_states))
        self.is_initialized = True

    def _buffer(self, like: torch.Tensor) -> torch.Tensor:
        """Zeros: a masked column weighs nothing only while it holds finite numbers."""
        return like.new_zeros((self.window.capacity, like.shape[1], self.window.columns, like.shape[3]))

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write one new column, (rows, heads, 1, head size), and show the window with it."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        window = self.window
        self.keys[: window.rows, :, window.end : window.end + 1] = key_states
        self.values[: window.rows, :, window.end : window.end + 1] = value_states
        return self.keys[: window.rows, :, window.shown], self.values[: window.rows, :, window.shown]

    def get_seq_length(self) -> int:
        """Columns shown before the one that is being written, padding on the left included."""
        seen: int = self.window.end - self.window.shown.start
        return seen

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Columns shown, and that the first of them has the number 0."""
        return self.window.shown.stop - self.window.shown.start, 0

    def move(self, source: int, target: int, first: int) -> None:
        """Copy a row over another one, from its column ``first`` on."""
        if self.is_initialized:
            for states in (self.keys, self.values):
                states[target, :, first : self.window.end] = states[source, :, first : self.window.end]

    def rebuild(self, start: int, target: int) -> None:
        """Take new buffers of the window's size, the columns in use moved from ``start`` to ``target``."""
        if self.is_initialized:
            self.keys, self.values = (self._moved(states, start, target) for states in (self.keys, self.values))

    def _moved(self, states: torch.Tensor, start: int, target: int) -> torch.Tensor:
        rows, width = self.window.rows, self.window.width
        buffer = self._buffer(states)
        buffer[:rows, :, target : target + width] = states[:rows, :, start : start + width]
        return buffer

    def place(self, keys: torch.Tensor, values: torch.Tensor, row: int, length: int) -> None:
        """Copy a sequence's first ``length`` tokens, (heads, tokens, head size), into a row, right-aligned."""
        if not self.is_initialized:
            self.lazy_initialization(keys[None], values[None])
        end = self.window.end
        self.keys[row, :, end - length : end] = keys[:, :length]
        self.values[row, :, end - length : end] = values[:, :length]


class RowCache(Cache):
    """A cache of rows that enter and leave; a step of the model adds one token to each of them.

    Requirements: every layer keeps keys and values of all tokens (no recurrent state).

    Relations: transformers' ``DynamicCache`` copies everything it holds at every step and cannot exchange rows;
    ``StaticCache`` reserves, and attends over, the longest possible sequence for every row.

    Args:
        whole: show all columns there are and not only those in use: some kernels want them in one piece.
    """

    def __init__(self, whole: bool = False) -> None:
        self.window = Window(whole)
        super().__init__(layer_class_to_replicate=partial(RowLayer, self.window))

    def enter(self, prefilled: Any, lengths: Sequence[int], most_rows: int) -> None:
        """Append rows.

        Args:
            prefilled: a cache whose row i holds the i-th new sequence from column 0 on; None when all are empty.
            lengths: tokens of each new sequence.
            most_rows: rows to have room for.
        """
        window = self.window
        first = window.rows
        longest = max(lengths)
        if first + len(lengths) > window.capacity or longest > window.end:
            self._rebuild(max(window.width, longest), max(most_rows, first + len(lengths)))
        window.lengths += lengths
        if prefilled is None:
            return
        while len(self.layers) < len(prefilled.layers):
            self.layers.append(RowLayer(window))
        for layer, source in zip(self.layers, prefilled.layers, strict=True):
            for place, length in enumerate(lengths):
                if length:
                    layer.place(source.keys[place], source.values[place], first + place, length)

    def make_room(self, most_rows: int) -> None:
        """Have room for one more column, in buffers for ``most_rows`` rows if they must be made anew."""
        if self.window.end >= self.window.columns:
            self._rebuild(self.window.width, most_rows)

    def step_done(self) -> None:
        """Every row has one token more."""
        self.window.end += 1
        self.window.lengths = [length + 1 for length in self.window.lengths]

    def leave(self, row: int) -> None:
        """Drop a row; the last row takes its place."""
        lengths = self.window.lengths
        last = len(lengths) - 1
        if row != last:
            for layer in self.layers:
                layer.move(last, row, self.window.end - lengths[last])
            lengths[row] = lengths[last]
        lengths.pop()

    def _rebuild(self, end: int, capacity: int) -> None:
        """Buffers for ``capacity`` rows, the columns in use moved so that they end at ``end``."""
        window = self.window
        start = window.start
        window.end, window.columns, window.capacity = end, end + GROWTH, max(capacity, window.rows)
        for layer in self.layers:
            layer.rebuild(start, end - window.width)
