"""First factors of a LoRA adapter other than zero, computed once by PEFT's own code on copies of the weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from retain.data.encoding import Encoded
from retain.errors import UserError
from retain.mitigations.base import Setup
from retain.mitigations.distributions import as_batch, encoded_rows
from retain.models.low_rank import ADAPTER, begin_here, lora_layers
from retain.provenance import versions
from retain.records import content_hash
from retain.store import Store

if TYPE_CHECKING:
    import torch

STARTS = ("orthogonal", "pissa", "olora", "corda")
"""Variants that begin at factors other than zero."""
VERSION = 2
"""To be raised when the same question gets another answer."""
LIBRARIES = ("torch", "peft")
"""Packages whose version can change the factors."""


def begin(adapted: Any, variant: str, names: Sequence[str], fingerprint: str, setup: Setup) -> None:
    """Set a fresh adapter to its variant's first factors and subtract them from its update (``begin_here``).

    The factors take a decomposition of every adapted weight, so they are kept between runs.

    Args:
        adapted: a PEFT model with a fresh LoRA adapter.
        variant: one of :data:`STARTS`.
        names: the adapted layers' names in the base.
        fingerprint: the base's.
        setup: for the seed, and ``corda``'s general text.

    Raises:
        UserError: the variant cannot be begun on these weights or with this rank.
    """
    from safetensors.torch import load, save

    _check_rank(adapted, variant)
    config = adapted.peft_config[ADAPTER]
    rows = encoded_rows(setup, setup.general_set(None).name) if variant == "corda" else []
    installed = versions()
    key = content_hash(
        VERSION, fingerprint, variant, config.r, config.lora_alpha, list(names),
        setup.seed if variant == "orthogonal" else 0, [row.input_ids for row in rows],
        {name: installed.get(name) for name in LIBRARIES}, length=32,
    )  # fmt: skip
    store = Store("lora_starts")
    content = store.read_bytes(key)
    if content is None:
        found = _computed(adapted, variant, names, rows)
        store.write_bytes(key, save(found))
    else:
        found = load(content)
    for name, layer in lora_layers(adapted):
        for factor, linear in (("A", layer.lora_A[ADAPTER]), ("B", layer.lora_B[ADAPTER])):
            linear.weight.data = found[f"{name}.{factor}"].to(linear.weight.device)
    begin_here(adapted)


def _computed(adapted: Any, variant: str, names: Sequence[str], rows: Sequence[Encoded]) -> dict[str, torch.Tensor]:
    """``<layer>.A`` and ``<layer>.B`` of each adapted layer, in fp32."""
    if variant == "corda":
        _note_directions(adapted, names, rows)
    found = {}
    for name, layer in lora_layers(adapted):
        with _on_a_copy(layer):
            try:
                _INITIALISERS[variant](layer)
            except (ValueError, TypeError) as error:
                raise UserError(f"mitigations.lora.variant: {variant} cannot begin at {name}: {error}") from error
        for factor, linear in (("A", layer.lora_A[ADAPTER]), ("B", layer.lora_B[ADAPTER])):
            found[f"{name}.{factor}"] = linear.weight.detach().float().cpu().contiguous().clone()
    return found


_INITIALISERS = {
    "orthogonal": lambda layer: layer.orthogonal_init(ADAPTER),
    "pissa": lambda layer: layer.pissa_init(ADAPTER, "pissa"),
    "olora": lambda layer: layer.olora_init(ADAPTER),
    "corda": lambda layer: layer.corda_init(ADAPTER, "corda"),
}


def _check_rank(adapted: Any, variant: str) -> None:
    """Refuse a rank above what a layer has: its decomposition gives fewer directions, and without a word."""
    for name, layer in lora_layers(adapted):
        most = min(layer.in_features, layer.out_features)
        if layer.r[ADAPTER] > most and variant != "orthogonal":
            raise UserError(
                f"mitigations.lora.rank: {variant} takes at most {most} directions of {name}; found {layer.r[ADAPTER]}"
            )


@contextmanager
def _on_a_copy(layer: Any) -> Iterator[None]:
    """Within it, the layer stands on an fp32 copy of its weight: what initialisation subtracts, it subtracts there.

    The copy is a linear layer, also of a Conv1D, whose weight is the other way round, which not all of PEFT's
    code knows.
    """
    import torch
    from peft.utils.integrations import dequantize_module_weight
    from transformers.pytorch_utils import Conv1D

    base = layer.base_layer
    copy = torch.nn.Linear(1, 1)
    weight = dequantize_module_weight(base).detach().to(torch.float32, copy=True)
    turned = isinstance(base, Conv1D)
    copy.weight = torch.nn.Parameter(weight.T.contiguous() if turned else weight, requires_grad=False)
    if hasattr(base, "eigens"):
        copy.eigens = base.eigens
        del base.eigens
    before, layer.fan_in_fan_out = getattr(layer, "fan_in_fan_out", False), False
    layer.base_layer = copy
    try:
        yield
    finally:
        layer.base_layer, layer.fan_in_fan_out = base, before


def _note_directions(adapted: Any, names: Sequence[str], rows: Sequence[Encoded]) -> None:
    """CorDA's decomposition: which directions of each layer general text uses, from the base's own activations."""
    import torch
    from peft import LoraConfig
    from peft.tuners.lora.config import CordaConfig
    from peft.tuners.lora.corda import preprocess_corda

    config = LoraConfig(
        r=adapted.peft_config[ADAPTER].r,
        target_modules=[f"{name}.base_layer" for name in names],
        init_lora_weights="corda",
        corda_config=CordaConfig(corda_method="kpm"),
    )
    module = adapted.get_base_model()

    def read() -> None:
        with torch.no_grad(), adapted.disable_adapter():
            for row in rows:
                batch = as_batch(row, module.device)
                module(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False)

    preprocess_corda(module, config, run_model=read)
