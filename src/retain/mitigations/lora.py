"""Low-rank adapters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from retain.errors import UserError
from retain.mitigations.base import Mitigation, Setup
from retain.mitigations.lora_start import STARTS, begin
from retain.mitigations.lora_targets import ALL, left_without, target_names
from retain.models.dora_update import begin_at_base
from retain.models.reranker import TransformersReranker
from retain.models.transformers_model import TransformersModel

NOTED_SHARE = 0.01
"""Of the weights of a model's layers: when more has no adapter, a note says so."""
Variant = Literal["lora", "rslora", "dora", "mica", "orthogonal", "pissa", "olora", "corda"]


class Lora(Mitigation):
    """Train a low-rank adapter and leave the base's weights as they are, bit for bit (Hu et al. 2021).

    W' = W + (alpha / rank) B A on every linear layer but the output head, A and B trained in fp32.
    ``training.weight_decay`` acts on A and B and pulls the update towards nothing. With ``model.load_in: 4bit`` this is
    QLoRA.

    Variants, computed by PEFT: ``rslora`` scales by alpha / sqrt(rank) (arXiv 2312.03732), for high ranks; ``dora``
    trains each row's length apart from its direction (arXiv 2402.09353), slower; ``mica`` trains A only, with B on W's
    smallest singular directions (arXiv 2604.01694); ``orthogonal`` begins at orthogonal factors with B A = 0;
    ``pissa`` begins at W's largest singular directions (arXiv 2404.02948), ``olora`` at its QR factors (arXiv
    2406.01775): both learn faster; ``corda`` (knowledge-preserved, arXiv 2406.05223) begins at the directions that
    the first general set uses least. The last four subtract their first factors from the update and not from W, so
    that the adapter switched off is the base in every variant; what is saved is plain LoRA of twice the rank. Not
    offered: LoftQ, KaSA and OSF (they replace the base's weights), EVA and LoRA-GA (they serve learning speed alone).

    Experts of a mixture lie in one tensor in transformers 5. They get no adapter, since their update is no product B A;
    a note says what share of the weights that is. To train experts, train without ``lora`` and with ``freeze``.

    A reranker's head is trained as a whole beside it (``modules_to_save``), and saved with it: left out, it would be
    lost.

    Relations: frozen weights are not frozen behaviour: an adapter alone can still make the model forget, so use it
    with ``kl_to_base`` or ``rehearsal``, and with ``strength``, which is nearly free here.
    """

    kind: Literal["lora"] = "lora"
    variant: Variant = "lora"
    """How the update is built or begun."""
    rank: int = Field(16, ge=1)
    """Rank of the update; 32 to 64 for strong domain shifts."""
    alpha: float | None = Field(None, gt=0)
    """Scale of the update is alpha / rank; twice the rank when empty."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout on the adapter's input during training."""
    target_modules: str | list[str] = "all-linear"
    """Which linear layers get an adapter: ``all-linear`` (all but the output head, the gates of experts and what the
    kernels of state space mixers read), a list of names or of their endings, or one regular expression that matches
    whole names."""

    def not_dealt(self, adapter: bool) -> str:
        """Variants that keep their first factors beside the trained ones."""
        if self.variant not in STARTS:
            return ""
        return (
            f"variant: {self.variant} subtracts its first factors, which stay whole, from trained ones, of which each "
            "process then has a part; use another variant, or DDP"
        )

    def wants_general(self) -> bool:
        """CorDA reads which directions general text uses."""
        return self.variant == "corda"

    def conflicts(self, recipe: Any) -> list[str]:
        """Variants that do not go with 4-bit weights or weight decay."""
        found = []
        if recipe.training.method == "rank" and self.variant in ("dora", "corda"):
            found.append(
                f"variant: {self.variant} is not offered for rerankers: its strength or its start would not include "
                "the head; use another variant"
            )
        if recipe.model.load_in == "4bit" and self.variant in ("mica", "corda"):
            found.append(
                f"variant: {self.variant} decomposes the weights as they are stored, and 4-bit ones are packed; "
                "use load_in: bf16, or another variant"
            )
        if recipe.training.weight_decay and self.variant in ("pissa", "olora", "corda"):
            found.append(
                f"variant: {self.variant} begins at large factors, and training.weight_decay would pull them towards "
                "zero, away from the base; set weight_decay to 0, or use another variant"
            )
        if self.variant == "orthogonal" and self.rank % 2:
            found.append(f"rank: variant orthogonal needs an even rank; found {self.rank}")
        return found

    def wrap_model(self, model: TransformersModel, setup: Setup) -> TransformersModel:
        """The model with a fresh adapter, which answers exactly as the base until it is trained.

        Raises:
            UserError: the model carries an adapter, ``target_modules`` names no linear layer of it, or the variant
                cannot be begun on it.
        """
        from peft import get_peft_model

        if hasattr(model.module, "peft_config"):
            raise UserError("mitigations: the model already carries an adapter; merge it first or drop 'lora'")
        head = model.head if isinstance(model, TransformersReranker) else []
        names = target_names(model.module, self.target_modules, head)
        share, without = left_without(model.module, names, head)
        if self.target_modules == ALL and share > NOTED_SHARE:
            setup.note(
                f"lora put no adapter on {100 * share:.0f}% of the weights in the layers ({', '.join(without)}): "
                "they are no linear layers that an adapter acts on (experts in one tensor, gates, what kernels read) "
                "and stay as in the base"
            )
        fingerprint = model.fingerprint
        try:
            adapted = get_peft_model(model.module, self._config(head, names))
        except (ValueError, TypeError) as error:
            raise UserError(f"mitigations.lora: {error}") from error
        if self.variant in STARTS:
            begin(adapted, self.variant, names, fingerprint, setup)
        if self.variant == "dora":
            begin_at_base(adapted)
        return model.rebuilt(adapted, adapted.disable_adapter)

    def _config(self, head: Sequence[str], names: Sequence[str]) -> Any:
        from peft import LoraConfig

        return LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha or 2 * self.rank,
            lora_dropout=self.dropout,
            target_modules=list(names),  # PEFT's own all-linear would adapt experts and parts of a reranker's head
            modules_to_save=list(head) or None,
            use_rslora=self.variant == "rslora",
            use_dora=self.variant == "dora",
            init_lora_weights="mica" if self.variant == "mica" else True,
            task_type="SEQ_CLS" if head else "CAUSAL_LM",
        )
