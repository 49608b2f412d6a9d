"""Keep a LoRA update out of the directions that general text uses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from retain.errors import UserError
from retain.mitigations.adapter_distance import is_experts
from retain.mitigations.base import Mitigation, Setup
from retain.mitigations.distributions import encoded_rows
from retain.mitigations.input_directions import used_directions
from retain.models.causal import as_language_model
from retain.models.low_rank import ADAPTER, DownFromStart, lora_layers
from retain.models.null_space import project
from retain.models.transformers_model import TransformersModel

if TYPE_CHECKING:
    from transformers import TrainerCallback

BOUNDED = ("lora", "rslora", "mica")
"""Variants of ``lora`` whose update is a product that begins at zero."""


class NullSpace(Mitigation):
    """Let a LoRA adapter change nothing along the inputs that general text uses (NB-LoRA; LoRA-Null, arXiv 2503.02659).

    For each adapted layer the second moment of its inputs over general text is taken on the base; M are the
    eigenvectors that hold ``energy`` of it, N the others. The update is B C N' with B and C trained. It is computed as
    B A (I - M M') with A (I - M M') = C N', the same set of updates, since that needs no basis N, which would be as
    large as the layer. The projection is part of the layer: AdamW would carry projected gradients out of the null
    space, and so the update lies in it after every step, with weight decay too. What is saved is an ordinary LoRA
    adapter, A already projected.

    An input with all its energy in M gets the base's output of each layer. General text has up to 1 - ``energy``
    outside of M: the layers after the first see changed inputs too. How much an update changes there depends on how
    steeply the energies fall. On SmolLM2 and the text that the directions came from it is 17% of what a free trained
    update of the same norm does at 0.99 and 14% at 0.999, on other text 22 and 19% (benchmarks/null_space). That keeps
    the model's way of going on more than its way of beginning an answer: see docs/LOG.md before relying on it alone.

    Requirements: ``lora`` before it, of the variants lora, rslora and mica; general text of several times as many
    tokens as the widest layer has inputs: fewer cannot show what it uses, and a note says so. Memory: d_in numbers a
    layer for each direction in M. Eigenvectors of a layer take time in d_in to the third power, once.

    Relations: unlike ``kl_to_base`` it costs next to nothing in a step. What the task needs along the directions of
    general text it cannot learn: then lower ``energy`` or use ``kl_to_base``. ``lora`` with ``variant: corda`` only
    begins in such directions.
    """

    not_for_rerankers: ClassVar[str] = (
        "it reads which directions general text uses in a language model; use score_to_base or lora"
    )

    not_for_dealt: ClassVar[str] = (
        "it projects whole factors wherever they are read, of which each process then has a part; use kl_to_base, or "
        "DDP"
    )

    kind: Literal["null_space"] = "null_space"
    energy: float = Field(0.99, gt=0, le=1)
    """Share of the inputs' energy whose directions are barred."""
    general: str | None = None
    """Name of the general set; the first one when empty."""

    def conflicts(self, recipe: Any) -> list[str]:
        """It keeps an adapter in bounds, so it needs one that is there before it, of a variant that can be kept."""
        kinds = [getattr(one, "kind", "") for one in recipe.mitigations]
        before = kinds[: kinds.index(self.kind)]
        if "lora" not in before:
            return ["it keeps a LoRA adapter in bounds: put {kind: lora} before it"]
        variant = getattr(recipe.mitigations[before.index("lora")], "variant", "lora")
        return [] if variant in BOUNDED else [f"{_unbounded(variant)}; use variant: {', '.join(BOUNDED)}"]

    def wrap_model(self, model: TransformersModel, setup: Setup) -> TransformersModel:
        """The model with its adapter's projections in place; it still answers as before.

        Raises:
            UserError: the model carries no LoRA adapter, one of another kind, or no direction is left.
        """
        layers = dict(lora_layers(model.module))
        if not layers:
            raise UserError(
                "mitigations.null_space: there is no LoRA adapter to keep in bounds; put {kind: lora} before it"
            )
        for name, layer in layers.items():
            _check(name, layer)
        rows = encoded_rows(setup, setup.general_set(self.general).name)
        used = used_directions(as_language_model(model), setup, layers, rows, self.energy)
        for name, layer in layers.items():
            self._check_left(name, layer, used[name].shape[1])
            project(layer.lora_A[ADAPTER], used[name])
        self._note(layers, used, sum(len(row.input_ids) for row in rows), setup)
        return model

    def callback(self, model: TransformersModel, setup: Setup) -> TrainerCallback | None:
        """Keeps A as it is trained beside each checkpoint, so that a run which goes on is the same to the bit."""
        return keeps_factors(model.module)

    def _check_left(self, name: str, layer: Any, used: int) -> None:
        if used >= layer.in_features:
            raise UserError(
                f"mitigations.null_space.energy: general text uses all {used} input directions of {name}, so that "
                f"nothing could be learned there. Lower energy ({self.energy:g})."
            )

    def _note(self, layers: dict[str, Any], used: dict[str, Any], tokens: int, setup: Setup) -> None:
        widest = max(layer.in_features for layer in layers.values())
        left = [1 - used[name].shape[1] / layer.in_features for name, layer in layers.items()]
        setup.note(
            f"null_space left the adapter {100 * sum(left) / len(left):.0f}% of the input directions on average "
            f"({100 * min(left):.0f}% in the layer with the fewest)"
        )
        if tokens < 2 * widest:
            setup.note(
                f"null_space saw {tokens} tokens of general text, and the widest layer has {widest} inputs: directions "
                "that these tokens happen not to use count as free; use more general text"
            )


def _unbounded(variant: str = "") -> str:
    """Why the update of a variant of lora cannot be kept in bounds."""
    if variant == "dora":
        return "lora.variant: dora scales whole rows, general directions included"
    which = f"lora.variant: {variant}" if variant else "this variant of lora"
    return f"{which} subtracts its first factors, which lie in the directions that are barred"


def _check(name: str, layer: Any) -> None:
    """Refuse adapters whose update is not a product that begins at zero."""
    if ADAPTER in getattr(layer, "lora_magnitude_vector", ()):
        raise UserError(f"mitigations.null_space: {_unbounded('dora')}; use variant: {', '.join(BOUNDED)}")
    if isinstance(layer.lora_A[ADAPTER], DownFromStart):
        raise UserError(f"mitigations.null_space: {_unbounded()}; use variant: {', '.join(BOUNDED)}")
    if is_experts(layer) or not hasattr(layer, "in_features") or layer.lora_A[ADAPTER].weight.dim() != 2:
        raise UserError(f"mitigations.null_space: {name} is not a linear layer; leave it out of lora.target_modules")


def keeps_factors(module: Any) -> TrainerCallback:
    """A callback that saves the factors A beside each checkpoint and takes them from there when training goes on."""
    from safetensors.torch import load_file, save_file
    from transformers import TrainerCallback

    def factors() -> dict[str, Any]:
        found = {name: layer.lora_A[ADAPTER].parametrizations.weight.original for name, layer in lora_layers(module)}
        return {name: factor.data for name, factor in found.items()}

    def path(args: Any, state: Any) -> Path:
        return Path(args.output_dir) / f"checkpoint-{state.global_step}" / "null_space.safetensors"

    class KeepsFactors(TrainerCallback):
        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.is_world_process_zero:
                tensors = {name: factor.cpu().contiguous() for name, factor in factors().items()}
                save_file(tensors, str(path(args, state)))

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step and path(args, state).is_file():
                saved = load_file(str(path(args, state)))
                for name, factor in factors().items():
                    factor.copy_(saved[name])

    return KeepsFactors()
