"""A verdict's reasons say losses and gains in words, and never with a minus sign."""

import pytest

from retain.comparison.reasons import between, interval, moved

from .build import change


@pytest.mark.parametrize(
    ("loss", "low", "high", "said"),
    [
        (3.0, 1.2, 4.8, "1.2 to 4.8"),
        (3.0, -0.4, 6.4, "a gain of 0.4 to a loss of 6.4"),
        (-2.0, -5.0, 1.0, "a gain of 5.0 to a loss of 1.0"),
        (-2.0, -3.5, -0.5, "0.5 to 3.5"),
        (0.0, -0.0, 0.0, "0.0 to 0.0"),
        (0.0, -1.0, 1.0, "a gain of 1.0 to a loss of 1.0"),
    ],
)
def test_bounds_follow_the_word_before_them(loss, low, high, said):
    assert between(change(loss=loss), low, high, "to") == said


def test_a_change_and_its_interval_agree():
    gained = change(loss=-2.0, loss_low=-3.5, loss_high=-0.5)
    assert (moved(gained), interval(gained)) == ("gained 2.0 points", "95% interval 0.3 to 3.7")
