"""Plain generation: transformers' ``generate`` on batches of like length, each until its last row has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessor, StoppingCriteria

from retain.scoring.choosing_tokens import choose, draws_of
from retain.scoring.left_padding import takes_left_padding
from retain.scoring.plain import left_padded
from retain.scoring.stopping import holds_stop, judge
from retain.scoring.writing import Order, Sampling, Stops, Written


def write_plainly(
    module: Any, order: Order, indices: Sequence[int], rows: int, finish: Callable[[int, Written], None]
) -> None:
    """Answer the prompts of these indices; ``finish`` is called with each index and its answer.

    Works with every model that transformers can generate with. Tokens are chosen, and answers end, by the same rules
    as in ``write_continuously``.

    Raises:
        torch.OutOfMemoryError: there is too little memory for so many rows; what was finished is finished.
    """
    config = GenerationConfig(
        max_new_tokens=order.sampling.max_tokens,
        do_sample=False,
        eos_token_id=sorted(order.ends) or None,
        pad_token_id=order.pad,
        use_cache=True,
    )
    draws = draws_of(order.prompts, order.sampling)
    with without_own_settings(module):
        for batch in _batches(order.prompts, indices, rows, even=not takes_left_padding(module)):
            ids, mask = left_padded([order.prompts[i] for i in batch], order.pad, module.device)
            rules: dict[str, Any] = {}
            if order.sampling.temperature:
                rules["logits_processor"] = [_Drawn(order.sampling, [draws[i].tolist() for i in batch], ids.shape[1])]
            if order.stops.strings:
                rules["stopping_criteria"] = [_StopStrings(order.stops, ids.shape[1])]
            output = module.generate(input_ids=ids, attention_mask=mask, generation_config=config, **rules)
            for index, row in zip(batch, output[:, ids.shape[1] :].tolist(), strict=True):
                finish(index, cut(row, order))


def _batches(prompts: Sequence[list[int]], indices: Sequence[int], rows: int, even: bool) -> Iterator[list[int]]:
    """So many indices at a time, the longest prompts first; ``even``: prompts of one length only."""
    by_length = sorted(indices, key=lambda i: (-len(prompts[i]), i))
    for _, alike in groupby(by_length, key=lambda i: len(prompts[i]) if even else 0):
        places = list(alike)
        for start in range(0, len(places), rows):
            yield places[start : start + rows]


def cut(row: list[int], order: Order) -> Written:
    """An answer without what was written, or padded, behind its end."""
    for length in range(1, len(row) + 1):
        answer = judge(row[:length], order.ends, order.stops, order.sampling.max_tokens)
        if answer is not None:
            return answer
    return Written(row, False)


class _Drawn(LogitsProcessor):
    """Leaves only the token that was drawn, so that greedy decoding takes it."""

    def __init__(self, sampling: Sampling, draws: list[list[float]], start: int) -> None:
        self.sampling, self.draws, self.start = sampling, draws, start

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        place = input_ids.shape[1] - self.start
        tokens = choose(scores, self.sampling, [row[place] for row in self.draws])
        chosen = torch.tensor(tokens, device=scores.device)[:, None]
        return torch.full_like(scores, float("-inf")).scatter_(-1, chosen, 0.0)


class _StopStrings(StoppingCriteria):
    """True for the rows whose newest token completed a stop string."""

    def __init__(self, stops: Stops, start: int) -> None:
        self.stops, self.start = stops, start

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        rows = input_ids[:, self.start :].tolist()
        return torch.tensor([holds_stop(row, self.stops) for row in rows], device=input_ids.device)


@contextmanager
def without_own_settings(module: Any) -> Iterator[None]:
    """Within it, a model (and what is wrapped around it) brings no generation settings of its own.

    transformers fills whatever a ``GenerationConfig`` leaves open from the model's, such as a repetition penalty.
    """
    owners = [part for part in module.modules() if "generation_config" in vars(part)]
    kept = [owner.generation_config for owner in owners]
    try:
        for owner in owners:
            owner.generation_config = GenerationConfig()
        yield
    finally:
        for owner, config in zip(owners, kept, strict=True):
            owner.generation_config = config
