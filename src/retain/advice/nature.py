"""What a task lacks, knowledge or behaviour, told by what was measured and by nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from retain.advice.answer_form import AnswerForm
from retain.advice.recommend import difference
from retain.advice_records import WORDS, Nature, Rung
from retain.records import Change

PROMPTS = ("zero_shot", "instructions", "few_shot")
"""Rungs that neither search documents nor train."""
KNOWLEDGE = (
    "What documents supply can change without training again; whether yours do is for you to say, it was not measured."
)
BEHAVIOUR = "What holds for all questions alike, such as form, style and rules, is what training is for."
Kind = Literal["knowledge", "behaviour", "both", "prompt", "open"]


def nature_of(rungs: Sequence[Rung], form: AnswerForm, seen: float) -> Nature:
    """The statement and its evidence.

    *Knowledge* is shown where passages of documents score more on test items than the best of the rungs that only
    prompt, with the 95% interval of the gain above zero; *behaviour* where training does. Where neither does, and a
    prompt so scores more than zero-shot, it is the *prompt*; else it is *open*.

    Args:
        rungs: from the bottom, the first one zero-shot.
        form: of the training answers.
        seen: share of the test items whose answer is also a training row's.
    """
    prompt = max((rung for rung in rungs if rung.name in PROMPTS), key=lambda rung: rung.dev)
    searched = next((rung for rung in rungs if rung.from_documents), None)
    trained = next((rung for rung in rungs if rung.name == "lora"), None)
    kind = _kind(_shown(prompt, searched), _shown(prompt, trained), _shown(rungs[0], prompt))
    evidence = [
        _formed(rungs, form),
        f"{seen:.0%} of the test items have a right answer that a training row has too.",
        *_gain("zero-shot", rungs[0], prompt),
        *_gain(WORDS[prompt.name], prompt, searched, _found(searched)),
        *_gain(WORDS[prompt.name], prompt, trained, _of_form(prompt, trained, form)),
    ]
    return Nature(kind=kind, statement=_statement(kind, prompt, searched, trained), evidence=evidence)


def _kind(knows: bool, behaves: bool, prompted: bool) -> Kind:
    if knows and behaves:
        return "both"
    if knows or behaves:
        return "knowledge" if knows else "behaviour"
    return "prompt" if prompted else "open"


def _statement(kind: Kind, prompt: Rung, searched: Rung | None, trained: Rung | None) -> str:
    documents = "the documents are not shown to add to it" if searched is not None else "no documents were given"
    training = "training is not shown to add to it" if trained is not None else "training was not tried"
    if kind == "knowledge":
        return f"Knowledge: the documents supply what the prompt lacks, and {training}. {KNOWLEDGE}"
    if kind == "behaviour":
        return f"Behaviour: training supplies what the prompt lacks; {documents}. {BEHAVIOUR}"
    if kind == "both":
        return (
            "Knowledge and behaviour: both the documents and training supply something that the prompt lacks. "
            f"{KNOWLEDGE} {BEHAVIOUR}"
        )
    if kind == "prompt":
        return f"Neither is shown to be missing: {WORDS[prompt.name]} supplies it; {documents}, and {training}."
    nothing = "these items do not show that anything scores more than the question as it is"
    return f"Open: {nothing}; {documents}, and {training}."


def _shown(below: Rung, above: Rung | None) -> bool:
    """Whether a rung is shown to score more than another: the 95% interval of the gain lies above zero."""
    return above is not None and above is not below and difference(below, above).low > 0


def _gain(name: str, below: Rung, above: Rung | None, more: str = "") -> list[str]:
    """One rung against another, as a sentence; none where there is nothing to compare."""
    if above is None or above is below:
        return []
    change = difference(below, above)
    said = f"{change.delta:+.1f} points (95% interval {change.low:+.1f} to {change.high:+.1f})"
    return [f"{WORDS[above.name].capitalize()} against {name}: {said}{_flips(change)}{more}."]


def _flips(change: Change) -> str:
    return f", {change.won} items won and {change.lost} lost"


def _found(searched: Rung | None) -> str:
    if searched is None or searched.found is None:
        return ""
    return f"; the right answer stands in the passages put before {searched.found:.0%} of the test items"


def _formed(rungs: Sequence[Rung], form: AnswerForm) -> str:
    """How many answers have the form of the training answers, on each rung."""
    shares = ", ".join(f"{WORDS[rung.name]} {rung.formed:.0%}" for rung in rungs)
    return f"Training answers are {form.described}. Answers to test items that have this form: {shares}."


def _of_form(prompt: Rung, trained: Rung | None, form: AnswerForm) -> str:
    """Of the items that training won: how many the prompt answered in another form."""
    if trained is None:
        return ""
    before, after = prompt.measurement, trained.measurement
    won = [item for item, score in after.scores.items() if score > before.scores.get(item, score)]
    if not won:
        return ""
    other = sum(not form.fits(before.responses[item].text) for item in won)
    return f"; {other} of the {len(won)} items that it won had been answered in another form"
