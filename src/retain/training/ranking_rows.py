"""Groups as the rows that sentence-transformers' losses take, and the losses by their names here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retain.errors import from_extra
from retain.ranking.groups import Group
from retain.training.margin_mse import MarginMse
from retain.training.ranking_settings import RankingSettings

CERTAIN = 100.0
"""A label whose softmax beside zeros is one: all of a group's weight lies on the relevant document."""


def loss_of(settings: RankingSettings, encoder: Any) -> Any:
    """The loss that a recipe names.

    Args:
        settings: the recipe's.
        encoder: the cross-encoder that is trained.
    """
    if settings.loss == "margin_mse":
        return MarginMse(encoder)
    losses = from_extra("sentence_transformers.cross_encoder.losses", "rerank")
    if settings.loss == "listwise":
        return losses.ListNetLoss(encoder, mini_batch_size=-1)  # all pairs of a batch in one call
    return losses.BinaryCrossEntropyLoss(encoder)


def rows_of(settings: RankingSettings, groups: Sequence[Group], teacher: Sequence[Sequence[float]] = ()) -> Any:
    """The data set that a loss takes.

    Args:
        settings: the recipe's.
        groups: what is trained on, the relevant document first.
        teacher: ``margin_mse``: the teacher's score of every document.
    """
    from datasets import Dataset

    if settings.loss == "bce":
        labelled = [(pair, float(not place)) for group in groups for place, pair in enumerate(group.pairs)]
        return Dataset.from_list([{"query": pair[0], "document": pair[1], "label": label} for pair, label in labelled])
    listwise = settings.loss == "listwise"
    labels = [[CERTAIN, *[0.0] * (len(group.documents) - 1)] for group in groups] if listwise else teacher
    return Dataset.from_list(
        [
            {"query": group.query, "documents": list(group.documents), "label": list(scores)}
            for group, scores in zip(groups, labels, strict=True)
        ]
    )


def pairs_per_row(settings: RankingSettings) -> int:
    """Pairs of query and document in one of the data set's rows."""
    return 1 if settings.loss == "bce" else settings.group_size
