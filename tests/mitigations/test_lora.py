"""LoRA and its variants: the base stays the base, and what is saved is what was trained."""

import pytest
import torch

from retain.errors import UserError
from retain.mitigations.lora import Lora, Variant
from retain.models.base import Request
from retain.models.fingerprint import base_weights_hash
from retain.models.load import load_causal
from retain.models.low_rank import lora_layers, update_factors
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.training.trained import load_trained, save_trained, save_tuned

VARIANTS = Variant.__args__
STARTED = ("orthogonal", "pissa", "olora", "corda")
REQUEST = [Request(context="what is", continuation=" the colour of the sky")]
IDS = torch.tensor([[5, 6, 7, 8, 9, 10]])


def logits(model):
    with torch.no_grad():
        return model.module(IDS).logits


def logprob(model):
    return model.loglikelihood(REQUEST)[0].logprob


def trained(model, steps=3):
    """A few real updates; the weights that are trained."""
    weights = [one for one in model.module.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=0.02, weight_decay=0)
    for _ in range(steps):
        optimizer.zero_grad()
        model.module(IDS, labels=IDS).loss.backward()
        optimizer.step()
    return model


@pytest.fixture(params=["fp32", "bf16"])
def precision(request):
    return request.param


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_begins_as_its_base_keeps_it_and_comes_back(variant, precision, toy_folder, make_setup, tmp_path):
    base = logits(load_causal(str(toy_folder), precision))
    plain = load_causal(str(toy_folder), precision)
    before = base_weights_hash(plain.module)
    model = Lora(variant=variant, rank=4).wrap_model(plain, make_setup(plain))
    model.module.eval()
    assert torch.equal(logits(model), base), "an untrained adapter adds nothing"
    now = logits(trained(model))
    assert not torch.allclose(now, base, atol=0.1)
    with model.as_base():
        assert torch.equal(logits(model), base), "the adapter switched off is the base"
    assert base_weights_hash(model.module) == before

    save_trained(model, tmp_path / "trained")
    again = load_trained(load_causal(str(toy_folder), precision), tmp_path / "trained")
    tolerance = 1e-5 if precision == "fp32" else 0.1
    assert torch.allclose(logits(again), now, atol=tolerance)
    with again.as_base():
        assert torch.equal(logits(again), base)
    again.update.apply(0.0)
    assert torch.equal(logits(again), base), "strength 0 is the base, bit for bit"
    again.update.apply(1.0)
    assert torch.allclose(logits(again), now, atol=tolerance)


@pytest.mark.parametrize("variant", VARIANTS)
def test_strength_interpolates_the_merged_weights_and_is_saved(variant, toy_folder, make_setup, tmp_path):
    plain = load_causal(str(toy_folder), "fp32")
    model = trained(Lora(variant=variant, rank=4).wrap_model(plain, make_setup(plain)))
    save_trained(model, tmp_path / "trained")
    again = load_trained(load_causal(str(toy_folder), "fp32"), tmp_path / "trained")
    base = load_causal(str(toy_folder), "fp32").module.state_dict()
    whole = merged(tmp_path / "trained", toy_folder)
    for strength in (0.4, 1.3):
        again.update.apply(strength)
        save_tuned(again.renewed(), tmp_path / "tuned")
        tuned = load_causal(str(tmp_path / "tuned"), "fp32")
        assert logprob(tuned) == pytest.approx(logprob(again.renewed()), abs=1e-5)
        part = merged(tmp_path / "tuned", toy_folder)
        for name, weight in whole.items():
            expected = base[name] + strength * (weight - base[name])
            assert torch.allclose(part[name], expected, atol=1e-5), name
    again.update.restore(tmp_path / "trained")
    assert logprob(again.renewed()) == pytest.approx(logprob(model), abs=1e-5)


def merged(folder, toy_folder):
    from peft import PeftModel

    module = PeftModel.from_pretrained(load_causal(str(toy_folder), "fp32").module, str(folder))
    return module.merge_and_unload().state_dict()


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_saved_loads_without_a_decomposition(variant, toy, make_setup, tmp_path):
    model = trained(Lora(variant=variant, rank=4).wrap_model(toy, make_setup(toy)))
    save_trained(model, tmp_path / "trained")
    config = (tmp_path / "trained" / "adapter_config.json").read_text()
    assert '"init_lora_weights": true' in config
    assert f'"r": {8 if variant in STARTED else 4}' in config


