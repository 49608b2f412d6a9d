"""General text mixed into the training rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from retain.data.example import Example
from retain.data.pieces import beginning
from retain.errors import UserError
from retain.mitigations.base import Mitigation, Setup


class Rehearsal(Mitigation):
    """Mix general text into training: real text, or text the base model wrote itself (SA-SFT, arXiv 2602.20162).

    ``share`` counts tokens, not rows: general tokens per task token, prompts included. Rows are drawn without
    replacement and never upsampled; a set too small for the share is an error that says how much is missing. With
    ``training.method: pretrain`` the last document is taken as far as the share needs it, since one can be long.

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
        if tokens < wanted:
            name = setup.general_set(self.general).name
            raise UserError(
                f"mitigations.rehearsal: share {self.share:g} needs {wanted:.0f} tokens of general text, and the set "
                f'"{name}" has {tokens} (20% of a set is kept back).\n'
                f"  Lower the share to {self.share * tokens / wanted:.2g}, or give data.general a larger set "
                "(for self-written text: a larger count)."
            )
        mixed = [*examples, *drawn]
        random.Random(setup.seed + 1).shuffle(mixed)
        return mixed


def _no_more_than(row: Example, wanted: float, setup: Setup) -> Example:
    """A row, or of a document that has more tokens than are wanted the least beginning that has enough."""
    if setup.pieces is None or row.shape != "text" or setup.tokens(row) <= wanted:
        return row
    return beginning(row, lambda one: setup.tokens(one) >= wanted)
