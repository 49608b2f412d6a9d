import pytest
import torch
from transformers import TopPLogitsWarper

from retain.scoring import choosing_tokens
from retain.scoring.choosing_tokens import choose, drawn, draws_of, nucleus
from retain.scoring.writing import Sampling


@pytest.mark.parametrize("few", [1024, 3])
@pytest.mark.parametrize("top_p", [0.01, 0.3, 0.9, 0.999])
def test_the_nucleus_is_that_of_transformers(top_p, few, monkeypatch):
    monkeypatch.setattr(choosing_tokens, "FEW_TOKENS", few)
    logits = 3 * torch.randn((6, 50), generator=torch.Generator().manual_seed(0))
    theirs = TopPLogitsWarper(top_p)(None, logits).isfinite()
    assert torch.equal(nucleus(logits.softmax(-1), top_p) > 0, theirs)


def test_draws_give_each_token_its_share():
    weights = torch.tensor([[0.2, 0.0, 0.5, 0.3]])
    count = 1000
    tokens = drawn(weights.expand(count, 4), torch.arange(count) / count)
    assert [tokens.count(token) for token in range(4)] == pytest.approx([200, 0, 500, 300], abs=1)


def test_the_largest_draw_takes_a_token_that_may_be_taken():
    assert drawn(torch.tensor([[0.1, 0.6, 0.0, 0.0]]), torch.tensor([1 - 2**-24])) == [1]


def test_temperature_sharpens():
    logits = torch.tensor([[0.0, 1.0]])
    assert choose(logits, Sampling(1, 0.1, 1.0, 0), [0.01]) == [1]
    assert choose(logits, Sampling(1, 10.0, 1.0, 0), [0.01]) == [0]


def test_draws_follow_the_prompt_and_its_repetitions():
    sampling = Sampling(5, 1.0, 1.0, 0)
    a, b, again = draws_of([[1, 2], [3], [1, 2]], sampling)
    assert not torch.equal(a, again)
    assert torch.equal(b, draws_of([[3]], sampling)[0])
    assert not torch.equal(b, draws_of([[3]], sampling._replace(seed=1))[0])
