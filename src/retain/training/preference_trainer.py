"""TRL's DPOTrainer on rows that are tokens already, with the base's log-probabilities beside them, and penalties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from retain.data.encoding import IGNORED
from retain.mitigations.base import Penalty, Step
from retain.training.trainer import with_penalties


def preference_trainer(penalties: Mapping[str, Penalty], usual_tokens: float) -> type[Any]:
    """A subclass of TRL's DPOTrainer that adds penalties to its loss.

    Args:
        penalties: name -> function of a step.
        usual_tokens: tokens of chosen answers that a forward pass has on average.
    """
    from trl import DPOTrainer

    own = {"usual_tokens": usual_tokens}
    return type("PreferenceTrainer", (OnPairs, with_penalties(DPOTrainer, penalties)), own)


class OnPairs:
    """Goes before a DPOTrainer with penalties; see :func:`preference_trainer`."""

    usual_tokens: float

    def _prepare_dataset(self, dataset: Any, *args: Any, **named: Any) -> Any:
        """The rows as they are: tokens (``retain.training.preference_rows``)."""
        return dataset

    def _precompute_ref_logps(self, dataset: Any, *args: Any, **named: Any) -> Any:
        """The rows as they are: the base was asked before."""
        return dataset

    def _step(self, model: Any, inputs: Any, num_items_in_batch: Any) -> Step:
        """What penalties see: the chosen answers as rows of supervised training."""
        step: Step = super()._step(model, chosen_rows(inputs), num_items_in_batch)  # type: ignore[misc]
        return step

    def _task_share(self, inputs: Any, num_items_in_batch: Any) -> float:
        """This pass's labelled tokens over those that a pass has on average."""
        return float((inputs["labels"][:, 1:] != IGNORED).sum()) / self.usual_tokens


def chosen_rows(batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The chosen half of a batch of pairs, with labels on the answers.

    Args:
        batch: ``input_ids``, ``attention_mask`` and ``completion_mask``, (2 pairs, length): first all chosen answers,
            then all rejected ones, padded on the right.
    """
    ids, mask, answer = (batch[key].chunk(2)[0] for key in ("input_ids", "attention_mask", "completion_mask"))
    return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(answer == 0, IGNORED)}


class NoReference(torch.nn.Module):
    """Stands where DPOTrainer's constructor would make a reference model, and is taken away after it.

    Without one it copies an adapter to another beside it, or loads the model again. The base's log-probabilities come
    with the rows, so that neither is needed.
    """

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
