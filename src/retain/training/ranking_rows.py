"""Groups as the rows that sentence-transformers' losses take, and the losses by their names here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retain.errors import UserError, from_extra
from retain.ranking.groups import Group
from retain.training.ranking_settings import RankingSettings

CERTAIN = 100.0
"""A label whose softmax beside zeros is one: all of a group's weight lies on the relevant document."""


def loss_of(settings: RankingSettings, encoder: Any) -> Any:
    """The loss that a recipe names.

    Args:
        settings: the recipe's.
        encoder: the cross-encoder that is trained.
    """
    losses = from_extra("sentence_transformers.cross_encoder.losses", "rerank")
    if settings.loss == "listwise":
        return losses.ListNetLoss(encoder, mini_batch_size=-1)  # all pairs of a batch in one call
    return losses.BinaryCrossEntropyLoss(encoder) if settings.loss == "bce" else losses.MarginMSELoss(encoder)


def rows_of(settings: RankingSettings, groups: Sequence[Group], teacher: Sequence[Sequence[float]] = ()) -> Any:
    """The data set that a loss takes.

    Args:
        settings: the recipe's.
        groups: what is trained on, the relevant document first.
        teacher: ``margin_mse``: the teacher's score of every document.

    Raises:
        UserError: ``margin_mse``, and groups differ in size.
    """
    from datasets import Dataset

    if settings.loss == "bce":
        labelled = [(pair, float(not place)) for group in groups for place, pair in enumerate(group.pairs)]
        return Dataset.from_list([{"query": pair[0], "document": pair[1], "label": label} for pair, label in labelled])
    if settings.loss == "listwise":
        return Dataset.from_list(
            [
                {
                    "query": group.query,
                    "documents": list(group.documents),
                    "label": [CERTAIN, *[0.0] * (len(group.documents) - 1)],
                }
                for group in groups
            ]
        )
    sizes = {len(group.documents) for group in groups}
    if len(sizes) > 1:
        raise UserError(
            f"training.ranking.loss: margin_mse needs groups of one size, and the source has documents for "
            f"{min(sizes)} to {max(sizes)}; lower group_size to {min(sizes)}"
        )
    return Dataset.from_list(
        [
            {"query": group.query, **{f"document{i}": text for i, text in enumerate(group.documents)}, "label": scores}
            for group, scores in zip(groups, [list(one) for one in teacher], strict=True)
        ]
    )


def pairs_per_row(settings: RankingSettings) -> int:
    """Pairs of query and document in one of the data set's rows."""
    return 1 if settings.loss == "bce" else settings.group_size
