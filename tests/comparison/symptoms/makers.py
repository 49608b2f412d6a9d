"""Answers side by side, made of plain texts."""

from __future__ import annotations

from retain.comparison.symptoms.side_by_side import Answered, Material
from retain.records import Comparison, Response

NOTHING = Comparison(base="base", tuned="tuned", gains=[], losses=[], pooled=None)


def said(text: str, stopped: bool = True, tokens: int | None = 5) -> Response:
    return Response(text=text, tokens=tokens, stopped=stopped)


def answered(base, tuned, item="i", capability="facts", base_score=1.0, tuned_score=1.0, prompt="What?", **values):
    """Texts, or responses where they must say more."""
    return Answered(
        probe=values.pop("probe", capability),
        capability=capability,
        item=item,
        prompt=prompt,
        base=said(base) if isinstance(base, str) else base,
        tuned=said(tuned) if isinstance(tuned, str) else tuned,
        base_score=base_score,
        tuned_score=tuned_score,
        **values,
    )


def many(base, tuned, count=60, capabilities=("facts", "reading"), **values) -> list[Answered]:
    """The same answer with a number in it, spread over capabilities."""
    return [
        answered(
            base.format(n=n) if isinstance(base, str) else base,
            tuned.format(n=n) if isinstance(tuned, str) else tuned,
            item=f"{base}{tuned}{n}",
            capability=capabilities[n % len(capabilities)],
            **values,
        )
        for n in range(count)
    ]


def material(answers, targets=(), comparison=NOTHING, recitation=None) -> Material:
    return Material(comparison=comparison, answers=answers, targets=targets, recitation=recitation)
