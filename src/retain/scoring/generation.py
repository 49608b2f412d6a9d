"""Generation in batches: continuous ones where a model allows it, plain ones where not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from retain.scoring.continuous import write_continuously
from retain.scoring.engine_check import ability
from retain.scoring.plain_generation import write_plainly
from retain.scoring.room import rows_that_fit
from retain.scoring.writing import NO_STOPS, Order, Sampling, Stops, Written

__all__ = ["Sampling", "Stops", "Written", "generate"]

PLAIN_ROWS = 64
PLAIN_TOKENS = 16384
"""Prompt and answer tokens of all rows of a plain batch."""

_Writer = Callable[[Sequence[int], int, Callable[[int, Written], None]], None]


def generate(
    module: Any,
    prompts: Sequence[list[int]],
    sampling: Sampling,
    ends: set[int],
    pad: int,
    tick: Callable[[int], None] = lambda done: None,
    *,
    stops: Stops = NO_STOPS,
    rows: int | None = None,
    note: Callable[[str], None] = lambda engine: None,
) -> list[Written]:
    """Continue each prompt (token ids, at least one) until an end token, a stop string or ``max_tokens``.

    Greedy answers do not depend on the seed; sampled ones depend on the seed, the prompt and how often it came
    before, and not on the batch. In bf16 and fp16 rounding differs from batch to batch, so where two tokens are
    almost equally likely the answers of two batch sizes may part. Nothing but ``sampling``, ``ends`` and ``stops``
    decides: a repetition penalty or sampling values that a model brings are not used.

    Args:
        module: a transformers causal model, or a PEFT wrapper of one, in evaluation mode.
        prompts: token ids.
        sampling: limit, temperature, nucleus and seed.
        ends: token ids that end an answer.
        pad: token id for padding (masked out).
        tick: called with the number of prompts finished so far.
        stops: strings that end an answer, with the tokenizer's decoding.
        rows: sequences at a time; found from memory when None, halved when memory runs out.
        note: called once with the engine that writes, ``continuous`` or ``plain: `` and why.

    Returns:
        One result per prompt, in the order given.

    Raises:
        torch.OutOfMemoryError: not even one sequence fits.
    """
    if not prompts:
        return []
    order = Order(prompts, sampling, ends, pad, stops)
    longest = max(map(len, prompts))
    able = ability(module, max(prompts, key=len), pad)
    note(f"plain: {able.reason}" if able.reason else "continuous")
    if able.reason:
        rows = rows or max(1, min(PLAIN_ROWS, PLAIN_TOKENS // (longest + sampling.max_tokens)))
        write: _Writer = partial(write_plainly, module, order)
    else:
        rows = rows or rows_that_fit(module, longest + sampling.max_tokens, able.bytes_per_token)
        write = partial(write_continuously, module, order)
    results: dict[int, Written] = {}

    def finish(index: int, written: Written) -> None:
        results[index] = written
        tick(len(results))

    while len(results) < len(prompts):
        unfinished = [index for index in range(len(prompts)) if index not in results]
        try:
            with torch.inference_mode():
                write(unfinished, rows, finish)
        except torch.OutOfMemoryError:
            if rows == 1:
                raise
            rows = max(1, min(rows, len(unfinished)) // 2)
            torch.cuda.empty_cache()
    return [results[index] for index in range(len(prompts))]
