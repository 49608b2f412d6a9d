"""Choosing the next token of each row: the most likely one, or one drawn for that row alone."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch

from retain.scoring.writing import Sampling

FEW_TOKENS = 1024
"""The most likely tokens among which the nucleus of ``top_p`` is looked for before a whole vocabulary is sorted."""


def draws_of(prompts: Sequence[list[int]], sampling: Sampling) -> list[torch.Tensor]:
    """For each prompt, one number in [0, 1) per token that may be written; nothing when decoding is greedy.

    A prompt's numbers come from a generator of its own, seeded by the hash of (seed, prompt, how many equal prompts
    came before it). So an answer depends neither on its neighbours nor on batch size or order, and equal prompts get
    different answers.
    """
    if not sampling.temperature:
        return [torch.empty(0)] * len(prompts)
    seen: Counter[tuple[int, ...]] = Counter()
    found = []
    for prompt in prompts:
        key = tuple(prompt)
        text = f"{sampling.seed} {seen[key]} {' '.join(map(str, key))}"
        seen[key] += 1
        seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
        found.append(torch.rand(sampling.max_tokens, generator=torch.Generator().manual_seed(seed)))
    return found


def choose(logits: torch.Tensor, sampling: Sampling, draws: Sequence[float]) -> list[int]:
    """The next token of each row.

    Args:
        logits: (rows, vocabulary), of any floating type; worked on in fp32.
        sampling: temperature 0 takes the most likely token; else temperature and then ``top_p`` as transformers
            defines them, without ``top_k``.
        draws: one number in [0, 1) per row; not read when decoding is greedy.
    """
    scores = logits.float()  # the most likely of bf16 values is ten times slower to find on a CPU
    if not sampling.temperature:
        tokens: list[int] = scores.argmax(-1).tolist()
        return tokens
    probabilities = (scores / sampling.temperature).softmax(-1)
    if sampling.top_p < 1.0:
        probabilities = nucleus(probabilities, sampling.top_p)
    return drawn(probabilities, torch.tensor(draws, device=logits.device))


def nucleus(probabilities: torch.Tensor, top_p: float) -> torch.Tensor:
    """The fewest most likely tokens that together reach ``top_p``, the others set to zero (Holtzman et al., 2020).

    A token stays when those more likely than it have less than ``top_p`` together, so at least one stays.

    Args:
        probabilities: (rows, vocabulary); not renormalised in the result.
        top_p: between 0 and 1.
    """
    ranked = probabilities.topk(min(FEW_TOKENS, probabilities.shape[-1]))
    if bool((ranked.values.sum(-1) < top_p).any()):
        ranked = probabilities.sort(descending=True)
    before = ranked.values.cumsum(-1) - ranked.values
    kept = ranked.values.masked_fill(before >= top_p, 0.0)
    kept[:, 0] = ranked.values[:, 0]
    return torch.zeros_like(probabilities).scatter_(-1, ranked.indices, kept)


def drawn(weights: torch.Tensor, draws: torch.Tensor) -> list[int]:
    """The token of each row where the running sum of weights (rows, vocabulary) passes its draw."""
    sums = weights.cumsum(-1)
    total = sums[:, -1]
    target = torch.minimum(draws * total, torch.nextafter(total, torch.zeros_like(total)))
    places: Any = torch.searchsorted(sums, target[:, None], right=True).squeeze(-1)
    tokens: list[int] = places.tolist()
    return tokens
