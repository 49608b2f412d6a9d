"""Null space: the update leaves alone what general text uses, whatever the optimizer does, and is plain LoRA."""

from dataclasses import replace

import pytest
import torch
from peft import PeftModel
from torch import nn

from retain.errors import UserError
from retain.mitigations.distributions import encoded_rows
from retain.mitigations.input_directions import strongest, used_directions
from retain.mitigations.lora import Lora
from retain.mitigations.null_space import NullSpace
from retain.models.load import load_causal
from retain.models.low_rank import ADAPTER, lora_layers
from retain.models.null_space import project
from retain.models.update import adapter_update
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.training.trained import save_trained


def inputs(power=None, seed=0, tokens=600, width=48):
    """Inputs of a layer: of rank 6 exactly, or with amplitudes that fall as 1 / i^power along orthogonal directions."""
    generator = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(width, width, generator=generator)).Q
    scale = torch.tensor([float(i < 6) for i in range(width)])
    if power is not None:
        scale = 1.0 / torch.arange(1, width + 1) ** power
    return (torch.randn(tokens, width, generator=generator) * scale) @ basis.T


def trained(x, directions, seed=1, rank=4, steps=30):
    """B A after some steps of AdamW with weight decay on a task that pulls in every direction."""
    torch.manual_seed(seed)
    down, up = nn.Linear(x.shape[1], rank, bias=False), nn.Linear(rank, 32, bias=False)
    nn.init.zeros_(up.weight)
    if directions is not None:
        project(down, directions)
    optimizer = torch.optim.AdamW([*down.parameters(), *up.parameters()], lr=0.05, weight_decay=0.1)
    wanted = torch.randn(len(x), 32)
    task = x + torch.randn_like(x)
    for _ in range(steps):
        optimizer.zero_grad()
        (up(down(task)) - wanted).square().mean().backward()
        optimizer.step()
    return (up.weight @ down.weight).detach()


def test_inputs_of_low_rank_see_nothing_of_the_update():
    x = inputs()
    update = trained(x, strongest(x.T @ x, 1.0))
    assert update.norm() > 0.1
    assert (x @ update.T).abs().max() < 1e-3 * x.abs().max()
    assert (x @ trained(x, None).T).abs().max() > 0.1


def share_of_a_free_change(power, energy, draws=10):
    """Mean over draws: what a projected update changes of the outputs, over what a free one of the same norm does."""
    found = []
    for seed in range(draws):
        x = inputs(power, seed)
        projected, free = trained(x, strongest(x.T @ x, energy), seed), trained(x, None, seed)
        found.append((x @ projected.T).norm() / projected.norm() / ((x @ free.T).norm() / free.norm()))
    return torch.stack(found).mean().item()


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0])
def test_inputs_of_falling_energy_see_little_of_it(power):
    """At most 15% where 99.9% of the energy is barred; at 99% that depends on how steeply energies fall: 14 to 19%."""
    shares = [share_of_a_free_change(power, energy) for energy in (0.9, 0.99, 0.999)]
    assert shares == sorted(shares, reverse=True)
    assert shares[1] < 0.22 and 0 < shares[2] < 0.15


def test_the_directions_are_the_fewest_that_hold_the_energy():
    moment = torch.diag(torch.tensor([1.0, 4.0, 90.0, 5.0]))
    assert [strongest(moment, energy).shape[1] for energy in (0.5, 0.89, 0.94, 0.98, 1.0)] == [1, 1, 2, 3, 4]
    assert strongest(moment, 0.94).abs().argmax(0).tolist() == [2, 3]
    assert strongest(torch.diag(torch.tensor([1.0, 0.0])), 1.0).shape[1] == 1, "what is never used is free"


@pytest.fixture
def said():
    return []


@pytest.fixture
def bounded(make_setup, toy, said):
    setup = replace(make_setup(), note=said.append)
    return NullSpace(energy=0.9).wrap_model(Lora(rank=4).wrap_model(toy, setup), setup), setup