@pytest.mark.parametrize("variant", [one for one in VARIANTS if one != "dora"])
def test_the_factors_are_the_update(variant, toy, toy_folder, make_setup, tmp_path):
    model = Lora(variant=variant, rank=4).wrap_model(toy, make_setup(toy))
    for _, layer in lora_layers(model.module):
        down, up = update_factors(layer)
        assert torch.allclose(up @ down, torch.zeros(()), atol=1e-5)
    save_trained(trained(model), tmp_path / "trained")
    whole = merged(tmp_path / "trained", toy_folder)
    base = load_causal(str(toy_folder), "fp32").module.state_dict()
    for name, layer in lora_layers(model.module):
        down, up = update_factors(layer)
        weight = name.removeprefix("base_model.model.") + ".weight"
        assert torch.allclose(layer.scaling["default"] * up @ down, whole[weight] - base[weight], atol=1e-5)


@pytest.mark.parametrize("variant", STARTED)
def test_first_factors_are_computed_once(variant, toy_folder, make_setup, monkeypatch):
    def wrap():
        torch.manual_seed(0)
        plain = load_causal(str(toy_folder), "fp32")
        model = Lora(variant=variant, rank=4).wrap_model(plain, make_setup(plain))
        return {name: one.detach().clone() for name, one in model.module.named_parameters() if one.requires_grad}

    first = wrap()
    monkeypatch.setattr("retain.mitigations.lora_start._computed", None)
    again = wrap()
    assert all(torch.equal(again[name], one) for name, one in first.items())
    assert any(one.abs().max() > 0 for name, one in first.items() if "lora_B" in name)


def test_pissa_begins_at_the_largest_singular_directions(toy, make_setup):
    model = Lora(variant="pissa", rank=4).wrap_model(toy, make_setup(toy))
    for _, layer in lora_layers(model.module):
        first = layer.scaling["default"] * layer.lora_B["default"].weight @ layer.lora_A["default"].weight
        left, values, right = torch.linalg.svd(layer.base_layer.weight)
        assert torch.allclose(first, left[:, :4] @ torch.diag(values[:4]) @ right[:4], atol=1e-4)


def test_corda_begins_where_general_text_is_not(toy, make_setup):
    """The first factors see less of the general rows' activations than of the weights' own leading directions."""
    setup = make_setup(toy)
    seen = {}
    model = Lora(variant="corda", rank=4).wrap_model(toy, setup)
    layers = dict(lora_layers(model.module))
    hooks = [
        layer.register_forward_hook(lambda one, given, _, name=name: seen.setdefault(name, []).append(given[0][0]))
        for name, layer in layers.items()
    ]
    for row in setup.general["own"].examples:
        with torch.no_grad():
            model.module(torch.tensor([setup.encode(row).input_ids]))
    for hook in hooks:
        hook.remove()
    for name, layer in layers.items():
        x = torch.cat(seen[name])
        weight = layer.base_layer.weight
        update = layer.lora_B["default"].weight @ layer.lora_A["default"].weight
        share = (x @ update.T).norm() / update.norm() / ((x @ weight.T).norm() / weight.norm())
        assert share < 0.7, name


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("((", r"(?s)'\(\(' is not a regular expression: .*write a list"),
        ("lm_head", "lm_head, which is the output head"),
        (["lm_head"], "which is the output head, which is not adapted"),
        (["q_projj"], 'did you mean "q_proj"'),
        (["q_proj", "nonsense"], '"nonsense" matches no layer'),
        ("q_proj", "matches no layer"),
        (["embed_tokens"], "is no linear layer"),
        (["input_layernorm"], "is no linear layer"),
        ([], "it is empty"),
        ("", "it is empty"),
        (".*", "matches"),
    ],
)
def test_layers_that_cannot_be_meant_are_refused(target, message, toy, make_setup):
    with pytest.raises(UserError, match=message):
        Lora(target_modules=target).wrap_model(toy, make_setup(toy))


@pytest.mark.parametrize(
    ("target", "count"),
    [("all-linear", 7), (["q_proj", "v_proj"], 2), (r".*\.(up|down)_proj", 2), (["model.layers.0.mlp.up_proj"], 1)],
)
def test_layers_are_named_in_three_ways(target, count, toy, make_setup):
    model = Lora(target_modules=target, rank=2).wrap_model(toy, make_setup(toy))
    assert len(list(lora_layers(model.module))) == count


