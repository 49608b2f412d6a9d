"""The first demonstration of forgetting (McCloskey and Cohen 1989), with the cure beside it.

What:     a network of 28, 50 and 24 units learns the "ones" (1 + 1 to 9 + 1), then the "twos", and loses the ones;
          rehearsing the ones meanwhile, it keeps both.
Needs:    numpy; ten seeds take seconds on one core.
Command:  python examples/addition_facts/addition.py
Override: python examples/addition_facts/addition.py --seeds 3 --svg addition.svg

Source: M. McCloskey and N. J. Cohen, Catastrophic interference in connectionist networks: the sequential learning
problem, Psychology of Learning and Motivation 24 (1989), 109-165.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retain.folder import write_text
from retain.reporting.charts import Series, line_chart

Fact = tuple[int, int]
"""Two addends."""
Vector = np.ndarray[Any, np.dtype[np.float64]]

ONES: list[Fact] = [(1, other) for other in range(1, 10)] + [(other, 1) for other in range(2, 10)]
TWOS: list[Fact] = [(2, other) for other in range(1, 10)] + [(other, 2) for other in range(1, 10) if other != 2]
OLD = [fact for fact in ONES if fact not in TWOS]
"""The ones that are asked while the twos are learned: 1 + 2 and 2 + 1 are facts of both."""
FIELD, HIDDEN, RATE, SPREAD = 12, 50, 1.0, 0.3
FIRST = 30
"""Passes over the ones before the twos: in them every network learns all ones."""
LAST = 50
"""Passes over the twos."""
SHOWN = (0, 1, 2, 5, 10, 50)
"""Passes that the table shows."""
OPERATOR = np.array([1.0, 0.0, 1.0, 0.0])


def digit(number: int) -> Vector:
    """A digit in a field of twelve units, of which three neighbours are on: 0 the first three, 9 the last."""
    field = np.zeros(FIELD)
    field[number : number + 3] = 1.0
    return field


DIGITS = np.stack([digit(number) for number in range(10)])


def question(fact: Fact) -> Vector:
    """The first addend, the plus sign in four units, and the second addend: (28,)."""
    return np.concatenate([digit(fact[0]), OPERATOR, digit(fact[1])])


def answer(fact: Fact) -> Vector:
    """The two digits of the sum, 0.9 where a unit is on and 0.1 elsewhere: (24,)."""
    tens, units = divmod(sum(fact), 10)
    return 0.1 + 0.8 * np.concatenate([digit(tens), digit(units)])


class Network:
    """28 inputs, 50 hidden and 24 output units, all logistic; weights and biases begin in U(-0.3, 0.3)."""

    def __init__(self, draws: np.random.Generator) -> None:
        self.hidden, self.output = (draws.uniform(-SPREAD, SPREAD, size) for size in ((HIDDEN, 28), (24, HIDDEN)))
        self.hidden_bias, self.output_bias = (draws.uniform(-SPREAD, SPREAD, size) for size in (HIDDEN, 24))

    def activations(self, fact: Fact) -> tuple[Vector, Vector]:
        """(hidden, output) for a question."""
        hidden = _logistic(self.hidden @ question(fact) + self.hidden_bias)
        return hidden, _logistic(self.output @ hidden + self.output_bias)

    def learn(self, fact: Fact) -> None:
        """One step down the gradient of half the squared error, at rate 1."""
        hidden, output = self.activations(fact)
        above = (output - answer(fact)) * output * (1 - output)
        below = (self.output.T @ above) * hidden * (1 - hidden)
        self.output -= RATE * np.outer(above, hidden)
        self.output_bias -= RATE * above
        self.hidden -= RATE * np.outer(below, question(fact))
        self.hidden_bias -= RATE * below

    def knows(self, fact: Fact) -> bool:
        """Both digits are nearer to the right ones than to any other."""
        seen = (self.activations(fact)[1] - 0.1) / 0.8
        tens, units = (int(((DIGITS - part) ** 2).sum(1).argmin()) for part in (seen[:FIELD], seen[FIELD:]))
        return 10 * tens + units == sum(fact)

    def share_known(self, facts: Sequence[Fact]) -> float:
        """Of facts, between 0 and 1."""
        return sum(map(self.knows, facts)) / len(facts)


def _logistic(inputs: Vector) -> Vector:
    found: Vector = 1 / (1 + np.exp(-inputs))
    return found


@dataclass(frozen=True)
class Course:
    """Percent known after each pass over the twos, 0 to ``LAST``; means over seeds."""

    ones: list[float]
    twos: list[float]


def course(seeds: int, rehearsed: bool) -> Course:
    """What becomes of both sets of facts while the twos are learned.

    Args:
        seeds: networks, each with other weights and another order.
        rehearsed: every pass goes through the ones as well.
    """
    known = np.array([_one_network(seed, rehearsed) for seed in range(seeds)])
    ones, twos = 100 * known.mean(0).T
    return Course(ones.tolist(), twos.tolist())


def _one_network(seed: int, rehearsed: bool) -> list[tuple[float, float]]:
    draws = np.random.default_rng(seed)
    network = Network(draws)
    for _ in range(FIRST):
        _one_pass(network, ONES, draws)
    found = [(network.share_known(OLD), network.share_known(TWOS))]
    for _ in range(LAST):
        _one_pass(network, TWOS + ONES if rehearsed else TWOS, draws)
        found.append((network.share_known(OLD), network.share_known(TWOS)))
    return found


def _one_pass(network: Network, facts: Sequence[Fact], draws: np.random.Generator) -> None:
    for place in draws.permutation(len(facts)):
        network.learn(facts[place])


def table(plain: Course, rehearsed: Course) -> str:
    """Percent known after the passes of ``SHOWN``, as a Markdown table."""
    rows = [
        ("ones", plain.ones),
        ("twos", plain.twos),
        ("ones, rehearsed", rehearsed.ones),
        ("twos, rehearsed", rehearsed.twos),
    ]
    lines = [f"| passes over the twos | {' | '.join(map(str, SHOWN))} |", "|---" * (len(SHOWN) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(f'{values[place]:.0f}' for place in SHOWN)} |" for name, values in rows]
    return "\n".join(lines)


def chart(plain: Course, rehearsed: Course) -> str:
    """The four courses as SVG."""
    named = {
        "ones": plain.ones,
        "twos": plain.twos,
        "ones, rehearsed": rehearsed.ones,
        "twos, rehearsed": rehearsed.twos,
    }
    series = [Series(name, list(enumerate(values))) for name, values in named.items()]
    return line_chart(series, "Percent of addition facts known", "passes over the twos", 560, 300)


def main() -> None:
    """Print the table, and write the chart where one is asked for."""
    parser = argparse.ArgumentParser(description="Learn the ones, then the twos.")
    parser.add_argument("--seeds", type=int, default=10, help="networks that are averaged")
    parser.add_argument("--svg", type=Path, help="where the chart is written")
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error("--seeds: at least 1")
    plain, rehearsed = (course(options.seeds, one) for one in (False, True))
    print(f"Percent known, mean of {options.seeds} networks:\n\n{table(plain, rehearsed)}")
    if options.svg is not None:
        write_text(options.svg, chart(plain, rehearsed))


if __name__ == "__main__":
    main()
