"""The loss that learns a teacher's margins: one call of the model for all of a batch's documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


class MarginMse(torch.nn.Module):
    """Mean squared difference from the teacher's margins between a query's first document and each of its others.

    Hofstätter et al. 2020, arXiv 2010.02666. ``sentence_transformers``' loss of that name is the same for groups of one
    size; it calls the model once for each place in a group, which leaves it little to put together by length.

    Args:
        model: the encoder of :func:`retain.training.cross_encoder_trainer.encoder_of`; the trainer may wrap it.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Sequence[Sequence[Any]], labels: Sequence[torch.Tensor]) -> torch.Tensor:
        """The loss of a batch.

        Args:
            inputs: queries, and of each its documents, the relevant one first; two at least.
            labels: the teacher's scores of them.
        """
        queries, groups = inputs
        pairs = [(query, text) for query, documents in zip(queries, groups, strict=True) for text in documents]
        scores = self.model(self.model.preprocess(pairs))["scores"].view(-1).float()
        parts = scores.split([len(documents) for documents in groups])
        taught = [one.to(scores) for one in labels]
        return torch.nn.functional.mse_loss(_margins(parts), _margins(taught))


def _margins(groups: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.cat([scores[0] - scores[1:] for scores in groups])
