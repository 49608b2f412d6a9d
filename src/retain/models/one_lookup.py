"""Word vectors that are looked up once for a batch whose parts go through the model one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def one_lookup(module: Any, ids: Sequence[int]) -> Iterator[None]:
    """Within it a model reads the word vectors of ``ids`` from one lookup, with the same values and gradient.

    Each lookup in a table of word vectors has a gradient as large as the table, mostly zeros; a batch in ten parts
    would fill and add ten of them, which took a tenth to a quarter of a small reranker's training on a CPU.

    Args:
        module: a transformers model. Nothing is done where its word vectors are no plain table (an adapter's), or where
            they are not trained.
        ids: all tokens that the parts hold, padding included, each once.
    """
    table = module.get_input_embeddings()
    if type(table) is not torch.nn.Embedding or table._forward_hooks or not table.weight.requires_grad:
        yield
        return
    device = table.weight.device
    known = torch.tensor(ids, device=device)
    vectors = table(known)
    places = torch.zeros(table.num_embeddings, dtype=torch.long, device=device)
    places[known] = torch.arange(len(known), device=device)

    def looked_up(tokens: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.embedding(places[tokens], vectors)

    table.forward = looked_up
    try:
        yield
    finally:
        del table.forward
