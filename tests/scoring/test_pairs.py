"""Pairs in batches, and the faster ways through a model."""

from __future__ import annotations

import pytest
import torch

from retain.scoring import packed_linear
from retain.scoring.first_token import first_token_only, last_attention
from retain.scoring.packed_linear import can_pack, packed_linears
from retain.scoring.pairs import as_batch, gives_the_same, in_batches

ROWS = [{"input_ids": [1, 4, 5, 2, 6, 7, 2], "token_type_ids": [0, 0, 0, 0, 1, 1, 1]}] + [
    {"input_ids": [1, *range(4, 4 + n), 2, 9, 2], "token_type_ids": [0] * (n + 2) + [1, 1]} for n in range(1, 20)
]


@pytest.fixture
def module(toy_reranker):
    return toy_reranker.module.eval()


def test_batches_hold_like_lengths_and_no_more_tokens_than_asked():
    lengths = [3, 9, 4, 9, 2, 5, 1]
    found = in_batches(lengths, 12)
    assert sorted(place for batch in found for place in batch) == list(range(7))
    assert found[0] == [1] and found[1] == [3]
    assert all(len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= 12 for batch in found)
    assert in_batches(lengths, 1) == [[1], [3], [5], [2], [0], [4], [6]]
    assert in_batches([], 5) == []


def test_a_mask_only_where_there_is_padding():
    equal = as_batch([ROWS[0], ROWS[0]], 0, "cpu")
    assert set(equal) == {"input_ids", "token_type_ids"}
    padded = as_batch([ROWS[0], ROWS[1]], 7, "cpu")
    assert padded["attention_mask"].tolist() == [[1] * 7, [1] * 5 + [0] * 2]
    assert padded["input_ids"][1, 5:].tolist() == [7, 7]
    assert padded["token_type_ids"][1, 5:].tolist() == [0, 0]


@pytest.mark.parametrize("rows", [ROWS, [ROWS[3]] * 4])
def test_the_first_token_alone_gives_the_same_scores_and_leaves_no_trace(module, rows):
    batch = as_batch(rows, 0, "cpu")
    attention = last_attention(module)
    with torch.no_grad():
        whole = module(**batch)
        with first_token_only(attention):
            short = module.bert(**batch).last_hidden_state
            assert short.shape[1] == 1
            assert torch.allclose(module(**batch).logits, whole.logits, atol=1e-5)
        assert module.bert(**batch).last_hidden_state.shape[1] > 1
    assert "forward" not in attention.self.__dict__ and not attention.output._forward_pre_hooks


def test_a_forward_that_was_put_there_comes_back(module):
    attention = last_attention(module)
    own = attention.self.forward
    attention.self.forward = own
    with first_token_only(attention):
        assert attention.self.forward is not own
    assert attention.self.__dict__["forward"] is own


def test_models_of_another_build_have_no_short_way(toy):
    assert last_attention(toy.module) is None
    with first_token_only(None), packed_linears(None):
        pass


def test_a_way_that_changes_scores_or_fails_is_not_taken(module):
    batch = as_batch(ROWS, 0, "cpu")

    class Way:
        def __init__(self, change):
            self.change = change

        def __enter__(self):
            self.change()

        def __exit__(self, *error):
            return None

    def louder():
        module.classifier.weight.data.mul_(1.01)

    def broken():
        raise RuntimeError

    with torch.no_grad():
        assert gives_the_same(module, batch, Way(lambda: None))
        assert not gives_the_same(module, batch, Way(louder))
        assert not gives_the_same(module, batch, Way(broken))


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() != "AVX512", reason="the processor has no AVX-512")
def test_packed_weights_give_the_same_scores_are_those_of_the_moment_and_leave_no_trace(module):
    batch = as_batch(ROWS, 0, "cpu")
    assert can_pack(module)
    with torch.inference_mode():
        for _ in range(2):
            plain = module(**batch).logits
            with packed_linears(module):
                assert "forward" in module.classifier.__dict__
                assert torch.allclose(module(**batch).logits, plain, atol=1e-5)
            module.classifier.weight.data.mul_(2)
    assert not any("forward" in layer.__dict__ for layer in module.modules())


def test_what_is_not_packed(module, monkeypatch):
    monkeypatch.setattr(packed_linear, "free_memory", lambda device: 10)
    assert not can_pack(module)
    monkeypatch.undo()
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert not can_pack(module)
    monkeypatch.undo()
    assert not can_pack(module.to(torch.bfloat16))
