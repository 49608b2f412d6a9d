"""Our attention of packed rows is torch's up to rounding, for any number of key heads, and only where it pays."""

import pytest
import torch
import toys

from retain.scoring import packed_attention
from retain.scoring.own_attention import own_attention
from retain.scoring.packed_attention import NAME, attend


@pytest.mark.parametrize(("heads", "shared"), [(9, 3), (4, 4), (4, 1)])
@pytest.mark.parametrize("at_once", [2**21, 100])
def test_the_same_as_torch(heads, shared, at_once, monkeypatch):
    monkeypatch.setattr(packed_attention, "SCORES", at_once)
    draw = torch.Generator().manual_seed(0)
    query = torch.randn(5, heads, 6, 8, generator=draw)
    key, value = (torch.randn(5, shared, 10, 8, generator=draw) for _ in range(2))
    seen = torch.rand(5, 1, 6, 10, generator=draw) < 0.6
    seen[..., 0] = True
    mask = torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)
    found, weights = attend(None, query, key, value, mask, scaling=0.3)
    each = [tensor.repeat_interleave(heads // shared, 1) for tensor in (key, value)]
    expected = torch.nn.functional.scaled_dot_product_attention(query, *each, attn_mask=mask, scale=0.3)
    assert weights is None
    assert torch.allclose(found, expected.transpose(1, 2), atol=1e-5)


def test_it_acts_in_bf16_on_a_cpu_only_and_is_taken_out_again():
    module = toys.llama().to(torch.bfloat16)
    with own_attention(module, NAME, attend) as pays:
        assert pays
        assert module.config._attn_implementation == NAME
    assert module.config._attn_implementation == "sdpa"
    with own_attention(module.float(), NAME, attend) as pays:
        assert not pays


def test_what_it_does_not_know_is_left_to_transformers(monkeypatch):
    asked = []
    monkeypatch.setattr(packed_attention, "sdpa_attention_forward", lambda *args, **kwargs: asked.append(kwargs))
    query = torch.randn(1, 2, 3, 4)
    attend(None, query, query, query, torch.zeros(1, 1, 3, 3), softcap=5.0)
    attend(None, query, query, query, None)
    attend(None, query, query, query, torch.zeros(1, 1, 3, 3), dropout=0.1)
    assert len(asked) == 3
