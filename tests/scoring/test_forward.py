"""A pass with a cache gives the head whole states, and the logits after the last column."""

import pytest
import torch
from transformers.cache_utils import DynamicCache

from retain.scoring.forward import forward, last_columns
from retain.scoring.head import inner_model
from retain.scoring.pair import Pair
from retain.scoring.plain import score_plain
from retain.scoring.prefill import prefilled

IDS = torch.tensor([[3, 4, 5, 6, 7], [5, 5, 4, 8, 9]])


@pytest.fixture
def heard(toy):
    """The states that the head of a toy model gets, and whether they lie in one piece."""
    found = []
    toy.module.requires_grad_(False)
    toy.module.get_output_embeddings().register_forward_pre_hook(
        lambda head, states: found.append((tuple(states[0].shape[:2]), states[0].is_contiguous()))
    )
    return toy.module, found


def test_the_last_columns_are_taken(heard):
    module, found = heard
    positions = torch.arange(5).expand(2, 5)
    logits = forward(module, IDS, torch.ones_like(IDS), positions, DynamicCache())
    whole = module(input_ids=IDS, use_cache=False).logits
    torch.testing.assert_close(logits, whole[:, -1])
    assert found[0] == ((2, 1), True), "frozen weights are copied for each row where it does not"
    assert last_columns(IDS, 2).tolist() == [3, 4]


def test_prompts_and_padded_pairs_are_given_so_too(heard):
    module, found = heard
    list(prefilled(module, None, IDS.tolist(), 0))
    score_plain(module, [Pair(context=[3, 4, 5], continuation=[6, 7]), Pair(context=[3], continuation=[4])], pad=0)
    assert (found[0][0], found[-1][0]) == ((2, 1), (2, 2))
    assert all(whole for _, whole in found)


def test_a_wrappers_own_config_is_not_the_models(toy):
    class Engine(torch.nn.Module):
        """Passes attributes on to the model it wraps, as DeepSpeed's does, and has another ``config``."""

        def __init__(self, module):
            super().__init__()
            self.module = module
            self.config = {}

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(self._modules["module"], name)

    engine = Engine(toy.module)
    assert hasattr(engine, "get_output_embeddings")
    assert inner_model(engine) is inner_model(toy.module) is toy.module
