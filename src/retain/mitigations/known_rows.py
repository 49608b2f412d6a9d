"""Which rows of training a batch holds, told by their tokens: a trainer shuffles and passes no names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from retain.data.encoding import IGNORED, Encoded
from retain.errors import BrokenError

if TYPE_CHECKING:
    import torch


class RowIndex:
    """Finds rows again in padded batches. Rows with the same tokens and labels are one, the first of them.

    The label of a row's first token is not looked at: nothing predicts it, and some collators take it off.

    Args:
        rows: what is trained on.
    """

    def __init__(self, rows: Sequence[Encoded]) -> None:
        self._places: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
        for place, row in enumerate(rows):
            self._places.setdefault((tuple(row.input_ids), tuple(row.labels[1:])), place)

    def of(self, batch: Mapping[str, torch.Tensor]) -> list[int]:
        """The places of a batch's rows, in its order; padding is what ``attention_mask`` leaves out.

        Raises:
            BrokenError: a row is not among those that training was announced to see.
        """
        found = []
        for place, labels in zip(self.known(batch), batch["labels"].tolist(), strict=True):
            if place is None:
                trained = sum(label != IGNORED for label in labels)
                raise BrokenError(
                    f"A batch holds a row with {trained} labelled tokens that is none of the training rows: what the "
                    "base said about it is not known."
                )
            found.append(place)
        return found

    def known(self, batch: Mapping[str, torch.Tensor]) -> list[int | None]:
        """The places of a batch's rows, in its order; None for a row that is another."""
        mask = batch.get("attention_mask")
        masks = [[1] * batch["input_ids"].shape[1]] * len(batch["input_ids"]) if mask is None else mask.tolist()
        found = []
        for ids, labels, real in zip(batch["input_ids"].tolist(), batch["labels"].tolist(), masks, strict=True):
            pairs = [(token, label) for token, label, there in zip(ids, labels, real, strict=True) if there]
            key = (tuple(token for token, _ in pairs), tuple(label for _, label in pairs[1:]))
            found.append(self._places.get(key))
        return found
