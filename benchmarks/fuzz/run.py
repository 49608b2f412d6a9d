"""Feeds Retain files that nobody would write, and counts what it makes of them.

    python benchmarks/fuzz/run.py --inputs 20000 --seed 0     # results.json

Each input is a small folder: a recipe with rows and a suite, a data file, lm-eval's logs, a suite, or measurements. It
is read by the functions behind ``check``, ``lint``, ``init`` and ``compare``. An input is accepted or refused with a
UserError (or as a path that the system refuses, which the command line says in one line); anything else is a failure:
another exception, a file written outside of its folder, a program or a connection that was started, or an input that
takes longer than a minute. The exit code is 1 where there is one.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
sys.dont_write_bytecode = True

from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402
from inputs import KINDS, Files  # noqa: E402
from targets import TARGETS  # noqa: E402
from watch import watched  # noqa: E402

from retain.errors import RetainError, UserError  # noqa: E402
from retain.faults import refused_path  # noqa: E402
from retain.provenance import versions  # noqa: E402
from retain.record_files import read_json, write_json  # noqa: E402

SLOWEST = 60.0
"""Seconds that one input may take: bounded, on a busy machine too."""
MOST_KEPT = 20
"""Failures that are written down in full."""


def main() -> None:
    """Run the campaign, and write its counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="processes, each with a kind of input at a time")
    parser.add_argument("--only", choices=list(KINDS), help="one kind; counts of the others stay as they are")
    parser.add_argument("--output", type=Path, default=HERE / "results.json")
    options = parser.parse_args()
    kinds = [options.only] if options.only else list(KINDS)
    begun = time.monotonic()
    earlier = read_json(options.output)["kinds"] if options.only and options.output.is_file() else {}
    with ProcessPoolExecutor(min(options.workers, len(kinds))) as pool:
        share = options.inputs // len(kinds)
        counted = pool.map(campaign, kinds, repeat(share), repeat(options.seed))
        found = {**earlier, **dict(zip(kinds, counted, strict=True))}
    failures = sum(one["failures"] for one in found.values())
    result = {
        "versions": versions(),
        "seed": options.seed,
        "inputs": sum(one["inputs"] for one in found.values()),
        "failures": failures,
        "seconds": round(time.monotonic() - begun),
        "kinds": found,
    }
    write_json(options.output, result)
    print(f"{result['inputs']} inputs, {failures} failures, {result['seconds']} s; written to {options.output}")
    raise SystemExit(1 if failures else 0)


def memory() -> int:
    """The most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def campaign(kind: str, inputs: int, start: int) -> dict[str, Any]:
    """Counts over that many inputs of one kind; the same seed gives the same inputs."""
    before = memory()
    counts: Counter[str] = Counter()
    kept: list[dict[str, Any]] = []
    slowest = 0.0

    @seed(start)
    @settings(
        max_examples=inputs,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(KINDS[kind])
    def feed(files: Files) -> None:
        nonlocal slowest
        begun = time.monotonic()
        outcome, error = fed(kind, files)
        taken = time.monotonic() - begun
        slowest = max(slowest, taken)
        if taken > SLOWEST:
            outcome, error = "failures", f"took {taken:.0f} s"
        counts["inputs"] += 1
        counts[outcome] += 1
        if outcome == "failures" and len(kept) < MOST_KEPT:
            kept.append({"error": error, "files": {name: repr(content)[:2000] for name, content in files.items()}})

    feed()
    return {
        **{name: counts[name] for name in ("inputs", "accepted", "refused", "failures")},
        "slowest in seconds": round(slowest, 2),
        "memory in MiB": {"before": before, "most": memory()},
        **({"examples of failures": kept} if kept else {}),
    }


def fed(kind: str, files: Files) -> tuple[str, str]:
    """What Retain made of one input, and what went wrong: ``accepted``, ``refused`` or ``failures``."""
    with tempfile.TemporaryDirectory(prefix="retain-fuzz-") as parent:
        folder, cache = Path(parent) / "case", Path(parent) / "cache"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        kept = os.environ.get("RETAIN_CACHE")
        os.environ["RETAIN_CACHE"] = str(cache)
        try:
            with watched(folder, cache) as outside:
                outcome, error = _outcome(kind, folder)
        finally:
            os.environ.pop("RETAIN_CACHE") if kept is None else os.environ.update(RETAIN_CACHE=kept)
        strangers = {one.name for one in Path(parent).iterdir()} - {"case", "cache"}
        if outside or strangers:
            return "failures", f"outside of its folder: {[*outside, *strangers][:5]}"
        return outcome, error


def _outcome(kind: str, folder: Path) -> tuple[str, str]:
    try:
        TARGETS[kind](folder)
    except UserError as error:
        return ("refused", "") if str(error).strip() else ("failures", "a refusal without a word")
    except RetainError as error:
        return "failures", f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001 - finding these is what this is for
        if refused_path(error):
            return "refused", ""
        return "failures", traceback.format_exc(limit=-6)
    return "accepted", ""


if __name__ == "__main__":
    main()
