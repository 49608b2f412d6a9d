"""How the time of likelihood scoring grows with items and with shots.

    python benchmarks/likelihood/growth.py --data ../shared/data

Writes results/growth.json and, drawn from it, results/growth_items.svg and results/growth_shots.svg.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path
from typing import Any

import run as sides

HERE = Path(__file__).parent
ITEMS = (250, 500, 1000, 2000, 4000)
SHOTS = (0, 1, 2, 3, 5, 7, 10)
SETS = ("hellaswag", "arc_easy", "arc_challenge", "piqa", "boolq")


def main() -> None:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    parser.add_argument("--model", default="builtin:smollm2-135m")
    parser.add_argument("--load-in", default="bf16", choices=("fp32", "bf16"))
    parser.add_argument("--items", type=int, nargs="+", default=list(ITEMS))
    parser.add_argument("--shots", type=int, nargs="+", default=list(SHOTS))
    parser.add_argument("--shot-items", type=int, default=228, help="MMLU items that the shots stand before")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=HERE / "results")
    options = parser.parse_args()

    import torch

    from retain.folder import write_text
    from retain.models.load import load_causal
    from retain.provenance import provenance
    from retain.record_files import write_json
    from retain.reporting.charts import Series, line_chart

    torch.set_num_threads(options.threads)
    model = load_causal(options.model, options.load_in)
    mixed = _mixed(options.data)
    _timed(model, mixed[:20])
    items = [_timed(model, mixed[:count]) | {"items": count} for count in options.items]
    shots = [
        _timed(model, _mmlu(options.data, count)[: options.shot_items]) | {"shots": count} for count in options.shots
    ]
    write_json(options.output / "growth.json", {"items": items, "shots": shots, "provenance": provenance(0)})
    for what, rows in (("items", items), ("shots", shots)):
        points = [(float(row[what]), float(row["seconds"])) for row in rows]
        chart = line_chart([Series("seconds", points)], f"Seconds to score, by {what}", what)
        write_text(options.output / f"growth_{what}.svg", chart)


def _mixed(data: Path) -> list[dict[str, Any]]:
    """Questions of several sets, shuffled, so that any number of them is alike."""
    import json

    rows = [json.loads(line) for name in SETS for line in (data / "probes" / f"{name}.jsonl").open(encoding="utf-8")]
    random.Random(0).shuffle(rows)
    return rows


def _mmlu(data: Path, shots: int) -> list[dict[str, Any]]:
    import json

    rows = [json.loads(line) for line in (data / "probes" / "mmlu.jsonl").open(encoding="utf-8")]
    return sides.few_shot(rows, shots, skip=max(SHOTS))


def _timed(model: Any, rows: list[dict[str, Any]]) -> dict[str, Any]:
    from retain.models.base import Request

    requests = [Request(context=row["query"], continuation=f" {choice}") for row in rows for choice in row["choices"]]
    before = model.scorer.computed
    begun = time.perf_counter()
    model.loglikelihood(requests)
    seconds = time.perf_counter() - begun
    return {"requests": len(requests), "seconds": round(seconds, 2), "tokens": model.scorer.computed - before}


if __name__ == "__main__":
    main()
