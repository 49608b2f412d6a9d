"""What items can resolve, computed with the functions that plan them; nothing here was measured."""

from __future__ import annotations

import math

from cells import head, line

from retain.comparison.power import detectable, items_needed_for_flips

FLIPPED = (0.02, 0.05, 0.10, 0.20)
"""Shares of answers that change their verdict."""
MARGINS = (10, 5, 3, 1)
ITEMS = (40, 100, 300, 1000)


def needed_table() -> str:
    """Items that prove a loss of zero to lie within a margin, by the share of flipped answers."""
    heads = [f"within {margin} point{'s' * (margin > 1)}" for margin in MARGINS]
    lines = head("answers that flip", *heads)
    for psi in FLIPPED:
        cells = [f"{items_needed_for_flips(psi, margin / 100):,}" for margin in MARGINS]
        lines.append(line([f"{psi:.0%}", *cells]))
    return "\n".join(lines)


def resolved_table() -> str:
    """The smallest loss that items show, and what is still open when not one answer flipped."""
    lines = head("items", *(f"{psi:.0%} flip" for psi in FLIPPED), "none flips")
    for items in ITEMS:
        cells = [f"{100 * detectable(psi, items):.1f}" for psi in FLIPPED]
        none = 100 * (1 - math.pow(0.05, 1 / items))
        lines.append(line([f"{items:,}", *cells, f"up to {none:.1f}"]))
    return "\n".join(lines)


TABLES = {"items needed table": needed_table, "items resolve table": resolved_table}
