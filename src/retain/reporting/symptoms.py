"""Symptoms as people read them: in which order, with which words and colour, and their worst examples."""

from __future__ import annotations

from collections.abc import Sequence

from retain.records import ExamplePair, Symptom

INTRO = (
    "Ways of forgetting that a mean score can hide, each read off the answers of both models, item by item, and "
    "measured against the base. Numbers are in points of 100; lengths in percent of the base's. Symptoms explain a "
    "verdict, they do not make it."
)
_OUTCOMES = {True: "found", False: "not found", None: "cannot be told"}
_TONES = {True: "bad", False: "good", None: "open"}


def in_order(symptoms: Sequence[Symptom]) -> list[Symptom]:
    """Found ones first, then those that were looked for in vain, then those that cannot be told."""
    return sorted(symptoms, key=lambda one: list(_OUTCOMES).index(one.found))


def outcome(symptom: Symptom) -> str:
    """Whether a symptom was found, in words."""
    return _OUTCOMES[symptom.found]


def tone(symptom: Symptom) -> str:
    """The colour of that."""
    return _TONES[symptom.found]


def sides(example: ExamplePair | None) -> list[tuple[str, str]]:
    """(title, text) of each part of an example, the answers last; the text is foreign and not escaped."""
    if example is None:
        return []
    expected = [("Expected", example.expected)] if example.expected else []
    return [("Prompt", example.prompt), *expected, ("Base", example.base), ("Tuned", example.tuned)]
