"""The diagonal Fisher information: equal to brute force, the same for frozen layers, kept and found again."""

import pytest
import torch

from retain.mitigations import fisher
from retain.mitigations.distributions import as_batch, encoded_rows
from retain.mitigations.fisher import diagonal_fisher, squared_gradients
from retain.mitigations.lora import Lora
from retain.models.low_rank import lora_layers
from retain.store import Store


@pytest.fixture
def rows(make_setup):
    return encoded_rows(make_setup(), "own")[:4]


def gradient_of(module, row, targets):
    """Of the summed log-probability of some tokens at a row's labelled places."""
    batch = as_batch(row, "cpu")
    logits = module(input_ids=batch["input_ids"]).logits[0, :-1][batch["labels"][0, 1:] != -100]
    logprob = logits.log_softmax(-1).gather(-1, targets[:, None]).sum()
    return dict(
        zip(dict(module.named_parameters()), torch.autograd.grad(logprob, list(module.parameters())), strict=True)
    )


def given(row):
    return torch.tensor([label for label in row.labels[1:] if label != -100])


def test_empirical_is_the_mean_of_squared_gradients_of_whole_rows(toy, rows):
    found = squared_gradients(toy, rows, "empirical")
    tokens = sum(len(given(row)) for row in rows)
    for name in found:
        brute = sum(gradient_of(toy.module, row, given(row))[name].square() for row in rows) / tokens
        assert torch.allclose(found[name], brute, rtol=1e-4, atol=1e-8), name
        squared_mean = sum(gradient_of(toy.module, row, given(row))[name] for row in rows).square() / tokens
        assert not torch.allclose(found[name], squared_mean, rtol=1e-2), "squares are taken before the mean"


def test_sampled_comes_to_the_exact_expectation(toy, rows):
    """E over the vocabulary at each labelled place of the squared gradient of that token's log-probability."""
    row = rows[0]
    batch = as_batch(row, "cpu")
    places = [i for i, label in enumerate(row.labels[1:]) if label != -100]
    logprobs = toy.module(input_ids=batch["input_ids"]).logits[0].log_softmax(-1)
    parameters = list(toy.module.parameters())
    exact = [torch.zeros_like(p) for p in parameters]
    for place in places:
        for one in logprobs[place]:
            for total, gradient in zip(exact, torch.autograd.grad(one, parameters, retain_graph=True), strict=True):
                total += one.exp().detach() * gradient.square() / len(places)
    found = squared_gradients(toy, [row] * 600, "sampled")
    both = [
        (found[name].flatten(), one.flatten())
        for (name, _), one in zip(toy.module.named_parameters(), exact, strict=True)
    ]
    drawn, brute = (torch.cat(one) for one in zip(*both, strict=True))
    assert drawn.sum().item() == pytest.approx(brute.sum().item(), rel=0.1)
    assert torch.corrcoef(torch.stack([drawn, brute]))[0, 1] > 0.98


def test_rows_have_draws_of_their_own_and_always_the_same(toy, rows):
    once, again = (squared_gradients(toy, rows[:1], "sampled") for _ in range(2))
    twice = squared_gradients(toy, rows[:1] * 2, "sampled")
    assert all(torch.equal(once[name], again[name]) for name in once)
    assert any(not torch.allclose(once[name], twice[name]) for name in once)


@pytest.mark.parametrize("which", ["sampled", "empirical"])
def test_layers_under_an_adapter_have_the_same_values(toy, toy_folder, make_setup, rows, which):
    from retain.models.load import load_causal

    whole = squared_gradients(toy, rows, which)
    model = Lora(rank=2).wrap_model(load_causal(str(toy_folder), "fp32"), make_setup())
    with torch.no_grad():
        for _, layer in lora_layers(model.module):
            layer.lora_B["default"].weight += 1  # what was learned plays no part
    found = squared_gradients(model, rows, which)
    assert len(found) == 7
    for name, values in found.items():
        plain = whole[name.removeprefix("base_model.model.") + ".weight"]
        assert torch.allclose(values, plain, rtol=1e-4, atol=1e-9), name


