"""Adapters that go on over stages: what they are with the adapter off, before a step, and after merging."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from retain.errors import UserError
from retain.mitigations.base import Setup
from retain.mitigations.lora import Lora
from retain.mitigations.strength import Strength
from retain.models.load import load_causal
from retain.models.low_rank import ADAPTER, lora_layers, save_adapter
from retain.models.update import adapter_update
from retain.sequences.adapters import (
    GoingOn,
    begin_at,
    model_folder,
    orthonormal_rows,
    running_share,
    stage_mitigations,
    write_whole,
)
from retain.training.trained import load_trained, save_tuned

LORA = {"rank": 4, "target_modules": ["q_proj", "down_proj"]}


def setup_of(model):
    return Setup(base=model, general={}, gate=None, folder=None, seed=0, encode=None, measure_dev=None,
                 base_dev=None, task_probes=frozenset())  # fmt: skip


def trained(model, seed):
    """Stands for a training: other factors than those it began with."""
    torch.manual_seed(seed)
    for _, layer in lora_layers(model.module):
        for linear in (layer.lora_A[ADAPTER], layer.lora_B[ADAPTER]):
            linear.weight.data += 0.1 * torch.randn_like(linear.weight)
    return model


def weights(module):
    return {name.replace(".base_layer", ""): w.detach().clone() for name, w in module.state_dict().items()}


def finished(model, mitigation, folder, strength=1.0):
    """Trained factors saved, loaded, finished and saved as a stage does; the whole model afterwards."""
    save_adapter(model.module, folder / "trained")
    base = model.rebuilt(model.module.unload())
    again = load_trained(base, folder / "trained")
    again, _ = mitigation.finish_model(again, setup_of(again))
    adapter_update(again.module).apply(strength)
    save_tuned(again, folder / "tuned")
    return again.rebuilt(again.module.merge_and_unload())


def factors(folder, rank=4):
    state = load_file(str(folder / "adapter_model.safetensors"))
    name = next(key for key in state if "q_proj.lora_A" in key)
    return (
        state[name][:rank],
        state[name.replace("lora_A", "lora_B")][:, :rank],
        name.split("base_model.model.")[1][:-14],
    )


def test_one_adapter_is_one_product_over_all_stages(toy, tmp_path):
    start = weights(toy.module)
    first = GoingOn(**LORA)
    whole = finished(trained(first.wrap_model(toy, setup_of(toy)), 1), first, tmp_path / "1")
    middle = weights(whole.module)
    second = GoingOn(**LORA, earlier=tmp_path / "1/tuned", stage=2)
    wrapped = second.wrap_model(whole, setup_of(whole))
    a1, b1, name = factors(tmp_path / "1/tuned")
    layer = dict(lora_layers(wrapped.module))[f"base_model.model.{name}"]
    assert torch.equal(layer.lora_A[ADAPTER].weight, a1) and torch.equal(layer.lora_B[ADAPTER].weight, b1)
    ids = torch.tensor([[3, 4, 5, 6]])
    with torch.no_grad(), wrapped.as_base():
        off = wrapped.module(ids).logits
    with torch.no_grad():
        assert torch.allclose(wrapped.module(ids).logits, off, atol=1e-5)  # it begins as the model before
    whole = finished(trained(wrapped, 2), second, tmp_path / "2")
    a2, b2, _ = factors(tmp_path / "2/tuned")
    end, key = weights(whole.module), f"{name}.weight"
    assert not torch.allclose(a2, a1)
    assert torch.allclose(end[key], start[key] + 2 * b2 @ a2, atol=1e-5)  # alpha is twice the rank
    assert torch.allclose(middle[key], start[key] + 2 * b1 @ a1, atol=1e-5)


def test_the_running_merge_is_slaos_over_three_stages(toy, tmp_path):
    start, model, merged, before = weights(toy.module), toy, None, None
    for stage in (1, 2, 3):
        mitigation = GoingOn(
            **LORA, running=True, stage=stage, earlier=tmp_path / f"{stage - 1}/tuned" if stage > 1 else None
        )
        middle = weights(model.module)
        wrapped = mitigation.wrap_model(model, setup_of(model))
        name = next(iter(dict(lora_layers(wrapped.module)))).removeprefix("base_model.model.")
        layer = dict(lora_layers(wrapped.module))[f"base_model.model.{name}"]
        if before is not None:
            a, b = before
            rows = layer.lora_A[ADAPTER].weight.detach()
            assert torch.allclose(rows @ rows.T, torch.eye(4), atol=1e-5)
            assert torch.allclose(rows, orthonormal_rows(a), atol=1e-5)
            assert torch.allclose(layer.lora_B[ADAPTER].weight, b, atol=1e-5)
        with wrapped.module.disable_adapter():  # off, it is the model that the stage began with
            assert torch.equal(layer.base_layer.weight, middle[f"{name}.weight"])
        trained(wrapped, stage)
        before = tuple(linear[ADAPTER].weight.detach().clone() for linear in (layer.lora_A, layer.lora_B))
        merged = before[1] if merged is None else merged + (before[1] - merged) / stage**0.5
        model = finished(wrapped, mitigation, tmp_path / str(stage))
        expected = start[f"{name}.weight"] + 2 * merged @ before[0]
        assert torch.allclose(weights(model.module)[f"{name}.weight"], expected, atol=1e-4)


def test_a_strength_lies_between_the_stages_start_and_its_merge(toy, tmp_path):
    ends = []
    for strength in (0.5, 1.0):
        torch.manual_seed(0)  # an adapter begins with random weights
        model = load_causal(toy.name, "fp32")
        first = GoingOn(**LORA, running=True)
        model = finished(trained(first.wrap_model(model, setup_of(model)), 1), first, tmp_path / f"{strength}-1")
        begin = weights(model.module)
        second = GoingOn(**LORA, running=True, stage=2, earlier=tmp_path / f"{strength}-1/tuned")
        wrapped = trained(second.wrap_model(model, setup_of(model)), 2)
        ends.append(weights(finished(wrapped, second, tmp_path / f"{strength}-2", strength).module))
    key = next(key for key in begin if "q_proj" in key)
    assert torch.allclose(ends[0][key], (begin[key] + ends[1][key]) / 2, atol=1e-5)
    assert not torch.allclose(ends[0][key], ends[1][key], atol=1e-4)


def test_shares_and_orthonormal_rows():
    assert [running_share(stage) for stage in (1, 4)] == [1.0, 0.5]
    factor = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    rows = orthonormal_rows(factor)
    assert torch.allclose(rows @ rows.T, torch.eye(3), atol=1e-6)
    assert (torch.diag(factor @ rows.T) > 0).all()  # R's diagonal: the directions keep their sign
    assert torch.allclose(factor @ rows.T @ rows, factor, atol=1e-5)  # and their span
    with pytest.raises(UserError, match="lower lora's rank"):
        orthonormal_rows(torch.randn(9, 8))


def test_the_adapter_of_another_model_is_refused(toy, tmp_path):
    lora = Lora(rank=4)
    wrapped = lora.wrap_model(toy, setup_of(toy))
    save_file({"x": torch.zeros(1)}, str(tmp_path / "adapter_model.safetensors"))
    with pytest.raises(UserError, match="holds no adapter of rank 4"):
        begin_at(wrapped.module, tmp_path, None)


def test_mitigations_of_a_stage_follow_the_sequences_word(tmp_path):
    given = [Lora(rank=4), Strength()]
    assert stage_mitigations(given, "one_a_stage", 1, tmp_path) == given
    one, merged = (stage_mitigations(given, kind, 1, tmp_path)[-1] for kind in ("one", "merged"))
    assert (one.running, merged.running, one.stage, one.earlier) == (False, True, 2, tmp_path / "tuned")
    assert stage_mitigations(given, "one", 0, tmp_path)[-1].earlier is None
    kinds = [type(unit).__name__ for unit in sorted(stage_mitigations(given, "merged", 1, tmp_path),
                                                    key=lambda unit: unit.finish_order)]  # fmt: skip
    assert kinds == ["GoingOn", "Strength"]  # the merge comes before the strength of it


def test_the_whole_model_answers_as_the_adapter_did(toy, tmp_path):
    lora = Lora(**LORA)
    model = trained(lora.wrap_model(toy, setup_of(toy)), 3)
    save_tuned(model, tmp_path / "tuned")
    ids = torch.tensor([[3, 4, 5, 6]])
    with torch.no_grad():
        expected = model.module(ids).logits
    place = write_whole(tmp_path)
    assert place == model_folder(tmp_path) == tmp_path / "merged"
    with torch.no_grad():
        assert torch.allclose(load_causal(str(place), "fp32").module(ids).logits, expected, atol=1e-4)
    assert model_folder(tmp_path / "none") == tmp_path / "none/tuned"
