"""Who is trained on and who is measured: splits by a hash of the input, so that duplicates never straddle.

Two inputs are the same when they differ in case and white space only.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from retain.data.example import Example
from retain.errors import UserError
from retain.records import Record, Split

PROBE_DEV_PERCENT = 30
"""Share of a probe's items that are dev items, in percent."""


class SplitSummary(Record):
    """What a split did, for the run's record. Lines are written ``file:line``."""

    train: int
    dev: int
    test: int
    shifted: int
    """Rows of each part."""
    removed_from_train: tuple[str, ...] = ()
    """Train rows left out because their input is also a dev, test or shifted item."""
    removed_from_dev: tuple[str, ...] = ()
    """Dev rows left out because their input is also a test or shifted item."""
    duplicates: tuple[str, ...] = ()
    """Train rows whose whole content an earlier train row has. They are kept."""
    conflicts: tuple[str, ...] = ()
    """Train rows of chat shape whose input other train rows answer differently. They are kept."""


class Splits(Record):
    """Train, dev and test rows, and a shifted test split where there is one. No input is in two of them."""

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]
    shifted: tuple[Example, ...] = ()
    summary: SplitSummary


def folded(text: str) -> str:
    """``text`` in lower case with single spaces: what two inputs must share to count as the same.

    ``wording.normalised`` is for answers: there quotes around it and marks at its end do not count either.
    """
    return " ".join(text.casefold().split())


def hash_order(text: str) -> str:
    """A sort key that orders items by the hash of their input, so that a smaller limit keeps a subset."""
    return hashlib.sha256(folded(text).encode("utf-8", "surrogatepass")).hexdigest()


def probe_split(text: str) -> Split:
    """The split of a probe's item, from a hash of its input: 30% dev, the rest test.

    It depends on this item alone: adding items never moves another one.
    """
    return "dev" if int(hash_order(text)[:8], 16) % 100 < PROBE_DEV_PERCENT else "test"


def sample(examples: Sequence[Example], count: int, seed: int) -> list[Example]:
    """``count`` rows in an order that depends on the seed and the rows' content, not their place in a file.

    A smaller count gives a prefix of a larger one. All rows come back, reordered, where there are fewer.
    """
    ordered = sorted(examples, key=lambda example: hashlib.sha256(f"{seed}:{example.id}".encode()).digest())
    return ordered[:count]


def split(
    examples: Sequence[Example],
    held_out: float | None = None,
    *,
    dev: Sequence[Example] | None = None,
    test: Sequence[Example] | None = None,
    shifted: Sequence[Example] = (),
) -> Splits:
    """Divide rows into train, dev and test; an input that is measured is never trained on.

    Either ``held_out`` is given, and that share of the distinct inputs (those with the smallest hashes) is
    halved into test and dev. Or ``dev`` and ``test`` come from files of their own. Or one of them does, and
    the held-out share is the other. A dev row whose input is in test or shifted is left out, as is a train
    row whose input is in any of the three; the summary names them.

    Args:
        examples: The rows to train on.
        held_out: Share of the distinct inputs to hold out, between 0 and 1.
        dev: Rows for choices, from a file of their own.
        test: Rows for claims, from a file of their own.
        shifted: More rows for claims, from another distribution than the training rows.

    Raises:
        UserError: no way to hold out is given, or too many; the share is not in (0, 1); a part is empty.
    """
    _check_ways(held_out, dev, test)
    train = list(examples)
    if held_out is not None:
        groups, train = _hold_out(train, held_out, parts=2 if dev is None and test is None else 1)
        middle = (len(groups) + 1) // 2
        if dev is None and test is None:
            test, dev = _rows(groups[:middle]), _rows(groups[middle:])
        elif test is None:
            test = _rows(groups)
        else:
            dev = _rows(groups)
    return _apart(train, dev or (), test or (), shifted)


