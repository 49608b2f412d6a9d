"""Scores near the base's: by hand, in training, and where it does not go."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from retain.data.example import Example
from retain.errors import UserError
from retain.mitigations.base import GeneralSet, Step
from retain.mitigations.general_groups import RankingSetup, general_groups
from retain.mitigations.lora import Lora
from retain.mitigations.score_to_base import ScoreToBase, base_scores, listwise_divergence, margin_difference
from retain.models.reranker import CrossEncoderReranker
from retain.ranking.judged import ranking_example
from retain.records import Gate
from retain.training.stream import GroupStream

THINGS = "cats dogs birds fish mice cheese".split()


def general_row(thing: str, others: int = 4) -> Example:
    grades = {f"red {thing}": 1.0, **{f"blue {word} {thing}": 0.0 for word in THINGS[:others]}}
    return ranking_example(f"who {thing}", grades)


@pytest.fixture
def make_setup(toy_reranker, tmp_path):
    def make(rows=None, **changes) -> RankingSetup:
        examples = [general_row(thing) for thing in THINGS] if rows is None else rows
        values = {
            "base": toy_reranker,
            "general": {"own": GeneralSet(name="own", source="x", examples=examples, kept_back=())},
            "gate": Gate(),
            "folder": tmp_path / "training",
            "seed": 0,
            "encode": lambda example: None,
            "measure_dev": lambda model: [],
            "base_dev": lambda: [],
            "task_probes": frozenset({"task"}),
            "max_tokens": 32,
        }
        return RankingSetup(**{**values, **changes})

    return make


def step_of(rows: tuple[int, ...], rate: float = 2.0) -> Step:
    stream = GroupStream([10] * 6, rate, 0)
    stream.indices = lambda number: list(rows)
    return Step(None, {}, lambda name: stream.batch(0, 0, "cpu"))


def moved(reranker, seed: int = 0):
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in reranker.module.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))


def test_listwise_is_the_divergence_of_two_softmaxes():
    tuned, base = torch.tensor([0.5, -1.0, 2.0]), torch.tensor([1.0, 0.0, 0.3])
    p = [math.exp(value) for value in base.tolist()]
    q = [math.exp(value) for value in tuned.tolist()]
    wanted = sum(a / sum(p) * math.log((a / sum(p)) / (b / sum(q))) for a, b in zip(p, q, strict=True))
    assert listwise_divergence(tuned, base).item() == pytest.approx(wanted, rel=1e-5)
    assert listwise_divergence(base + 7, base).item() == pytest.approx(0, abs=1e-6)
    halved = listwise_divergence(tuned / 3, base / 3).item()
    assert listwise_divergence(tuned, base, 3.0).item() == pytest.approx(9 * halved, rel=1e-5)


def test_margins_are_compared_pair_by_pair():
    tuned, base = torch.tensor([0.5, -1.0, 2.0, 0.0]), torch.tensor([1.0, 0.0, 0.3, 9.0])
    pairs = list(itertools.permutations(range(4), 2))
    wanted = sum(float(tuned[i] - tuned[j] - base[i] + base[j]) ** 2 for i, j in pairs) / len(pairs)
    assert margin_difference(tuned, base).item() == pytest.approx(wanted, rel=1e-5)
    assert margin_difference(base - 4, base).item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("form", ["listwise", "margin_mse"])
def test_the_penalty_is_zero_at_the_base_and_the_mean_over_queries_of_what_moved(toy_reranker, make_setup, form):
    setup = make_setup()
    penalty = ScoreToBase(form=form, weight=3.0).penalty(toy_reranker, setup)
    toy_reranker.module.eval()
    assert penalty(step_of((0, 1))).item() == pytest.approx(0, abs=1e-6)
    groups = general_groups(setup, "own", 16)
    base = [torch.tensor(toy_reranker.score_pairs(group.pairs, 32)) for group in groups]
    moved(toy_reranker)
    compare = margin_difference if form == "margin_mse" else listwise_divergence
    now = [torch.tensor(toy_reranker.renewed().score_pairs(group.pairs, 32)) for group in groups]
    wanted = 3.0 * sum(compare(now[row], base[row]).item() for row in (4, 2)) / 2.0
    found = penalty(step_of((4, 2)))
    assert found.item() == pytest.approx(wanted, rel=1e-3) and found.item() > 1e-3
    found.backward()
    assert any(parameter.grad is not None for parameter in toy_reranker.module.parameters())
    assert penalty(step_of(())) is None


def test_with_an_adapter_the_base_is_the_adapter_switched_off(toy_reranker, make_setup):
    groups = general_groups(make_setup(), "own", 16)
    base = toy_reranker.score_pairs(groups[0].pairs, 32)
    adapted = Lora(rank=2).wrap_model(toy_reranker, make_setup())
    with torch.no_grad():
        for parameter in adapted.module.parameters():
            if parameter.requires_grad:
                parameter.add_(0.3)
    assert adapted.score_pairs(groups[0].pairs, 32) != pytest.approx(base, abs=1e-2)
    assert base_scores(adapted, "fingerprint", groups, 32)[0] == pytest.approx(base, abs=1e-5)


def test_the_base_is_asked_once_for_all_runs(toy_reranker, make_setup, monkeypatch):
    groups = general_groups(make_setup(), "own", 16)
    first = base_scores(toy_reranker, "one", groups, 32)
    monkeypatch.setattr(CrossEncoderReranker, "score_pairs", lambda *args: pytest.fail("asked again"))
    assert base_scores(toy_reranker, "one", groups, 32) == first
    for other in (("two", groups, 32), ("one", groups[:2], 32), ("one", groups, 16)):
        with pytest.raises(pytest.fail.Exception):
            base_scores(toy_reranker, *other)


def test_candidates_are_at_most_as_many_as_asked_and_at_least_two(make_setup):
    rows = [general_row("cats"), ranking_example("alone", {"one": 1})]
    assert [len(group.documents) for group in general_groups(make_setup(rows), None, 3)] == [3]
    with pytest.raises(UserError, match="no query of the set"):
        general_groups(make_setup(rows[1:]), None, 3)


def test_it_says_what_it_needs_of_each_step(make_setup):
    assert ScoreToBase(share=0.7).general_share(make_setup()) == ("own", 0.7)
    assert ScoreToBase().wants_general()
    assert "no effect" in ScoreToBase(form="margin_mse", temperature=2.0).conflicts(None)[0]
    assert not ScoreToBase(temperature=2.0).conflicts(None)


def test_a_language_model_is_refused(toy, make_setup):
    with pytest.raises(UserError, match="a reranker is needed"):
        ScoreToBase().penalty(toy, make_setup())
