"""What becomes of a stage's adapter: merged into the weights, gone on with in the next stage, or merged as SLAO does.

After every stage the whole model is written, and the next stage begins there: with its adapter switched off a model
answers as the stage before left it. An adapter that goes on begins at factors other than zero, and what these add to
the weights already is taken off (``retain.models.low_rank``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from retain.errors import UserError
from retain.folder import whole_folder
from retain.mitigations.base import Mitigation, Setup
from retain.mitigations.lora import Lora
from retain.models.low_rank import ADAPTER, begin_here, lora_layers
from retain.models.transformers_model import TransformersModel
from retain.records import Choice
from retain.sequence_settings import Adapters
from retain.sums import check_sums
from retain.training.trained import TUNED, tuned_folder

if TYPE_CHECKING:
    import torch

MERGED = "merged"
"""Folder of the whole model after a stage that trained an adapter."""


def model_folder(stage: Path) -> Path:
    """Where the whole model lies that a stage left behind."""
    return stage / (MERGED if (stage / TUNED / "adapter_config.json").is_file() else TUNED)


def check_whole(stage: Path) -> None:
    """Refuse a stage's whole model that is not what was written.

    Raises:
        DamagedError: says what is made anew once it is gone.
    """
    folder = model_folder(stage)
    made = [folder, stage / "record.json"] + ([stage / "chosen.json"] if folder.name == TUNED else [])
    if folder.is_dir():
        check_sums(folder, made)


def write_whole(stage: Path) -> Path:
    """Merge a stage's adapter into its base, in fp32, and write the whole model; after full fine-tuning it is there."""
    place = model_folder(stage)
    if place.name == MERGED and not (place / "config.json").is_file():
        from retain.models.load import load_causal

        model = load_causal(tuned_folder(stage), "fp32")
        whole = model.rebuilt(model.module.merge_and_unload())
        with whole_folder(place, sums=True) as making:
            whole.save(making)
    return place


class GoingOn(Lora):
    """LoRA that begins with the factors of the stage before (``sequence.adapters: one`` and ``merged``).

    ``one``: stage k trains the A and B that stage k-1 ended with. The model is W[k-1] + s (B A - B[k-1] A[k-1]), W[k-1]
    being the whole model after stage k-1; at full strength throughout that is W[0] + s B A, one adapter of one rank.

    ``merged``: SLAO (Qiao and Mahdavi, Merge before Forget, arXiv 2512.23017). Stage i trains from A = Q', where
    Q R = A[i-1]' with the signs of R's diagonal made positive, and from B[i-1], both as trained in stage i-1. After it
    A_merge[i] = A[i] and B_merge[i] = B_merge[i-1] + (B[i] - B_merge[i-1]) / sqrt(i); the model is
    W[0] + s B_merge[i] A_merge[i]. A strength below 1 is between that and the model after stage i-1.
    """

    finish_order: ClassVar[int] = -1

    earlier: Path | None = None
    """The finished adapter of the stage before; None in the first stage."""
    running: bool = False
    """Merge as SLAO does."""
    stage: int = 1
    """Counted from 1."""

    def wrap_model(self, model: TransformersModel, setup: Setup) -> TransformersModel:
        """The model with an adapter that goes on; switched off, it is the model that the stage began with."""
        wrapped = super().wrap_model(model, setup)
        if self.earlier is not None:
            begin_at(wrapped.module, self.earlier, self.stage - 1 if self.running else None)
        return wrapped

    def finish_model(self, model: TransformersModel, setup: Setup) -> tuple[TransformersModel, Choice | None]:
        """The model with its B merged into that of the stages before."""
        if not self.running or self.earlier is None:
            return model, None
        for _, layer in lora_layers(model.module):
            up = layer.lora_B[ADAPTER].weight
            now, before = up.data[:, : self.rank], -up.data[:, self.rank :]
            up.data[:, : self.rank] = before + running_share(self.stage) * (now - before)
        return model.renewed(), None


def running_share(stage: int) -> float:
    """SLAO's lambda(i) = 1/sqrt(i): how much of a stage's B goes into the running merge, stages counted from 1."""
    return 1 / math.sqrt(stage)


def orthonormal_rows(factor: torch.Tensor) -> torch.Tensor:
    """Q' of factor' = Q R with R's diagonal made positive: (rank, in) rows of length 1 that span the same.

    Raises:
        UserError: there are more rows than columns.
    """
    import torch

    if factor.shape[0] > factor.shape[1]:
        raise UserError(
            f"sequence.adapters: merged takes an orthonormal basis of A, and {factor.shape[0]} rows of "
            f"{factor.shape[1]} numbers have none; lower lora's rank"
        )
    directions, triangle = torch.linalg.qr(factor.float().T)
    signs = torch.where(torch.diag(triangle) < 0, -1.0, 1.0)
    return (directions * signs).T.contiguous()


def begin_at(module: Any, earlier: Path, merged_stages: int | None) -> None:
    """Set a fresh adapter to the factors that a stage ended with, and take off what its weights hold of them.

    Args:
        module: a PEFT model with a fresh LoRA adapter, around the whole model that the stage left behind.
        earlier: the finished adapter's folder.
        merged_stages: how many stages the running merge of SLAO holds; None to go on with the same factors.

    Raises:
        UserError: the adapter is of other layers or of another rank.
    """
    from safetensors.torch import load_file

    state = load_file(str(earlier / "adapter_model.safetensors"))
    rank = module.peft_config[ADAPTER].r
    trained: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    for name, layer in lora_layers(module):
        down, up = (state.get(f"{name}.lora_{factor}.weight") for factor in "AB")
        if down is None or up is None or down.shape[0] not in (rank, 2 * rank):
            raise UserError(f"sequence.adapters: {earlier} holds no adapter of rank {rank} for {name}")
        now, shown = down[:rank].float(), up[:, :rank].float()
        layer.lora_A[ADAPTER].weight.data.copy_(now)
        layer.lora_B[ADAPTER].weight.data.copy_(shown)
        if merged_stages is not None:
            before = -up[:, rank:].float() if up.shape[1] == 2 * rank else None
            whole = shown if before is None else before + (shown - before) / running_share(merged_stages)
            trained[name] = orthonormal_rows(now), whole
    begin_here(module)
    for name, layer in lora_layers(module):
        if name in trained:
            layer.lora_A[ADAPTER].weight.data.copy_(trained[name][0])
            layer.lora_B[ADAPTER].weight.data.copy_(trained[name][1])


def stage_mitigations(
    mitigations: Sequence[Mitigation], adapters: Adapters, number: int, earlier: Path
) -> list[Mitigation]:
    """A stage's mitigations, LoRA as the sequence's ``adapters`` says.

    Args:
        mitigations: the stage's.
        adapters: the recipe's word for it.
        number: of the stage, counted from 0.
        earlier: the run folder of the stage before; not looked at in the first stage.
    """
    if adapters == "one_a_stage":
        return list(mitigations)
    lora = next(one for one in mitigations if isinstance(one, Lora))
    going_on = GoingOn(
        **lora.model_dump(),
        earlier=earlier / TUNED if number else None,
        running=adapters == "merged",
        stage=number + 1,
    )
    return [*(one for one in mitigations if one is not lora), going_on]
