"""Scores of many pairs by a model that reads query and document at once: sorted by length, batched by tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch

from retain.scoring.first_token import first_token_only, last_attention
from retain.scoring.packed_linear import can_pack, packed_linears
from retain.scoring.room import batch_tokens_for

Features = Mapping[str, list[int]]
"""What the tokenizer gives for one pair: ``input_ids``, and ``token_type_ids`` where the model has them."""
CHECKED = 3
"""Pairs on which faster ways are tried."""
TOLERANCE = 1e-4
"""How far a score may lie from the plain way's, in fp32: rounding."""
LOOSE = 0.05
"""The same in lower precisions."""


class PairScorer:
    """Scores encoded pairs with one model.

    Faster than batches of equal numbers of pairs: pairs of one length in tokens stand together, so that there is next
    to no padding, and equal ones need no mask; a batch has as many tokens as suit the device, which on a CPU stay in
    its cache; where the score is read off the first token, the last layer computes no other one
    (``retain.scoring.first_token``); and on a CPU linear layers use all of it (``retain.scoring.packed_linear``). The
    last two are tried on a few pairs at the first use. The scores are the same up to rounding.

    Args:
        module: a transformers model for sequence classification with one label, in evaluation mode when it scores.
        pad: token id for padding.
        batch_tokens: padded tokens in one forward pass; by default what suits the device and fits its memory.
    """

    def __init__(self, module: Any, pad: int, batch_tokens: int | None = None) -> None:
        self.module = module
        self.pad = pad
        self.batch_tokens = batch_tokens
        self.short: bool | None = None
        """The last layer computes the first token only; None until it was tried."""
        self.packed: bool | None = None
        """Linear layers use packed weights; None until it was tried."""

    def score(self, pairs: Sequence[Features], tick: Callable[[int], None] = lambda done: None) -> list[float]:
        """The logit of each pair, in the order given.

        Raises:
            torch.OutOfMemoryError: a single pair does not fit into the device's memory.
        """
        tokens = self.batch_tokens or batch_tokens_for(self.module)
        scores = [0.0] * len(pairs)
        done = 0
        with torch.inference_mode(), self._ways(pairs):
            for places in in_batches([len(one["input_ids"]) for one in pairs], tokens):
                batch = as_batch([pairs[place] for place in places], self.pad, self.module.device)
                found = self.module(**batch).logits[:, 0].float().tolist()
                for place, score in zip(places, found, strict=True):
                    scores[place] = score
                done += len(places)
                tick(done)
        return scores

    @contextmanager
    def _ways(self, pairs: Sequence[Features]) -> Iterator[None]:
        """Within it the model computes in the fastest way that gives its scores."""
        attention = last_attention(self.module)
        if pairs and (self.short is None or self.packed is None):
            batch = as_batch(pairs[:CHECKED], self.pad, self.module.device)
            if self.short is None:
                self.short = attention is not None and gives_the_same(self.module, batch, first_token_only(attention))
            if self.packed is None:
                packs = can_pack(self.module)
                self.packed = packs and gives_the_same(self.module, batch, packed_linears(self.module))
        with packed_linears(self.module if self.packed else None), first_token_only(attention if self.short else None):
            yield


def gives_the_same(module: Any, batch: Mapping[str, torch.Tensor], way: AbstractContextManager[None]) -> bool:
    """Whether a model scores a batch within a way of computing as it does without it."""
    plain = module(**batch).logits.float()
    try:
        with way:
            found = module(**batch).logits.float()
    except (RuntimeError, IndexError, TypeError, ValueError, AttributeError):
        return False
    near = TOLERANCE if module.dtype == torch.float32 else LOOSE
    return plain.shape == found.shape and bool(torch.allclose(plain, found, rtol=near, atol=near))


def in_batches(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Places of pairs in batches of at most ``tokens`` padded tokens, the longest first, equal lengths in their order.

    The longest come first, so that a device which is too small says so at once.
    """
    found: list[list[int]] = []
    width = 0
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        if not found or (len(found[-1]) + 1) * width > tokens:
            found.append([])
            width = lengths[place]
        found[-1].append(place)
    return found


def as_batch(pairs: Sequence[Features], pad: int, device: Any) -> dict[str, torch.Tensor]:
    """Pairs padded on the right; a mask only where there is padding.

    Args:
        pairs: at least one.
        pad: token id for padding.
        device: where the batch goes.
    """
    lengths = [len(one["input_ids"]) for one in pairs]
    width = max(lengths)
    batch = {}
    for name in ("input_ids", "token_type_ids"):
        if name in pairs[0]:
            filling = pad if name == "input_ids" else 0
            rows = [one[name] + [filling] * (width - len(one[name])) for one in pairs]
            batch[name] = torch.tensor(rows, device=device)
    if min(lengths) < width:
        mask = torch.arange(width)[None] < torch.tensor(lengths)[:, None]
        batch["attention_mask"] = mask.to(device=device, dtype=torch.long)
    return batch
