"""Preference pairs in which the longer answer wins."""

from __future__ import annotations

from statistics import median

from retain.comparison.intervals import ONE_SIDED, wilson
from retain.data.lint.base import Check, Finding
from retain.data.lint.material import LintData

LEAST_PAIRS = 30
BIASED = 0.6
"""The longer (or shorter) answer wins in more than this share of the pairs: a reward that only counts characters would
then agree with three pairs of five."""


class LengthBiasedPairs(Check):
    """Pairs in which the chosen answer is mostly the longer one, or mostly the shorter one.

    Training on them teaches length (Singhal et al. 2023, arXiv 2310.03716; Park et al. 2024, arXiv 2403.19159).
    Threshold: the lower 95% bound (Wilson) of the share of pairs that the longer answer wins is above 60%, or that of
    the shorter; pairs of equal length do not count; at least 30 pairs.
    Relations: `identical_pairs` finds pairs without a difference.
    """

    shapes = ("preference",)

    def find(self, data: LintData) -> list[Finding]:
        """At most one finding."""
        rows = [row for row in data.examples if len(row.chosen) != len(row.rejected)]
        if len(rows) < LEAST_PAIRS:
            return []
        longer = [row for row in rows if len(row.chosen) > len(row.rejected)]
        shorter = [row for row in rows if len(row.chosen) < len(row.rejected)]
        won, word = (longer, "longer") if len(longer) >= len(shorter) else (shorter, "shorter")
        if wilson(len(won), len(rows), ONE_SIDED).low <= BIASED:
            return []
        lengths = f"median {median(len(row.chosen) for row in rows):,.0f} against"
        lengths += f" {median(len(row.rejected) for row in rows):,.0f} characters"
        often = f"{len(won):,} of {len(rows):,} pairs ({len(won) / len(rows):.0%}; {lengths})"
        what = f"The {word} answer is chosen in {often}."
        do = "Balance the pairs by length, or train with a method that corrects for it."
        return [self.finding("warning", won[:3], len(rows), what, do, count=len(won))]
