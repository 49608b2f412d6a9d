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
from retain.training.task_loss import SAME
from retain.training.watch_loss import WatchLoss

log = logging.getLogger(__name__)

PLAIN = ("TrainingArguments", "Seq2SeqTrainingArguments", "SFTConfig")
"""Arguments of trainers whose loss is cross-entropy, unless a setting says otherwise."""
LIBRARIES = ("transformers", "trl")
MASKS = ("completion_mask", "assistant_masks")
"""Columns in which TRL keeps what is trained, where there are no labels; the first is not used where
``completion_only_loss`` is off."""


def watch_of(args: Any, batches: Any, trained: Any, held_out: Any, times: int, plain: bool) -> WatchLoss:
    """What raises alarms while a trainer trains; they are warnings of the logger ``retain``.

    Args:
        args: the trainer's.
        batches: its loader of training batches.
        trained: training rows with ``input_ids`` and, where not all is trained, ``labels`` or TRL's masks.
        held_out: held-out rows with the same columns; None for none. Rows that do not say what is trained are not read
            where only a part of the training rows is: their prompts would count.
        times: how often they are read.
        plain: ``loss`` in the log is the cross-entropy of the training rows.
    """
    passes = len(batches) if has_length(batches) else 0
    epoch, total = updates_of(args, passes)
    seen = total * args.train_batch_size * args.gradient_accumulation_steps * args.world_size
    rows, known = rows_to_read(_some_rows(held_out, args), seen, times), _some_rows(trained, args)
    if rows and any(IGNORED in one.labels for one in known) and not _says_what_counts(held_out[0], args):
        log.warning("Held-out rows are not read for the overfitting alarms: training rows have labels, and they do not")
        rows = []
    first = epoch if passes else total
    return WatchLoss(rows, reading_steps(total, first, times), log.warning, plain, known)


def updates_of(args: Any, passes: int) -> tuple[int, int]:
    """Updates of an epoch of ``passes`` forward passes on each process, and of the whole training."""
    epoch = max(1, math.ceil(passes / args.gradient_accumulation_steps))
    return epoch, args.max_steps if args.max_steps > 0 else math.ceil(args.num_train_epochs * epoch)


def logs_cross_entropy(args: Any) -> bool:
    """Whether the trainers that take such arguments log the mean cross-entropy of labelled tokens as ``loss``.

    A class of the script's own counts as the one of transformers or TRL that it comes from.

    Args:
        args: a trainer's.
    """
    known = [one for one in type(args).__mro__ if one.__module__.split(".")[0] in LIBRARIES]
    plain = bool(known) and known[0].__name__ in PLAIN
    return plain and getattr(args, "loss_type", "nll") in SAME and not args.label_smoothing_factor


def _some_rows(given: Any, args: Any) -> list[Encoded]:
    """Some rows with labelled tokens, drawn by the seed; none where the rows are no tokens or nobody knows how many."""
    if given is None or isinstance(given, Mapping) or not hasattr(given, "__len__"):
        return []
    rows = []
    for place in random.Random(args.seed).sample(range(len(given)), min(MOST_ROWS, len(given))):
        row = _columns(given[place])
        if "input_ids" not in row:
            return []
        ids = [int(one) for one in row["input_ids"]]
        labels = _labels(row, ids, args)
        if any(label != IGNORED for label in labels[1:]):
            rows.append(Encoded(input_ids=ids, labels=labels))
    return rows


def _columns(row: Any) -> Mapping[str, Any]:
    return row if isinstance(row, Mapping) else dict(row) if isinstance(row, Encoded) else {}


def _labels(row: Mapping[str, Any], ids: list[int], args: Any) -> list[int]:
    if row.get("labels") is not None:
        return [int(one) for one in row["labels"]]
    masks = [row[mask] for mask in _masks(args) if row.get(mask) is not None]
    return [one if all(mask[place] for mask in masks) else IGNORED for place, one in enumerate(ids)]


def _says_what_counts(row: Any, args: Any) -> bool:
    return any(_columns(row).get(name) is not None for name in ("labels", *_masks(args)))


def _masks(args: Any) -> tuple[str, ...]:
    return MASKS if getattr(args, "completion_only_loss", None) is not False else MASKS[1:]
