"""What a base model scores on a built-in suite, by probe and by family of items.

Used to drop whole families that a small model cannot do, never single items. Command::

    python benchmarks/core_items/calibrate.py --probes facts reading --half --out scores.json
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from retain.models.load import load_causal
from retain.probes.items import ItemProbe
from retain.probes.suites import BUILT_IN, load_suite


def families(probe: ItemProbe) -> dict[str, str]:
    """Item id -> the family that its row names."""
    rows = (BUILT_IN / "items" / f"{probe.name}.jsonl").read_text("utf-8").splitlines()
    found = [json.loads(row) for row in rows]
    return {probe.item_type.model_validate(row).id: row.get("note", "all") for row in found}


def calibrated(probe: ItemProbe, model: Any, half: bool) -> dict[str, Any]:
    """The probe's score on all its items (or half of the test items), by family, with the answers."""
    known, start = families(probe), time.perf_counter()
    limited = probe.model_copy(update={"limit": len(probe.pool("test")) // 2}) if half else probe
    splits = [limited.measure(model, split) for split in (["test"] if half else ["dev", "test"])]
    by_family: dict[str, list[float]] = defaultdict(list)
    for found in splits:
        for key, score in found.scores.items():
            by_family[known[key]].append(score)
    return {
        "scores": {found.split: [round(found.value, 3), len(found.scores)] for found in splits},
        "chance": splits[-1].chance,
        "families": {name: [round(sum(got) / len(got), 2), len(got)] for name, got in by_family.items()},
        "seconds": round(time.perf_counter() - start),
        "answers": [
            [score, found.prompts[key], found.references.get(key, ""), found.responses[key].text]
            for found in splits
            for key, score in found.scores.items()
            if key in found.responses
        ],
    }


def main() -> None:
    """Measure the probes named (all by default) and print what they score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="builtin:smollm2-135m")
    parser.add_argument("--suite", default="core")
    parser.add_argument("--probes", nargs="*")
    parser.add_argument("--half", action="store_true", help="only half of the test items")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    model = load_causal(options.model)
    results = {}
    for probe in load_suite(options.suite).probes:
        if isinstance(probe, ItemProbe) and (not options.probes or probe.name in options.probes):
            found = results[probe.name] = calibrated(probe, model, options.half)
            shown = {key: value for key, value in found.items() if key != "answers"}
            print(probe.name, json.dumps(shown, ensure_ascii=False), flush=True)
    if options.out:
        options.out.write_text(json.dumps(results, indent=1, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
