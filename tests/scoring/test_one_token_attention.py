import pytest
import torch
import toys

from retain.scoring.one_token_attention import NAME, attend
from retain.scoring.own_attention import own_attention


class Layer:
    num_key_value_groups = 2
    is_causal = True


@pytest.mark.parametrize("queries", [1, 4])
def test_it_is_scaled_dot_product_attention(queries):
    draw = torch.Generator().manual_seed(0)
    query = torch.randn((3, 4, queries, 8), generator=draw)
    key, value = torch.randn((2, 3, 2, 9, 8), generator=draw)
    mask = torch.rand((3, 1, queries, 9), generator=draw) > 0.4
    mask[..., 0] = True
    found, _ = attend(Layer(), query, key, value, mask)
    repeated = [states.repeat_interleave(2, dim=1) for states in (key, value)]
    expected = torch.nn.functional.scaled_dot_product_attention(query, *repeated, attn_mask=mask).transpose(1, 2)
    assert torch.allclose(found, expected, atol=1e-5)


def test_it_is_put_in_for_bf16_on_a_cpu_and_taken_out_again():
    module = toys.llama().bfloat16()
    with own_attention(module, NAME, attend) as pays:
        assert pays and module.config._attn_implementation == "retain_one_token"
    assert module.config._attn_implementation == "sdpa"
    with own_attention(module.float(), NAME, attend) as pays:
        assert not pays and module.config._attn_implementation == "sdpa"


def test_a_model_in_bf16_answers_alike_with_it():
    module = toys.llama().bfloat16()
    ids = torch.tensor(toys.prompts((12, 12, 12)))
    from transformers import DynamicCache

    def last(inside):
        cache = DynamicCache()
        module(ids[:, :-1], past_key_values=cache)
        with inside:
            return module(ids[:, -1:], past_key_values=cache).logits.float()

    from contextlib import nullcontext

    with torch.inference_mode():
        plain, ours = last(nullcontext()), last(own_attention(module, NAME, attend))
    assert torch.allclose(plain, ours, atol=0.05 * plain.abs().max().item())
