"""What the data lint finds, how often it is wrong on rows without a fault, and what it costs.

    python benchmarks/lint/run.py                  # results/rates.json, then results/cost.json
    python benchmarks/lint/run.py --only cost

Rates: each check on a fault planted into clean rows, and all checks on clean rows of each kind, over seeds. Cost: all
checks on one large set with a held-out part, in a process of its own, with each check's time and the peak memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from plants import FAULTLESS, PLANTS, byte_tokenizer, clean, made  # noqa: E402
from writer import KINDS, Writer  # noqa: E402

from retain.data.lint.run_checks import checks  # noqa: E402
from retain.provenance import versions  # noqa: E402
from retain.record_files import write_json  # noqa: E402


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("rates", "cost"))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2, help="processes that measure rates")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--be-the-cost", action="store_true", help="the process of its own")
    options = parser.parse_args()
    if options.be_the_cost:
        print(json.dumps(cost(options.rows)))
        return
    if options.only != "cost":
        found = {"versions": versions(), "seeds": options.seeds, **rates(options.seeds, options.workers)}
        write_json(HERE / "results" / "rates.json", found)
    if options.only != "rates":
        command = [sys.executable, __file__, "--be-the-cost", "--rows", str(options.rows)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        write_json(HERE / "results" / "cost.json", {"versions": versions(), **json.loads(done.stdout.splitlines()[-1])})


def rates(seeds: int, workers: int) -> dict[str, Any]:
    """For each check in how many seeds it finds what was planted and speaks of clean rows."""
    with ProcessPoolExecutor(workers) as pool:
        found = dict(zip(PLANTS, pool.map(planted, PLANTS, repeat(seeds)), strict=True))
        sets = [(kind, seed) for kind in KINDS for seed in range(seeds)]
        spoken = list(zip(sets, pool.map(false_alarms, *zip(*sets, strict=True)), strict=True))
    for name, one in found.items():
        told = [(kind, alarms[name]) for (kind, _), alarms in spoken if name in alarms]
        one["false alarms"] = {kind: sum(bool(text) for its, text in told if its == kind) for kind in dict(told)}
        one["false alarms say"] = [text for _, text in told if text]
    return {"checks": found}


def planted(name: str, seeds: int) -> dict[str, Any]:
    """In how many seeds a check finds what was planted, and how many rows of it."""
    check = checks()[name]
    hits = rows = faults = 0
    for seed in range(seeds):
        case = PLANTS[name](seed)
        findings = check.find(case.data)
        hits += bool(findings)
        if case.planted is not None:
            rows += min(case.planted, sum(finding.count for finding in findings))
            faults += case.planted
    about = " ".join((PLANTS[name].__doc__ or "").split())
    return {"about": about, "found": hits, "rows": [rows, faults]}


def false_alarms(kind: str, seed: int) -> dict[str, str]:
    """Check -> what it says of one clean set; empty where it is silent. Checks that do not look at it are not there."""
    data = clean(seed, kind)
    looking = {
        name: check
        for name, check in checks().items()
        if kind in FAULTLESS.get(name, tuple(KINDS)) and check.left_out(data) is None
    }
    return {name: " ".join(finding.what for finding in check.find(data)) for name, check in looking.items()}


def cost(rows: int) -> dict[str, Any]:
    """Seconds of each check on many rows of open answers with a tenth as many held-out rows, and the peak memory."""
    writer = Writer(0)
    train, held_out = writer.rows(rows), writer.rows(rows // 10)
    items = {"probe": [(str(number), writer.prose(number % 20)) for number in range(1000)]}
    begun, busy = time.monotonic(), time.process_time()
    real = [row["messages"][0]["content"] for row in writer.rows(2000)]
    written = time.monotonic()
    data = made(train, held_out, real=real, tokenizer=byte_tokenizer(), max_length=1024, items=items)
    reading = time.monotonic() - written
    seconds = {}
    for name, check in checks().items():
        if check.left_out(data) is None:
            at = time.process_time()
            check.find(data)
            seconds[name] = round(time.process_time() - at, 2)
    characters = sum(len(example.input) + len(example.target) for example in data.examples)
    return {
        "rows": rows,
        "held_out": rows // 10,
        "characters_per_row": round(characters / rows),
        "seconds_wall": round(time.monotonic() - begun, 1),
        "seconds_processor": round(time.process_time() - busy, 1),
        "seconds_making_examples": round(reading, 1),
        "seconds_processor_by_check": dict(sorted(seconds.items(), key=lambda pair: -pair[1])),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


if __name__ == "__main__":
    main()
