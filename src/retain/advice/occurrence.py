"""Whether an answer stands in some texts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from retain.wording import normalised


def occurs(answers: Sequence[str], texts: Sequence[str]) -> bool:
    """True when one of the answers occurs in one of the texts as whole words, whatever case and white space."""
    whole = [normalised(text) for text in texts]
    wanted = [re.compile(rf"(?<!\w){re.escape(normalised(answer))}(?!\w)") for answer in answers]
    return any(one.search(text) for one in wanted for text in whole)
