"""Personal data in the rows."""

from __future__ import annotations

from retain.data.lint import personal
from retain.data.lint.base import Check, Finding
from retain.data.lint.material import LintData
from retain.data.lint.sensitive import find_rows, sensitive_finding


class PersonalData(Check):
    """E-mail addresses, telephone, card, account and social security numbers (`personal.py`), shown masked.

    Cards and accounts by their checksums. Patterns find what has a form; names and street addresses they do not, so
    silence is no proof. Numbers and domains that are set aside for examples do not count.
    Threshold: one row. Relations: `secrets` finds keys and passwords. `--fix` leaves these rows: they may be the task.
    """

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        do = "Replace it by placeholders unless you may train on it: a model can give it back word by word."
        found = find_rows(data, personal.PATTERNS)
        return sensitive_finding(self, "warning", data, found, "hold personal data", do)
