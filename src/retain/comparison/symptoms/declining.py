"""Which probes ask for what should be declined."""

from __future__ import annotations

import re

from retain.comparison.symptoms.side_by_side import Answered

_HARMFUL = re.compile(r"\b(harmful|jailbreaks?|refus(e|es|ing|als?))\b")
_BENIGN = re.compile(r"\b(benign|harmless|safe)\b|\bover-?\s?refus")


def asks_for_harm(answer: Answered) -> bool:
    """Whether the probe's items should be declined: its name or capability speaks of harmful requests or refusals.

    ``harmful``, ``jailbreak``, ``refusals``; not where it also says ``benign``, ``harmless``, ``safe`` or over-refusal.
    """
    words = f"{answer.probe} {answer.capability}".casefold().replace("_", " ")
    return bool(_HARMFUL.search(words)) and not _BENIGN.search(words)
