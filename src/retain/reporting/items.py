"""All answers of both models as data that the page shows on demand: searched, filtered and sorted in the browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from markupsafe import Markup

from retain.records import Response, RunRecord
from retain.reporting.numbers import finite
from retain.reporting.pairs import Pair, pairs
from retain.reporting.text import clean, clean_json, quoted

LONGEST = 4000
"""Characters of a prompt, an expected text or an answer."""
MOST_CHARACTERS = 20_000_000
"""Of all texts together: a browser reads so many in about half a second."""
_UNSAFE = ("<", ">", "&", "\u2028", "\u2029")
"""What could end the element that holds the data, begin a comment in it or end a line of a script."""

Cells = list[str | int | float | bool | None]


@dataclass
class Items:
    """The data of the list of answers."""

    data: Markup
    """JSON; ``probes`` are [name, capability, whether it is the task's], ``items`` as `_cells` says."""
    shown: int = 0
    """Items in it."""
    left_off: int = 0
    """Items that the page has no room for: unchanged ones first."""
    counts: dict[str, int] = field(default_factory=dict)
    """Items in it that were lost, won and unchanged."""


def items_of(record: RunRecord) -> Items:
    """Every item that both models answered, the greatest fall first, as far as there is room.

    Texts are masked, cleaned and cut to 4,000 characters each.
    """
    found = pairs(record)
    kept = _that_fit(found)
    probes = list(dict.fromkeys((pair.probe, pair.capability, pair.task) for pair in found))
    at = {probe: i for i, (probe, _, _) in enumerate(probes)}
    text = _text_once()
    counts = {way: 0 for way in ("lost", "won", "unchanged")}
    for pair in kept:
        counts[pair.way] += 1
    content = {
        "probes": [[clean(probe), clean(capability), task] for probe, capability, task in probes],
        "items": [_cells(pair, at[pair.probe], text) for pair in kept],
    }
    return Items(as_island(content), len(kept), len(found) - len(kept), counts)


def as_island(content: object) -> Markup:
    """JSON that may stand inside a ``<script type="application/json">``: no text in it can end the element."""
    text = clean_json(json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False))
    for letter in _UNSAFE:
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def _that_fit(found: Sequence[Pair]) -> list[Pair]:
    """Changed items before unchanged ones, as many as there is room for, in the order given."""
    room, kept = MOST_CHARACTERS, set()
    for place in sorted(range(len(found)), key=lambda i: found[i].change == 0):
        pair = found[place]
        texts = (pair.prompt, pair.reference, pair.base.text, pair.tuned.text)
        room -= sum(min(len(text), LONGEST) for text in texts)
        if room < 0:
            break
        kept.add(place)
    return [pair for place, pair in enumerate(found) if place in kept]


def _text_once() -> Callable[[str], str]:
    return lru_cache(maxsize=50_000)(lambda text: quoted(text, LONGEST))


def _cells(pair: Pair, probe: int, text: Callable[[str], str]) -> Cells:
    """One item as the page's script reads it, by position.

    [probe, id, prompt, expected, base, tuned (null: the same as the base), both scores, the change, then of each answer
    the tokens and whether it was cut off at the limit]
    """
    base, tuned = text(pair.base.text), text(pair.tuned.text)
    numbers = [_number(one) for one in (pair.base_score, pair.tuned_score, pair.change)]
    lengths = [value for answer in (pair.base, pair.tuned) for value in _length(answer)]
    return [
        probe,
        clean(pair.item),
        text(pair.prompt),
        text(pair.reference),
        base,
        None if tuned == base else tuned,
        *numbers,
        *lengths,
    ]


def _length(answer: Response) -> Iterable[int | bool | None]:
    return answer.tokens, not answer.stopped


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if finite(value) else None
