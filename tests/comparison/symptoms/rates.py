"""How often each symptom is found where it was planted and where it was not: the numbers of docs/decisions/symptoms.md.

PYTHONPATH=src python -m tests.comparison.symptoms.rates 400
"""

from __future__ import annotations

import sys
from collections import Counter

from retain.registry import find, units
from tests.comparison.symptoms.worlds import PLANTED, material

FOLDER = "comparison.symptoms"


def found_in(kind: str, seed: int, items: int) -> list[tuple[str, str]]:
    """(symptom, where) of all that is found in one world."""
    given = material(kind, seed, items, changes=True)
    return [(one.name, one.capability) for rule in units(FOLDER).values() for one in rule().read(given) if one.found]


def detected(kind: str, runs: int, items: int) -> int:
    """In how many worlds a planted symptom is found where it was planted."""
    name, where = PLANTED[kind]
    hits = 0
    for seed in range(runs):
        given = material(kind, seed, items, changes=name == "capability_cliff")
        hits += any(one.found and one.capability == where for one in find(FOLDER, name)().read(given))
    return hits


def main(runs: int) -> None:
    for items in (20, 80, 300):
        healthy = [found_in("", seed, items) for seed in range(1000, 1000 + runs)]
        alarms = Counter(name for world in healthy for name in {name for name, _ in world})
        print(f"{items} items a capability, {runs} worlds")
        for name in sorted(units(FOLDER)):
            print(f"  {name}: false alarms {100 * alarms[name] / runs:.1f}%")
        print(f"  any: {100 * sum(map(bool, healthy)) / runs:.1f}%")
        for kind in PLANTED:
            print(f"  planted {kind}: found in {100 * detected(kind, runs, items) / runs:.0f}%")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 100)