@pytest.mark.parametrize("variant", ["pissa", "olora", "corda", "mica"])
def test_a_rank_above_what_a_layer_has_is_refused(variant, toy, make_setup):
    with pytest.raises(UserError, match=r"mitigations\.lora"):
        Lora(variant=variant, rank=40).wrap_model(toy, make_setup(toy))


def recipe_with(toy_recipe, lora, **sections):
    return parse_recipe(toy_recipe(mitigations=[{"kind": "lora", **lora}], **sections))


@pytest.mark.parametrize(
    ("lora", "sections", "message"),
    [
        ({"rank": 0}, {}, r"mitigations\.0\.rank: .*at least 1"),
        ({"variant": "loftq"}, {}, r"mitigations\.0\.variant"),
        ({"variant": "pissa"}, {"training": {"weight_decay": 0.1}}, "weight_decay would pull them"),
        ({"variant": "orthogonal", "rank": 3}, {}, "needs an even rank"),
        ({"variant": "corda"}, {"data": {"train": "x.jsonl"}}, "needs general text"),
        ({"variant": "mica"}, {"model": {"base": "x", "load_in": "4bit"}}, "4-bit ones are packed"),
    ],
)
def test_what_does_not_go_together_is_said_before_anything_is_loaded(toy_recipe, lora, sections, message):
    with pytest.raises(UserError, match=message):
        recipe_with(toy_recipe, lora, **sections)


@pytest.mark.parametrize("variant", ["lora", "dora"])
def test_weight_decay_acts_on_a_and_b_and_nothing_else(variant, toy_recipe, tmp_path, monkeypatch):
    from retain.training import sft

    groups = {}
    watched = sft.ShowProgress.on_step_end

    def watch(self, args, state, control, model=None, optimizer=None, **kwargs):
        names = {id(one): name for name, one in model.named_parameters()}
        for group in optimizer.param_groups:
            groups.update({names[id(one)]: group["weight_decay"] for one in group["params"]})
        watched(self, args, state, control, **kwargs)

    monkeypatch.setattr(sft.ShowProgress, "on_step_end", watch)
    training = {"learning_rate": 0.01, "epochs": 0.2, "batch_size": 4, "max_length": 64, "weight_decay": 0.25}
    run_recipe(recipe_with(toy_recipe, {"variant": variant}, training=training), tmp_path / "run", Progress(quiet=True))
    assert {name for name, decay in groups.items() if decay == 0.25} == {
        name for name in groups if "lora_A" in name or "lora_B" in name
    }
    assert groups and all(decay in (0.0, 0.25) for decay in groups.values())


@pytest.mark.parametrize("variant", ["dora", "pissa", "mica"])
def test_a_run_with_a_variant_chooses_a_strength_and_says_that_the_base_is_unchanged(variant, toy_recipe, tmp_path):
    recipe = toy_recipe(
        training={"learning_rate": 0.02, "epochs": 2, "batch_size": 4, "max_length": 64},
        mitigations=[
            {"kind": "lora", "rank": 4, "variant": variant},
            {"kind": "kl_to_base", "share": 0.5},
            {"kind": "strength", "values": [0.5]},
        ],
    )
    record = run_recipe(parse_recipe(recipe), tmp_path / "run", Progress(quiet=True))
    assert record.training.base_unchanged is True
    assert record.choices[-1].chosen == 0.5
    assert load_causal(str(tmp_path / "run" / "tuned"), "fp32").fingerprint == record.after[0].model


@pytest.mark.parametrize("variant", ["pissa", "dora"])
def test_a_killed_run_with_a_variant_goes_on_alike(variant, toy_recipe, tmp_path, monkeypatch):
    from retain.training import sft

    training = {"learning_rate": 0.01, "epochs": 2, "batch_size": 4, "max_length": 64, "checkpoints": 6}
    recipe = recipe_with(toy_recipe, {"variant": variant, "rank": 4, "dropout": 0.1}, training=training)
    whole = run_recipe(recipe, tmp_path / "whole", Progress(quiet=True))
    original = sft.ShowProgress.on_step_end

    def kill(self, args, state, control, **kwargs):
        if state.global_step == 7:
            raise KeyboardInterrupt
        original(self, args, state, control, **kwargs)

    monkeypatch.setattr(sft.ShowProgress, "on_step_end", kill)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(recipe, tmp_path / "broken", Progress(quiet=True))
    monkeypatch.setattr(sft.ShowProgress, "on_step_end", original)
    again = run_recipe(recipe, tmp_path / "broken", Progress(quiet=True))
    assert again.after[0].model == whole.after[0].model
