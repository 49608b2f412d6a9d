"""Our attention is torch's up to rounding, for any number of key heads and both kinds of mask."""

from contextlib import nullcontext

import pytest
import torch
import toys
from transformers import DynamicCache

from retain.scoring import own_attention as subject
from retain.scoring.own_attention import NAME, attend, own_attention


@pytest.mark.parametrize(("heads", "shared"), [(9, 3), (4, 4), (4, 1)])
@pytest.mark.parametrize("at_once", [2**21, 100])
@pytest.mark.parametrize("length", [1, 6])
@pytest.mark.parametrize("kind", ["bool", "additive"])
def test_the_same_as_torch(heads, shared, at_once, length, kind, monkeypatch):
    monkeypatch.setattr(subject, "SCORES", at_once)
    draw = torch.Generator().manual_seed(0)
    query = torch.randn(5, heads, length, 8, generator=draw)
    key, value = (torch.randn(5, shared, 10, 8, generator=draw) for _ in range(2))
    seen = torch.rand(5, 1, length, 10, generator=draw) < 0.6
    seen[..., 0] = True
    added = torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)
    mask = seen if kind == "bool" else added
    found, weights = attend(None, query, key, value, mask, scaling=0.3)
    each = [tensor.repeat_interleave(heads // shared, 1) for tensor in (key, value)]
    expected = torch.nn.functional.scaled_dot_product_attention(query, *each, attn_mask=mask, scale=0.3)
    assert weights is None
    assert torch.allclose(found, expected.transpose(1, 2), atol=1e-5)


def test_it_acts_in_bf16_on_a_cpu_only_and_is_taken_out_again():
    module = toys.llama().to(torch.bfloat16)
    with own_attention(module) as pays:
        assert pays
        assert module.config._attn_implementation == NAME
    assert module.config._attn_implementation == "sdpa"
    with own_attention(module.float()) as pays:
        assert not pays


def test_what_it_does_not_know_is_left_to_transformers(monkeypatch):
    asked = []
    monkeypatch.setattr(subject, "sdpa_attention_forward", lambda *args, **kwargs: asked.append(kwargs))
    query = torch.randn(1, 2, 3, 4)
    attend(None, query, query, query, torch.zeros(1, 1, 3, 3), softcap=5.0)
    attend(None, query, query, query, None)
    attend(None, query, query, query, torch.zeros(1, 1, 3, 3), dropout=0.1)
    assert len(asked) == 3


def test_a_model_in_bf16_answers_alike_with_it():
    module = toys.llama().bfloat16()
    ids = torch.tensor(toys.prompts((12, 12, 12)))

    def last(inside):
        cache = DynamicCache()
        module(ids[:, :-1], past_key_values=cache)
        with inside:
            return module(ids[:, -1:], past_key_values=cache).logits.float()

    with torch.inference_mode():
        plain, ours = last(nullcontext()), last(own_attention(module))
    assert torch.allclose(plain, ours, atol=0.05 * plain.abs().max().item())
