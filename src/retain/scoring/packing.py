"""Which tokens are computed together: a prefix tree cut into rows of a batch and trunks that many rows stand on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from heapq import heapreplace
from typing import NamedTuple

from retain.scoring.prefix_tree import Node


class Sizes(NamedTuple):
    """How rows are cut.

    Attributes:
        row: small branches are packed together into rows of about this many tokens: attention costs grow with it,
            padding shrinks.
        branch: a branch up to this many tokens stays in one row where cutting it would repeat much of it.
        repeated: a beginning may be repeated in each of its rows when that adds at most this share of tokens.
        trunk: below so many repeated tokens, a pass of its own for the shared beginning does not pay.
    """

    row: int = 192
    branch: int = 512
    repeated: float = 0.02
    trunk: int = 256


SIZES = Sizes()


class Row(NamedTuple):
    """Nodes computed in one row, parents before children; ancestors that are missing here are in the trunk."""

    nodes: tuple[Node, ...]

    @property
    def length(self) -> int:
        """Tokens."""
        return sum(len(node.tokens) for node in self.nodes)


class Trunk:
    """A beginning that is computed once and kept (keys and values), and the rows that continue it.

    Attributes:
        nodes: the path from the parent trunk's end to this one's; empty for the root.
        length: tokens from the start of the sequences to this trunk's end.
        rows: what is computed on top of it.
        trunks: longer beginnings on top of it.
    """

    def __init__(self, nodes: tuple[Node, ...], before: int) -> None:
        self.nodes = nodes
        self.length = before + sum(len(node.tokens) for node in nodes)
        self.rows: list[Row] = []
        self.trunks: list[Trunk] = []

    def all(self) -> Iterator[Trunk]:
        """This trunk and those on top of it."""
        stack = [self]
        while stack:
            trunk = stack.pop()
            yield trunk
            stack += trunk.trunks


class _Place(NamedTuple):
    node: Node
    trunk: Trunk
    lead: tuple[Node, ...]
    """Ancestors above the trunk that each row with this node repeats."""


def pack(root: Node, sizes: Sizes = SIZES) -> Trunk:
    """Cut a prefix tree into rows and trunks so that few tokens are computed twice and rows are of like length.

    A branch that fits into a row goes there whole. One that does not is cut where it forks; what comes before the
    fork is repeated in each of its rows when it is short, and becomes a trunk when it is long.

    Args:
        root: of a tree that :func:`~retain.scoring.prefix_tree.prefix_tree` made.
        sizes: where to cut.

    Returns:
        The root trunk: every node of the tree is in a row or in a trunk's nodes.
    """
    ground = Trunk((), 0)
    branches: dict[tuple[int, tuple[int, ...]], list[_Place]] = {}
    stack = [_Place(child, ground, ()) for child in reversed(root.children)]
    while stack:
        place = stack.pop()
        if _stays_whole(place, sizes):
            key = (id(place.trunk), tuple(id(node) for node in place.lead))
            branches.setdefault(key, []).append(place)
            continue
        trunk, lead = place.trunk, (*place.lead, place.node)
        again, rest = _repeated(place, sizes)
        if again > sizes.repeated * rest and again >= sizes.trunk:
            trunk = Trunk(lead, trunk.length)
            place.trunk.trunks.append(trunk)
            lead = ()
        stack += [_Place(child, trunk, lead) for child in reversed(place.node.children)]
    for places in branches.values():
        places[0].trunk.rows += _rows(places, sizes)
    return ground


def _lead_tokens(place: _Place) -> int:
    return sum(len(node.tokens) for node in place.lead)


def _room(lead: int, sizes: Sizes) -> int:
    """Tokens of branches in a row that repeats ``lead`` tokens before them."""
    return max(sizes.row - lead, sizes.row // 2)


def _repeated(place: _Place, sizes: Sizes) -> tuple[int, int]:
    """(tokens that cutting this branch would repeat, tokens of what follows the cut)."""
    beginning = _lead_tokens(place) + len(place.node.tokens)
    rest = place.node.total - len(place.node.tokens)
    rows = max(math.ceil(rest / _room(beginning, sizes)), 1)
    return beginning * (rows - 1), rest


def _stays_whole(place: _Place, sizes: Sizes) -> bool:
    size = _lead_tokens(place) + place.node.total
    if size <= sizes.row or not place.node.children:
        return True
    again, rest = _repeated(place, sizes)
    return size <= sizes.branch and again > sizes.repeated * rest


def _rows(places: list[_Place], sizes: Sizes) -> list[Row]:
    """Branches with one lead, packed into as few rows as they need, which come out about equally long.

    The longest first, each into the emptiest row.
    """
    lead = places[0].lead
    total = sum(place.node.total for place in places)
    rows: list[list[Node]] = [list(lead) for _ in range(math.ceil(total / _room(_lead_tokens(places[0]), sizes)))]
    filled = [(0, row) for row in range(len(rows))]
    for place in sorted(places, key=lambda place: -place.node.total):
        tokens, row = filled[0]
        rows[row] += place.node.below()
        heapreplace(filled, (tokens + place.node.total, row))
    return [Row(tuple(nodes)) for nodes in rows if len(nodes) > len(lead)]
