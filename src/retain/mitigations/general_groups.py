"""General queries with candidates: what stands for the rankings that a reranker should keep."""

from __future__ import annotations

from dataclasses import dataclass

from retain.data.example import Example
from retain.errors import UserError
from retain.mitigations.base import Setup
from retain.models.reranker import TransformersReranker
from retain.models.transformers_model import TransformersModel
from retain.ranking.groups import Group, candidate_group, training_groups

LEAST = 2
"""Fewer candidates have no order."""


@dataclass(frozen=True)
class RankingSetup(Setup):
    """What a mitigation may look at where a reranker is trained."""

    max_tokens: int = 512
    """Longest query with document."""
    group_size: int = 8
    """Documents that a query is trained with."""
    most_groups: int = 4
    """Groups of a query, at most."""

    def groups(self, example: Example) -> list[Group]:
        """The groups that a row is trained in."""
        return training_groups(example, self.group_size, self.seed, self.most_groups)

    def tokens(self, example: Example) -> int:
        """Tokens of all groups that a row is trained in."""
        pairs = [pair for group in self.groups(example) for pair in group.pairs]
        return sum(as_reranker(self.base).tokens(pairs, self.max_tokens))


def as_reranker(model: TransformersModel) -> TransformersReranker:
    """A model as one that scores documents.

    Raises:
        UserError: it is a language model.
    """
    if not isinstance(model, TransformersReranker):
        raise UserError(f"{model.name} is a language model here, and a reranker is needed")
    return model


def general_groups(setup: Setup, name: str | None, count: int) -> list[Group]:
    """The queries of a general set with at most ``count`` candidates each, in the set's order.

    Raises:
        UserError: no query has two candidates.
    """
    general = setup.general_set(name)
    groups = [candidate_group(row, count) for row in general.examples]
    groups = [group for group in groups if len(group.documents) >= LEAST]
    if not groups:
        raise UserError(f'data.general: no query of the set "{general.name}" has {LEAST} documents to put in order')
    return groups
