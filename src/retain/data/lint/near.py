"""Which inputs are nearly the same, by MinHash over pieces of five characters.

Text is compared in lower case, without punctuation, with single blanks. A piece counts the more the fewer inputs have
it (ln(N / inputs that have it)), so that an instruction or a template that all rows share makes no two of them alike:
"book a table for two in Rome" and "... in Oslo" are not nearly the same in a set of bookings. Two inputs are when the
pieces that both have weigh at least `NEAR` of those that either has.

Source: Broder 1997 (MinHash); Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, ch. 3 (shingles, banding). The
sketches are datasketch's. Its index is not used: it offers every row of a template to every other. Relations:
`data/overlap.py` finds a probe's item *inside* a longer row.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

PIECE = 5
"""Characters of a piece: with 5, one changed word of ten keeps about four fifths of the pieces; with 3 unrelated
English sentences already share a tenth of theirs."""
NEAR = 0.8
"""Least weighted Jaccard similarity of two inputs that are nearly the same. At .8 a typo or a changed ending is near
and another name in the same sentence mostly is not; read by hand on four public sets (docs/LOG.md, 2026-11-22)."""
PERMUTATIONS = 125
"""Length of a sketch."""
BAND = 5
"""Places of a sketch that must agree for two texts to be compared: of pairs with a plain similarity of .8 all but one
in 20,000 agree in one of the 25 bands, with .7 99%, with .5 half."""
CROWD = 50
"""Texts that may meet in one band: more agree in what comes from a template. Those that are nearly the same agree in
other bands too, and without this limit a set of few templates would be compared row by row with itself."""
MOST_COMPARED = 20
"""Of one text, those that it shares the most bands with."""
COMMON = 0.1
"""Pieces in a larger share of the inputs stay out of the sketches: what all rows share would put all in one bucket."""
FEWEST = 8
"""An input with fewer other pieces is sketched by all that it has."""
REMEMBERED = 50_000_000
"""Pieces that are kept to compare with, of four bytes each."""
LARGEST = 10_000
"""Pieces that a sketch is made from: those with the smallest hashes, a fair draw that is the same in like texts."""
BUCKETS = 1 << 22
"""Size of the table that counts in how many inputs a piece is."""

Pieces = NDArray[np.uint32]
SHORT = 100
"""Characters under which another number makes another input ("the 4th of May" and "the 14th of May")."""
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"[^\W_]+")


def plain(text: str) -> str:
    """The text's words in lower case with single blanks; all of it in lower case where it has no words."""
    words = _WORD.findall(text.casefold())
    return " ".join(words) or " ".join(text.casefold().split())


@dataclass(frozen=True, slots=True)
class Groups:
    """Texts by what they are nearly the same as."""

    of: tuple[int, ...]
    """The place of the first text that each text is nearly the same as; its own where there is none before it."""
    keys: tuple[str, ...]
    """The plain form of each text: texts with one key are the same."""

    def members(self) -> list[list[int]]:
        """Groups of at least two texts, in order."""
        found: dict[int, list[int]] = {}
        for place, first in enumerate(self.of):
            found.setdefault(first, []).append(place)
        return [group for group in found.values() if len(group) > 1]


def group_texts(texts: Sequence[str]) -> Groups:
    """Put each text to the first one before it that it is nearly the same as.

    Every text is compared with those that opened a group, so the cost grows linearly; two texts of one group may differ
    a little more from each other than from its first.
    """
    keys = [plain(text) for text in texts]
    distinct = list(dict.fromkeys(keys))
    first_of = dict(zip(distinct, _firsts(distinct), strict=True))
    place_of: dict[str, int] = {}
    of = []
    for place, key in enumerate(keys):
        opened = place_of.setdefault(distinct[first_of[key]], place)
        place_of.setdefault(key, place)
        of.append(opened)
    return Groups(tuple(of), tuple(keys))


def similarity(one: Pieces, other: Pieces, weights: NDArray[np.float32]) -> float:
    """Weighted Jaccard similarity of two sets of pieces, 0 to 1."""
    both = np.intersect1d(one, other, assume_unique=True)
    shared = float(weights[both % BUCKETS].sum())
    total = float(weights[one % BUCKETS].sum()) + float(weights[other % BUCKETS].sum()) - shared
    return shared / total if total > 0 else 0.0


def _firsts(keys: Sequence[str]) -> list[int]:
    """For each key the place of the first key that it is nearly the same as, or its own."""
    counts = np.zeros(BUCKETS, dtype=np.int32)
    for key in keys:
        counts[pieces(key) % BUCKETS] += 1
    by_count = np.log(max(2, len(keys)) / np.maximum(np.arange(counts.max() + 1), 1)).clip(min=1e-3)
    weights = by_count.astype(np.float32)[counts]
    most = max(20, COMMON * len(keys))
    length = sum(map(len, keys)) // max(1, len(keys)) + 1
    remembered = lru_cache(maxsize=max(MOST_COMPARED, REMEMBERED // length))(pieces)
    met: dict[int, tuple[int, ...]] = {}
    firsts = []
    for place, key in enumerate(keys):
        mine = remembered(key)
        bands = _bands(_rare(mine, counts, most))
        offered = (other for other in _offered(met, bands) if not _other_numbers(key, keys[other]))
        near = ((similarity(mine, remembered(keys[other]), weights), -other) for other in offered)
        best = max(near, default=(0.0, 0))
        if best[0] >= NEAR:
            firsts.append(-best[1])
        else:
            firsts.append(place)
            for band in bands:
                met[band] = (*met.get(band, ()), place)[:CROWD]
    return firsts


def _other_numbers(one: str, other: str) -> bool:
    """Short inputs with different numbers ask different things."""
    return max(len(one), len(other)) < SHORT and sorted(_NUMBER.findall(one)) != sorted(_NUMBER.findall(other))


def _offered(met: Mapping[int, tuple[int, ...]], bands: Sequence[int]) -> list[int]:
    """The texts that share the most bands, of those bands that are no crowd's."""
    groups = (met.get(band, ()) for band in bands)
    shared = Counter(place for group in groups if len(group) < CROWD for place in group)
    return [place for place, _ in shared.most_common(MOST_COMPARED)]


def _rare(found: Pieces, counts: NDArray[np.int32], most: float) -> Pieces:
    rare = found[counts[found % BUCKETS] <= most]
    return (rare if len(rare) >= FEWEST else found)[:LARGEST]


def _bands(found: Pieces) -> list[int]:
    """Hashes of the bands of a text's sketch."""
    sketch = _empty_sketch().copy()
    sketch.update_batch(found)
    bands = sketch.hashvalues.reshape(-1, BAND)
    return [hash((number, band.tobytes())) for number, band in enumerate(bands)]


@cache
def _empty_sketch() -> Any:
    from datasketch import MinHash

    return MinHash(num_perm=PERMUTATIONS, seed=1, scheme="affine32", hashfunc=int)


def pieces(text: str) -> Pieces:
    """Hashes of all runs of five characters of a text, each once, in order."""
    letters = np.frombuffer(text.encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    letters = np.pad(letters, (0, max(0, PIECE - len(letters))))
    number = len(letters) - PIECE + 1
    mixed = np.zeros(number, dtype=np.uint64)
    for place, factor in enumerate(_FACTORS):
        mixed += letters[place : place + number] * factor
    return np.unique((mixed >> np.uint64(32)).astype(np.uint32))


_FACTORS = np.array([pow(0x9E3779B97F4A7C15, power, 1 << 64) for power in range(1, PIECE + 1)], dtype=np.uint64)
