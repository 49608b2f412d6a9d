"""Whether an advice can do what its settings ask, told by the rows alone, before a model is loaded."""

from __future__ import annotations

from collections.abc import Sequence

from retain.advice_settings import AdviseSettings
from retain.data.example import Example
from retain.data.splits import folded
from retain.errors import UserError
from retain.probes.answers import Answers
from retain.probes.base import Probe
from retain.probes.bits_per_byte import BitsPerByte


def distinct_rows(rows: Sequence[Example]) -> list[Example]:
    """The rows, each once: copies in other case and spacing would be shown side by side as examples."""
    return list({(folded(row.input), row.target): row for row in reversed(rows)}.values())[::-1]


def scored_by_rule(probe: Probe) -> Answers:
    """The task's probe, where answers are called right or wrong by a rule.

    Raises:
        UserError: the rows are plain text, or the answers are scored by their likelihood.
    """
    if isinstance(probe, Answers):
        return probe
    if isinstance(probe, BitsPerByte):
        raise UserError(
            "data.train: retain advise asks questions and compares answers, and these rows are plain text, which has "
            "neither. Give rows with a question and an answer (messages, prompt/completion, alpaca or sharegpt); plain "
            "text is trained with retain run."
        )
    raise UserError(
        "measure.task.score: retain advise compares answers that a rule calls right or wrong, and these are so long "
        "that they are scored by their likelihood. Name a rule (score: contains, number, regex, ...), or use rows with "
        "short answers."
    )


def problems(settings: AdviseSettings, examples: int, passages: int | None) -> list[str]:
    """What was asked for and is not there. Defaults are not held against small sets: as many are shown as there are.

    Args:
        settings: the recipe's ``advise``.
        examples: different training rows, which examples are drawn from.
        passages: of the documents; None where passages are training rows.
    """
    found = []
    if "shots" in settings.model_fields_set and "few_shot" in settings.rungs and max(settings.shots) > examples:
        found.append(_too_many("shots", settings.shots, "solved examples", examples, "different training rows"))
    there, what = (examples, "different training rows") if passages is None else (passages, "passages of the documents")
    if "passages" in settings.model_fields_set and "retrieval" in settings.rungs and max(settings.passages) > there:
        found.append(_too_many("passages", settings.passages, "passages", there, what))
    return found


def _too_many(key: str, asked: Sequence[int], noun: str, there: int, source: str) -> str:
    most = max(asked)
    return f"advise.{key}: found {most} {noun}, and there are {there} {source}; ask for at most {there}"
