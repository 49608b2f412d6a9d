"""An adapter that begins elsewhere is plain LoRA of twice the rank to everything that saves, loads or merges it."""

from copy import deepcopy

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from retain.models.low_rank import begin_here, lora_layers, read_adapter, save_adapter

IDS = torch.tensor([[5, 6, 7, 8, 9, 10]])


def logits(module):
    with torch.no_grad():
        return module.eval()(IDS).logits


@pytest.fixture
def base(toy_folder):
    return lambda: AutoModelForCausalLM.from_pretrained(toy_folder)


@pytest.fixture
def begun(base):
    """The toy model with factors other than zero that are taken off again."""
    torch.manual_seed(0)
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    module = get_peft_model(base(), config)
    begin_here(module)
    return module


def shaken(module, seed=1):
    torch.manual_seed(seed)
    with torch.no_grad():
        for one in module.parameters():
            if one.requires_grad:
                one += 0.05 * torch.randn_like(one)
    return module


def test_it_begins_as_its_base(begun, base):
    assert torch.equal(logits(begun), logits(base()))


def test_what_peft_saves_loads_onto_the_base(begun, base, tmp_path):
    now = logits(shaken(begun))
    assert not torch.allclose(now, logits(base()), atol=0.1)
    begun.save_pretrained(tmp_path)
    again = PeftModel.from_pretrained(base(), str(tmp_path))
    assert again.peft_config["default"].r == 8
    assert torch.allclose(logits(again), now, atol=1e-5)


def test_it_merges_as_what_it_is(begun, base):
    now = logits(shaken(begun))
    copied = deepcopy(begun)
    begun.merge_adapter()
    assert torch.allclose(logits(begun), now, atol=1e-4)
    begun.unmerge_adapter()
    with begun.disable_adapter():
        assert torch.allclose(logits(begun), logits(base()), atol=1e-4)
    shaken(begun, seed=2)
    assert torch.allclose(logits(copied.merge_and_unload()), now, atol=1e-4), "a copy merges its own factors"


def test_the_model_in_training_takes_back_what_it_saved(begun, tmp_path):
    then = logits(shaken(begun))
    save_adapter(begun, tmp_path / "then")
    factors = {name: one.detach().clone() for name, one in begun.named_parameters() if one.requires_grad}
    shaken(begun, seed=2)
    read_adapter(begun, tmp_path / "then")
    assert torch.equal(logits(begun), then)
    assert all(torch.equal(one, factors[name]) for name, one in begun.named_parameters() if one.requires_grad)


def test_a_model_begun_anew_takes_the_first_factors_too(begun, base, tmp_path):
    then = logits(shaken(begun))
    begun.save_pretrained(tmp_path)
    torch.manual_seed(5)
    other = get_peft_model(base(), LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", init_lora_weights=False))
    begin_here(other)
    other.load_adapter(str(tmp_path), "default", is_trainable=True)
    assert torch.equal(logits(other), then)


def test_factors_of_the_rank_alone_leave_the_first_ones(begun):
    _, layer = next(lora_layers(begun))
    for linear in (layer.lora_A["default"], layer.lora_B["default"]):
        start, other = linear.start.clone(), torch.randn_like(linear.weight)
        linear.load_state_dict({"weight": other})
        assert torch.equal(linear.weight, other) and torch.equal(linear.start, start)
