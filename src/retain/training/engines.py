"""Which ways of training a penalty goes with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from retain.errors import UserError
from retain.mitigations.base import Penalty
from retain.mitigations.distance import WeightDistance

SHARDING = {"DEEPSPEED": "DeepSpeed", "FSDP": "FSDP", "MEGATRON_LM": "Megatron-LM"}
"""accelerate's kinds of training that keep weights and gradients in places of their own, and their names."""
DURING_BACKWARD = ("lomo", "layerwise")
"""In the names of optimizers that change weights while the backward pass still runs."""


def check_engine(trainer: Any, penalties: Mapping[str, Penalty]) -> None:
    """Refuse a penalty whose gradient would be lost, or would not be multiplied by the loss scale as the loss's is.

    Raises:
        UserError: says which penalty, and why.
    """
    kind, optimizer = trainer.accelerator.distributed_type, trainer.args.optim
    engine = SHARDING.get(kind)
    if engine is None and any(one in optimizer for one in DURING_BACKWARD):
        engine = f"the optimizer {getattr(optimizer, 'value', optimizer)}"
    found = next((name for name, one in penalties.items() if isinstance(one, WeightDistance)), None)
    if engine is not None and found is not None:
        raise UserError(
            f"mitigations.{found}: without an adapter its gradient is added when a backward pass has ended, and "
            f"{engine} takes gradients (scaled, with fp16) while the pass runs, so that this one would be lost; use "
            "kl_to_base, or train an adapter, whose distance is part of the loss"
        )


def fsdp_asked(arguments: Any) -> bool:
    """Whether a trainer's arguments, or accelerate's launcher, ask for FSDP."""
    return arguments.fsdp_plugin_args is not None or os.environ.get("ACCELERATE_USE_FSDP") == "true"


def allow_fsdp_on_cpu() -> None:
    """Let accelerate train processes on CPUs with FSDP; by itself it would train with DDP and not say so.

    It looks at FSDP only where processes are of a kind that has accelerators. Torch deals weights over CPUs just as
    well, by gloo.
    """
    from accelerate import DistributedType, PartialState

    if PartialState._shared_state.get("distributed_type") == DistributedType.MULTI_CPU:
        PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU
