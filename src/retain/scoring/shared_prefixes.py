"""Which prompts begin alike, so that the common beginning is computed once for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from retain.scoring.prefix_tree import Node, prefix_tree

WORTHWHILE_TOKENS = 48
"""Computing a prefix apart must save at least this many tokens: it takes a forward pass of its own."""


class Group(NamedTuple):
    """Prompts that share their first ``prefix`` tokens, longest prompt first."""

    prefix: int
    members: list[int]


def group_by_prefix(prompts: Sequence[list[int]]) -> list[Group]:
    """Groups of prompts and how many first tokens each shares, so that the most tokens are saved.

    Of a group with n members and a prefix of p tokens, (n - 1) p tokens need not be computed. Prompts that share
    something with all others (a system prompt) and more with a few (worked examples of one subject) are grouped by
    whichever saves more. Groups with the longest prompts come first, so that memory runs out at once or never.

    Args:
        prompts: token ids; a prompt may be empty and then shares nothing.
    """
    filled = [i for i, prompt in enumerate(prompts) if prompt]
    root, ends = prefix_tree([prompts[i] for i in filled])
    ending: dict[Node, list[int]] = defaultdict(list)
    for index, node in zip(filled, ends, strict=True):
        ending[node].append(index)
    together = _whole_groups(root, ending)
    groups: list[Group] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node in together:
            groups.append(Group(node.end, [i for below in node.below() for i in ending.get(below, [])]))
        else:
            waiting += node.children
    grouped = {i for group in groups for i in group.members}
    groups.append(Group(0, [i for i in range(len(prompts)) if i not in grouped]))
    groups = [Group(g.prefix, sorted(g.members, key=lambda i: (-len(prompts[i]), i))) for g in groups if g.members]
    return sorted(groups, key=lambda g: (-len(prompts[g.members[0]]), g.members[0]))


def _whole_groups(root: Node, ending: dict[Node, list[int]]) -> set[Node]:
    """The nodes whose prompts save at least as much as one group as when split among the node's children."""
    members: dict[Node, int] = {}
    saved: dict[Node, int] = {}
    found = set()
    for node in reversed(list(root.below())):
        members[node] = len(ending.get(node, [])) + sum(members[child] for child in node.children)
        split = sum(saved[child] for child in node.children)
        whole = (members[node] - 1) * node.end - WORTHWHILE_TOKENS
        saved[node] = max(whole, split, 0)
        if whole > 0 and whole >= split:
            found.add(node)
    return found
