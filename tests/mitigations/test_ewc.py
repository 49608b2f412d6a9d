"""EWC: with F = 1 the plain distance, else its formula; F from the first general rows, and said in the notes."""

import pytest
import torch

from retain.mitigations.base import Step
from retain.mitigations.distance import distance_to_base
from retain.mitigations.distributions import encoded_rows
from retain.mitigations.ewc import Ewc
from retain.mitigations.fisher import squared_gradients
from retain.mitigations.l2_to_base import L2ToBase
from retain.mitigations.lora import Lora
from retain.models.low_rank import lora_layers

STEP = Step(None, {}, lambda name: None)


def moved_gradients(module, penalty):
    """Value and gradients after everything that is trained has moved."""
    generator = torch.Generator().manual_seed(1)
    kept = {name: p.detach().clone() for name, p in module.named_parameters()}
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    value = penalty(STEP)
    value.backward()
    found = {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}
    module.zero_grad()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(kept[name])
    return value.item(), found


def with_mean_one(importance):
    mean = sum(one.sum() for one in importance.values()) / sum(one.numel() for one in importance.values())
    return {name: one / mean for name, one in importance.items()}


@pytest.mark.parametrize("variant", [None, "lora", "pissa"])
def test_with_ones_for_f_it_is_l2_to_base(make_setup, toy, variant):
    setup = make_setup()
    model = Lora(rank=2, variant=variant).wrap_model(toy, setup) if variant else toy
    if variant:
        ones = {n: torch.ones(one.out_features, one.in_features) for n, one in lora_layers(model.module)}
    else:
        ones = {n: torch.ones_like(p) for n, p in model.module.named_parameters()}
    plain, plain_gradients = moved_gradients(model.module, L2ToBase(weight=0.3).penalty(model, setup))
    value, found = moved_gradients(model.module, distance_to_base(model, setup, 0.3, ones))
    assert value == pytest.approx(plain, rel=1e-5)
    assert value > 0
    assert found.keys() == plain_gradients.keys()
    for name, gradient in found.items():
        if variant is None:
            assert torch.equal(gradient, plain_gradients[name]), name
        assert torch.allclose(gradient, plain_gradients[name], rtol=1e-4, atol=1e-5), name


def test_full_fine_tuning_meets_the_formula(make_setup, toy):
    setup = make_setup()
    importance = with_mean_one(squared_gradients(toy, encoded_rows(setup, "own")[:5], "sampled"))
    begin = {name: p.detach().clone() for name, p in toy.module.named_parameters()}

    def brute(step):
        terms = [(importance[n] * (p - begin[n]) ** 2).sum() for n, p in toy.module.named_parameters()]
        return 3.5 * sum(terms)

    expected = moved_gradients(toy.module, brute)
    value, found = moved_gradients(toy.module, Ewc(weight=7.0, rows=5).penalty(toy, setup))
    assert value == pytest.approx(expected[0], rel=5e-3), "F is kept in bf16"
    for name, gradient in found.items():
        assert (gradient - expected[1][name]).norm() < 5e-3 * gradient.norm(), name


def test_with_an_adapter_it_acts_on_the_product(make_setup, toy):
    setup = make_setup()
    model = Lora(rank=2).wrap_model(toy, setup)
    importance = with_mean_one(squared_gradients(model, encoded_rows(setup, "own")[:5], "sampled"))

    def brute(step):
        products = {
            n: one.scaling["default"] * one.lora_B["default"].weight @ one.lora_A["default"].weight
            for n, one in lora_layers(model.module)
        }
        return 3.5 * sum((importance[n] * product**2).sum() for n, product in products.items())

    expected = moved_gradients(model.module, brute)
    value, found = moved_gradients(model.module, Ewc(weight=7.0, rows=5).penalty(model, setup))
    assert value == pytest.approx(expected[0], rel=5e-3)
    assert found.keys() == expected[1].keys()
    for name, gradient in found.items():
        assert (gradient - expected[1][name]).norm() < 5e-3 * gradient.norm(), name


def test_in_bf16_training_products_are_computed_in_bf16(make_setup, toy):
    setup = make_setup()
    model = Lora(rank=2).wrap_model(toy, setup)
    penalty = Ewc(weight=7.0, rows=5).penalty(model, setup)

    def in_bf16(step):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return penalty(step)

    value, exact = moved_gradients(model.module, penalty)
    rounded, found = moved_gradients(model.module, in_bf16)
    assert rounded == pytest.approx(value, rel=0.01)
    assert rounded != value
    for name, gradient in found.items():
        assert gradient.dtype == torch.float32
        assert (gradient - exact[name]).norm() < 0.01 * gradient.norm(), name


def test_with_null_space_it_acts_on_the_projected_update(make_setup, toy):
    from retain.mitigations.null_space import NullSpace

    setup = make_setup()
    model = NullSpace(energy=0.9).wrap_model(Lora(rank=2).wrap_model(toy, setup), setup)
    layers = dict(lora_layers(model.module))

    def brute(step):
        factors = [(one.lora_B["default"].weight, one.lora_A["default"].weight) for one in layers.values()]
        return 0.15 * sum(
            (layers[n].scaling["default"] * b @ a).square().sum() for n, (b, a) in zip(layers, factors, strict=True)
        )

    expected = moved_gradients(model.module, brute)
    value, found = moved_gradients(model.module, L2ToBase(weight=0.3).penalty(model, setup))
    assert value == pytest.approx(expected[0], rel=1e-4)
    assert found.keys() == expected[1].keys()
    for name, gradient in found.items():
        assert torch.allclose(gradient, expected[1][name], rtol=1e-3, atol=1e-5), name


@pytest.mark.parametrize("lora", [False, True])
def test_at_the_base_it_is_zero_and_its_gradient_too(make_setup, toy, lora):
    setup = make_setup()
    model = Lora(rank=2).wrap_model(toy, setup) if lora else toy
    value = Ewc().penalty(model, setup)(STEP)
    value.backward()
    assert value.item() == 0
    assert all((p.grad == 0).all() for p in model.module.parameters() if p.requires_grad)


def test_it_says_how_many_rows_there_were_and_how_strong_it_is(make_setup, toy):
    notes = []
    Ewc(rows=500, weight=10.0).penalty(toy, make_setup(note=notes.append))
    assert notes[0] == 'ewc: F is from 16 rows, all that the general set "own" has; 500 were asked'
    assert "F is divided by its mean over the weights" in notes[1]
    notes.clear()
    Ewc(rows=3).penalty(toy, make_setup(note=notes.append))
    assert len(notes) == 1


def test_a_run_that_goes_on_computes_nothing_again(make_setup, toy, monkeypatch):
    setup = make_setup()
    first, _ = moved_gradients(toy.module, Ewc().penalty(toy, setup))
    monkeypatch.setattr("retain.mitigations.fisher.squared_gradients", lambda *asked: pytest.fail("computed again"))
    again, _ = moved_gradients(toy.module, Ewc().penalty(toy, setup))
    assert again == first
