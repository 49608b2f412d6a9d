import pytest

from retain.reporting.numbers import compact, count, duration, interval, number_of, plain, share, signed

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3.14159, "3.1"),
        (-0.04, "0.0"),
        (0.0, "0.0"),
        (-2.26, "-2.3"),
        (12345.6, "12,345.6"),
        (3.2e15, "3.2e+15"),
    ],
)
def test_plain_rounds_and_never_writes_a_negative_zero(value, expected):
    assert plain(value) == expected


@pytest.mark.parametrize("value", [None, NAN, INF, -INF])
def test_what_is_missing_is_said_and_not_shown_as_a_number(value):
    assert plain(value) == signed(value) == count(value) == duration(value) == "n/a"
    assert interval(value, 1.0) == interval(1.0, value) == "n/a"


@pytest.mark.parametrize(("value", "expected"), [(0.31, "+0.3"), (0.04, "0.0"), (-0.04, "0.0"), (-4.0, "-4.0")])
def test_only_what_rounds_to_more_than_zero_has_a_plus(value, expected):
    assert signed(value) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.42, "0.4 s"), (43, "43 s"), (412, "7 min"), (4327, "1 h 12 min"), (3599, "1 h 0 min")],
)
def test_durations_use_the_unit_that_people_would(seconds, expected):
    assert duration(seconds) == expected


def test_a_share_of_nothing_is_not_a_number():
    assert share(1, 4) == "25.0%"
    assert share(0, 0) == "n/a"


def test_one_thing_has_no_plural():
    assert number_of(1, "item") == "1 item"
    assert number_of(3092, "item") == "3,092 items"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, "yes"), (None, "none"), (2e-4, "0.0002"), (0.1 + 0.2, "0.3"), (NAN, "n/a"), (7, "7")],
)
def test_compact_shows_any_scalar(value, expected):
    assert compact(value) == expected
