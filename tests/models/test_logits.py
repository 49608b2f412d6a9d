import pytest
import torch
from peft import LoraConfig, get_peft_model

from retain.models.logits import labelled_logits


@pytest.fixture
def batch():
    torch.manual_seed(0)
    ids = torch.randint(3, 40, (3, 9))
    labels = torch.where(torch.rand(3, 9) < 0.4, ids, -100)
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    labels[1, 6:] = -100
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


@pytest.mark.parametrize("wrapped", [False, True])
def test_they_are_those_of_the_plain_pass_with_the_same_gradient(toy, batch, wrapped):
    module = toy.module
    if wrapped:
        module = get_peft_model(module, LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
    plain = module(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1]
    plain = plain[batch["labels"][:, 1:] != -100]
    parameters = [p for p in module.parameters() if p.requires_grad]
    expected = torch.autograd.grad(plain.square().sum(), parameters)
    found = labelled_logits(module, batch)
    assert torch.allclose(found, plain, atol=1e-5)
    for one, other in zip(torch.autograd.grad(found.square().sum(), parameters), expected, strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_the_head_sees_only_the_labelled_positions_and_keeps_no_hook(toy, batch):
    seen = []
    toy.module.lm_head.register_forward_hook(lambda head, inputs, output: seen.append(inputs[0].shape))
    labelled_logits(toy.module, batch)
    assert seen[0][1] == int((batch["labels"][:, 1:] != -100).sum())
    assert not toy.module.lm_head._forward_pre_hooks


def test_softcapped_logits_stay_the_models_own(batch):
    from transformers import Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=44, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, head_dim=16, final_logit_softcapping=2.0, initializer_range=1.0,
    )  # fmt: skip
    module = Gemma2ForCausalLM(config).eval()
    plain = module(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1]
    assert torch.allclose(labelled_logits(module, batch), plain[batch["labels"][:, 1:] != -100], atol=1e-5)
    assert plain.abs().max() <= 2.0
