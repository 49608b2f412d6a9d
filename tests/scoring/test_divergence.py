import pytest
import torch
import toys

from retain.scoring.divergence import logit_gap, rounding_gap


def test_the_gap_is_that_of_the_first_two_tokens_that_differ():
    module = toys.llama()
    with torch.no_grad():
        logits = module(torch.tensor([[5, 6, 7, 8]])).logits[0, -1]
    assert logit_gap(module, [5, 6], [7, 8, 9, 3], [7, 8, 11]) == pytest.approx(abs(logits[9] - logits[11]).item())
    assert logit_gap(module, [5, 6], [7], [7]) == 0
    assert logit_gap(module, [5, 6], [7], [7, 8]) == float("inf")


def test_the_allowed_gap_follows_the_precision():
    module = toys.llama()
    assert rounding_gap(module) < rounding_gap(module.bfloat16())