def test_packed_weights_have_the_values_of_the_weights_they_stand_for(make_setup, tmp_path, toy_tokenizer):
    pytest.importorskip("bitsandbytes")
    from peft.utils.integrations import dequantize_module_weight
    from transformers import LlamaConfig, LlamaForCausalLM

    from retain.models.load import load_causal

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(toy_tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=1,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=128, bos_token_id=1, eos_token_id=2,
        pad_token_id=2, tie_word_embeddings=True, initializer_range=0.2,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
    toy_tokenizer.save_pretrained(tmp_path / "base")
    model = load_causal(str(tmp_path / "base"), "4bit")
    setup = make_setup(model)
    rows = encoded_rows(setup, "own")[:4]
    plain = LlamaForCausalLM(config)
    plain.load_state_dict(load_causal(str(tmp_path / "base"), "fp32").module.state_dict())
    adapted = Lora(rank=2).wrap_model(model, setup)
    with torch.no_grad():
        for name, layer in lora_layers(adapted.module):
            weight = dequantize_module_weight(layer.base_layer)
            plain.get_submodule(name.removeprefix("base_model.model.")).weight.copy_(weight)
    found = squared_gradients(adapted, rows, "empirical")
    tokens = sum(len(given(row)) for row in rows)
    for name, values in found.items():
        own = name.removeprefix("base_model.model.") + ".weight"
        brute = sum(gradient_of(plain, row, given(row))[own].square() for row in rows) / tokens
        assert values.sum().item() == pytest.approx(brute.sum().item(), rel=0.1), "bf16 arithmetic"
        assert torch.corrcoef(torch.stack([values.flatten(), brute.flatten()]))[0, 1] > 0.98, name


@pytest.mark.parametrize("lora", [False, True])
def test_the_model_is_left_as_it_was(toy, make_setup, rows, lora):
    setup = make_setup()
    model = Lora(rank=2).wrap_model(toy, setup) if lora else toy
    model.module.train()
    before = {n: (p.detach().clone(), p.requires_grad) for n, p in model.module.named_parameters()}
    noise = torch.get_rng_state()
    squared_gradients(model, rows, "sampled")
    assert model.module.training
    assert torch.equal(noise, torch.get_rng_state())
    for name, parameter in model.module.named_parameters():
        assert parameter.grad is None
        assert parameter.requires_grad == before[name][1]
        assert torch.equal(parameter, before[name][0])
    hooks = [one for m in model.module.modules() for one in (m._forward_hooks, m._forward_pre_hooks)]
    assert not any(hooks), "none is left behind"


def test_it_is_computed_once_and_again_when_anything_else_is_asked(toy, rows, monkeypatch):
    calls = []
    computed = fisher.squared_gradients
    monkeypatch.setattr(fisher, "squared_gradients", lambda *asked: calls.append(asked) or computed(*asked))
    first, mean = diagonal_fisher(toy, "base", rows, "sampled")
    again, same = diagonal_fisher(toy, "base", rows, "sampled")
    assert len(calls) == 1
    assert mean == same
    exact = computed(toy, rows, "sampled")
    for name, values in again.items():
        assert torch.equal(values, first[name])
        assert torch.allclose(values.float(), exact[name], rtol=2**-8), "kept in bf16"
    diagonal_fisher(toy, "base", rows, "empirical")
    diagonal_fisher(toy, "base", rows[:3], "sampled")
    diagonal_fisher(toy, "other", rows, "sampled")
    toy.module.get_input_embeddings().weight.requires_grad_(False)
    diagonal_fisher(toy, "base", rows, "sampled")
    assert len(calls) == 5


def test_a_damaged_file_is_computed_anew(toy, rows):
    first, _ = diagonal_fisher(toy, "base", rows, "sampled")
    expected = {name: values.clone() for name, values in first.items()}
    path = next(Store("fisher").folder.glob("*.safetensors"))
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    again, _ = diagonal_fisher(toy, "base", rows, "sampled")
    assert all(torch.equal(again[name], expected[name]) for name in expected)
