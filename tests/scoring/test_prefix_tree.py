"""The tree holds every sequence and each distinct prefix token once."""

import random

import pytest

from retain.scoring.prefix_tree import prefix_tree


def path(node):
    tokens = []
    while node is not None:
        tokens = node.tokens + tokens
        node = node.parent
    return tokens


def drawn(seed, count=60):
    draw = random.Random(seed)
    return [[draw.randint(0, 2) for _ in range(draw.randint(1, 12))] for _ in range(count)]


@pytest.mark.parametrize("seed", range(20))
def test_every_sequence_ends_where_its_path_spells_it(seed):
    sequences = drawn(seed)
    root, ends = prefix_tree(sequences)
    assert [path(end) for end in ends] == sequences
    prefixes = {tuple(one[:length]) for one in sequences for length in range(1, len(one) + 1)}
    assert root.total == len(prefixes)
    for node in root.below():
        assert node.total == len(node.tokens) + sum(child.total for child in node.children)
        assert all(child.parent is node and child.start == node.end for child in node.children)
        firsts = [child.tokens[0] for child in node.children]
        assert len(set(firsts)) == len(firsts), "branches part at their first token"


def test_large_token_ids_sort_as_numbers():
    sequences = [[70_000, 3], [256, 9], [70_000, 4], [255], [256]]
    root, ends = prefix_tree(sequences)
    assert [path(end) for end in ends] == sequences
    assert [child.tokens[0] for child in root.children] == [255, 256, 70_000]


def test_a_chain_of_ever_longer_sequences_does_not_recurse():
    sequences = [[1] * length for length in range(1, 3000)]
    root, _ = prefix_tree(sequences)
    assert root.total == 2999
