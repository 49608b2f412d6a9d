"""Presets whose arms differ in one thing: how much general text is rehearsed, or which."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from retain.data.example import Example
from retain.errors import UserError
from retain.recipe import Recipe, as_plain
from retain.stages.prepare import OWN
from retain.sweep.variant import Variant

SHARES = (0.0, 0.01, 0.05, 0.1, 0.2)
SHARE_OF_SOURCES = 0.1
GENERAL = {"name": "own", "source": OWN, "count": 200}
"""General text where a recipe has none."""
USED = 0.8
"""Share of a general set that is not kept back for the KL meter."""
LETTERS_PER_TOKEN, TEMPLATE_TOKENS, TOKENS_PER_GENERAL_ROW = 3, 24, 64
"""Cautious guesses, as no tokenizer is loaded; a set that is larger than it must be is only partly drawn.

With SmolLM2's tokenizer four tasks had 0.7 to 1.2 of the tokens that are guessed, general rows 104 and more.
"""


def rehearsal_share(recipe: Recipe, rows: Sequence[Example]) -> list[Variant]:
    """The recipe without rehearsal, and with 1, 5, 10 and 20 general tokens per 100 task tokens.

    Args:
        recipe: its other mitigations are kept.
        rows: training rows; the general set is as large as the greatest share of them needs.
    """
    plain = as_plain(recipe)
    own = next((one["general"] for one in plain["mitigations"] if one["kind"] == "rehearsal"), None)
    sets = plain["data"]["general"] or [GENERAL]
    sets = _large_enough(sets, {own or sets[0]["name"]}, max(SHARES), rows)
    return [
        Variant(
            f"rehearsal {share:.0%}",
            {"mitigations": _mitigations(plain, {"share": share}), "data.general": sets},
            "rehearsal share (%)",
            float(f"{100 * share:g}"),
        )
        for share in SHARES
    ]


def rehearsal_source(recipe: Recipe, rows: Sequence[Example]) -> list[Variant]:
    """The recipe with rehearsal at 10% from each set of ``data.general``, and from text that the base wrote.

    Args:
        recipe: its other mitigations are kept, and with them the sets that they use.
        rows: training rows; each general set is as large as the share of them needs.

    Raises:
        UserError: there is only one set.
    """
    plain = as_plain(recipe)
    sets = list(plain["data"]["general"])
    if recipe.training.method != "rank" and all(one["source"] != OWN for one in sets):
        taken = {one["name"] for one in sets}
        sets.append({**GENERAL, "name": "own" if "own" not in taken else "written by the base"})
    if len(sets) == 1:
        raise UserError(
            "frontier.preset: rehearsal_source compares general sets, and there is only one.\n"
            "  Name others under data.general, for example {name: web, source: web.jsonl}, a file or a Hub data set."
        )
    names = [str(one["name"]) for one in sets]
    sets = _large_enough(sets, names, SHARE_OF_SOURCES, rows)
    return [
        Variant(
            name,
            {
                "mitigations": _mitigations(plain, {"share": SHARE_OF_SOURCES, "general": name}),
                "data.general": sets,
            },
            "rehearsal source",
            name,
        )
        for name in names
    ]


def _mitigations(plain: Mapping[str, Any], rehearsal: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The recipe's, with these settings of rehearsal; without rehearsal where its share is zero."""
    others = [one for one in plain["mitigations"] if one["kind"] != "rehearsal"]
    own = next((one for one in plain["mitigations"] if one["kind"] == "rehearsal"), {"kind": "rehearsal"})
    return [*others, *([{**own, **rehearsal}] if rehearsal["share"] else [])]


def _large_enough(
    sets: Sequence[Mapping[str, Any]], used: Collection[str], share: float, rows: Sequence[Example]
) -> list[dict[str, Any]]:
    """The sets, of which those in use have at least the rows that a share of the task's tokens needs."""
    tokens = share * sum(TEMPLATE_TOKENS + _letters(row) / LETTERS_PER_TOKEN for row in rows)
    found = []
    for one in sets:
        each = one.get("max_tokens", 128) / 2 if one["source"] == OWN else TOKENS_PER_GENERAL_ROW
        needed = math.ceil(tokens / (USED * each)) if one["name"] in used else 0
        found.append({**one, "count": max(int(one["count"]), needed)})
    return found


def _letters(row: Example) -> int:
    if row.shape == "ranking":
        return 0  # general rankings come from files, whose rows have all their tokens
    if row.shape == "preference":  # both answers are seen, each with the prompt
        return 2 * len(row.input) + len(row.chosen) + len(row.rejected)
    return len(row.target) + (len(row.input) if row.shape == "chat" else 0)