def _check_ways(held_out: float | None, dev: Sequence[Example] | None, test: Sequence[Example] | None) -> None:
    files = (dev is not None) + (test is not None)
    if held_out is None and files < 2:
        raise UserError(
            "There are no rows to measure on. Give `held_out` (a share of the training rows, such as 0.15), "
            "or a file each for `dev` and `test`, or one such file and `held_out` for the other."
        )
    if held_out is not None and files == 2:
        raise UserError("`held_out` has no use where `dev` and `test` are files; leave it out.")
    if held_out is not None and not 0 < held_out < 1:
        raise UserError(f"`held_out` is {held_out}; it must lie between 0 and 1, for example 0.15.")


def _hold_out(examples: Sequence[Example], share: float, parts: int) -> tuple[list[list[Example]], list[Example]]:
    """The held-out rows, grouped by input in the order of their hashes, and the other rows in their order."""
    groups: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        groups[hash_order(example.input)].append(example)
    count = int((Decimal(str(share)) * len(groups)).quantize(Decimal(1), ROUND_HALF_UP))
    if count < parts or count == len(groups):
        side = "dev and test" if parts == 2 else "the held-out part"
        raise UserError(
            f"Holding out {share} of {len(groups)} distinct inputs gives {count}, but {side} and train need "
            f"at least one each. Change `held_out`, add rows, or give files for `dev` and `test`."
        )
    held = sorted(groups)[:count]
    kept = set(held)
    return [groups[key] for key in held], [row for row in examples if hash_order(row.input) not in kept]


def _rows(groups: Sequence[Sequence[Example]]) -> list[Example]:
    return [example for group in groups for example in group]


def _apart(
    train: Sequence[Example], dev: Sequence[Example], test: Sequence[Example], shifted: Sequence[Example]
) -> Splits:
    """The four parts after the inputs that two of them share have left train, then dev."""
    claims = {folded(example.input) for example in (*test, *shifted)}
    dev, from_dev = _without(dev, claims)
    train, from_train = _without(train, claims | {folded(example.input) for example in dev})
    _check_filled(train, dev, test)
    summary = SplitSummary(
        train=len(train),
        dev=len(dev),
        test=len(test),
        shifted=len(shifted),
        removed_from_train=_lines(from_train),
        removed_from_dev=_lines(from_dev),
        duplicates=_lines(_duplicates(train)),
        conflicts=_lines(_conflicts(train)),
    )
    return Splits(train=tuple(train), dev=tuple(dev), test=tuple(test), shifted=tuple(shifted), summary=summary)


def _without(examples: Sequence[Example], inputs: set[str]) -> tuple[list[Example], list[Example]]:
    """The rows whose input is not among ``inputs``, and the others."""
    kept: list[Example] = []
    left: list[Example] = []
    for example in examples:
        (left if folded(example.input) in inputs else kept).append(example)
    return kept, left


def _check_filled(train: Sequence[Example], dev: Sequence[Example], test: Sequence[Example]) -> None:
    if not train:
        raise UserError(
            "No training row is left: the input of every one is also held out. Give more rows, or dev and "
            "test files with other inputs."
        )
    for name, rows in (("dev", dev), ("test", test)):
        if not rows:
            raise UserError(
                f"No {name} row is left: there were none, or the input of every one is also a test item. "
                f"Give a larger `held_out`, or a `{name}` file with other inputs."
            )


def _duplicates(examples: Sequence[Example]) -> list[Example]:
    """The rows whose content an earlier row has."""
    first = {example.id: index for index, example in reversed(list(enumerate(examples)))}
    return [example for index, example in enumerate(examples) if first[example.id] < index]


def _conflicts(examples: Sequence[Example]) -> list[Example]:
    """The chat rows whose input has several answers."""
    answers: dict[str, set[str]] = defaultdict(set)
    chats = [example for example in examples if example.shape == "chat"]
    for example in chats:
        answers[folded(example.input)].add(folded(example.target))
    return [example for example in chats if len(answers[folded(example.input)]) > 1]


def _lines(examples: Sequence[Example]) -> tuple[str, ...]:
    return tuple(f"{example.source}:{example.line}" for example in examples)
