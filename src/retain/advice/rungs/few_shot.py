"""The third rung: solved examples before the question."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from retain.advice.bench import Bench
from retain.advice.plan import Examples, Plan
from retain.advice.rungs import instructions
from retain.advice_records import Rung


def climb(bench: Bench) -> Rung:
    """Try each number of examples and each way to pick them, with and without the instruction that helped.

    What must be kept for similar examples: the training rows and the index. Fixed ones are part of the prompt.
    """
    source = f"{len(bench.distinct)} training rows, {bench.questions.name}"
    return bench.finish("few_shot", bench.try_plans(plans(bench)), storage=partial(_storage, bench), source=source)


def plans(bench: Bench) -> list[Plan]:
    """Every way to show examples; a number beyond the training rows means all of them."""
    counts = dict.fromkeys(min(shots, len(bench.distinct)) for shots in bench.settings.shots)
    shown = [
        Examples(bench.distinct, count, pick, bench.questions, bench.recipe.seed)
        for pick in bench.settings.picks
        for count in counts
    ]
    return [replace(plan, examples=one) for plan in starts(bench) for one in shown]


def starts(bench: Bench) -> list[Plan]:
    """The question as it is, and with the instruction that helped on dev items."""
    found = instructions.helpful(bench) if "instructions" in bench.settings.rungs else None
    return [bench.plan(), *([found] if found is not None else [])]


def _storage(bench: Bench, plan: Plan) -> int:
    if plan.examples is None or plan.examples.pick == "fixed":
        return 0
    texts = sum(len(turn.content.encode()) for row in bench.distinct for turn in row.messages)
    return texts + bench.questions.storage_bytes
