"""A model that is being trained, measured as it would be saved, with nothing of the training disturbed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import numpy as np
import torch

from retain.models.transformers_model import TransformersModel
from retain.models.update_files import is_adapter
from retain.models.whole import whole_module

M = TypeVar("M", bound=TransformersModel)
PRECISIONS = {"bf16": torch.bfloat16}
"""Precisions of a saved model in which training does not keep its weights."""


@contextmanager
def as_it_would_ship(model: M) -> Iterator[M]:
    """Within it, a model in training answers as it will when it is saved and loaded.

    That is: in evaluation mode, without the training loop's autocast, fully trained weights rounded to the precision
    in which they are saved (a copy in that precision, for as long as this lasts). Afterwards every mode, weight and
    random number generator is what it was, bit for bit, so that training goes on as if nothing had happened.

    Gives:
        The model with the fingerprint of this moment.
    """
    with ExitStack() as after, torch.no_grad():
        after.enter_context(_random_numbers_kept())
        module = after.enter_context(whole_module(model))
        after.callback(_restore_modes, [(one, one.training) for one in module.modules()])
        module.eval()
        forward = module.__dict__.pop("forward", None)  # accelerate's, which casts
        if forward is not None:
            after.callback(module.__dict__.__setitem__, "forward", forward)
        cache = module.config.use_cache if hasattr(module.config, "use_cache") else None
        if cache is not None:
            after.callback(setattr, module.config, "use_cache", cache)
        if not is_adapter(module) and model.load_in in PRECISIONS:
            after.callback(_restore_weights, _rounded(module, PRECISIONS[model.load_in]))
        if model.whole is None:
            yield model.renewed()
        else:
            yield model.rebuilt(module, module.disable_adapter if is_adapter(module) else None)


def _restore_modes(modes: list[tuple[Any, bool]]) -> None:
    for one, training in modes:
        one.training = training


def _rounded(module: Any, precision: torch.dtype) -> list[tuple[Any, torch.Tensor]]:
    """Round every weight; gives what they were."""
    kept = [(one, one.data) for one in module.parameters() if one.dtype == torch.float32]
    for one, data in kept:
        one.data = data.to(precision)
    return kept


def _restore_weights(kept: list[tuple[Any, torch.Tensor]]) -> None:
    for one, data in kept:
        one.data = data


@contextmanager
def _random_numbers_kept() -> Iterator[None]:
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
