"""Batched scoring of continuations: right-aligned batches, logits only where something is scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from retain.scoring.forward import arguments, bare, last_columns
from retain.scoring.left_padding import takes_left_padding
from retain.scoring.pair import Pair, Scored
from retain.scoring.room import CPU_TOKENS, LOGIT_VALUES


def batches(pairs: Sequence[Pair], most_tokens: int, most_rows: int, even: bool = False) -> list[list[int]]:
    """Indices of pairs grouped into batches of like length and like continuation, longest first.

    Continuations of like length stand together because every row of a batch gets logits for the longest one.

    Args:
        pairs: what is to be scored.
        most_tokens: padded tokens of a batch.
        most_rows: rows of logits of a batch.
        even: all rows of a batch have one length.
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
        too_long = rows * max(longest, length) > most_tokens
        too_deep = rows * max(deepest, depth) > most_rows
        if current and (too_long or too_deep or (even and length != longest)):
            found.append(current)
            current, longest, deepest = [], 0, 0
        current.append(index)
        longest, deepest = max(longest, length), max(deepest, depth)
    return found + ([current] if current else [])


def _bucket(length: int) -> int:
    """The next power of two."""
    return 1 << (length - 1).bit_length()


def score_plain(
    module: Any,
    pairs: Sequence[Pair],
    pad: int,
    batch_tokens: int = CPU_TOKENS,
    batch_logits: int = LOGIT_VALUES,
    tick: Callable[[int], None] = lambda done: None,
) -> tuple[list[Scored], int]:
    """Log-likelihood of each continuation given its context, each request by itself, for any causal model.

    Rows are padded on the left, so that all continuations end in the same column and ``logits_to_keep`` can
    leave out the logits of everything before them. Where a model reads padding as text (``left_padding``) the rows of a
    batch have one length. Log-probabilities are computed in fp32.

    Args:
        module: a transformers causal model (or a PEFT wrapper of one).
        pairs: contexts of at least one token, continuations of at least one token.
        pad: token id used for padding (masked out).
        batch_tokens: padded tokens in one forward pass.
        batch_logits: logit values in one forward pass.
        tick: called with the number of pairs finished so far.

    Returns:
        One result per pair, in the order given, and the tokens that were computed, padding included.

    Relations: ``score_shared`` gives the same faster where requests begin alike.
    """
    results: dict[int, Scored] = {}
    computed = 0
    most_logits = max(1, batch_logits // module.config.get_text_config().vocab_size)
    for batch in batches(pairs, batch_tokens, most_logits, even=not takes_left_padding(module)):
        rows = [pairs[i] for i in batch]
        results.update(zip(batch, _score_batch(module, rows, pad), strict=True))
        computed += len(rows) * max(len(row.context) + len(row.continuation) - 1 for row in rows)
        tick(len(results))
    return [results[i] for i in range(len(pairs))], computed


def _score_batch(module: Any, rows: Sequence[Pair], pad: int) -> list[Scored]:
    depth = max(len(row.continuation) for row in rows)
    # The last token of a row is predicted, never fed.
    ids, mask = left_padded([(row.context + row.continuation)[:-1] for row in rows], pad, module.device)
    wanted = {"position_ids": (mask.cumsum(-1) - 1).clamp(min=0), "logits_to_keep": last_columns(ids, depth)}
    kind: Any = type(bare(module))
    asked = {name: value for name, value in wanted.items() if name in arguments(kind)}
    with torch.inference_mode():
        logits = module(input_ids=ids, attention_mask=mask, use_cache=False, **asked).logits[:, -depth:]
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
