"""The distance from the base: equal to its formula, to itself over accumulated passes, and zero at the base."""

import pytest
import torch
from datasets import Dataset
from safetensors import safe_open
from trl import SFTConfig, SFTTrainer

from retain.errors import UserError
from retain.mitigations.base import Step
from retain.mitigations.distance import distance_to_base, save_base
from retain.mitigations.l2_to_base import L2ToBase
from retain.mitigations.lora import Lora
from retain.models.low_rank import ADAPTER, lora_layers
from retain.models.update import BASE_WEIGHTS
from retain.recipe import parse_recipe
from retain.training.trainer import with_penalties

STEP = Step(None, {}, lambda name: None)


def move(module, size=0.1):
    """Change everything that is trained."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter += size * torch.randn(parameter.shape, generator=generator)


def gradients(module):
    found = {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}
    module.zero_grad()
    return found


def test_full_fine_tuning_meets_the_formula(make_setup, toy):
    begin = {name: p.detach().clone() for name, p in toy.module.named_parameters()}
    penalty = L2ToBase(weight=0.3).penalty(toy, make_setup())
    move(toy.module)
    value = penalty(STEP)
    value.backward()
    moved = {name: p.detach() - begin[name] for name, p in toy.module.named_parameters()}
    assert value.item() == pytest.approx(0.15 * sum(one.square().sum().item() for one in moved.values()), rel=1e-5)
    found = gradients(toy.module)
    assert found.keys() == moved.keys()
    for name, gradient in found.items():
        assert torch.allclose(gradient, 0.3 * moved[name], atol=1e-6), name


def test_the_gradient_joins_what_the_loss_gives(make_setup, toy):
    penalty = L2ToBase(weight=0.3).penalty(toy, make_setup())
    move(toy.module)
    (penalty(STEP) * 2).backward()
    alone = gradients(toy.module)
    loss = sum(p.square().sum() for p in toy.module.parameters())
    (loss + 2 * penalty(STEP)).backward()
    for name, gradient in gradients(toy.module).items():
        expected = alone[name] + 2 * toy.module.get_parameter(name).detach()
        assert torch.allclose(gradient, expected, atol=1e-5), name


def test_parts_of_a_tensor_give_what_the_whole_gives(make_setup, toy, monkeypatch):
    penalty = L2ToBase(weight=1.0).penalty(toy, make_setup())
    move(toy.module)
    (whole := penalty(STEP)).backward()
    expected = gradients(toy.module)
    monkeypatch.setattr("retain.mitigations.distance.CHUNK", 100)
    (parts := penalty(STEP)).backward()
    assert parts.item() == pytest.approx(whole.item(), rel=1e-5)
    for name, gradient in gradients(toy.module).items():
        assert torch.equal(gradient, expected[name]), name


@pytest.mark.parametrize("variant", [None, "lora", "rslora", "orthogonal", "pissa", "olora", "mica"])
def test_at_the_base_it_is_zero_and_its_gradient_too(make_setup, toy, variant):
    setup = make_setup()
    model = Lora(rank=2, variant=variant).wrap_model(toy, setup) if variant else toy
    value = L2ToBase(weight=1.0).penalty(model, setup)(STEP)
    value.backward()
    assert value.item() == 0
    found = gradients(model.module)
    assert found
    assert all((gradient == 0).all() for gradient in found.values())


@pytest.mark.parametrize("variant", ["lora", "rslora", "pissa"])
def test_with_an_adapter_it_is_the_norm_of_the_product(make_setup, toy, variant):
    setup = make_setup()
    model = Lora(rank=3, alpha=5.0, variant=variant).wrap_model(toy, setup)
    penalty = L2ToBase(weight=0.3).penalty(model, setup)
    layers = [layer for _, layer in lora_layers(model.module)]
    begin = [(scaled_product(layer)).detach().clone() for layer in layers]
    move(model.module)
    expected = 0.15 * sum(
        (scaled_product(one) - start).square().sum() for one, start in zip(layers, begin, strict=True)
    )
    if variant != "pissa":
        assert all((start == 0).all() for start in begin)
    expected.backward()
    wanted = gradients(model.module)
    value = penalty(STEP)
    value.backward()
    assert value.item() == pytest.approx(expected.item(), rel=1e-4)
    found = gradients(model.module)
    assert found.keys() == wanted.keys()
    for name, gradient in found.items():
        assert torch.allclose(gradient, wanted[name], rtol=1e-3, atol=1e-4), name


def scaled_product(layer):
    return layer.scaling[ADAPTER] * layer.lora_B[ADAPTER].weight @ layer.lora_A[ADAPTER].weight


def test_dora_is_refused_in_the_recipe_and_by_the_model(make_setup, toy, toy_recipe):
    with pytest.raises(UserError, match=r"l2_to_base\): lora.variant: dora also rescales"):
        parse_recipe(toy_recipe(mitigations=[{"kind": "lora", "variant": "dora"}, {"kind": "l2_to_base"}]))
    setup = make_setup()
    with pytest.raises(UserError, match="carries a DoRA adapter"):
        L2ToBase().penalty(Lora(rank=2, variant="dora").wrap_model(toy, setup), setup)


def test_what_is_trained_beside_an_adapter_is_refused(make_setup, toy):
    setup = make_setup()
    model = Lora(rank=2).wrap_model(toy, setup)
    model.module.get_input_embeddings().weight.requires_grad_()
    with pytest.raises(UserError, match=r"found .*embed_tokens"):
        L2ToBase().penalty(model, setup)


def test_frozen_weights_take_no_part(make_setup, toy):
    for name, parameter in toy.module.named_parameters():
        parameter.requires_grad_("mlp" in name)
    penalty = distance_to_base(toy, make_setup(), 1.0)
    move(toy.module)
    penalty(STEP).backward()
    assert {name for name in gradients(toy.module)} == {n for n, _ in toy.module.named_parameters() if "mlp" in n}
    for parameter in toy.module.parameters():
        parameter.requires_grad_(False)
    with pytest.raises(UserError, match="nothing of the model is trained"):
        distance_to_base(toy, make_setup(), 1.0)


def test_the_bases_file_is_in_bf16_only_where_that_is_exact(toy, tmp_path):
    first = next(iter(toy.module.parameters()))
    with torch.no_grad():
        first.copy_(first.bfloat16())
    with safe_open(str(save_base(toy, tmp_path / BASE_WEIGHTS)), framework="pt") as file:
        for name, parameter in toy.module.named_parameters():
            saved = file.get_tensor(name)
            exact = torch.equal(parameter.bfloat16().float(), parameter)
            assert exact or parameter is not first
            assert saved.dtype == (torch.bfloat16 if exact else torch.float32)
            assert torch.equal(saved.float(), parameter)


ROWS = [[4 + (i * 7 + j) % 30 for j in range(4 + i % 5)] for i in range(8)]


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_accumulating_changes_no_gradient(make_setup, toy_folder, tmp_path, lora, weighted):
    """Eight rows in one forward pass, or in four, of a model that has already moved."""
    from retain.models.load import load_causal

    def first_update(batch, accumulation):
        model = load_causal(str(toy_folder), "fp32")
        setup = make_setup(model)
        torch.manual_seed(0)
        model = Lora(rank=2).wrap_model(model, setup) if lora else model
        names = [n for n, _ in (lora_layers(model.module) if lora else model.module.named_parameters())]
        shapes = {n: (model.module.get_submodule(n) if lora else model.module.get_parameter(n)) for n in names}
        importance = {
            n: torch.rand(*((one.out_features, one.in_features) if lora else one.shape)) for n, one in shapes.items()
        }
        penalty = distance_to_base(model, setup, 0.3, importance if weighted else None)
        move(model.module)
        found = []

        class Stop(Exception):
            pass

        class Watched(with_penalties(SFTTrainer, {"distance": penalty})):
            def training_step(self, *args, **kwargs):
                loss = super().training_step(*args, **kwargs)
                found.append(loss.item())
                if len(found) == accumulation:
                    raise Stop
                return loss

        arguments = SFTConfig(
            output_dir=str(tmp_path / "out"), per_device_train_batch_size=batch, report_to="none", disable_tqdm=True,
            gradient_accumulation_steps=accumulation, use_cpu=True, bf16=False, max_length=64, eos_token=None,
        )  # fmt: skip
        data = Dataset.from_list([{"input_ids": row, "labels": [-100, -100, *row[2:]]} for row in ROWS])
        trainer = Watched(model=model.module, args=arguments, train_dataset=data, processing_class=model.tokenizer)
        with pytest.raises(Stop):
            trainer.train()
        return sum(found), gradients(model.module)

    (one, whole), (four, parts) = first_update(8, 1), first_update(2, 4)
    assert one == pytest.approx(four, rel=1e-5)
    assert whole.keys() == parts.keys()
    for name, gradient in whole.items():
        assert torch.allclose(gradient, parts[name], atol=1e-5), name
