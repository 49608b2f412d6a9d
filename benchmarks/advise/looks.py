"""How often an advice stops at a rung that truly loses the margin or more: simulated, by the rules of `recommend.py`.

    python benchmarks/advise/looks.py

Answers of all rungs to an item share its difficulty (half of the variance). Two rules of proof are compared: against
the best rung above on dev items, and against every rung above. Prints, for each case, the share of advices that stop at
such a rung at all, that call it proven by either rule, and (where no lower rung loses the margin) that climb too high.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from retain.comparison.intervals import ONE_SIDED, critical_value, flip_upper

MARGIN = 5.0
SHARED = 0.5
CASES = {
    "one rung that loses 5": [0.75, 0.8],
    "two rungs that lose 5": [0.75, 0.75, 0.8],
    "four rungs that lose 5": [0.75, 0.75, 0.75, 0.75, 0.8],
    "four rungs that lose 10": [0.7, 0.7, 0.7, 0.7, 0.8],
    "one rung that loses 10": [0.7, 0.8],
    "four equal rungs above one": [0.2, 0.8, 0.8, 0.8, 0.8],
}


def simulate(
    rates: list[float], items: int, dev_items: int, trials: int, seed: int
) -> tuple[float, float, float, float]:
    """(stopped too low, proven by the best alone, proven by all, climbed too high), as shares of the trials."""
    rng = np.random.default_rng(seed)
    thresholds = norm.ppf(np.array(rates))[None, :, None]

    def answers(count: int) -> np.ndarray:
        shared, own = rng.standard_normal((trials, 1, count)), rng.standard_normal((trials, len(rates), count))
        return np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * own < thresholds

    test, dev = answers(items), answers(dev_items).mean(2)
    last = len(rates) - 1
    worse = [100 * (max(rates[rung + 1 :]) - rates[rung]) > MARGIN - 1e-9 for rung in range(last)] + [False]
    stopped = np.full(trials, last)
    by_best, by_all, going = np.zeros(trials, bool), np.zeros(trials, bool), np.ones(trials, bool)
    for rung in range(last):
        lost = (test[:, rung + 1 :] & ~test[:, [rung]]).sum(2)
        won = (~test[:, rung + 1 :] & test[:, [rung]]).sum(2)
        most = 100 * flip_upper(lost, won, np.full(lost.shape, items), critical_value(ONE_SIDED))
        best = dev[:, rung + 1 :].argmax(1)
        row = np.arange(trials)
        enough = 100 * (lost - won)[row, best] / items <= MARGIN
        here = going & (enough | (most[row, best] <= MARGIN))
        by_best |= here & (most[row, best] <= MARGIN)
        by_all |= here & (most.max(1) <= MARGIN)
        stopped[here] = rung
        going &= ~here
    low = np.array(worse)[stopped]
    return low.mean(), (low & by_best).mean(), (low & by_all).mean(), (stopped > worse.index(False)).mean()


if __name__ == "__main__":
    print("| rungs | test items | too low | called proven (best on dev) | called proven (all above) | too high |")
    print("|---|---|---|---|---|---|")
    for items, dev_items, trials in ((100, 43, 4000), (300, 130, 4000), (1000, 430, 1500)):
        for name, rates in CASES.items():
            found = simulate(rates, items, dev_items, trials, seed=items)
            print(f"| {name} | {items} | " + " | ".join(f"{100 * share:.1f}%" for share in found) + " |", flush=True)
