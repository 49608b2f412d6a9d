"""The loss of held-out rows during training: which rows, when, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from retain import processes
from retain.data.encoding import IGNORED, Encoded
from retain.scoring.head import logits_in_parts
from retain.training.alarms.levels import RowLosses

MOST_ROWS, LEAST_ROWS = 128, 8
SHARE = 0.05
"""Of training's time that all readings during it may take, by a forward pass being a third of a training step."""
Batch = Mapping[str, torch.Tensor]


def rows_to_read(rows: Sequence[Encoded], trained: float, times: int) -> list[Encoded]:
    """The first rows, as many as a twentieth of training's time allows: at most 128, at least 8 or none.

    Before the first update they are read once more, and as many training rows.

    Args:
        rows: held-out rows, in an order of chance.
        trained: rows that training goes through, all epochs.
        times: how often they will be read.
    """
    if not times or len(rows) < LEAST_ROWS:
        return []
    affordable = int(SHARE * 3 * trained / times)
    return list(rows[: min(MOST_ROWS, max(LEAST_ROWS, affordable))])


def reading_steps(total: int, epoch: float, times: int) -> frozenset[int]:
    """The updates after which held-out rows are read: half of them within the first epoch, the last at the very end.

    Args:
        total: updates of the whole training.
        epoch: updates of an epoch.
        times: how often; fewer where there are fewer updates.
    """
    first = min(float(total), epoch)
    early = times if first == total else times // 2
    late = times - early
    steps = [first * (one + 1) / early for one in range(early)]
    steps += [first + (total - first) * (one + 1) / late for one in range(late)]
    return frozenset(max(1, round(step)) for step in steps)


def held_out_losses(module: Any, rows: Sequence[Encoded], batch_size: int, precision: torch.dtype | None) -> RowLosses:
    """Each row's cross-entropy, in the rows' order; training goes on as if nothing had been read.

    In evaluation mode (no dropout), in training's arithmetic. Nothing is drawn, no gradient is computed, and every
    module's mode is what it was.

    Args:
        module: the model in training.
        rows: at least two, each with a labelled token beyond its first.
        batch_size: rows in a forward pass.
        precision: of autocast; None without it.
    """
    order = sorted(range(len(rows)), key=lambda place: len(rows[place].input_ids))
    found: dict[int, tuple[float, int]] = {}
    with _evaluating(module), torch.autocast(_device(module).type, dtype=precision, enabled=precision is not None):

        def read(part: Sequence[Sequence[int]]) -> list[list[tuple[float, int]]]:
            return [row_losses(module, padded([rows[place] for place in batch], _device(module))) for batch in part]

        batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
        for batch, losses in zip(batches, processes.split(batches, read), strict=True):
            found.update(zip(batch, losses, strict=True))
    inorder = [found[place] for place in range(len(rows))]
    return RowLosses(tuple(loss for loss, _ in inorder), tuple(tokens for _, tokens in inorder))


def row_losses(module: Any, batch: Batch) -> list[tuple[float, int]]:
    """Of each row the sum of its labelled tokens' cross-entropy, and how many they are.

    Args:
        module: a causal model.
        batch: ``input_ids``, ``labels`` and ``attention_mask``, (rows, length), padded on the right.
    """
    wanted = torch.zeros_like(batch["labels"], dtype=torch.bool)
    wanted[:, :-1] = batch["labels"][:, 1:] != IGNORED
    targets = batch["labels"][:, 1:][wanted[:, :-1]]
    inputs = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"], "use_cache": False}
    losses, done = [], 0
    for logits in logits_in_parts(module, wanted, **inputs):  # all logits of a batch may not fit into memory
        part = targets[done : done + len(logits)]
        losses.append(torch.nn.functional.cross_entropy(logits.float(), part, reduction="none"))
        done += len(logits)
    rows = torch.cat(losses).split(wanted.sum(1).tolist())
    return [(float(row.sum()), len(row)) for row in rows]


def padded(rows: Sequence[Encoded], device: Any) -> Batch:
    """Rows as a batch, padded on the right with token 0, which nothing looks at."""
    width = max(len(row.input_ids) for row in rows)

    def filled(lists: Sequence[Sequence[int]], filling: int) -> torch.Tensor:
        lines = [[*values, *[filling] * (width - len(values))] for values in lists]
        return torch.tensor(lines, dtype=torch.long, device=device)

    return {
        "input_ids": filled([row.input_ids for row in rows], 0),
        "labels": filled([row.labels for row in rows], IGNORED),
        "attention_mask": filled([[1] * len(row.input_ids) for row in rows], 0),
    }


def _device(module: Any) -> torch.device:
    device: torch.device = next(iter(module.parameters())).device
    return device


@contextmanager
def _evaluating(module: Any) -> Iterator[None]:
    modes = [(one, one.training) for one in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for one, training in modes:
            one.training = training
