"""An adapter that a script brings with it: what a recipe would call it, and whether mitigations can work with it."""

from __future__ import annotations

from typing import Any

import torch

from retain.errors import UserError
from retain.models.low_rank import ADAPTER, lora_layers
from retain.models.update import check_scalable

BESIDE_THE_BASE = (True, "gaussian", "orthogonal", "mica", "eva")
"""Values of PEFT's ``init_lora_weights`` that leave the base's weights as they are and add nothing to them."""
LEAST_UPDATE = 0.01
"""An update is none where ||B A|| is at most this share of ||B|| ||A||. Rounding leaves under 0.004 of two bf16 factors
whose product is zero; factors that begin at W's directions have 1 / sqrt(rank) or more."""


def as_mitigation(module: Any) -> dict[str, Any] | None:
    """A PEFT model's adapter as the ``lora`` entry of a recipe, so that a recipe's rules see it; None without one."""
    configs = getattr(module, "peft_config", None)
    if not configs:
        return None
    config = next(iter(configs.values()))
    if getattr(config, "use_dora", False):
        variant = "dora"
    elif getattr(config, "use_rslora", False):
        variant = "rslora"
    else:
        variant = "mica" if getattr(config, "init_lora_weights", None) == "mica" else "lora"
    rank = getattr(config, "r", None)
    return {"kind": "lora", "variant": variant, **({"rank": rank} if isinstance(rank, int) and rank > 0 else {})}


def check_adapter(module: Any, kinds: list[str]) -> None:
    """Refuse a PEFT model that mitigations cannot work with.

    Args:
        module: the model that will be trained, before its first step.
        kinds: of the mitigations.

    Raises:
        UserError: with the adapter switched off it is not the base, or with it on it no longer is; the adapter has
            another name than PEFT's default; ``early_stop`` or ``strength`` cannot put it back or scale it.
    """
    config = module.peft_config.get(ADAPTER)
    if config is None:
        raise UserError(
            f"with_mitigations: the adapter must have the name that PEFT gives, {ADAPTER}; found "
            f"{', '.join(module.peft_config)}. Give the trainer a peft_config, or leave adapter_name out"
        )
    _check_start(module, getattr(config, "init_lora_weights", True))
    choosing = [kind for kind in kinds if kind in ("early_stop", "strength")]
    if choosing and not any(True for _ in lora_layers(module)):
        found = getattr(config.peft_type, "value", config.peft_type)
        raise UserError(
            f"with_mitigations: {choosing[0]} works with LoRA adapters and with full fine-tuning; found {found}. Use a "
            f"LoraConfig, or leave {choosing[0]} out"
        )
    if "strength" in kinds:
        check_scalable(module)


def _check_start(module: Any, start: Any) -> None:
    moving = next((name for name, layer in lora_layers(module) if _adds_something(layer)), None)
    if moving is None:
        return
    if isinstance(start, str) and start not in BESIDE_THE_BASE:
        variant = start.split("_")[0]
        own = f", variant: {variant}" if variant in ("pissa", "olora", "corda") else ""
        raise UserError(
            f"with_mitigations: peft_config.init_lora_weights: {start!r} takes the adapter's first factors off the "
            "base's weights. With the adapter switched off the model then is not the base, which mitigations compare "
            f"with.\n  Allowed: {', '.join(map(repr, BESIDE_THE_BASE))}.\n  Use one of these, or leave peft_config out "
            f"and put {{kind: lora{own}}} among the mitigations, which leaves the base as it is."
        )
    raise UserError(
        f"with_mitigations: the adapter changes the model before the first step (at {moving}), so that the model is "
        "not the base any more, which mitigations compare with. Begin with a fresh adapter (init_lora_weights: True), "
        "or make this one part of the base first: model = model.merge_and_unload()"
    )


def _adds_something(layer: Any) -> bool:
    """Whether a layer's B A is more than rounding."""
    with torch.no_grad():
        up, down = (one[ADAPTER].weight.float().flatten(1) for one in (layer.lora_B, layer.lora_A))
        squared = ((up.T @ up) * (down @ down.T)).sum()  # ||B A||^2 without any B A
        return bool(squared > (LEAST_UPDATE * up.norm() * down.norm()) ** 2)
