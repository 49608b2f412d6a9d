"""Batched scoring of continuations: right-aligned batches, logits only where something is scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

BATCH_TOKENS = 8192
"""Padded tokens in one forward pass."""
LOGIT_VALUES = 2**27
"""At most this many logit values in one forward pass (512 MB in fp32)."""


class Pair(NamedTuple):
    """Token ids of a context and of the continuation to score."""

    context: list[int]
    continuation: list[int]


class Scored(NamedTuple):
    """Sum of log-probabilities in nats, and whether every token was the most likely one."""

    logprob: float
    greedy: bool


def batches(pairs: Sequence[Pair], vocabulary: int) -> list[list[int]]:
    """Indices of pairs grouped into batches of like length and like continuation, longest first.

    Continuations of like length stand together because every row of a batch gets logits for the longest one.
    """
    order = sorted(
        range(len(pairs)),
        key=lambda i: (
            -_bucket(len(pairs[i].continuation)),
            -len(pairs[i].context) - len(pairs[i].continuation),
            i,
        ),
    )
    found: list[list[int]] = []
    current: list[int] = []
    longest = deepest = 0
    for index in order:
        length = len(pairs[index].context) + len(pairs[index].continuation)
        depth = len(pairs[index].continuation)
        rows = len(current) + 1
        too_long = rows * max(longest, length) > BATCH_TOKENS
        too_deep = rows * max(deepest, depth) * vocabulary > LOGIT_VALUES
        if current and (too_long or too_deep):
            found.append(current)
            current, longest, deepest = [], 0, 0
        current.append(index)
        longest, deepest = max(longest, length), max(deepest, depth)
    return found + ([current] if current else [])


def _bucket(length: int) -> int:
    """The next power of two."""
    return 1 << (length - 1).bit_length()


def score(
    module: Any, pairs: Sequence[Pair], pad: int, tick: Callable[[int], None] = lambda done: None
) -> list[Scored]:
    """Log-likelihood of each continuation given its context.

    Rows are padded on the left, so that all continuations end in the same column and ``logits_to_keep`` can
    leave out the logits of everything before them. Log-probabilities are computed in fp32.

    Args:
        module: a transformers causal model (or a PEFT wrapper of one).
        pairs: contexts of at least one token, continuations of at least one token.
        pad: token id used for padding (masked out).
        tick: called with the number of pairs finished so far.

    Returns:
        One result per pair, in the order given.
    """
    results: list[Scored | None] = [None] * len(pairs)
    done = 0
    for batch in batches(pairs, module.config.get_text_config().vocab_size):
        rows = [pairs[i] for i in batch]
        for index, scored in zip(batch, _score_batch(module, rows, pad), strict=True):
            results[index] = scored
        done += len(batch)
        tick(done)
    return [scored for scored in results if scored is not None]


def _score_batch(module: Any, rows: Sequence[Pair], pad: int) -> list[Scored]:
    depth = max(len(row.continuation) for row in rows)
    # The last token of a row is predicted, never fed.
    ids, mask = left_padded([(row.context + row.continuation)[:-1] for row in rows], pad, module.device)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    with torch.inference_mode():
        logits = module(
            input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False, logits_to_keep=depth
        ).logits[:, -depth:]
    found = []
    for row, row_logits in zip(rows, logits, strict=True):
        targets = torch.tensor(row.continuation, device=logits.device)
        scored = row_logits[-len(targets) :].float()
        picked = scored.gather(-1, targets[:, None]).squeeze(-1) - scored.logsumexp(-1)
        found.append(Scored(float(picked.sum()), bool((scored.argmax(-1) == targets).all())))
    return found


def left_padded(rows: Sequence[list[int]], pad: int, device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask, (rows, longest), padded on the left."""
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad, dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for index, row in enumerate(rows):
        if row:
            ids[index, width - len(row) :] = torch.tensor(row)
            mask[index, width - len(row) :] = 1
    return ids.to(device), mask.to(device)
