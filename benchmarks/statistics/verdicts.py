"""How often a verdict is wrong, and how often the planned number of items suffices."""

from __future__ import annotations

from typing import Any

import numpy as np
from draws import flips, index_of, pair_of_flips

from retain.comparison.gate import judge
from retain.comparison.intervals import ONE_SIDED, critical_value, flip_upper
from retain.comparison.mcnemar import mcnemar_midp
from retain.comparison.paired import weigh
from retain.comparison.pooled import Strata, score_bounds
from retain.comparison.power import items_needed, items_needed_for_flips
from retain.records import Change, Comparison, Gate

Row = dict[str, Any]
GATE = Gate()
Z = critical_value(ONE_SIDED)
PROBES = 8


def probe_errors(draws: int) -> list[Row]:
    """One capability, margin 3 points: false ``forgot`` at no loss, false ``retained`` at a loss of the margin."""
    rows = []
    for items in (50, 100, 300, 1000):
        for psi in (0.05, 0.10, 0.30):
            none = _probes(np.random.default_rng(items), draws, items, psi, 0.0)
            edge = _probes(np.random.default_rng(items + 1), draws, items, psi, 0.03)
            rows.append(
                {
                    "items": items,
                    "psi": psi,
                    "false_forgot": _share(none, "forgot"),
                    "false_retained": _share(edge, "retained"),
                }
            )
    return rows


def _share(outcomes: list[str], what: str) -> float:
    return 100 * outcomes.count(what) / len(outcomes)


def _probes(rng: np.random.Generator, draws: int, items: int, psi: float, loss: float) -> list[str]:
    """The verdict on one capability in each draw."""
    changes = _changes(flips(rng, draws, items, psi, loss)[:, None, :])
    empty = [Comparison(base="b", tuned="t", gains=[], losses=row, pooled=None) for row in changes]
    return [judge(comparison, GATE).probes[0].outcome for comparison in empty]


def clustered_errors(draws: int) -> list[Row]:
    """The same with five items to a passage, weighed as a comparison does it."""
    rows = []
    for items in (100, 300):
        index = index_of(items, True)
        found = {}
        for name, loss, seed in (("none", 0.0, items), ("edge", 0.03, items + 1)):
            drawn = flips(np.random.default_rng(seed), draws, items, 0.10, loss, 0.4)
            evidence = [weigh(pair_of_flips(one, index)) for one in drawn]
            changes = [
                _change("p", one.estimate, one.one_sided.low, one.one_sided.high, items, one.p_loss) for one in evidence
            ]
            made = [Comparison(base="b", tuned="t", gains=[], losses=[one], pooled=None) for one in changes]
            found[name] = [judge(one, GATE).probes[0].outcome for one in made]
        rows.append(
            {
                "items": items,
                "psi": 0.10,
                "false_forgot": _share(found["none"], "forgot"),
                "false_retained": _share(found["edge"], "retained"),
            }
        )
    return rows


def run_errors(draws: int) -> list[Row]:
    """The verdict on eight capabilities: mean margin 1 point, margin 3 each."""
    rows = []
    for items in (100, 300, 800):
        for psi in (0.05, 0.10):
            none = _runs(np.random.default_rng(items), draws, items, psi, [0.0] * PROBES)
            # Every capability loses 1 point: the mean margin.
            edge = _runs(np.random.default_rng(items + 1), draws, items, psi, [0.01] * PROBES)
            # One loses the whole of it: 3 points are its margin, the mean is 3/8.
            single = _runs(np.random.default_rng(items + 2), draws, items, psi, [0.03] + [0.0] * (PROBES - 1))
            rows.append(
                {
                    "probes": PROBES,
                    "items": items,
                    "psi": psi,
                    "false_forgot": _share([one[0] for one in none], "forgot"),
                    "retained_at_no_loss": _share([one[0] for one in none], "retained"),
                    "false_retained": _share([one[0] for one in edge], "retained"),
                    "false_retained_of_one": _share([one[1] for one in single], "retained"),
                }
            )
    return rows


def _runs(rng: np.random.Generator, draws: int, items: int, psi: float, losses: list[float]) -> list[tuple[str, str]]:
    """(verdict, verdict on the first capability) in each draw."""
    found = np.stack([flips(rng, draws, items, psi, loss) for loss in losses], axis=1)
    lost, won = (found > 0).sum(axis=2), (found < 0).sum(axis=2)
    low, high = score_bounds(Strata(lost, won, np.full(lost.shape, items)), Z)
    means = (lost - won).mean(axis=1) / items
    verdicts = []
    for row, mean, at_least, at_most in zip(_changes(found), means, low, high, strict=True):
        pooled = _change("pooled", mean, at_least, at_most, items * len(losses), 0.5)
        verdict = judge(Comparison(base="b", tuned="t", gains=[], losses=row, pooled=pooled), GATE)
        verdicts.append((verdict.outcome, verdict.probes[0].outcome))
    return verdicts


def _changes(found: np.ndarray) -> list[list[Change]]:
    """One list of changes for each draw of (draws, probes, items) losses."""
    items = found.shape[2]
    lost, won = (found > 0).sum(axis=2), (found < 0).sum(axis=2)
    high, low = flip_upper(lost, won, items, Z), -flip_upper(won, lost, items, Z)
    return [
        [
            _change(f"p{k}", (a - b) / items, low[i, k], high[i, k], items, mcnemar_midp(a, b))
            for k, (a, b) in enumerate(zip(lost[i], won[i], strict=True))
        ]
        for i in range(found.shape[0])
    ]


def _change(probe: str, loss: float, low: float, high: float, items: int, p_loss: float) -> Change:
    return Change(
        probe=probe,
        capability=probe,
        metric="exact match",
        unit="points",
        generates=False,
        before=50.0,
        after=50.0 - 100 * float(loss),
        delta=-100 * float(loss),
        low=-100.0,
        high=100.0,
        loss_low=100 * float(low),
        loss_high=100 * float(high),
        items=items,
        effective_items=float(items),
        won=0,
        lost=0,
        binary=True,
        variance=500.0,
        p_loss=float(p_loss),
    )


def power(draws: int) -> list[Row]:
    """How often no loss is proven to be below the margin with the planned number of items.

    ``normal`` is 6.18 * psi / margin^2 (``items_needed``), ``score`` is ``items_needed_for_flips``.
    """
    rows = []
    for rule, plan in (("normal", items_needed), ("score", items_needed_for_flips)):
        for psi in (0.02, 0.05, 0.10, 0.30):
            items = plan(psi, 0.03)
            outcomes = _probes(np.random.default_rng(int(1000 * psi)), draws, items, psi, 0.0)
            what = "one capability, 3 points"
            rows.append({"what": what, "rule": rule, "psi": psi, "items": items, "power": _share(outcomes, "retained")})
        for psi in (0.05, 0.10):
            items = -(-plan(psi, 0.01) // PROBES)
            runs = _runs(np.random.default_rng(1), draws, items, psi, [0.0] * PROBES)
            share = _share([one[0] for one in runs], "retained")
            what = "mean of eight, 1 point"
            rows.append({"what": what, "rule": rule, "psi": psi, "items": items * PROBES, "power": share})
    return rows
