"""The KL meter: its two ways of asking the base, its numbers and their intervals."""

import contextlib
import math

import numpy as np
import pytest
import torch

from retain.data.encoding import IGNORED, Encoded
from retain.mitigations.kl_meter import MOST_ROWS, first_rows, kl_reading, moved_from_base, moved_from_stored, same_top
from retain.mitigations.kl_to_base import store_base
from retain.models.causal import TransformersCausal


@pytest.fixture
def rows(make_setup):
    setup = make_setup()
    return [setup.encode(one) for one in setup.general["own"].examples]


def moved_model(toy, amount=0.3):
    """The toy after its weights were changed; as its base it is what it was."""
    before = {name: tensor.clone() for name, tensor in toy.module.state_dict().items()}
    generator = torch.Generator().manual_seed(1)
    after = {name: t + amount * torch.randn(t.shape, generator=generator) for name, t in before.items()}

    @contextlib.contextmanager
    def base():
        toy.module.load_state_dict(before)
        yield
        toy.module.load_state_dict(after)

    toy.module.load_state_dict(after)
    return TransformersCausal(toy.module, toy.tokenizer, "moved", "fp32", base=base)


def by_definition(model, row):
    """Divergence and agreement at each labelled position, written out in fp64."""
    ids = torch.tensor([row.input_ids])
    with torch.no_grad():
        tuned = model.module(ids).logits[0, :-1].double().log_softmax(-1)
        with model.as_base():
            base = model.module(ids).logits[0, :-1].double().log_softmax(-1)
    places = [i for i, label in enumerate(row.labels[1:]) if label != IGNORED]
    kl = (base.exp() * (base - tuned)).sum(-1)
    return kl[places].numpy(), (base.argmax(-1) == tuned.argmax(-1))[places].double().numpy()


def test_an_adapters_way_is_the_definition_over_the_whole_vocabulary(toy, rows):
    model = moved_model(toy)
    for row, (kl, same) in zip(rows, moved_from_base(model, rows), strict=True):
        expected, agreed = by_definition(model, row)
        assert np.allclose(kl, expected, atol=1e-5) and kl.max() > 0.01
        assert np.array_equal(same, agreed)


def test_stored_distributions_of_the_whole_vocabulary_give_the_same(toy, rows):
    model = moved_model(toy)
    vocabulary = toy.module.config.vocab_size
    stored = store_base(model, rows, vocabulary)
    for one, other in zip(moved_from_stored(model, rows, stored), moved_from_base(model, rows), strict=True):
        assert np.allclose(one[0], other[0], atol=1e-5) and np.array_equal(one[1], other[1])


def test_fewer_stored_tokens_are_a_lower_bound_that_is_close(toy, rows):
    model = moved_model(toy)
    exact = np.concatenate([kl for kl, _ in moved_from_base(model, rows)])
    means = []
    for k in (4, 16, 32):
        found = moved_from_stored(model, rows, store_base(model, rows, k))
        kl = np.concatenate([one for one, _ in found])
        assert (kl <= exact + 1e-5).all()
        means.append(kl.mean())
    assert means == sorted(means) and means[0] < 0.9 * exact.mean()
    assert means[-1] == pytest.approx(exact.mean(), rel=0.1), "32 of 41 tokens"


def test_an_unchanged_model_has_not_moved(toy, rows):
    reading = kl_reading("general", "own", moved_from_base(toy, rows), None)
    assert reading.mean == pytest.approx(0, abs=1e-6) and reading.percentile_95 == pytest.approx(0, abs=1e-5)
    assert reading.agreement == reading.agreement_low == reading.agreement_high == 1.0


def test_ties_for_the_most_likely_token_count_as_agreement():
    base = torch.tensor([[2.0, 2.0, 0.0], [2.0, 1.0, 0.0], [2.0, 2.0, 0.0]])
    tuned = torch.tensor([[1.0, 3.0, 3.0], [1.0, 3.0, 3.0], [0.0, 0.0, 3.0]])
    assert same_top(tuned, torch.arange(3).expand(3, 3), base).tolist() == [True, False, False]
    top = base.topk(2, dim=-1)
    assert same_top(tuned, top.indices, top.values).tolist() == [True, False, False]


def test_an_unchanged_model_in_bf16_agrees_everywhere(toy, rows):
    toy.module.to(torch.bfloat16)
    with torch.no_grad():
        for parameter in toy.module.parameters():
            parameter *= 0.1  # logits close together: many of them equal in bf16
    for k in (4, toy.module.config.vocab_size):
        reading = kl_reading("general", "own", moved_from_stored(toy, rows, store_base(toy, rows, k)), k)
        assert reading.agreement == 1.0


def made(generator, rows=200, tokens=8):
    """Rows whose tokens share much of what they are: KL of mean 1, agreement of 0.8."""
    shared = generator.exponential(1.0, (rows, 1)) * np.ones((1, tokens))
    agree = (generator.random((rows, 1)) < 0.8) * np.ones((1, tokens))
    return [(shared[i], agree[i]) for i in range(rows)]


def test_its_numbers_are_over_tokens_and_the_intervals_over_rows():
    generator = np.random.default_rng(3)
    values = [(np.array([0.0, 1.0]), np.array([1.0, 0.0])), (np.array([5.0]), np.array([1.0]))]
    reading = kl_reading("task", "task", values, 4)
    assert (reading.mean, reading.agreement, reading.rows, reading.tokens) == (2.0, pytest.approx(2 / 3), 2, 3)
    covered = dict.fromkeys(("mean", "percentile_95", "agreement"), 0)
    truth = {"mean": 1.0, "percentile_95": -math.log(0.05), "agreement": 0.8}
    for _ in range(60):
        reading = kl_reading("task", "task", made(generator), None)
        for name, value in truth.items():
            covered[name] += getattr(reading, f"{name}_low") <= value <= getattr(reading, f"{name}_high")
    assert min(covered.values()) >= 51, f"95% of 60 are 57, and with tokens as items far fewer: {covered}"


def test_a_single_row_has_no_interval():
    reading = kl_reading("task", "task", [(np.array([1.0, 2.0]), np.array([1.0, 1.0]))], None)
    assert reading.mean_low is None and reading.percentile_95_high is None and reading.agreement_low is None


def test_rows_are_taken_until_the_tokens_run_out():
    rows = [Encoded(input_ids=[1] * n, labels=[IGNORED, *[1] * (n - 1)]) for n in (5, 5, 50)]
    assert first_rows([None, *rows], most=8) == rows[:2]
    assert first_rows(rows, most=7) == rows[:1]
    assert first_rows(rows[2:], most=7) == rows[2:], "one at least"
    assert len(first_rows([rows[0]] * (MOST_ROWS + 1), most=10**9)) == MOST_ROWS
    assert first_rows([None]) == []


def test_the_pass_that_is_compared_is_without_dropout(toy, rows):
    toy.module.config.attention_dropout = 0.5
    toy.module.train()
    reading = kl_reading("general", "own", moved_from_base(toy, rows), None)
    assert reading.mean == pytest.approx(0, abs=1e-6)
