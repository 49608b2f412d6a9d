"""What a recipe can say about training."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from retain.settings import Settings


class TrainingSettings(Settings):
    """How the model is trained. Defaults suit LoRA on models of billions of weights."""

    method: Literal["sft"] = "sft"
    """``sft``: supervised fine-tuning on the answers."""
    learning_rate: float = Field(2e-4, gt=0)
    """Peak rate. Customary: 2e-4 for LoRA, a tenth of it for full fine-tuning; higher under 1B weights."""
    epochs: float = Field(1.0, gt=0)
    """Passes over the training rows; more than 3 invites forgetting."""
    batch_size: int = Field(8, ge=1)
    """Rows per device and forward pass."""
    gradient_accumulation: int = Field(1, ge=1)
    """Forward passes per update."""
    max_length: int = Field(1024, ge=8)
    """Longest row in tokens; longer ones are cut, and counted."""
    schedule: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "linear"
    """How the rate falls."""
    warmup: float = Field(0.05, ge=0, lt=1)
    """Share of the updates in which the rate rises."""
    weight_decay: float = Field(0.0, ge=0)
    """AdamW's weight decay."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Gradients are clipped to this norm."""
    optimizer: str = "adamw_torch"
    """Any optimizer name that transformers knows."""
    packing: bool = False
    """Pack several rows into one sequence."""
    gradient_checkpointing: bool = False
    """Less memory for more time."""
    checkpoints: int = Field(4, ge=0)
    """How often training saves its state, to go on from there when it is interrupted; 0 = never."""
    report_to: list[str] = []
    """Trackers that transformers knows (tensorboard, wandb, trackio, ...)."""
    extra: dict[str, Any] = {}
    """TRL's own keys (SFTConfig), passed as they are."""
