import pytest
import torch
from peft import LoraConfig, get_peft_model

from retain.errors import UserError
from retain.models.base import Request
from retain.models.causal import TransformersCausal
from retain.models.fingerprint import base_weights_hash
from retain.models.load import load_causal
from retain.models.update import AdapterUpdate, WeightUpdate, check_scalable, save_weights
from retain.training.trained import load_trained, save_trained, save_tuned

REQUEST = [Request(context="what is", continuation=" the colour of the sky")]


def logprob(model):
    return model.loglikelihood(REQUEST)[0].logprob


def shaken(module, seed=1):
    """Change every trainable weight a little."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter += 0.05 * torch.randn_like(parameter)


@pytest.fixture
def adapted(toy):
    module = get_peft_model(
        toy.module, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    shaken(module)
    return TransformersCausal(
        module, toy.tokenizer, toy.name, "fp32", base=module.disable_adapter, update=AdapterUpdate(module)
    )


def test_strength_zero_of_an_adapter_is_the_base(adapted, toy_folder):
    base = logprob(load_causal(str(toy_folder), "fp32"))
    adapted.update.apply(0.0)
    assert logprob(adapted) == pytest.approx(base, abs=1e-5)
    adapted.update.apply(1.0)
    assert logprob(adapted) != pytest.approx(base, abs=1e-3)
    with adapted.as_base():
        assert logprob(adapted) == pytest.approx(base, abs=1e-5)


def test_a_saved_adapter_carries_its_strength(adapted, tmp_path):
    adapted.update.apply(0.4)
    save_tuned(adapted, tmp_path / "tuned")
    assert logprob(load_causal(str(tmp_path / "tuned"), "fp32")) == pytest.approx(logprob(adapted), abs=1e-5)


def test_an_adapters_strength_is_part_of_the_fingerprint(adapted):
    adapted.update.apply(0.4)
    weak = adapted.renewed().fingerprint
    adapted.update.apply(0.6)
    assert adapted.renewed().fingerprint != weak


def test_wrapping_does_not_change_the_base_weights_hash(toy_folder, adapted):
    before = base_weights_hash(load_causal(str(toy_folder), "fp32").module)
    assert base_weights_hash(adapted.module) == before
    with torch.no_grad():
        next(p for n, p in adapted.module.named_parameters() if "lora_" not in n).view(-1)[0] += 1e-6
    assert base_weights_hash(adapted.module) != before


def test_full_weights_interpolate_between_base_and_trained(toy, toy_folder, tmp_path):
    save_weights(toy.module, tmp_path / "base.safetensors")
    shaken(toy.module)
    save_weights(toy.module, tmp_path / "trained.safetensors")
    trained = {name: p.clone() for name, p in toy.module.named_parameters()}
    update = WeightUpdate(toy.module, tmp_path / "base.safetensors", tmp_path / "trained.safetensors")
    base = {name: p.clone() for name, p in load_causal(str(toy_folder), "fp32").module.named_parameters()}
    for strength in (0.0, 0.3, 1.0, 1.5):
        update.apply(strength)
        for name, parameter in toy.module.named_parameters():
            assert torch.allclose(parameter, base[name] + strength * (trained[name] - base[name]), atol=1e-6)
    update.apply(1.0)
    assert all(torch.equal(p, trained[name]) for name, p in toy.module.named_parameters())
    with update.as_base():
        assert all(torch.equal(p, base[name]) for name, p in toy.module.named_parameters())
    assert all(torch.equal(p, trained[name]) for name, p in toy.module.named_parameters())


@pytest.mark.parametrize("kind", ["adapter", "full"])
def test_what_was_trained_comes_back_the_same(kind, request, toy, toy_folder, tmp_path):
    if kind == "adapter":
        model = request.getfixturevalue("adapted")
    else:
        shaken(toy.module)
        model = toy
    expected = logprob(model)
    save_trained(model, tmp_path / "trained")
    again = load_trained(load_causal(str(toy_folder), "fp32"), tmp_path / "trained")
    assert logprob(again) == pytest.approx(expected, abs=1e-5)
    again.update.apply(0.0)
    assert logprob(again) == pytest.approx(logprob(load_causal(str(toy_folder), "fp32")), abs=1e-5)


@pytest.mark.parametrize("per_layer", ["uniform", "linear"])
@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_alphas_of_single_layers_are_kept(per_layer, strength, toy, tmp_path, toy_folder):
    config = LoraConfig(
        r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM", alpha_pattern={"q_proj": 64}
    )
    module = get_peft_model(toy.module, config)
    shaken(module)
    update = AdapterUpdate(module)
    model = TransformersCausal(module, toy.tokenizer, toy.name, "fp32", base=module.disable_adapter, update=update)
    update.apply(strength, per_layer)
    save_tuned(model, tmp_path / "tuned")
    assert logprob(load_causal(str(tmp_path / "tuned"), "fp32")) == pytest.approx(logprob(model), abs=1e-5)
    update.apply(1.0)
    assert dict(config.alpha_pattern) == {"q_proj": 64}


@pytest.mark.parametrize(
    ("beside", "found"),
    [
        ({"modules_to_save": ["norm"]}, "norm"),
        ({"trainable_token_indices": [3]}, "token"),
        ({}, None),
        ({"use_dora": True}, None),
    ],
)
def test_what_a_strength_would_not_scale_is_refused(beside, found, toy):
    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM", **beside)
    module = get_peft_model(toy.module, config)
    if found is None:
        check_scalable(module)
    else:
        with pytest.raises(UserError, match=f"{found}.* is trained too"):
            check_scalable(module)
