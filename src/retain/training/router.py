"""The loss that keeps a mixture-of-experts model's routers balanced: a part of the loss that such a model trains on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from retain.errors import UserError
from retain.scoring.forward import bare
from retain.scoring.head import inner_model

COEFFICIENT = "router_aux_loss_coef"
"""What transformers' models and configurations, and TRL, call its factor."""


def trains_routers(trainer: Any) -> bool:
    """Whether a trainer's own loss has the routers' in it. TRL settles that; else the model's configuration does."""
    enabled = getattr(trainer, "aux_loss_enabled", None)
    if enabled is None:
        enabled = getattr(_model(trainer).config.get_text_config(), "output_router_logits", False)
    return bool(enabled)


@contextmanager
def router_losses(trainer: Any, module: Any) -> Iterator[list[torch.Tensor]]:
    """Within it each forward pass leaves its router's loss in the list, with the trainer's factor, where there is one.

    Raises:
        UserError: TRL trains the routers and the model gives no loss of theirs, or its factor is not known.
    """
    found: list[torch.Tensor] = []

    def ask(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return args, {**kwargs, "output_router_logits": True}

    def note(module: Any, args: tuple[Any, ...], output: Any) -> None:
        loss = getattr(output, "aux_loss", None)
        if loss is not None:
            found.append(_factor(trainer) * torch.as_tensor(loss, device=output.logits.device))
        elif hasattr(trainer, "aux_loss_enabled"):
            raise _unknown(trainer, "gives no loss of theirs")

    hooks = []
    if trains_routers(trainer):
        hooks = [module.register_forward_pre_hook(ask, with_kwargs=True), module.register_forward_hook(note)]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def _model(trainer: Any) -> Any:
    return bare(inner_model(trainer.model))


def _factor(trainer: Any) -> float:
    model = _model(trainer)
    for holder in (trainer, model, model.config.get_text_config()):
        if hasattr(holder, COEFFICIENT):
            return float(getattr(holder, COEFFICIENT))
    raise _unknown(trainer, f"has no {COEFFICIENT}")


def _unknown(trainer: Any, why: str) -> UserError:
    return UserError(
        f"mitigations.token_weighting: {type(_model(trainer)).__name__} trains its routers, but {why}, so that "
        "weighted tokens would leave it out; switch it off (training.extra.router_aux_loss_coef: 0, or without TRL "
        "output_router_logits: False in the model's configuration), or leave token_weighting out"
    )
