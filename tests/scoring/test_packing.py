"""How a prefix tree is cut: every node computed, few tokens twice, rows of like length, cost linear in the items."""

import random

import pytest

from retain.scoring.packing import Sizes, pack
from retain.scoring.prefix_tree import prefix_tree


def computed(ground):
    return sum(
        sum(len(node.tokens) for node in trunk.nodes) + sum(r.length for r in trunk.rows) for trunk in ground.all()
    )


def questions(count, shared, question, endings, ending, seed=0):
    draw = random.Random(seed)

    def tokens(length):
        return [draw.randrange(1000) for _ in range(length)]

    beginning = tokens(shared)
    found = []
    for _ in range(count):
        asked = beginning + tokens(draw.randint(question // 2, question * 3 // 2))
        found += [asked + tokens(draw.randint(1, 2 * ending)) for _ in range(endings)]
    return found


SHAPES = {
    "hellaswag": (200, 1, 70, 4, 22),
    "arc": (200, 2, 22, 4, 4),
    "single": (200, 1, 80, 1, 1),
    "few-shot": (40, 600, 80, 1, 1),
    "passage": (6, 300, 30, 2, 3),
    "endings alone": (1, 40, 1, 90, 20),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_at_most_a_tenth_is_computed_twice(shape):
    root, _ = prefix_tree(questions(*SHAPES[shape]))
    assert computed(pack(root)) <= 1.1 * root.total


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sizes", [Sizes(), Sizes(row=32, branch=32, trunk=8), Sizes(row=8, branch=16, trunk=1)])
def test_every_node_is_computed_after_all_before_it(shape, sizes):
    root, _ = prefix_tree(questions(*SHAPES[shape]))
    seen = set()
    for trunk in pack(root, sizes).all():
        chain = set()
        node = trunk.nodes[-1] if trunk.nodes else root
        while node is not None:
            chain.add(node)
            node = node.parent
        for row in trunk.rows:
            here = set()
            for node in row.nodes:
                assert node.parent in here or node.parent in chain
                here.add(node)
            seen |= here
        seen |= chain
    assert seen == set(root.below())


def test_a_long_beginning_of_many_becomes_a_trunk_and_a_short_one_does_not():
    long, _ = prefix_tree(questions(40, 600, 80, 1, 1))
    short, _ = prefix_tree(questions(40, 2, 80, 1, 1))
    assert len(list(pack(long).all())) == 2
    assert len(list(pack(short).all())) == 1


def test_rows_are_about_equally_long():
    root, _ = prefix_tree(questions(30, 1, 40, 1, 1))
    lengths = [row.length for row in pack(root).rows]
    assert max(lengths) <= 1.3 * min(lengths)
    assert max(lengths) <= 1.2 * Sizes().row


def test_cost_grows_with_the_items_and_no_faster():
    costs = [computed(pack(prefix_tree(questions(count, 1, 70, 4, 22))[0])) for count in (100, 200, 400)]
    assert costs[1] / costs[0] == pytest.approx(2, rel=0.1)
    assert costs[2] / costs[1] == pytest.approx(2, rel=0.1)
