"""A file of items as a probe, told by the keys of its rows and by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from retain import registry
from retain.data.formats import detect
from retain.probes.answers import tokens_for
from retain.probes.base import Probe
from retain.probes.item_files import read_rows, validated
from retain.probes.rules.item import AnswerItem
from retain.probes.suite_entries import built, first_few, ranking_probe

KNOWN: dict[str, tuple[str, dict[str, Any]]] = {
    "arc_challenge": ("science", {}),
    "arc_easy": ("science", {}),
    "boolq": ("reading", {}),
    "gsm8k": ("arithmetic", {}),
    "hellaswag": ("commonsense", {}),
    "ifeval": ("instruction following", {}),
    "lambada": ("last word", {}),
    "mmlu": ("knowledge", {"style": "letters"}),
    "openbook_qa": ("science", {}),
    "openbookqa": ("science", {}),
    "piqa": ("commonsense", {}),
    "winogrande": ("commonsense", {}),
}
"""What files of these names measure, and the settings that their format wants."""


RANKINGS = ("ranking", "labelled pairs")
"""Row shapes that a reranker is measured on."""
RANKING_KEYS = "ranking: query, pos, neg (or query, document, label)"


def probe_from_file(file: Path, capability: str | None = None) -> tuple[Probe | None, list[str]]:
    """The probe that a file of items is, told by the keys of its first row; and what is wrong with it.

    Args:
        file: JSON lines.
        capability: what it measures; by default what files of this name measure, else the name.
    """
    try:
        rows = list(read_rows(file))
    except UnicodeError as error:
        return None, [f"{file.name}: not UTF-8: {error}"]
    except OSError as error:
        return None, [f"{file.name}: could not be read: {error.strerror}; it must be a readable file of JSON lines"]
    if not rows:
        return None, [f"{file.name}: it has no items"]
    first = next((row for _, row in rows if isinstance(row, dict)), {})
    known, settings = KNOWN.get(file.stem, (file.stem.replace("_", " "), {}))
    rows_of = detect(first)
    if rows_of is not None and rows_of.name in RANKINGS:
        named = {"name": file.stem, "capability": capability or known}
        return ranking_probe(str(file.resolve()), named, file.parent, file.name)
    shape = next((shape for shape in _SHAPES if shape.fits(first)), None)
    if shape is None:
        shapes = "; ".join([*(f"{shape.kind}: {shape.example}" for shape in _SHAPES), RANKING_KEYS])
        return None, [f"{file.name}: keys {sorted(first)} fit no probe. Known: {shapes}"]
    unit = registry.find("probes", shape.kind)
    items, problems = validated(rows, unit.item_type, file.name, shape.fields)
    values = {"name": file.stem, "capability": capability or known, "items": tuple(items)}
    found = first_few(problems, file.name)
    return built(unit, {**values, **shape.settings(items), **settings}, file.name, found)


class _Shape(BaseModel):
    """What the keys of a row say about its probe."""

    model_config = ConfigDict(frozen=True)

    kind: str
    keys: tuple[str, ...]
    example: str
    fields: dict[str, str] | None = None
    settings: Callable[[Sequence[Any]], dict[str, Any]] = lambda items: {}

    def fits(self, row: Mapping[str, Any]) -> bool:
        """True when the row has all of the keys; ``a|b`` is one or the other."""
        return all(any(one in row for one in key.split("|")) for key in self.keys)


def _answer_settings(items: Sequence[AnswerItem]) -> dict[str, Any]:
    """The rule and the room that items without settings of their own want."""
    answers = [answer for item in items for answer in item.answer[:1]]
    if items and all(item.pattern for item in items):
        return {"score": "regex", "max_tokens": 64}
    if not answers:
        longest = max((item.max_words or item.min_words or 0 for item in items), default=0)
        return {"score": "length", "max_tokens": max(64, 2 * longest)}
    reasoned = any("####" in answer for answer in answers)
    return {"score": "auto", "max_tokens": 256 if reasoned else max(32, tokens_for(answers))}


_SHAPES = (
    _Shape(kind="multiple_choice", keys=("query", "choices", "gold"), example="query, choices, gold"),
    _Shape(
        kind="multiple_choice",
        keys=("contexts", "continuation", "gold"),
        example="contexts, continuation, gold",
    ),
    _Shape(kind="last_word", keys=("context", "continuation"), example="context, continuation"),
    _Shape(
        kind="instructions",
        keys=("prompt", "instruction_id_list", "kwargs"),
        example="prompt, instruction_id_list, kwargs",
    ),
    _Shape(kind="multi_sentence", keys=("prompt", "about"), example="prompt, about"),
    _Shape(
        kind="answers",
        keys=("question", "answer"),
        example="question, answer",
        fields={"prompt": "question", "answer": "answer"},
        settings=_answer_settings,
    ),
    _Shape(
        kind="answers",
        keys=("prompt|messages", "answer|pattern|min_words|max_words"),
        example="prompt (or messages), answer (or pattern, min_words, max_words)",
        settings=_answer_settings,
    ),
    _Shape(kind="preferences", keys=("chosen", "rejected"), example="prompt (or messages), chosen, rejected"),
    _Shape(kind="bits_per_byte", keys=("text",), example="text"),
)
