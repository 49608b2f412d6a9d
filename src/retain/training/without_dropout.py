"""A model's own dropout, switched off while it trains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

ADAPTERS = "lora_dropout"
"""In whose names the dropout of adapters shows, which a recipe sets itself."""


@contextmanager
def without_dropout(module: torch.nn.Module) -> Iterator[None]:
    """Within it nothing that is the model's own is dropped; adapters keep theirs."""
    own = [one for name, one in module.named_modules() if isinstance(one, torch.nn.Dropout) and ADAPTERS not in name]
    before = [one.p for one in own]
    for one in own:
        one.p = 0.0
    try:
        yield
    finally:
        for one, share in zip(own, before, strict=True):
            one.p = share
