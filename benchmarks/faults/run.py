"""Kills, refuses and damages what Retain does, goes on, and compares the end with that of undisturbed work.

    python benchmarks/faults/run.py --kills 300 --errors 100 --corruptions 50 --seed 0     # results/campaign.json

The same command goes on with a campaign that was ended. The exit code is 1 where a trial failed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

import toys  # noqa: E402
from trials import CORRUPTION, ERRORS, KILLS, SECOND, Trial, tried, undisturbed  # noqa: E402
from work import Place, begin, end  # noqa: E402

from retain.provenance import versions  # noqa: E402
from retain.quiet import quiet_libraries, quiet_loggers  # noqa: E402
from retain.record_files import read_json, write_json  # noqa: E402

SHARES = {"run": 9, "all weights": 3, "frontier": 1, "sequence": 2, "reranker": 1}
"""How often each piece of work is taken."""
PROGRAM: dict[str, Any] = {}
"""What worker processes share: the works, the place and the seed."""


def main() -> None:
    """Run the campaign, and write what came of each trial."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--errors", type=int, default=100)
    parser.add_argument("--corruptions", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=10, help="second processes in a folder at work")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--works", nargs="*", choices=list(SHARES), default=list(SHARES))
    parser.add_argument("--output", type=Path, default=HERE / "results" / "campaign.json")
    options = parser.parse_args()
    wanted = {CORRUPTION: options.corruptions, ERRORS: options.errors, SECOND: options.seconds, "kill": options.kills}
    result = campaign(wanted, options.seed, options.works, options.output, options.workers)
    bad = [one for one in result["trials"] if one["outcome"] != "same record"]
    for one in bad:
        print(f"{one['trial']}: {one['outcome']}\n{one.get('why', '')}\n")
    print(f"{len(result['trials'])} trials, {len(bad)} failed; written to {options.output}")
    raise SystemExit(1 if bad else 0)


def campaign(wanted: dict[str, int], seed: int, works: list[str], output: Path, workers: int = 1) -> dict[str, Any]:
    """All trials until enough faults of each kind have struck; those of an earlier go are read from the output.

    Args:
        wanted: kind of fault -> how many; ``kill`` counts kills and cuts of power.
        seed: of chance.
        works: which pieces of work are harmed.
        output: file of results.
        workers: trials at a time.
    """
    earlier = read_json(output) if output.is_file() else {}
    passed = [one for one in earlier.get("trials", ()) if one["outcome"] == "same record"]  # others are tried again
    known = {one["trial"]: one for one in passed} if earlier.get("seed") == seed else {}
    begun, before = time.monotonic(), float(earlier.get("seconds", 0)) if known else 0.0
    with tempfile.TemporaryDirectory(prefix="retain-faults-") as parent:
        _prepare(Path(parent), works, seed)
        done: list[dict[str, Any]] = []

        def save(trials: list[dict[str, Any]]) -> dict[str, Any]:
            result = {
                "versions": versions(),
                "seed": seed,
                "seconds": round(before + time.monotonic() - begun),
                "works": {
                    name: {"seconds": round(one.seconds, 2), "calls": one.calls}
                    for name, one in PROGRAM["works"].items()
                },
                "trials": trials,
            }
            output.parent.mkdir(parents=True, exist_ok=True)
            write_json(output, result)
            return result

        with get_context("fork").Pool(workers) as pool:
            for kind, number in wanted.items():
                trials, struck = _trials(kind, works), 0
                while struck < number:
                    some = list(islice(trials, -(-(number - struck) // (4 if kind == "kill" else 1))))
                    fresh = [one for one in some if one.key not in known]
                    for one in pool.imap_unordered(_tried, fresh):
                        known[one["trial"]] = one
                        save(list(known.values()))
                    done += [known[one.key] for one in some]
                    struck += sum(len(known[one.key]["faults"]) for one in some)
        return save(done)


def _prepare(parent: Path, works: list[str], seed: int) -> None:
    """Make the toys, import in this process all that work imports, and do each work undisturbed."""
    import torch

    torch.set_num_threads(1)
    quiet_loggers()
    quiet_libraries()
    (parent / "toys").mkdir()
    recipes = toys.make(parent / "toys")
    places = {name: Place(parent / f"first-{recipes[name].stem}") for name in works}
    for place in places.values():
        place.clear()
    children = {name: begin(recipes[name], place, _tell_modules(place)) for name, place in places.items()}
    for name, place in places.items():
        end(children[name], place)
        listed = place.root / "modules.txt"
        for module in listed.read_text().split() if listed.is_file() else ():
            with suppress(Exception):  # some are made while others run, and cannot be imported by name
                importlib.import_module(module)
    PROGRAM.update(works=undisturbed({name: recipes[name] for name in works}, places), parent=parent, seed=seed)
    for name, work in PROGRAM["works"].items():
        print(f"{name}: {work.seconds:.1f} s undisturbed, {sum(work.calls.values())} calls", flush=True)


def _tell_modules(place: Place) -> Any:
    """A harm that harms nothing: at the end of its process the names of all modules are written."""

    def harm(folder: Path, cache: Path) -> None:
        leave = os._exit

        def told(code: int) -> None:
            (place.root / "modules.txt").write_text("\n".join(sorted(sys.modules)))
            leave(code)

        os._exit = told  # type: ignore[assignment]

    return harm


def _trials(kind: str, works: list[str]) -> Iterator[Trial]:
    """Trials without end, the works and ways to kill taking turns."""
    turns = [name for name in works for _ in range(SHARES[name])]
    ways = KILLS if kind == "kill" else (kind,)
    for number in count():
        yield Trial(ways[number % len(ways)], turns[(number // len(ways)) % len(turns)], number)


def _tried(trial: Trial) -> dict[str, Any]:
    place = Place(PROGRAM["parent"] / f"trial-{os.getpid()}")
    return tried(trial, PROGRAM["works"][trial.work], place, PROGRAM["seed"])


if __name__ == "__main__":
    main()
