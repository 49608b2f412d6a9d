"""Rows that a data collator put into one line: back into rows, as everything that looks at a batch expects them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from retain.data.encoding import IGNORED


def in_rows(batch: Mapping[str, Any], pad: int) -> Mapping[str, Any]:
    """A batch with a row for each row, padded on the right; a batch that is no line is given back as it is.

    A line has ``position_ids`` and no ``attention_mask``; each row begins at position 0 (TRL's ``padding_free``,
    transformers' ``DataCollatorWithFlattening``). What fills a line up at its end is left out.

    Args:
        batch: ``input_ids``, ``labels`` and ``position_ids``, (1, tokens).
        pad: token that stands where a row has none.
    """
    if "position_ids" not in batch or "attention_mask" in batch:
        return batch
    place = batch["position_ids"].flatten()
    row = (place == 0).cumsum(0) - 1
    real = row.bincount()[row] > 1  # a single token trains nothing: no label is predicted
    if not real.any():
        real = torch.ones_like(real)
    place, row = place[real], row[real].unique(return_inverse=True)[1]

    def padded(line: torch.Tensor, filling: int) -> torch.Tensor:
        found = line.new_full((int(row.max()) + 1, int(place.max()) + 1), filling)
        found[row, place] = line.flatten()[real]
        return found

    return {
        "input_ids": padded(batch["input_ids"], pad),
        "labels": padded(batch["labels"], IGNORED),
        "attention_mask": padded(torch.ones_like(batch["input_ids"]), 0),
    }
