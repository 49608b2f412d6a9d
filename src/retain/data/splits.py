"""Who is trained on and who is measured: splits by a hash of the input, so that duplicates never straddle."""

from __future__ import annotations

import hashlib

from retain.records import Split

PROBE_DEV_PERCENT = 30
"""Share of a probe's items that are dev items, in percent."""


def normalised(text: str) -> str:
    """``text`` in lower case with single spaces: what two inputs must share to count as the same."""
    return " ".join(text.casefold().split())


def hash_order(text: str) -> str:
    """A sort key that orders items by the hash of their input, so that a smaller limit keeps a subset."""
    return hashlib.sha256(normalised(text).encode("utf-8", "surrogatepass")).hexdigest()


def probe_split(text: str) -> Split:
    """The split of a probe's item, from a hash of its input: 30% dev, the rest test.

    It depends on this item alone: adding items never moves another one.
    """
    return "dev" if int(hash_order(text)[:8], 16) % 100 < PROBE_DEV_PERCENT else "test"
