"""Keep a reranker's scores of general queries near the base's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from retain.mitigations.asked_base import training_precision
from retain.mitigations.base import Mitigation, Penalty, Setup, Step
from retain.mitigations.general_groups import RankingSetup, as_reranker, general_groups
from retain.models.reranker import TransformersReranker
from retain.models.transformers_model import TransformersModel
from retain.provenance import versions
from retain.ranking.groups import Group
from retain.records import Record, content_hash
from retain.scoring import ENGINE_VERSION
from retain.store import Store

if TYPE_CHECKING:
    import torch

LIBRARIES = ("torch", "transformers", "peft")
"""Packages whose version can change a score."""


class BaseScores(Record):
    """The base's scores of some groups, as the store keeps them."""

    scores: list[list[float]]


class ScoreToBase(Mitigation):
    """Add weight * mean over general queries of KL(base || tuned) between the softmaxed scores of their candidates.

    ``form: listwise``: p(d|q) is the softmax of score / ``temperature`` over a query's candidates; the forward
    direction (the base's distribution weighs), in nats, times temperature^2 so that gradients keep their size (Hinton
    et al. 2015, arXiv 1503.02531). ``form: margin_mse``: the mean over pairs of candidates of the squared difference
    between the base's margin and the tuned model's (arXiv 2010.02666), which holds scores' spread too. Both leave a
    query's scores free to move together, as the order does not depend on it.

    General queries need no judgement: candidates are what the rows name and what BM25 finds for the query in the set's
    own documents. The base's scores are computed once before training, and kept for later runs.

    Requirements: ``training.method: rank``, and a general set of rankings (``data.general``).

    Relations: what ``kl_to_base`` is for language models. On the same set it keeps more than ``rehearsal``, which
    teaches labels. ``strength`` (LM-Cocktail's mixing, arXiv 2311.13534) finishes what it leaves.
    """

    not_for_language_models: ClassVar[str] = (
        "it keeps a reranker's scores; kl_to_base keeps a language model's distribution of the next token"
    )

    not_for_dealt: ClassVar[str] = (
        "it scores as many pairs as a process has general queries, and processes that share weights must all do as "
        "many forward passes; use DDP"
    )

    kind: Literal["score_to_base"] = "score_to_base"
    weight: float = Field(1.0, gt=0)
    """Factor on the divergence; scan by factors of 3 from 0.3 to 10."""
    share: float = Field(0.5, gt=0, le=10)
    """General tokens per task token in each step, queries included."""
    candidates: int = Field(16, ge=2, le=32)
    """Documents of a general query that are scored, at most."""
    form: Literal["listwise", "margin_mse"] = "listwise"
    """What is compared: the distribution over candidates, or the margins between them."""
    temperature: float = Field(1.0, gt=0)
    """``listwise``: above 1 the candidates that the base holds for unlikely count more."""
    general: str | None = None
    """Name of the general set; the first one when empty."""

    def conflicts(self, recipe: Any) -> list[str]:
        """A temperature without a distribution."""
        if self.form == "margin_mse" and self.temperature != type(self).model_fields["temperature"].default:
            return ["temperature has no effect, since form: margin_mse compares no distributions; leave it out"]
        return []

    def general_share(self, setup: Setup) -> tuple[str, float] | None:
        """The set and how much of it each step needs."""
        return setup.general_set(self.general).name, self.share

    def penalty(self, model: TransformersModel, setup: Setup) -> Penalty | None:
        """Scores the general candidates with the base, then compares each step's queries with them."""
        import torch

        assert isinstance(setup, RankingSetup)
        reranker, longest = as_reranker(model), setup.max_tokens
        name = setup.general_set(self.general).name
        groups = general_groups(setup, name, self.candidates)
        base = [torch.tensor(scores) for scores in base_scores(reranker, setup.base.fingerprint, groups, longest)]
        compare = self._compare()

        def near(step: Step) -> torch.Tensor | None:
            batch = step.general(name)
            if batch is None:
                return None
            pairs = [pair for row in batch.rows for pair in groups[row].pairs]
            found = reranker.logits_in_parts(pairs, longest).split([len(groups[row].documents) for row in batch.rows])
            parts = [compare(scores, base[row].to(scores)) for row, scores in zip(batch.rows, found, strict=True)]
            return self.weight * torch.stack(parts).sum() / batch.usual

        return near

    def _compare(self) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        if self.form == "margin_mse":
            return margin_difference
        return lambda tuned, base: listwise_divergence(tuned, base, self.temperature)


def listwise_divergence(tuned: torch.Tensor, base: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    """KL(base || tuned) in nats between two softmaxes over the same candidates, times temperature^2.

    Args:
        tuned: scores, (candidates,), with gradient.
        base: scores, (candidates,).
        temperature: divides both.
    """
    start, now = (base / temperature).log_softmax(-1), (tuned / temperature).log_softmax(-1)
    found: torch.Tensor = temperature**2 * (start.exp() * (start - now)).sum()
    return found


def margin_difference(tuned: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
    """The mean over all ordered pairs of candidates of ((tuned_i - tuned_j) - (base_i - base_j))^2.

    That is twice the variance of tuned - base over the candidates, counted over pairs of different ones.
    """
    found: torch.Tensor = 2 * (tuned - base).var(correction=1)
    return found


def base_scores(
    model: TransformersReranker, fingerprint: str, groups: Sequence[Group], max_tokens: int
) -> list[list[float]]:
    """The base's scores of every group's documents, from the store where it was asked before.

    Args:
        model: answers as the base, or offers it through ``as_base``.
        fingerprint: the base's.
        groups: queries with candidates.
        max_tokens: longest query with document.
    """
    installed = versions()
    known = [fingerprint, model.device, ENGINE_VERSION, [installed.get(name) for name in LIBRARIES], max_tokens]
    key = content_hash(known, [list(group) for group in groups], length=32)
    store = Store("ranking_scores")
    kept = store.read(key, BaseScores)
    if kept is None or [len(one) for one in kept.scores] != [len(group.documents) for group in groups]:
        with training_precision(model), model.as_base():
            found = iter(model.score_pairs([pair for group in groups for pair in group.pairs], max_tokens))
        kept = BaseScores(scores=[[next(found) for _ in group.documents] for group in groups])
        store.write(key, kept)
    return kept.scores
