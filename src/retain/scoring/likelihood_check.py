"""Whether a model's requests can share their beginnings; tried once, against plain scoring."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch

from retain.scoring.engine_check import unsuited
from retain.scoring.forward import bare
from retain.scoring.packing import SIZES, Sizes
from retain.scoring.pair import Pair
from retain.scoring.plain import score_plain
from retain.scoring.room import LOGIT_VALUES
from retain.scoring.shared import score_shared

TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-6}
"""Nats per token by which both ways may differ on average; in half precision, ``HALF_TOLERANCE``."""
HALF_TOLERANCE = 0.1
"""What bf16 rounds away lies below 0.03 (docs/LOG.md); a token that sees too much or too little differs by more."""

SMALL = Sizes(row=32, branch=32, trunk=8)
"""So that a few short requests use rows, leads and trunks."""


class Sharing(NamedTuple):
    """What can be shared with a model.

    Attributes:
        reason: why something cannot be shared, in words; empty when everything can.
        reach: longest sequence in tokens that can; None when all can.
    """

    reason: str
    reach: int | None

    def covers(self, length: int) -> bool:
        """True for a sequence that can share its beginning."""
        return self.reach is None or length <= self.reach


_known: WeakKeyDictionary[Any, Sharing] = WeakKeyDictionary()


def sharing_of(module: Any, pad: int) -> Sharing:
    """What is known about this model; found out at its first use with a few short requests.

    Args:
        module: a transformers causal model, or a PEFT wrapper of one, in evaluation mode.
        pad: token id for padding.
    """
    if module not in _known:
        reason, reach = unsuited(module) or _by_place(module), _window(module)
        reason = reason or _disagreement(module, pad, reach)
        window = f"longer than the sliding window of {reach} tokens" if reach else ""
        _known[module] = Sharing(reason, 0) if reason else Sharing(window, reach)
    return _known[module]


def _by_place(module: Any) -> str:
    """Attention that counts how far back it looks by places in the row, where a packed row has other things between."""
    local = "local" in (getattr(module.config.get_text_config(), "attention_layers", None) or [])
    return "local attention by place in the row" if local else ""


def _window(module: Any) -> int | None:
    """How far attention looks back; longer sequences need the model's own mask. None where it sees everything."""
    config = module.config.get_text_config()
    kinds = getattr(config, "layer_types", None)
    window = getattr(config, "sliding_window", None)
    slides = getattr(config, "use_sliding_window", True) if kinds is None else "sliding_attention" in kinds
    return int(window) if window and slides else None


def _disagreement(module: Any, pad: int, reach: int | None) -> str:
    """How shared scoring differs from plain scoring; empty when they agree up to rounding."""
    config = module.config.get_text_config()
    longest = min(reach or math.inf, getattr(config, "max_position_embeddings", None) or math.inf)
    for pairs, sizes in ((deep_pairs(config.vocab_size), SMALL), (wide_pairs(config.vocab_size), SIZES)):
        fitting = [pair for pair in pairs if len(pair.context) + len(pair.continuation) <= longest]
        plain, _ = score_plain(module, fitting, pad)
        try:
            shared, _ = score_shared(module, fitting, batch_tokens=SIZES.branch, batch_logits=LOGIT_VALUES, sizes=sizes)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - a model of any kind can refuse the mask or the cache in any way
            lines = str(error).strip().splitlines() or [""]
            return f"the model takes no mask of ours ({type(error).__name__}: {lines[0][:120]})"
        tokens = max(sum(len(pair.continuation) for pair in fitting), 1)
        apart = sum(abs(one.logprob - other.logprob) for one, other in zip(plain, shared, strict=True)) / tokens
        if not apart <= TOLERANCE.get(bare(module).dtype, HALF_TOLERANCE):
            return f"it scored otherwise than plainly in a check, by {apart:.2g} nats a token"
    return ""


def deep_pairs(vocabulary: int) -> list[Pair]:
    """Requests that use all there is: a long beginning, questions on top of it, endings on top of these, and one alone.

    Drawn with a fixed seed, so that the check is the same each time.
    """
    tokens = _drawn(vocabulary)
    beginning = tokens(24)
    pairs = [Pair(tokens(9), tokens(5))]
    for _ in range(3):
        question = tokens(8)
        pairs += [Pair(beginning + question, tokens(count)) for count in (1, 3, 6)]
    return pairs


def wide_pairs(vocabulary: int) -> list[Pair]:
    """Requests that fill the longest row: the last ending stands far from the context that it continues."""
    tokens = _drawn(vocabulary)
    context = tokens(30)
    return [Pair(context, tokens(78)) for _ in range(6)]


def _drawn(vocabulary: int) -> Callable[[int], list[int]]:
    draw = torch.Generator().manual_seed(0)
    return lambda count: torch.randint(0, vocabulary, (count,), generator=draw).tolist()
