"""A penalty's gradient is multiplied by a loss scale as the loss's is; where it would be lost it is refused."""

from types import SimpleNamespace

import pytest
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from retain.data.encoding import Encoded
from retain.errors import UserError
from retain.mitigations.distance import distance_to_base
from retain.mitigations.lora import Lora
from retain.models.load import load_causal
from retain.models.low_rank import lora_layers
from retain.training.stream import GeneralStream
from retain.training.trainer import with_penalties

ROWS = [[4 + (i * 7 + j) % 30 for j in range(4 + i % 5)] for i in range(8)]
DATA = [{"input_ids": row, "labels": [-100, -100, *row[2:]]} for row in ROWS]
GENERAL = {"own": GeneralStream([Encoded(input_ids=row, labels=row) for row in ROWS[:4]], 1.0, 0)}

SCALE = 1024.0


def on_general(step):
    return step.general_logits("own").square().mean(-1).sum() / step.general("own").usual


def moved(folder, out, lora, weighted):
    """A model that has moved from the base, and its distance from there."""
    model = load_causal(str(folder), "fp32")
    setup = SimpleNamespace(folder=out)
    torch.manual_seed(0)
    model = Lora(rank=2).wrap_model(model, setup) if lora else model
    if lora:
        shapes = {name: (one.out_features, one.in_features) for name, one in lora_layers(model.module)}
    else:
        shapes = {name: one.shape for name, one in model.module.named_parameters()}
    importance = {name: torch.rand(*shape) for name, shape in shapes.items()} if weighted else None
    penalty = distance_to_base(model, setup, 3.0, importance)
    with torch.no_grad():
        for parameter in model.module.parameters():
            if parameter.requires_grad:
                parameter += 0.1 * torch.randn(parameter.shape)
    return model, penalty


def trainer_of(model, penalties, out, accumulation=2, base=SFTTrainer, **changes):
    arguments = SFTConfig(
        output_dir=str(out), per_device_train_batch_size=8 // accumulation, gradient_accumulation_steps=accumulation,
        use_cpu=True, bf16=False, report_to="none", disable_tqdm=True, max_length=64, eos_token=None, max_steps=1,
        save_strategy="no", **changes,
    )  # fmt: skip
    return with_penalties(base, penalties, GENERAL)(
        model=model.module, args=arguments, train_dataset=Dataset.from_list(DATA), processing_class=model.tokenizer
    )


@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("weighted", [False, True], ids=["l2", "ewc"])
@pytest.mark.parametrize("alone", [False, True], ids=["all", "distance"])
def test_a_loss_scale_leaves_every_penalty_its_share(toy_folder, tmp_path, lora, weighted, alone):
    def gradients(scale):
        model, distance = moved(toy_folder, tmp_path, lora, weighted)
        found = {}

        class Watched(SFTTrainer):
            def compute_loss(self, *args, **kwargs):
                return super().compute_loss(*args, **kwargs) * (not alone)

            def _get_grad_norm(self, *args, **kwargs):
                named = self.model.named_parameters()
                found.update({name: p.grad.clone() for name, p in named if p.grad is not None})
                return super()._get_grad_norm(*args, **kwargs)

        trainer = trainer_of(model, {"distance": distance, "general": on_general}, tmp_path, 2, Watched)
        if alone:
            del trainer.penalties["general"]
        if scale is not None:
            trainer.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        trainer.args.max_grad_norm = trainer.accelerator.max_grad_norm = 1e9
        trainer.train()
        return found

    plain, scaled = gradients(None), gradients(SCALE)
    assert plain.keys() == scaled.keys()
    assert any(one.any() for one in plain.values())
    for name, one in plain.items():
        assert torch.allclose(scaled[name] / SCALE, one, rtol=1e-4, atol=1e-5), name


@pytest.mark.parametrize(
    ("kind", "precision", "said"),
    [
        (DistributedType.DEEPSPEED, "fp16", "DeepSpeed takes gradients"),
        (DistributedType.DEEPSPEED, "bf16", "DeepSpeed takes gradients"),
        (DistributedType.FSDP, "fp16", "FSDP takes gradients"),
        (DistributedType.MULTI_CPU, "fp16", None),
        (DistributedType.NO, "fp16", None),
    ],
)
@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
def test_engines_that_would_lose_its_gradient_are_refused(
    kind, precision, said, lora, toy_folder, tmp_path, monkeypatch
):
    model, distance = moved(toy_folder, tmp_path, lora, weighted=False)
    trainer = trainer_of(model, {"general": on_general, "l2_to_base": distance}, tmp_path)
    monkeypatch.setattr(Accelerator, "distributed_type", kind)
    monkeypatch.setattr(Accelerator, "mixed_precision", precision)
    monkeypatch.setattr(SFTTrainer, "train", lambda self: "trained")
    if said is None or lora:
        assert trainer.train() == "trained"
    else:
        with pytest.raises(UserError, match=f"mitigations.l2_to_base: .*{said}"):
            trainer.train()
        del trainer.penalties["l2_to_base"]
        assert trainer.train() == "trained"


@pytest.mark.parametrize("name", ["lomo", "galore_adamw_layerwise"])
def test_optimizers_that_step_within_a_backward_pass_are_refused(name, toy_folder, tmp_path):
    model, distance = moved(toy_folder, tmp_path, lora=False, weighted=False)
    trainer = trainer_of(model, {"ewc": distance}, tmp_path, optim=name)
    with pytest.raises(UserError, match=f"mitigations.ewc: .*the optimizer {name} takes gradients"):
        trainer.train()
