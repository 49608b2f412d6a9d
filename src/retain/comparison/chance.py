"""What guessing explains: chance-adjusted flips, and probes on which the base is not clear of chance."""

from __future__ import annotations

from typing import NamedTuple

from retain.comparison.intervals import ONE_SIDED, wilson
from retain.errors import UserError

FLOOR = 0.03
"""Where guessing earns nothing, a base below 3 points has less to lose than the usual margin."""


class Flips(NamedTuple):
    """Items by whether they were right before and after."""

    both: float
    lost: float
    won: float
    neither: float


class AdjustedFlips(NamedTuple):
    """Flips minus what guessing explains, as items. ``lost - won`` is the difference over 1 - chance."""

    lost: float
    won: float


def adjusted_flips(flips: Flips, chance: float) -> AdjustedFlips:
    """Items forgotten and learned, without the flips of a guesser.

    Model: the base and the tuned model each know an item (then right) or guess (then right with probability
    c, independently). With f, g, w the shares of items forgotten, learned and known to neither,

        P(wrong, wrong) = w (1-c)^2,   P(right, wrong) = f (1-c) + w c (1-c),   P(wrong, right) = g (1-c) + w
        c (1-c)

    (a forgotten item is right before, and wrong after with 1 - c). Solving for the moments:

        f = (lost - c/(1-c) * neither) / (1-c),   g = (won - c/(1-c) * neither) / (1-c)

    in items. A negative estimate is returned as 0: guessing explains all such flips. ``chance`` 0 leaves the
    flips alone.

    Source: the known-or-guessed model of Harmon et al., "Mapping Post-Training Forgetting in Language Models
    at Scale" (ICLR 2026, arXiv 2510.17776), solved for the paired table (own derivation). They subtract
    (1 - before)(1 - after)/(k - 1) from the share lost, k choices, as if what is unknown before and after
    were independent, and do not count the forgotten items that are guessed right; with much in common known
    and unknown, as between a base and its tuned model, that leaves some guessing in.

    Limits (simulated, benchmarks/statistics): unbiased under its model, up to the cut at 0 where little was
    forgotten. Two similar models guess alike, then fewer flips are guesses than this takes off and the numbers
    are too low, far too low where a base knows little: read them as *at least*, and the plain flips beside
    them. The difference of lost and won is right either way. A tuned model that guesses worse than chance
    (answers in another format) counts as having forgotten. With unequal numbers of choices the mean of 1/k
    takes off slightly too much.

    Args:
        flips: counts of the paired 2x2 table.
        chance: what guessing scores, 1/choices.

    Raises:
        UserError: ``chance`` is not in [0, 1), or a count is negative.
    """
    if not 0 <= chance < 1:
        raise UserError(f"Chance lies in [0, 1), not {chance}.")
    if min(flips) < 0:
        raise UserError(f"Counts start at 0: {flips}.")
    guessed = chance / (1 - chance) * flips.neither
    return AdjustedFlips(*(max(0.0, (count - guessed) / (1 - chance)) for count in (flips.lost, flips.won)))


def near_chance(value: float, items: float, chance: float | None) -> bool:
    """True when the base cannot show a loss on this probe.

    With guessing: the one-sided 95% lower bound (Wilson) of the base's score is not above ``chance``. Without
    (``chance`` None, a generating probe): the base scores less than 3 points, the usual margin, so that no
    loss beyond the margin could show. Such a probe is left out of the pooled number, as "the base cannot do
    this".

    Args:
        value: the base's mean score, a share where higher is better.
        items: its items (effective under clustering).
        chance: what guessing scores, or None.

    Raises:
        UserError: there are no items, or the value is not a share.
    """
    if chance is None:
        return value < FLOOR
    return wilson(value * items, items, ONE_SIDED).low <= chance
