"""Token sequences as a tree: what several of them begin with stands in it once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np


class Node:
    """A run of tokens that belongs together: all sequences through its first token go through its last.

    Attributes:
        tokens: the run's token ids; empty for the root only.
        parent: the run before; None for the root.
        start: how many tokens come before it, which is the position of its first token.
        children: the runs that follow, in the order of their tokens.
        total: tokens in this run and in all that follow it.
    """

    __slots__ = ("children", "parent", "start", "tokens", "total")

    def __init__(self, tokens: list[int], parent: Node | None, start: int) -> None:
        self.tokens = tokens
        self.parent = parent
        self.start = start
        self.children: list[Node] = []
        self.total = 0

    @property
    def end(self) -> int:
        """The position after its last token."""
        return self.start + len(self.tokens)

    def below(self) -> Iterator[Node]:
        """This run and all that follow it, parents before their children."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack += reversed(node.children)


def prefix_tree(sequences: Sequence[Sequence[int]]) -> tuple[Node, list[Node]]:
    """The radix tree of token sequences.

    Args:
        sequences: token ids, at least one each, none negative; equal ones may occur.

    Returns:
        The root, and for each sequence the node in which it ends (it ends with that node's last token).
    """
    # Big-endian bytes sort as the tokens do, and a beginning sorts before what continues it.
    keys = [np.asarray(sequence, dtype=">u4").tobytes() for sequence in sequences]
    order = sorted(range(len(sequences)), key=lambda index: keys[index])
    root = Node([], None, 0)
    ends: list[Node] = [root] * len(sequences)
    last = root
    before = b""
    for index in order:
        shared = _common(before, keys[index])
        last = _cut(last, shared)
        if shared < len(sequences[index]):
            node = Node(list(sequences[index][shared:]), last, shared)
            last.children.append(node)
            last = node
        ends[index] = last
        before = keys[index]
    for node in reversed(list(root.below())):
        node.total = len(node.tokens) + sum(child.total for child in node.children)
    return root, ends


def _common(first: bytes, second: bytes) -> int:
    """How many tokens two keys begin with alike."""
    size = min(len(first), len(second)) // 4
    unequal = np.frombuffer(first, ">u4", size) != np.frombuffer(second, ">u4", size)
    return int(unequal.argmax()) if unequal.any() else size


def _cut(node: Node, depth: int) -> Node:
    """The node on the path to ``node`` that ends at ``depth``; a run that goes beyond it is cut in two.

    The upper half becomes a new node, so that whatever ended in the run still ends in the lower half.
    """
    while node.start >= depth and node.parent is not None:
        node = node.parent
    if node.end == depth:
        return node
    upper = Node(node.tokens[: depth - node.start], node.parent, node.start)
    assert node.parent is not None  # the root has no tokens to cut
    node.parent.children[-1] = upper
    upper.children.append(node)
    node.tokens, node.parent, node.start = node.tokens[depth - node.start :], upper, depth
    return upper
