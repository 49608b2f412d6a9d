"""sentence-transformers' CrossEncoder and its trainer, around a reranker of ours."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from retain.errors import from_extra
from retain.models.reranker import TransformersReranker
from retain.models.update_files import read_update, save_update

SAVED = "update"
"""Folder of what was trained, within a checkpoint."""


class EpochOrder:
    """The rows' order of an epoch, from its number: a training that goes on has the same order as one that did not end.

    Args:
        count: rows.
        seed: of the orders.
    """

    def __init__(self, count: int, seed: int) -> None:
        self.count = count
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called when an epoch begins."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        order = list(range(self.count))
        random.Random(f"{self.seed}-{self.epoch}").shuffle(order)
        return iter(order)


def encoder_of(reranker: TransformersReranker, max_tokens: int) -> Any:
    """A ``CrossEncoder`` that the trainer and the losses take, whose scores are the reranker's own.

    A batch goes through the model in parts of like length, so that padding costs little.

    Args:
        reranker: what is trained; the encoder holds its module.
        max_tokens: longest query with document.
    """
    cross_encoder = from_extra("sentence_transformers", "rerank").CrossEncoder

    class PairEncoder(cross_encoder):  # type: ignore[misc, valid-type]
        def preprocess(self, inputs: Sequence[Any], prompt: str | None = None, **kwargs: Any) -> dict[str, Any]:
            return {"pairs": [tuple(pair) for pair in inputs]}

        def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
            return {"scores": reranker.logits_in_parts(features["pairs"], max_tokens)[:, None]}

    return PairEncoder(modules=[reranker.module], device=reranker.device)


def trainer_class(reranker: TransformersReranker) -> type[Any]:
    """``CrossEncoderTrainer`` with checkpoints of what is trained alone, no model card, and :class:`EpochOrder`."""
    trainer: type[Any] = from_extra("sentence_transformers.cross_encoder", "rerank").CrossEncoderTrainer
    default_sampler = from_extra("sentence_transformers.base.sampler", "rerank").DefaultBatchSampler

    class RankingTrainer(trainer):
        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            return

        def get_batch_sampler(self, dataset: Any, batch_size: int, drop_last: bool, **kwargs: Any) -> Any:
            order = EpochOrder(len(dataset), self.args.seed)
            return default_sampler(order, batch_size=batch_size, drop_last=drop_last, **kwargs)

        def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
            save_update(reranker.module, Path(output_dir or self.args.output_dir) / SAVED)

        def _load_from_checkpoint(self, checkpoint_path: str, *args: Any, **kwargs: Any) -> None:
            read_update(reranker.module, Path(checkpoint_path) / SAVED)

    return RankingTrainer
