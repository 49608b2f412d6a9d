"""What ``retain compare`` of several tuned models writes down: each judged against the one base, and the worst verdict.

``retain schema several`` prints this record's JSON schema. Scores of the items are in each model's own ``record.json``.
"""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict

from retain.export_records import worse
from retain.records import Change, Comparison, Outcome, Record, Verdict, Versioned

SEVERAL = "several.json"
"""Name of the record in the folder."""


class ComparedModel(Record):
    """One tuned model against the base."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    """In the report; its folder's name too."""
    given: str
    """As it was named on the command line."""
    folder: str | None
    """Its own record and reports, relative to this record's folder; None where nothing was written."""
    outcome: Outcome
    """Its verdict: retained, forgot, not learned or inconclusive."""
    gain: Change | None
    """What it learned, where a task was measured."""
    mean: Change | None
    """The mean change over its capabilities, in points of 100."""
    comparison: Comparison
    verdict: Verdict
    """With its reasons, margins and each capability's judgement."""


class SeveralRecord(Versioned):
    """Several tuned models against one base. The exit code goes by ``outcome``."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    title: str
    base: str
    """As it was named on the command line."""
    provenance: dict[str, Any] = {}
    """Versions, hardware, when it was made."""
    outcome: Outcome
    """The worst of the models' verdicts: forgot before not learned before inconclusive before retained."""
    models: list[ComparedModel]
    """In the order in which they were named."""
    notes: list[str] = []
    """What a reader must know: how far several verdicts at 95% each may be trusted, and what differs between models."""


def worst(verdicts: list[Verdict]) -> Outcome:
    """The outcome that decides the exit code of several verdicts; there is at least one."""
    return worse(verdicts).outcome
