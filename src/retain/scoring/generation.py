"""Batched generation: prompts of like length together, one pass of the model per new token."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch

from retain.scoring.likelihood import left_padded

MOST_ROWS = 64
BATCH_TOKENS = 16384
"""Prompt and answer tokens of all rows of a batch."""


class Written(NamedTuple):
    """The token ids that a model wrote, without the end token, and whether it ended by itself."""

    ids: list[int]
    stopped: bool


class Sampling(NamedTuple):
    """How the next token is chosen; temperature 0 takes the most likely one."""

    max_tokens: int
    temperature: float
    top_p: float
    seed: int


def generate(
    module: Any,
    prompts: Sequence[list[int]],
    sampling: Sampling,
    ends: set[int],
    pad: int,
    tick: Callable[[int], None] = lambda done: None,
) -> list[Written]:
    """Continue each prompt (token ids, at least one) until an end token or ``max_tokens``.

    Greedy answers do not depend on the seed; sampled ones depend on the seed and on the list of prompts.
    Batches are formed by length alone, so the same prompts always meet the same neighbours. Nothing but
    ``sampling`` and ``ends`` decides: a repetition penalty or sampling values that a model brings are not used.

    Returns:
        One result per prompt, in the order given.
    """
    from transformers import GenerationConfig

    config = GenerationConfig(
        max_new_tokens=sampling.max_tokens,
        do_sample=sampling.temperature > 0,
        eos_token_id=sorted(ends),
        pad_token_id=pad,
        use_cache=True,
        **({"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0} if sampling.temperature else {}),
    )
    results: list[Written | None] = [None] * len(prompts)
    done = 0
    with torch.random.fork_rng(), without_own_settings(module):
        torch.manual_seed(sampling.seed)
        for batch in _batches([len(prompt) + sampling.max_tokens for prompt in prompts]):
            ids, mask = left_padded([prompts[i] for i in batch], pad, module.device)
            with torch.inference_mode():
                output = module.generate(input_ids=ids, attention_mask=mask, generation_config=config)
            for index, row in zip(batch, output[:, ids.shape[1] :].tolist(), strict=True):
                results[index] = _cut(row, ends)
            done += len(batch)
            tick(done)
    return [written for written in results if written is not None]


@contextmanager
def without_own_settings(module: Any) -> Iterator[None]:
    """Within it, a model (and what is wrapped around it) brings no generation settings of its own.

    transformers fills whatever a ``GenerationConfig`` leaves open from the model's, such as a repetition penalty.
    """
    from transformers import GenerationConfig

    owners = [part for part in module.modules() if "generation_config" in vars(part)]
    kept = [owner.generation_config for owner in owners]
    try:
        for owner in owners:
            owner.generation_config = GenerationConfig()
        yield
    finally:
        for owner, config in zip(owners, kept, strict=True):
            owner.generation_config = config


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Indices in batches of like length, longest first, so that memory runs out at once or never."""
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    found: list[list[int]] = []
    for index in order:
        if found and len(found[-1]) < MOST_ROWS and (len(found[-1]) + 1) * lengths[found[-1][0]] <= BATCH_TOKENS:
            found[-1].append(index)
        else:
            found.append([index])
    return found


def _cut(row: list[int], ends: set[int]) -> Written:
    for position, token in enumerate(row):
        if token in ends:
            return Written(row[:position], True)
    return Written(row, False)
