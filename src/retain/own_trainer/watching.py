"""Overfitting alarms for a trainer in somebody's own script."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Mapping
from typing import Any

from transformers.trainer_utils import has_length

from retain.data.encoding import IGNORED, Encoded
from retain.training.held_out import MOST_ROWS, reading_steps, rows_to_read
from retain.training.watch_loss import WatchLoss

log = logging.getLogger(__name__)


def watch_of(args: Any, batches: Any, held_out: Any, times: int, plain: bool) -> WatchLoss:
    """What raises alarms while a trainer trains; they are warnings of the logger ``retain``.

    Args:
        args: the trainer's.
        batches: its loader of training batches.
        held_out: held-out rows with ``input_ids`` and, where not all is trained, ``labels``; None for none.
        times: how often they are read.
        plain: ``loss`` in the log is the cross-entropy of the training rows.
    """
    passes = len(batches) if has_length(batches) else 0
    epoch = max(1, math.ceil(passes / args.gradient_accumulation_steps))
    total = args.max_steps if args.max_steps > 0 else math.ceil(args.num_train_epochs * epoch)
    seen = total * args.train_batch_size * args.gradient_accumulation_steps * args.world_size
    rows = rows_to_read(_some_rows(held_out, args.seed), seen, times)
    first = epoch if passes else total
    return WatchLoss(rows, reading_steps(total, first, times), log.warning, plain)


def _some_rows(given: Any, seed: int) -> list[Encoded]:
    """Some rows with labelled tokens, drawn by the seed; none where the rows are no tokens or nobody knows how many."""
    if given is None or isinstance(given, Mapping) or not hasattr(given, "__len__"):
        return []
    rows = []
    for place in random.Random(seed).sample(range(len(given)), min(MOST_ROWS, len(given))):
        row = given[place]
        if not isinstance(row, Mapping) or "input_ids" not in row:
            return []
        ids = [int(one) for one in row["input_ids"]]
        labels = [int(one) for one in row["labels"]] if row.get("labels") is not None else ids
        if any(label != IGNORED for label in labels[1:]):
            rows.append(Encoded(input_ids=ids, labels=labels))
    return rows
