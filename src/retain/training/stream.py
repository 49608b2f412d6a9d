"""Which general rows each training step sees: a pure function of the step's number, so that training can go on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch

from retain.data.encoding import IGNORED, Encoded
from retain.mitigations.base import GeneralBatch


class Turns:
    """Draws rows for the forward passes of training.

    Pass ``i`` gets rows ``floor(i * rate)`` to ``floor((i + 1) * rate)`` of an endless order in which every row
    comes once before any comes twice; each round has its own order. No state: pass ``i`` always gets the same rows.

    Args:
        sizes: tokens of each row.
        rate: rows for each forward pass, a fraction too.
        seed: of the orders.
    """

    def __init__(self, sizes: Sequence[int], rate: float, seed: int) -> None:
        self.sizes = sizes
        self.rate = rate
        self.seed = seed
        self._last: tuple[int, list[int]] = (-1, [])

    def indices(self, number: int) -> list[int]:
        """The rows of forward pass ``number``, counted from 0."""
        return [self._at(place) for place in range(int(number * self.rate), int((number + 1) * self.rate))]

    def _at(self, place: int) -> int:
        turn, offset = divmod(place, len(self.sizes))
        return self._order(turn)[offset]

    def _order(self, turn: int) -> list[int]:
        """The rows' order in a round; the last one is remembered."""
        if self._last[0] != turn:
            order = list(range(len(self.sizes)))
            random.Random(f"{self.seed}-{turn}").shuffle(order)
            self._last = (turn, order)
        return self._last[1]

    def drawn(self, passes: int) -> list[int]:
        """The rows that ``passes`` forward passes see, counted from the first, in the order in which these come."""
        return self._order(0)[: int(passes * self.rate)]

    def tokens(self, passes: int) -> int:
        """Tokens of all rows of ``passes`` forward passes, counted from the first."""
        return sum(self.sizes[self._at(place)] for place in range(int(passes * self.rate)))


class GroupStream(Turns):
    """General queries with their documents for each forward pass: which ones, since a penalty holds their texts."""

    def batch(self, number: int, pad: int, device: Any) -> GeneralBatch | None:
        """The places of a forward pass's groups; None where it has none."""
        indices = self.indices(number)
        tokens = sum(self.sizes[place] for place in indices)
        return GeneralBatch(tuple(indices), {}, tokens, self.rate) if indices else None


class GeneralStream(Turns):
    """General text for each forward pass.

    Args:
        rows: encoded general rows.
        rate: rows for each forward pass, a fraction too.
        seed: of the orders.
    """

    def __init__(self, rows: Sequence[Encoded], rate: float, seed: int) -> None:
        super().__init__([len(row.input_ids) for row in rows], rate, seed)
        self.rows = rows
        labelled = sum(label != IGNORED for row in rows for label in row.labels[1:])
        self.usual = rate * labelled / len(rows)
        """Labelled tokens that a forward pass has on average."""

    def batch(self, number: int, pad: int, device: Any) -> GeneralBatch | None:
        """The rows of a forward pass, padded on the right; None where it has none."""
        indices = self.indices(number)
        if not indices:
            return None
        tensors = self._padded(indices, pad, device)
        return GeneralBatch(tuple(indices), tensors, int(tensors["attention_mask"].sum()), self.usual)

    def blank(self, pad: int, device: Any) -> dict[str, torch.Tensor]:
        """A row for a forward pass that counts nothing."""
        return self._padded([0], pad, device)

    def _padded(self, indices: Sequence[int], pad: int, device: Any) -> dict[str, torch.Tensor]:
        rows = [self.rows[i] for i in indices]
        width = max(len(row.input_ids) for row in rows)
        ids = torch.full((len(rows), width), pad, dtype=torch.long)
        labels = torch.full((len(rows), width), -100, dtype=torch.long)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        for place, row in enumerate(rows):
            length = len(row.input_ids)
            ids[place, :length] = torch.tensor(row.input_ids)
            labels[place, :length] = torch.tensor(row.labels)
            mask[place, :length] = 1
        return {"input_ids": ids.to(device), "labels": labels.to(device), "attention_mask": mask.to(device)}


def rate_for(share: float, task_tokens: int, passes: int, rows: Sequence[Encoded]) -> float:
    """General rows per forward pass that give ``share`` general tokens per task token.

    Args:
        share: general tokens per task token.
        task_tokens: tokens of all task rows.
        passes: forward passes that an epoch takes, on all processes together.
        rows: the general rows.
    """
    return share * task_tokens / passes / (sum(len(row.input_ids) for row in rows) / len(rows))
