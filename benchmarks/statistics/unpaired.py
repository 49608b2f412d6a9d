"""The unpaired test that lm-evaluation-harness offers beside ours, on the same data; writes unpaired.json.

    python benchmarks/statistics/unpaired.py

Its scripts/model_comparator.py divides the difference of two accuracies by sqrt(stderr1^2 + stderr2^2), as if
two different sets of items had been answered (lm-evaluation-harness#3831). Both models answer the same items, hard
ones wrong and easy ones right, so that this error is too large and real drops are missed.
"""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from draws import measurement
from scipy import stats

from retain.comparison.compare import compare
from retain.comparison.intervals import TWO_SIDED, critical_value, flip_upper
from retain.record_files import read_record
from retain.records import Change, Measurement, RunRecord

HERE = Path(__file__).parent
DRAWS = 5000
LEVEL = 0.05

Row = dict[str, Any]


def unpaired_p(before: np.ndarray, after: np.ndarray) -> float:
    """Two-sided p-value of model_comparator.py: its stderr is the sample standard deviation / sqrt(items)."""
    errors = [scores.std(ddof=1) / math.sqrt(scores.size) for scores in (before, after)]
    error = math.hypot(*errors)
    return 2 * float(stats.norm.sf(abs(before.mean() - after.mean()) / error)) if error > 0 else 1.0


def excludes_zero(change: Change) -> bool:
    """Whether the paired two-sided 95% interval finds a change."""
    return change.low > 0 or change.high < 0


def example() -> Row:
    """220 items, of which 14 were lost and 3 won: a drop of 5 points that both tests see the same items of."""
    before, after = np.repeat([1.0, 1.0, 0.0, 0.0], [150, 14, 3, 53]), np.repeat([1.0, 0.0, 1.0, 0.0], [150, 14, 3, 53])
    found = compare([measurement(before)], [measurement(after, "tuned")]).losses[0]
    return {
        "items": found.items,
        "lost": found.lost,
        "won": found.won,
        "loss": -found.delta,
        "unpaired_p": unpaired_p(before, after),
        "paired_p": 2 * found.p_loss,
        "paired_interval_of_the_loss": [-found.high, -found.low],
    }


def power(draws: int = DRAWS) -> list[Row]:
    """How often each test finds a drop; accuracy 60% before, a share psi of the items flips."""
    rows = []
    for items in (100, 300, 1000):
        for psi, loss in ((0.10, 0.0), (0.10, 0.05), (0.20, 0.05)):
            rng = np.random.default_rng(items)
            lost = rng.binomial(items, (psi + loss) / 2, draws)
            won = rng.binomial(items - lost, (psi - loss) / 2 / (1 - (psi + loss) / 2))
            right = rng.binomial(items - lost - won, (0.6 - (psi + loss) / 2) / (1 - psi))
            before, after = (right + lost) / items, (right + won) / items
            error = np.sqrt((before * (1 - before) + after * (1 - after)) / (items - 1))
            unpaired = 2 * stats.norm.sf(np.abs(before - after) / error) < LEVEL
            z = critical_value(TWO_SIDED)
            paired = (flip_upper(lost, won, items, z) < 0) | (flip_upper(won, lost, items, z) < 0)
            row = {"items": items, "psi": psi, "loss": 100 * loss}
            rows.append(row | {"unpaired": 100 * float(unpaired.mean()), "paired": 100 * float(paired.mean())})
    return rows


def real() -> list[Row]:
    """Every right-or-wrong probe of the committed runs, the base and each arm against each other arm."""
    rows = []
    for folder in ("banking77", "quickstart"):
        paths = sorted((HERE.parent / folder / "results").glob("*.json"))
        records = {path.stem: read_record(path, RunRecord) for path in paths}
        for first, second in itertools.combinations(["base", *records], 2):
            before = next(iter(records.values())).before if first == "base" else records[first].after
            if first == "base":
                before = records[second].before
            rows += _pairs(folder, first, second, before, records[second].after)
    return rows


def _pairs(folder: str, first: str, second: str, before: list[Measurement], after: list[Measurement]) -> list[Row]:
    found = compare(before, after)
    old, new = ({one.probe: one for one in side} for side in (before, after))
    rows = []
    for change in found.losses:
        if not change.binary:
            continue
        ids = sorted(old[change.probe].scores.keys() & new[change.probe].scores.keys())
        sides = (np.array([one[change.probe].scores[i] for i in ids]) for one in (old, new))
        p = unpaired_p(*sides)
        rows.append(
            {
                "run": folder,
                "before": first,
                "after": second,
                "probe": change.probe,
                "items": change.items,
                "effective_items": change.effective_items,
                "lost": change.lost,
                "won": change.won,
                "loss": -change.delta,
                "unpaired_p": p,
                "paired_interval_of_the_loss": [-change.high, -change.low],
                "found_by": _found_by(p < LEVEL, excludes_zero(change)),
            }
        )
    return rows


def _found_by(unpaired: bool, paired: bool) -> str:
    return {(True, True): "both", (True, False): "unpaired", (False, True): "paired"}.get((unpaired, paired), "neither")


def main() -> None:
    """Write unpaired.json."""
    rows = real()
    counts = {who: sum(row["found_by"] == who for row in rows) for who in ("both", "paired", "unpaired", "neither")}
    found = {"example": example(), "power": power(), "real_counts": counts, "real": rows}
    (HERE / "unpaired.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
