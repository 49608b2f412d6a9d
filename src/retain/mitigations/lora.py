"""Low-rank adapters."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from retain.errors import UserError
from retain.mitigations.base import Mitigation, Setup
from retain.models.causal import TransformersCausal


class Lora(Mitigation):
    """Train a low-rank adapter and leave the base's weights as they are, bit for bit (Hu et al. 2021).

    W' = W + (alpha / rank) B A on every linear layer but the output head. With ``model.load_in: 4bit`` this is QLoRA.

    Relations: frozen weights are not frozen behaviour: an adapter alone can still make the model forget, so use it
    with ``kl_to_base`` or ``rehearsal``, and with ``strength``, which is nearly free here.
    """

    kind: Literal["lora"] = "lora"
    rank: int = Field(16, ge=1)
    """Rank of the update; 32 to 64 for strong domain shifts."""
    alpha: float | None = Field(None, gt=0)
    """Scale of the update is alpha / rank; twice the rank when empty."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout on the adapter's input during training."""
    target_modules: str | list[str] = "all-linear"
    """Which layers get an adapter; ``all-linear`` is every linear layer but the output head."""

    def wrap_model(self, model: TransformersCausal, setup: Setup) -> TransformersCausal:
        """The model with a fresh adapter, which answers exactly as the base until it is trained."""
        from peft import LoraConfig, get_peft_model

        if hasattr(model.module, "peft_config"):
            raise UserError("mitigations: the model already carries an adapter; merge it first or drop 'lora'")
        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha or 2 * self.rank,
            lora_dropout=self.dropout,
            target_modules=self.target_modules,
            task_type="CAUSAL_LM",
        )
        try:
            adapted = get_peft_model(model.module, config)
        except ValueError as error:
            raise UserError(f"mitigations.lora.target_modules: {error}") from error
        return TransformersCausal(adapted, model.tokenizer, model.name, model.load_in, base=adapted.disable_adapter)
