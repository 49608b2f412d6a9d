r"""Finds training rows that contain a probe's items: training on them would inflate what was kept.

Words are runs of letters and digits in lower case; punctuation is ignored. A row contains an item when

- the item has 13 words or more, and the row has 13 consecutive words of it;
- the item has 5 to 12 words, and the row has all of them in a row;
- the item has fewer than 5 words, and the row's input, one of its user turns or its text is just that.
  ("What is gravity?" inside a longer row proves nothing.)

13 words that more than 3 items *and* more than 5% of a probe's items share are the probe's template ("Answer
with one word: ..."), not its content, and do not count. All turns of a row are looked at, in their order and
as one text, so that a question in one turn and its answer in the next are found too. Of a ranking row only the query is
looked at: that a document holds the words of another query is what documents are for.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from retain.data.example import Example
from retain.errors import UserError, listed
from retain.records import Record

WINDOW = 13
"""Consecutive words that mark an item as contained."""
SHORTEST = 5
"""Items with fewer words count only where they are the whole input."""
TEMPLATE_ITEMS = 3
"""Words shared by no more items than this are never a template."""
TEMPLATE_SHARE = 0.05
"""Words shared by no larger share of a probe's items than this are never a template."""

_WORD = re.compile(r"[^\W_]+")

Words = tuple[str, ...]


class Overlap(Record):
    """A training row that contains a probe's item; the first such item."""

    source: str
    line: int
    probe: str
    item: str
    words: str
    """What both have, normalised."""


def find_overlaps(examples: Iterable[Example], items: Iterable[tuple[str, str]], probe: str = "") -> list[Overlap]:
    """The rows that contain an item, at most one overlap per row.

    Args:
        examples: Training rows of any shape, general text too.
        items: (item id, text) of each of a probe's items.
        probe: The probe's name, for the records.
    """
    find = overlap_finder({probe: items})
    return [overlap for example in examples if (overlap := find(example))]


def refuse_overlaps(examples: Iterable[Example], probes: Mapping[str, Iterable[tuple[str, str]]]) -> None:
    """Refuse training rows that contain a probe's items.

    Args:
        examples: Training rows of any shape, general text too.
        probes: Probe name -> (item id, text) of each of its items.

    Raises:
        UserError: there are such rows; the first 20 are named with file, line and probe, the rest counted.
    """
    find = overlap_finder(probes)
    found = [overlap for example in examples if (overlap := find(example))]
    if not found:
        return
    problems = [
        f'{hit.source}:{hit.line} contains item {hit.item} of {hit.probe}: "{_shortened(hit.words)}"' for hit in found
    ]
    rows = "1 training row contains" if len(found) == 1 else f"{len(found)} training rows contain"
    raise UserError(
        f"{rows} items of a probe, which would make retention look better than it is.\n{listed(problems)}\n"
        "Remove these rows, or leave the probe out of the suite."
    )


def overlap_finder(
    probes: Mapping[str, Iterable[tuple[str, str]]],
) -> Callable[[Example], Overlap | None]:
    """A function that says which item a row contains, if any; for rows that come one by one.

    Args:
        probes: Probe name -> (item id, text) of each of its items.
    """
    index = _Index()
    for probe, items in probes.items():
        index.add(probe, items)

    def find(example: Example) -> Overlap | None:
        hit = index.search(example)
        if hit is None:
            return None
        (probe, item), words = hit
        return Overlap(source=example.source, line=example.line, probe=probe, item=item, words=" ".join(words))

    return find


def _shortened(words: str, most: int = 80) -> str:
    return words if len(words) <= most else words[:most] + "..."


@dataclass
class _Index:
    """What to look for: word sequences -> (probe, item id)."""

    long: dict[Words, tuple[str, str]] = field(default_factory=dict)
    """Windows of items with 13 words or more."""
    starts: dict[Words, list[tuple[Words, tuple[str, str]]]] = field(default_factory=lambda: defaultdict(list))
    """The first 5 words of items with 5 to 12 words -> whole items."""
    whole: dict[Words, tuple[str, str]] = field(default_factory=dict)
    """Items with fewer words."""

    def add(self, probe: str, items: Iterable[tuple[str, str]]) -> None:
        """Add a probe's items, without the words of its template."""
        words = [(id_, _words(text)) for id_, text in items]
        shared = Counter(gram for _, item in words for gram in set(_grams(item, WINDOW)))
        most = max(TEMPLATE_ITEMS, TEMPLATE_SHARE * len(words))
        for id_, item in words:
            self._add_item((probe, id_), item, [gram for gram in _grams(item, WINDOW) if shared[gram] <= most])

    def _add_item(self, name: tuple[str, str], item: Words, windows: Sequence[Words]) -> None:
        for window in windows:
            self.long.setdefault(window, name)
        if SHORTEST <= len(item) < WINDOW:
            self.starts[item[:SHORTEST]].append((item, name))
        elif 0 < len(item) < SHORTEST:
            self.whole.setdefault(item, name)

    def search(self, example: Example) -> tuple[tuple[str, str], Words] | None:
        """The first item that the row contains, with the words that both have."""
        words = _words("\n".join(_texts(example)))
        if not self.long.keys().isdisjoint(_grams(words, WINDOW)):
            gram = next(gram for gram in _grams(words, WINDOW) if gram in self.long)
            return self.long[gram], gram
        if not self.starts.keys().isdisjoint(_grams(words, SHORTEST)):
            for at, gram in enumerate(_grams(words, SHORTEST)):
                for item, name in self.starts.get(gram, ()):
                    if words[at : at + len(item)] == item:
                        return name, item
        wholes = (_words(text) for text in _inputs(example)) if self.whole else ()
        return next(((self.whole[whole], whole) for whole in wholes if whole in self.whole), None)


def _words(text: str) -> Words:
    return tuple(_WORD.findall(text.lower()))


def _grams(words: Words, size: int) -> Iterator[Words]:
    return zip(*(words[start:] for start in range(size)), strict=False)


def _texts(example: Example) -> list[str]:
    """Everything that a row trains on, in order; of a ranking row its query."""
    turns = [message.content for message in example.messages]
    return [*turns, example.chosen, example.rejected, example.text, example.query]


def _inputs(example: Example) -> list[str]:
    """What a very short item must equal."""
    return [example.input, *(message.content for message in example.messages if message.role == "user")]
