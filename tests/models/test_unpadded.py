"""Rows in one line: the same logits and gradients as padded rows, and no row sees another."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, MistralConfig, MistralForCausalLM
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from retain.models.logits import labelled_logits
from retain.models.unpadded import layout_of, padded_on_the_right, takes_unpadded, unpadded

LENGTHS = (3, 9, 1, 6)


@pytest.fixture
def batch():
    width = max(LENGTHS)
    torch.manual_seed(0)
    ids = torch.randint(4, 30, (len(LENGTHS), width))
    mask = torch.tensor([[1] * length + [0] * (width - length) for length in LENGTHS])
    return {"input_ids": ids * mask, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)}


def gpt2():
    torch.manual_seed(0)
    return GPT2LMHeadModel(GPT2Config(vocab_size=40, n_positions=32, n_embd=32, n_layer=2, n_head=2)).eval()


def test_the_layout_leads_there_and_back(batch):
    layout = layout_of(batch["attention_mask"])
    line = batch["input_ids"].flatten()[layout.line]
    assert line.shape == (sum(LENGTHS),)
    back = line[layout.padded].view(layout.rows, layout.length)
    assert torch.equal(back * batch["attention_mask"], batch["input_ids"])


@pytest.mark.parametrize("make", [lambda toy: toy.module, lambda toy: gpt2()], ids=["llama", "gpt2"])
def test_logits_and_gradients_are_those_of_padded_rows(toy, batch, make):
    found = []
    for in_line in (False, True):
        module = make(toy)
        module.zero_grad()
        if in_line:
            assert takes_unpadded(module, batch)
            with unpadded(module, batch) as line:
                logits = labelled_logits(module, line)
        else:
            logits = labelled_logits(module, batch)
        logits.log_softmax(-1)[:, 7].sum().backward()
        found.append((logits.detach(), {n: p.grad.clone() for n, p in module.named_parameters() if p.grad is not None}))
    (one, grads), (other, same) = found
    assert one.shape == other.shape == (sum(length - 1 for length in LENGTHS), one.shape[-1])
    assert torch.allclose(one, other, atol=1e-5)
    for name, grad in grads.items():
        assert torch.allclose(grad, same[name], atol=1e-4), name
    assert module.config._attn_implementation == "sdpa"


def test_no_row_sees_another(toy, batch):
    def logits_of(changed):
        with unpadded(toy.module, changed) as line:
            return labelled_logits(toy.module, line)

    other = {**batch, "input_ids": batch["input_ids"].clone()}
    other["input_ids"][0, :2] = 5
    first, second = logits_of(batch), logits_of(other)
    changed = LENGTHS[0] - 1
    assert not torch.equal(first[:changed], second[:changed])
    assert torch.equal(first[changed:], second[changed:])


def test_the_first_token_of_a_row_is_not_a_target(toy, batch):
    with unpadded(toy.module, batch) as line:
        labels = line["labels"][0]
    starts = [sum(LENGTHS[:i]) for i in range(len(LENGTHS))]
    assert [int(labels[i]) for i in starts] == [-100] * len(starts)
    assert int((labels != -100).sum()) == sum(LENGTHS) - len(LENGTHS)


@pytest.mark.parametrize(
    ("mask", "right"),
    [
        ([[1, 1, 1], [1, 1, 1]], True),
        ([[1, 1, 0], [1, 0, 0]], True),
        ([[0, 1, 1], [1, 1, 1]], False),
        ([[1, 1, 1], [1, 0, 1]], False),
    ],
)
def test_padding_is_on_the_right_or_not(mask, right):
    assert padded_on_the_right(torch.tensor(mask)) is right


def test_models_that_need_rows_keep_them(toy, batch):
    config = MistralConfig(
        vocab_size=40, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=2, sliding_window=4, max_position_embeddings=64,
    )  # fmt: skip
    assert not takes_unpadded(MistralForCausalLM(config), batch)
    left = {name: one.flip(1) for name, one in batch.items()}
    assert not takes_unpadded(toy.module, left)
    toy.module.set_attn_implementation("eager")
    assert not takes_unpadded(toy.module, batch)
    toy.module.set_attn_implementation("sdpa")
    toy.module.gradient_checkpointing_enable()
    assert not takes_unpadded(toy.module, batch)


def test_a_model_whose_rows_leak_is_found_out(toy, batch, monkeypatch):
    def leaky(module, query, key, value, attention_mask, **kwargs):
        return sdpa_attention_forward(module, query, key, value, None, **{**kwargs, "is_causal": True})

    monkeypatch.setattr("retain.models.unpadded.attend", leaky)
    assert not takes_unpadded(toy.module, batch)


def test_an_error_within_leaves_the_model_as_it_was(toy, batch):
    with pytest.raises(ZeroDivisionError), unpadded(toy.module, batch):
        raise ZeroDivisionError
    assert toy.module.config._attn_implementation == "sdpa"
    assert torch.isfinite(labelled_logits(toy.module, batch)).all()