def learn(model):
    """Give the adapter an update as training might."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for _, layer in lora_layers(model.module):
            for factor in (layer.lora_A[ADAPTER].parametrizations.weight.original, layer.lora_B[ADAPTER].weight):
                factor += 0.3 * torch.randn(factor.shape, generator=generator)


def moments(model, setup):
    """Inputs of each layer over general text, by hooks of our own, on the base."""
    found = {}
    layers = dict(lora_layers(model.module))
    hooks = [
        layer.register_forward_hook(lambda m, a, out, name=name: found.setdefault(name, []).append(a[0].flatten(0, -2)))
        for name, layer in layers.items()
    ]
    with torch.no_grad(), model.as_base():
        for row in encoded_rows(setup, "own"):
            model.module(torch.tensor([row.input_ids]))
    for hook in hooks:
        hook.remove()
    return {name: torch.cat(parts) for name, parts in found.items()}


def test_each_layers_directions_hold_the_energy_of_its_own_inputs(bounded):
    model, setup = bounded
    learn(model)
    for name, x in moments(model, setup).items():
        layer = dict(lora_layers(model.module))[name]
        directions = layer.lora_A[ADAPTER].parametrizations.weight[0].directions
        assert (x @ directions).square().sum() >= 0.9 * x.square().sum() * (1 - 1e-5)
        assert (x @ directions[:, :-1]).square().sum() < 0.9 * x.square().sum()
        assert (layer.lora_A[ADAPTER].weight @ directions).abs().max() < 1e-5


def test_it_begins_as_the_base_and_only_a_and_b_are_trained(make_setup, toy, toy_folder):
    setup = make_setup()
    plain = Lora(rank=4).wrap_model(load_causal(str(toy_folder), "fp32"), setup)
    model = NullSpace().wrap_model(Lora(rank=4).wrap_model(toy, setup), setup)
    row = torch.tensor([encoded_rows(setup, "own")[0].input_ids])
    assert torch.equal(model.module(row).logits, plain.module(row).logits)
    count = [sum(p.numel() for p in m.module.parameters() if p.requires_grad) for m in (model, plain)]
    assert count[0] == count[1]


def test_it_is_saved_as_plain_lora(bounded, toy_folder, tmp_path):
    model, setup = bounded
    learn(model)
    row = torch.tensor([encoded_rows(setup, "own")[0].input_ids])
    expected = model.module(row).logits
    save_trained(model, tmp_path / "trained")
    base = load_causal(str(toy_folder), "fp32").module
    start = base(row).logits
    again = PeftModel.from_pretrained(base, str(tmp_path / "trained"))
    assert torch.allclose(again(row).logits, expected, atol=1e-5) and not torch.allclose(start, expected, atol=1e-2)
    assert not any("parametrizations" in name for name in again.state_dict())
    adapter_update(again).apply(0.0)
    assert torch.equal(again(row).logits, start)
    with model.as_base():
        assert torch.equal(model.module(row).logits, start)


def test_a_saved_adapter_goes_back_into_a_bounded_model(bounded, tmp_path):
    model, _ = bounded
    learn(model)
    state = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    before = {name: layer.lora_A[ADAPTER].weight.clone() for name, layer in lora_layers(model.module)}
    learn(model)
    model.module.load_state_dict(state)
    for name, layer in lora_layers(model.module):
        assert torch.allclose(layer.lora_A[ADAPTER].weight, before[name], atol=1e-6)


def test_directions_are_computed_once_and_layer_by_layer(make_setup, toy, monkeypatch):
    setup = make_setup()
    layers = {name: part for name, part in toy.module.named_modules() if isinstance(part, nn.Linear) and "proj" in name}
    rows = encoded_rows(setup, "own")
    first = used_directions(toy, setup, layers, rows, 0.9)
    monkeypatch.setattr("retain.mitigations.input_directions.MOST_BYTES", 1)
    alone = used_directions(toy, replace(setup, base=load_causal(toy.name, "fp32")), layers, rows, 0.8)
    assert all(alone[name].shape[1] <= first[name].shape[1] for name in layers)
    monkeypatch.setattr("retain.mitigations.input_directions._moments", lambda *args: 1 / 0)
    again = used_directions(toy, setup, layers, rows, 0.9)
    assert all(torch.equal(first[name], again[name]) for name in layers)


def test_what_is_left_and_too_little_text_are_said(make_setup, toy):
    for rows, little in ((20, False), (8, True)):
        said = []
        setup = replace(make_setup(rows=rows), note=said.append)
        NullSpace(energy=0.9).wrap_model(Lora(rank=4).wrap_model(load_causal(toy.name, "fp32"), setup), setup)
        assert "of the input directions" in said[0]
        assert any("the widest layer has 64 inputs" in note for note in said) is little


def test_it_needs_a_lora_before_it(toy_recipe, make_setup, toy):
    for mitigations in ([{"kind": "null_space"}], [{"kind": "null_space"}, {"kind": "lora"}]):
        with pytest.raises(UserError, match=r"put \{kind: lora\} before it"):
            parse_recipe(toy_recipe(mitigations=mitigations))
    with pytest.raises(UserError, match="there is no LoRA adapter"):
        NullSpace().wrap_model(toy, make_setup())


@pytest.mark.parametrize("variant", ["dora", "pissa"])
def test_variants_that_cannot_be_bounded_are_refused(make_setup, toy, variant):
    setup = make_setup()
    with pytest.raises(UserError, match=r"mitigations\.null_space"):
        NullSpace().wrap_model(Lora(rank=4, variant=variant).wrap_model(toy, setup), setup)


@pytest.mark.parametrize("variant", ["dora", "orthogonal", "pissa", "olora", "corda"])
def test_a_recipe_with_such_a_variant_is_refused(toy_recipe, variant):
    recipe = toy_recipe(mitigations=[{"kind": "lora", "rank": 4, "variant": variant}, {"kind": "null_space"}])
    with pytest.raises(UserError, match=rf"mitigations.1 \(null_space\): lora.variant: {variant} .*use variant: lora"):
        parse_recipe(recipe)
    recipe["mitigations"][0]["variant"] = "rslora"
    parse_recipe(recipe)


def test_text_that_uses_everything_leaves_nothing_to_learn(make_setup, toy):
    setup = make_setup()
    with pytest.raises(UserError, match="Lower energy"):
        NullSpace(energy=1.0).wrap_model(Lora(rank=4).wrap_model(toy, setup), setup)


RUN = {"learning_rate": 0.02, "epochs": 2, "batch_size": 4, "max_length": 64, "checkpoints": 3, "weight_decay": 0.1}
BOUNDED = [{"kind": "lora", "rank": 4}, {"kind": "null_space", "energy": 0.8}]


def test_after_training_with_weight_decay_the_update_still_lies_in_the_null_space(toy_recipe, tmp_path, monkeypatch):
    used = {}

    def spy(*args):
        used.update(used_directions(*args))
        return dict(used)

    monkeypatch.setattr("retain.mitigations.null_space.used_directions", spy)
    recipe = parse_recipe(toy_recipe(training=RUN, mitigations=BOUNDED))
    record = run_recipe(recipe, tmp_path / "run", Progress(quiet=True))
    assert record.training.base_unchanged
    assert any("null_space left the adapter" in note for note in record.training.notes)
    tuned = load_causal(str(tmp_path / "run" / "tuned"), "fp32")
    for name, layer in lora_layers(tuned.module):
        update = layer.get_delta_weight(ADAPTER)
        assert update.norm() > 0.01
        assert (update @ used[name]).norm() < 1e-5 * update.norm()


def test_a_run_that_was_killed_ends_as_a_whole_one(toy_recipe, tmp_path, monkeypatch):
    recipe = parse_recipe(toy_recipe(training=RUN, mitigations=BOUNDED))
    whole = run_recipe(recipe, tmp_path / "whole", Progress(quiet=True))

    from retain.training.watch import ShowProgress

    def dies(self, args, state, control, **kwargs):
        if state.global_step == 8:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ShowProgress, "on_step_end", dies)
        with pytest.raises(KeyboardInterrupt):
            run_recipe(recipe, tmp_path / "killed", Progress(quiet=True))
    assert list((tmp_path / "killed").rglob("null_space.safetensors")), "there is a checkpoint to go on from"
    killed = run_recipe(recipe, tmp_path / "killed", Progress(quiet=True))
    assert killed.after[0].model == whole.after[0].model, "the same weights, bit for bit"
