"""Scores of many pairs by a model that reads query and document at once: sorted by length, batched by tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from retain.scoring.first_token import first_token_only, last_output, takes_first_token
from retain.scoring.room import batch_tokens_for

Features = Mapping[str, list[int]]
"""What the tokenizer gives for one pair: ``input_ids``, and ``token_type_ids`` where the model has them."""
CHECKED = 3
"""Pairs on which the short way through the last layer is tried."""


class PairScorer:
    """Scores encoded pairs with one model.

    Three things make it faster than batches of equal numbers of pairs: pairs of one length in tokens stand together,
    so that there is next to no padding, and none needs a mask; a batch has as many tokens as suit the device, which on
    a CPU stay in its cache; and where the score is read off the first token, the last layer finishes no other one
    (checked at the first use). The scores are the same up to rounding.

    Args:
        module: a transformers model for sequence classification with one label, in evaluation mode when it scores.
        pad: token id for padding.
        batch_tokens: padded tokens in one forward pass; by default what suits the device and fits its memory.
    """

    def __init__(self, module: Any, pad: int, batch_tokens: int | None = None) -> None:
        self.module = module
        self.pad = pad
        self.batch_tokens = batch_tokens
        self._short: bool | None = None

    def score(self, pairs: Sequence[Features], tick: Callable[[int], None] = lambda done: None) -> list[float]:
        """The logit of each pair, in the order given.

        Raises:
            torch.OutOfMemoryError: a single pair does not fit into the device's memory.
        """
        tokens = self.batch_tokens or batch_tokens_for(self.module)
        scores = [0.0] * len(pairs)
        done = 0
        with torch.inference_mode():
            output = last_output(self.module) if pairs and self._is_short(pairs) else None
            for places in in_batches([len(one["input_ids"]) for one in pairs], tokens):
                batch = as_batch([pairs[place] for place in places], self.pad, self.module.device)
                with first_token_only(output):
                    found = self.module(**batch).logits[:, 0].float().tolist()
                for place, score in zip(places, found, strict=True):
                    scores[place] = score
                done += len(places)
                tick(done)
        return scores

    def _is_short(self, pairs: Sequence[Features]) -> bool:
        if self._short is None:
            batch = as_batch(pairs[:CHECKED], self.pad, self.module.device)
            self._short = takes_first_token(self.module, batch)
        return self._short


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
