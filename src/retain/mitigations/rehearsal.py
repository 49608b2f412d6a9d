"""General text mixed into the training rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from retain.data.example import Example
from retain.data.pieces import beginning
from retain.errors import UserError
from retain.mitigations.base import Mitigation, Penalty, Setup, Step
from retain.mitigations.distributions import encoded_rows, targets
from retain.mitigations.preference_pairs import PreferenceSetup
from retain.models.transformers_model import TransformersModel

if TYPE_CHECKING:
    import torch


class Rehearsal(Mitigation):
    """Mix general text into training: real text, or text the base model wrote itself (SA-SFT, arXiv 2602.20162).

    ``share`` counts tokens, not rows: general tokens per task token, prompts included. Rows are drawn without
    replacement and never upsampled; a set too small for the share is an error that says how much is missing. With
    ``training.method: pretrain`` the last document is taken as far as the share needs it, since one can be long.

    Text cannot be rows among preference pairs (``training.method: dpo``). There the same share of it stands beside each
    batch, and ``share`` times the mean cross-entropy of its labelled tokens is added to the loss.

    Relations: with self-written text, ``kl_to_base`` on the same set keeps more at the same cost (arXiv 2605.26097).
    """

    kind: Literal["rehearsal"] = "rehearsal"
    share: float = Field(0.10, gt=0, le=10)
    """General tokens per task token. Sensible: 0.01 to 0.25."""
    general: str | None = None
    """Name of the general set; the first one when empty."""

    def mix_data(self, examples: Sequence[Example], setup: Setup) -> Sequence[Example]:
        """Task rows and the drawn general rows, shuffled.

        Raises:
            UserError: the general set has too few tokens for the share.
        """
        if isinstance(setup, PreferenceSetup):
            return examples
        rows = list(setup.general_set(self.general).examples)
        random.Random(setup.seed).shuffle(rows)
        wanted = self.share * sum(setup.tokens(example) for example in examples)
        drawn: list[Example] = []
        tokens = 0
        for row in rows:
            if tokens >= wanted:
                break
            drawn.append(_no_more_than(row, wanted - tokens, setup))
            tokens += setup.tokens(drawn[-1])
        self._check_enough(tokens, wanted, setup)
        mixed = [*examples, *drawn]
        random.Random(setup.seed + 1).shuffle(mixed)
        return mixed

    def general_share(self, setup: Setup) -> tuple[str, float] | None:
        """Beside preference pairs: the set and how much of it each step needs."""
        if not isinstance(setup, PreferenceSetup):
            return None
        return setup.general_set(self.general).name, self.share

    def penalty(self, model: TransformersModel, setup: Setup) -> Penalty | None:
        """Beside preference pairs: the text's own loss.

        Raises:
            UserError: the general set has too few tokens for the share.
        """
        if not isinstance(setup, PreferenceSetup):
            return None
        name = setup.general_set(self.general).name
        tokens = sum(len(row.input_ids) for row in encoded_rows(setup, name))
        self._check_enough(tokens, self.share * setup.task_tokens, setup)

        def loss(step: Step) -> torch.Tensor | None:
            import torch

            batch = step.general(name)
            if batch is None:
                return None
            total = torch.nn.functional.cross_entropy(
                step.general_logits(name), targets(batch.tensors), reduction="sum"
            )
            return self.share * total / batch.usual

        return loss

    def _check_enough(self, tokens: int, wanted: float, setup: Setup) -> None:
        if tokens < wanted:
            found = setup.general_set(self.general)
            name, kept_back = found.name, " (20% of a set is kept back)" if found.kept_back else ""
            raise UserError(
                f"mitigations.rehearsal: share {self.share:g} needs {wanted:.0f} tokens of general text, and the set "
                f'"{name}" has {tokens}{kept_back}.\n'
                f"  Lower the share to {self.share * tokens / wanted:.2g}, or give data.general a larger set "
                "(for self-written text: a larger count)."
            )


def _no_more_than(row: Example, wanted: float, setup: Setup) -> Example:
    """A row, or of a document that has more tokens than are wanted the least beginning that has enough."""
    if setup.pieces is None or row.shape != "text" or setup.tokens(row) <= wanted:
        return row
    return beginning(row, lambda one: setup.tokens(one) >= wanted)
