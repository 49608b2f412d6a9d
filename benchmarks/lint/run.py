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
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from plants import FAULTLESS, PLANTS, byte_tokenizer, clean, made  # noqa: E402
from writer import KINDS, Writer  # noqa: E402

from retain.data.lint.run_checks import checks  # noqa: E402
from retain.folder import write_json  # noqa: E402
from retain.provenance import versions  # noqa: E402


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("rates", "cost"))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--be-the-cost", action="store_true", help="the process of its own")
    options = parser.parse_args()
    if options.be_the_cost:
        print(json.dumps(cost(options.rows)))
        return
    if options.only != "cost":
        found = {"versions": versions(), "seeds": options.seeds, **rates(options.seeds)}
        write_json(HERE / "results" / "rates.json", found)
    if options.only != "rates":
        command = [sys.executable, __file__, "--be-the-cost", "--rows", str(options.rows)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        write_json(HERE / "results" / "cost.json", {"versions": versions(), **json.loads(done.stdout.splitlines()[-1])})


def rates(seeds: int) -> dict[str, Any]:
    """For each check in how many seeds it finds what was planted and speaks of clean rows."""
    known = checks()
    found: dict[str, dict[str, Any]] = {}
    for name, plant in PLANTS.items():
        hits = rows = planted = 0
        for seed in range(seeds):
            case = plant(seed)
            findings = known[name].find(case.data)
            hits += bool(findings)
            if case.planted is not None:
                rows += min(case.planted, sum(finding.count for finding in findings))
                planted += case.planted
        found[name] = {"about": " ".join((plant.__doc__ or "").split()), "found": hits, "rows": [rows, planted]}
        print(name, found[name], flush=True)
    false, looked = _false_alarms(seeds)
    for name, one in found.items():
        one["false alarms"] = {kind: false[name, kind] for kind in KINDS if (name, kind) in looked}
    return {"checks": found}


def _false_alarms(seeds: int) -> tuple[Counter[tuple[str, str]], set[tuple[str, str]]]:
    """(check, kind of rows) -> clean sets that it speaks of; and the pairs that were looked at."""
    known = checks()
    false: Counter[tuple[str, str]] = Counter()
    looked = set()
    for kind in KINDS:
        for seed in range(seeds):
            data = clean(seed, kind)
            for name, check in known.items():
                if kind not in FAULTLESS.get(name, tuple(KINDS)) or check.left_out(data) is not None:
                    continue
                looked.add((name, kind))
                findings = check.find(data)
                false[name, kind] += bool(findings)
                for finding in findings:
                    print("false alarm:", kind, seed, name, finding.what, flush=True)
    return false, looked


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
