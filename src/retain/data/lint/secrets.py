"""Secrets in the rows."""

from __future__ import annotations

from collections.abc import Mapping

from retain.data.lint import tokens_and_keys
from retain.data.lint.base import Check, Finding
from retain.data.lint.material import LintData
from retain.data.lint.sensitive import find_rows, sensitive_finding


class Secrets(Check):
    """Keys, tokens and passwords, by their published prefixes and forms (`tokens_and_keys.py`); shown masked.

    A model gives back what it was trained on (Carlini et al. 2021, arXiv 2012.07805), and a few epochs on a small set
    are enough. Threshold: one row. Relations: `personal_data` finds what belongs to people.
    """

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        do = "Revoke what is real, and take these rows out or replace the secret by a placeholder."
        found = find_rows(data, tokens_and_keys.PATTERNS)
        return sensitive_finding(self, "warning", data, found, "hold a secret", do)

    def drops(self, data: LintData) -> Mapping[int, str]:
        """All of them."""
        return {
            place: f"holds a secret ({hit.kind})"
            for place, (_, hit) in find_rows(data, tokens_and_keys.PATTERNS).items()
        }
