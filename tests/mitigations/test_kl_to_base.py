import pytest
import torch

from retain.mitigations.base import GeneralBatch, Step
from retain.mitigations.kl_to_base import KlToBase, divergence, encoded_rows, store_base
from retain.models.logits import labelled_logits
from retain.training.stream import GeneralStream


def full_kl(base_logits, tuned_logits):
    base, tuned = base_logits.log_softmax(-1), tuned_logits.log_softmax(-1)
    return (base.exp() * (base - tuned)).sum(-1)


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    return [3 * torch.randn(7, 50, generator=generator) for _ in range(2)]


def test_the_whole_vocabulary_gives_the_exact_divergence(logits):
    base, tuned = logits
    stored = base.log_softmax(-1).topk(50, dim=-1)
    found = divergence(tuned, stored.indices, stored.values)
    assert torch.allclose(found, full_kl(base, tuned), atol=1e-5)


def test_fewer_tokens_give_a_lower_bound_that_rises_to_it(logits):
    base, tuned = logits
    exact = full_kl(base, tuned)
    last = torch.zeros(7)
    for k in (1, 5, 20, 49):
        stored = base.log_softmax(-1).topk(k, dim=-1)
        found = divergence(tuned, stored.indices, stored.values)
        assert (found <= exact + 1e-5).all()
        assert (found >= last - 1e-5).all()
        last = found
    assert torch.allclose(last, exact, atol=1e-3)


def test_it_is_zero_for_the_base_itself_and_its_gradient_too(logits):
    base = logits[0].clone().requires_grad_()
    stored = logits[0].log_softmax(-1).topk(10, dim=-1)
    loss = divergence(base, stored.indices, stored.values).mean()
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert base.grad.abs().max() < 1e-6


def test_the_penalty_is_weighted_and_has_a_gradient(make_setup, toy):
    setup = make_setup()
    penalties = {w: KlToBase(weight=w, top_k=None).penalty(toy, setup) for w in (1.0, 3.0)}
    with torch.no_grad():
        for parameter in toy.module.parameters():
            parameter += 0.1
    stream = GeneralStream(encoded_rows(setup, "own"), 4, seed=0)
    values = {}
    for weight, penalty in penalties.items():
        step = Step(toy.module, {}, lambda name: stream.batch(0, 2, "cpu"))
        values[weight] = penalty(step)
    assert values[3.0].item() == pytest.approx(3 * values[1.0].item(), rel=1e-5)
    values[1.0].backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in toy.module.parameters())


def test_batched_rows_meet_their_own_stored_distributions(make_setup, toy):
    """Padding and order must not mix rows up: an untouched model has no divergence in any batch."""
    setup = make_setup()
    penalty = KlToBase(top_k=None).penalty(toy, setup)
    stream = GeneralStream(encoded_rows(setup, "own"), 5, seed=3)
    for number in range(3):
        step = Step(toy.module, {}, lambda name, number=number: stream.batch(number, 2, "cpu"))
        assert penalty(step).item() == pytest.approx(0, abs=1e-5)


def test_several_penalties_share_one_forward_pass(make_setup, toy, monkeypatch):
    setup = make_setup()
    first, second = KlToBase().penalty(toy, setup), KlToBase(weight=2).penalty(toy, setup)
    stream = GeneralStream(encoded_rows(setup, "own"), 4, seed=0)
    step = Step(toy.module, {}, lambda name: batch)
    batch = stream.batch(0, 2, "cpu")
    calls = []
    monkeypatch.setattr(
        "retain.mitigations.base.labelled_logits", lambda m, b: calls.append(1) or labelled_logits(m, b)
    )
    first(step)
    second(step)
    assert len(calls) == 1


def test_a_step_without_general_rows_has_no_penalty(make_setup, toy):
    penalty = KlToBase().penalty(toy, make_setup())
    assert penalty(Step(toy.module, {}, lambda name: None)) is None


def test_what_is_stored_is_the_base_also_for_an_adapter(make_setup, toy):
    from retain.mitigations.lora import Lora

    setup = make_setup()
    rows = encoded_rows(setup, "own")[:2]
    plain = store_base(toy, rows, None)
    adapted = Lora(rank=2).wrap_model(toy, setup)
    with torch.no_grad():
        for name, parameter in adapted.module.named_parameters():
            if "lora_B" in name:
                parameter += 1
    for (ids, values), (ids2, values2) in zip(plain, store_base(adapted, rows, None), strict=True):
        assert torch.equal(ids, ids2)
        assert torch.allclose(values, values2, atol=1e-5)


def test_general_batch_counts_tokens_without_padding(make_setup):
    rows = encoded_rows(make_setup(), "own")
    batch = GeneralStream(rows, 3, seed=0).batch(0, 2, "cpu")
    assert isinstance(batch, GeneralBatch)
    assert batch.tokens == sum(len(rows[i].input_ids) for i in batch.rows)
