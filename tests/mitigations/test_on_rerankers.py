"""Mitigations of language models on a reranker: the adapter with its head, distances, Fisher values, strength."""

from __future__ import annotations

import pytest
import torch

from retain.errors import UserError
from retain.mitigations.adapter_distance import adapter_distance
from retain.mitigations.distance import distance_to_base
from retain.mitigations.fisher import diagonal_fisher, squared_gradients
from retain.mitigations.lora import Lora
from retain.models.fingerprint import base_weights_hash
from retain.models.update import AdapterUpdate, whole_parts
from retain.models.update_files import save_update
from retain.ranking.groups import Group
from retain.training.trained import load_trained

PAIRS = [("who chase mice", "cats chase mice"), ("who bark", "dogs bark loudly often"), ("what swim", "fish")]
GROUPS = [
    Group("who chase mice", ("cats chase mice", "dogs bark", "fish swim never")),
    Group("who bark", ("dogs bark", "birds sing")),
]


@pytest.fixture
def adapted(toy_reranker):
    return Lora(rank=2).wrap_model(toy_reranker, None)


def learned(model, seed: int = 0):
    """Random values for all that is trained."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.module.parameters():
            if parameter.requires_grad:
                parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def test_the_head_is_trained_as_a_whole_and_everything_else_by_factors(adapted):
    trained = [name for name, parameter in adapted.module.named_parameters() if parameter.requires_grad]
    whole = [name for name in trained if ".lora_" not in name]
    assert sorted(name.split(".")[-1] for name in whole) == ["bias", "weight"]
    assert all("classifier.modules_to_save" in name for name in whole)
    assert any("pooler.dense.lora_A" in name for name in trained)
    assert not any("classifier" in name and ".lora_" in name for name in trained)


def test_a_fresh_adapter_answers_as_the_base_and_leaves_its_weights(toy_reranker):
    scores, weights = toy_reranker.score_pairs(PAIRS, 32), base_weights_hash(toy_reranker.module)
    model = Lora(rank=2).wrap_model(toy_reranker, None)
    assert model.score_pairs(PAIRS, 32) == pytest.approx(scores, abs=1e-6)
    learned(model)
    assert base_weights_hash(model.module) == weights
    assert model.score_pairs(PAIRS, 32) != pytest.approx(scores, abs=1e-2)
    with model.as_base():
        assert model.score_pairs(PAIRS, 32) == pytest.approx(scores, abs=1e-6)


def test_the_head_cannot_be_adapted_by_name(toy_reranker):
    with pytest.raises(UserError, match="output head"):
        Lora(target_modules=["classifier"]).wrap_model(toy_reranker, None)
    names = Lora(target_modules=["query"], rank=2).wrap_model(toy_reranker, None)
    assert all(
        "query" in name or "classifier" in name for name, p in names.module.named_parameters() if p.requires_grad
    )


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_strength_scales_factors_and_head_alike(toy_reranker_folder, adapted, tmp_path, strength):
    from retain.models.load_reranker import load_reranker

    base = adapted.score_pairs(PAIRS, 32)
    learned(adapted)
    whole = {name: (own.detach().clone(), start.clone()) for name, own, start in whole_parts(adapted.module)}
    scores = adapted.score_pairs(PAIRS, 32)
    model = load_trained(load_reranker(str(toy_reranker_folder)), save_update(adapted.module, tmp_path / "update"))
    assert model.score_pairs(PAIRS, 32) == pytest.approx(scores, abs=1e-5)
    assert isinstance(model.update, AdapterUpdate)
    model.update.apply(strength)
    for name, own, _ in whole_parts(model.module):
        end, start = whole[name]
        assert torch.allclose(own, start + strength * (end - start), atol=1e-6)
    ends = {0.0: base, 1.0: scores}
    if strength in ends:
        assert model.score_pairs(PAIRS, 32) == pytest.approx(ends[strength], abs=1e-4)
    model.save(tmp_path / "tuned")
    again = load_reranker(str(tmp_path / "tuned"))
    assert again.score_pairs(PAIRS, 32) == pytest.approx(model.renewed().score_pairs(PAIRS, 32), abs=1e-5)


def test_another_update_can_be_restored_with_its_head(toy_reranker_folder, adapted, tmp_path):
    from retain.models.load_reranker import load_reranker

    first = save_update(learned(adapted, 1).module, tmp_path / "first")
    wanted = adapted.score_pairs(PAIRS, 32)
    second = save_update(learned(adapted, 2).module, tmp_path / "second")
    model = load_trained(load_reranker(str(toy_reranker_folder)), second)
    model.update.apply(0.5)
    model.update.restore(first)
    assert model.renewed().score_pairs(PAIRS, 32) == pytest.approx(wanted, abs=1e-5)


def test_the_distance_counts_the_head_too(adapted, tmp_path):
    learned(adapted)
    whole = {name: (own - start).square() for name, own, start in whole_parts(adapted.module)}
    factors = [
        layer.scaling["default"] * layer.lora_B["default"].weight @ layer.lora_A["default"].weight
        for _, layer in adapted.module.named_modules()
        if "default" in getattr(layer, "lora_A", ())
    ]
    wanted = sum(one.sum() for one in whole.values()) + sum(one.square().sum() for one in factors)
    penalty = adapter_distance(adapted.module, 2.0, None)
    assert penalty(None).item() == pytest.approx(wanted.item(), rel=1e-4)
    penalty(None).backward()
    for name, own, start in whole_parts(adapted.module):
        assert torch.allclose(own.grad, 2 * (own - start), rtol=1e-4, atol=1e-6), name


def brute(reranker, group, place: int, weights):
    logprob = reranker.logits(group.pairs, 32).log_softmax(-1)[place]
    return torch.autograd.grad(logprob, weights, allow_unused=True)


def test_fisher_of_the_document_that_comes_first(toy_reranker):
    found = squared_gradients(toy_reranker, GROUPS, "empirical", 32)
    names = [name for name, _ in toy_reranker.module.named_parameters()]
    weights = list(toy_reranker.module.parameters())
    toy_reranker.module.eval()
    both = [brute(toy_reranker, group, 0, weights) for group in GROUPS]
    for place, name in enumerate(names):
        wanted = sum(one[place].square() for one in both if one[place] is not None) / len(GROUPS)
        assert torch.allclose(found[name], torch.as_tensor(wanted), rtol=1e-3, atol=1e-8), name
    assert found["classifier.weight"].sum() > 0


@pytest.mark.parametrize("which", ["sampled", "empirical"])
def test_fisher_under_an_adapter_is_that_of_the_weights_and_the_head(toy_reranker, toy_reranker_folder, which):
    from retain.models.load_reranker import load_reranker

    whole = squared_gradients(toy_reranker, GROUPS, which, 32)
    model = learned(Lora(rank=2).wrap_model(load_reranker(str(toy_reranker_folder)), None))
    found = squared_gradients(model, GROUPS, which, 32)
    for name, value in found.items():
        plain = name.removeprefix("base_model.model.")
        assert torch.allclose(value, whole[plain if plain in whole else f"{plain}.weight"], rtol=1e-3, atol=1e-8), name
    assert "base_model.model.classifier.weight" in found
    assert not any(own.grad is not None for _, _, own in whole_parts(model.module))
    assert not any(start.requires_grad for _, _, start in whole_parts(model.module))


def test_f_of_one_is_the_plain_distance_and_f_is_kept(adapted):
    learned(adapted)
    ones = {name: torch.ones_like(value) for name, value in squared_gradients(adapted, GROUPS, "empirical", 32).items()}
    assert adapter_distance(adapted.module, 1.0, ones)(None).item() == pytest.approx(
        adapter_distance(adapted.module, 1.0, None)(None).item(), rel=1e-4
    )
    first, mean = diagonal_fisher(adapted, "f", GROUPS, "sampled", 32)
    again, _ = diagonal_fisher(adapted, "f", GROUPS, "sampled", 32)
    other, _ = diagonal_fisher(adapted, "f", GROUPS, "sampled", 6)
    name = "base_model.model.classifier.weight"
    assert mean > 0 and torch.equal(first[name], again[name]) and not torch.equal(first[name], other[name])


def test_full_fine_tuning_is_held_near_the_base(toy_reranker, tmp_path):
    class Setup:
        folder = tmp_path

    penalty = distance_to_base(toy_reranker, Setup, 2.0)
    assert penalty(None).item() == 0
    with torch.no_grad():
        toy_reranker.module.classifier.bias.add_(0.5)
    assert penalty(None).item() == pytest.approx(0.25)
