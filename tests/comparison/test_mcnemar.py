import pytest
from scipy import stats

from retain.comparison.mcnemar import mcnemar_exact, mcnemar_midp, mcnemar_score
from retain.errors import UserError


def test_published_values():
    # Bentur et al. 2009 in Fagerland et al. 2013: 7 against 1; two-sided exact 0.0703, mid-p 0.0391.
    assert 2 * mcnemar_exact(7, 1) == pytest.approx(0.0703, abs=5e-5)
    assert 2 * mcnemar_midp(7, 1) == pytest.approx(0.0391, abs=5e-5)


@pytest.mark.parametrize(("lost", "won"), [(5, 0), (0, 5), (3, 3), (20, 9)])
def test_equals_the_binomial(lost, won):
    coins = stats.binom(lost + won, 0.5)
    assert mcnemar_exact(lost, won) == pytest.approx(coins.sf(lost - 1))
    assert mcnemar_midp(lost, won) == pytest.approx(coins.sf(lost) + coins.pmf(lost) / 2)


def test_no_flips_are_no_evidence():
    assert (mcnemar_exact(0, 0), mcnemar_midp(0, 0), mcnemar_score(0, 0)) == (1.0, 0.5, 0.5)


def test_score():
    assert mcnemar_score(40, 20) == pytest.approx(stats.norm.sf(20 / 60**0.5))
    assert mcnemar_score(40, 20, df=5) > mcnemar_score(40, 20)


def test_fractions_lie_between():
    assert mcnemar_midp(8, 2) < mcnemar_midp(7.5, 2) < mcnemar_midp(7, 2)


def test_negative_counts_are_refused():
    for test in (mcnemar_exact, mcnemar_midp, mcnemar_score):
        with pytest.raises(UserError):
            test(-1, 2)
        with pytest.raises(UserError):
            test(float("nan"), 2)
