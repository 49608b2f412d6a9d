"""The second rung: instructions, read off the training answers or written by the base itself."""

from __future__ import annotations

from collections.abc import Sequence

from retain.advice.bench import Bench, best
from retain.advice.plan import Place, Plan
from retain.advice_records import Rung
from retain.data.example import Example
from retain.data.splits import sample
from retain.models.base import Limits, Message
from retain.models.causal import TransformersCausal
from retain.models.chat import ChatTemplateError
from retain.probes.items import as_prompt
from retain.records import Record

SHOWN = 5
"""Training rows that the base sees when it writes an instruction."""
LONGEST = 96
"""Tokens of an instruction that the base writes."""
WARMTH = 0.7
"""Temperature, so that several instructions differ."""
ASKED = (
    "Here are questions and their right answers.\n\n{examples}\n\nWrite one short instruction that tells somebody how "
    "to answer such questions. Write the instruction and nothing else."
)


class Written(Record):
    """Instructions that the base wrote, different ones without the empty."""

    texts: list[str]


def climb(bench: Bench) -> Rung:
    """Try each instruction as a system turn and after the question."""
    candidates = bench.try_plans(plans(bench))
    notes = [f"The base wrote {len(_own(bench))} of the instructions that were tried."] * bool(bench.settings.rewrites)
    return bench.finish("instructions", candidates, notes=notes)


def plans(bench: Bench) -> list[Plan]:
    """The form of the training answers in words, the same with sample answers, and the base's own instructions."""
    form = bench.form
    texts = [form.instruction, *([form.sampled_instruction] if form.kind != "labels" else []), *_own(bench)]
    return [bench.plan().with_instruction(text, place) for text in dict.fromkeys(texts) for place in _places(bench)]


def helpful(bench: Bench) -> Plan | None:
    """The best instruction, where it scores more on dev items than the question as it is."""
    asked, plain = best(bench.try_plans(plans(bench))), bench.try_plans([bench.plan()])[0]
    return asked.plan if asked.tried.value > plain.tried.value else None


def _own(bench: Bench) -> list[str]:
    def make() -> Written:
        rows = sample(bench.distinct, SHOWN, bench.recipe.seed)
        return Written(texts=write(bench.base(), rows, bench.settings.rewrites, bench.recipe.seed))

    return bench.run.once("written", Written, make, "Letting the base write instructions").texts


def write(model: TransformersCausal, rows: Sequence[Example], count: int, seed: int) -> list[str]:
    """Instructions that a model writes from solved examples; fewer than ``count`` where some are equal or empty.

    Args:
        model: who writes.
        rows: what it is shown.
        count: how many are drawn.
        seed: of the draws.
    """
    if not count:
        return []
    shown = "\n\n".join(f"Question: {row.input}\nAnswer: {row.target}" for row in rows)
    turns = (Message(role="user", content=ASKED.format(examples=shown)),)
    limits = Limits(max_tokens=LONGEST, temperature=WARMTH, seed=seed)
    written = model.generate([as_prompt(turns, model.chat)] * count, limits)
    return [text for text in dict.fromkeys(one.text.strip() for one in written) if text]


def _places(bench: Bench) -> list[Place]:
    """A system turn only where the chat template takes one."""
    model = bench.base()
    try:
        turns = (Message(role="system", content="a"), Message(role="user", content="b"))
        model.encode_prompt(as_prompt(turns, model.chat))
    except ChatTemplateError:
        return ["after"]
    return ["system", "after"]
