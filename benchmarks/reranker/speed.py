"""Pairs scored in a second: Retain's engine against sentence-transformers' ``CrossEncoder.predict``, on the same pairs.

    python benchmarks/reranker/speed.py                       # writes results/speed.json
    python benchmarks/reranker/speed.py --model FOLDER --pairs 2000 --threads 2

The pairs are SciFact's claims with its abstracts, cut to lengths between 8 and 400 words so that they are mixed; 256
tokens at most. Each way runs in a process of its own, turn by turn, since one of them keeps freed memory
(``retain.models.freed_memory``). Both get a warm-up, and the same threads. Scores must agree to 1e-4.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from retain.provenance import provenance
from retain.record_files import write_json

HERE = Path(__file__).parent
SCIFACT = HERE.parents[2] / "shared" / "data" / "rank" / "scifact"
WAYS = ("predict", "retain")
WORDS = (8, 16, 32, 64, 128, 200, 400)
MAX_TOKENS = 256
WARM_UP = 64


def main() -> None:
    """Time both ways in turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("runs/reranker/base"))
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=32, help="of predict; 32 is its default")
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(timed(options)))
        return
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for _ in range(options.rounds):
        for way in WAYS:
            done = subprocess.run([sys.executable, *sys.argv, "--one", way], capture_output=True, text=True, check=True)
            found[way].append(json.loads(done.stdout.splitlines()[-1]))
    scores = [found[way][0]["scores"] for way in WAYS]
    away = max(abs(one - other) for one, other in zip(*scores, strict=True))
    rates = {way: [round(one["rate"], 1) for one in runs] for way, runs in found.items()}
    middle = {way: statistics.median(rates[way]) for way in WAYS}
    result = {
        "pairs": options.pairs,
        "batch_size of predict": options.batch_size,
        "threads": options.threads,
        "pairs a second": rates,
        "times as fast": round(middle["retain"] / middle["predict"], 2),
        "largest difference of a score": away,
        "provenance": provenance(0),
    }
    write_json(HERE / "results" / "speed.json", result)
    print(json.dumps({key: value for key, value in result.items() if key != "provenance"}, indent=1))


def timed(options: argparse.Namespace) -> dict[str, Any]:
    """One way's rate and scores."""
    import torch

    torch.set_num_threads(options.threads)
    pairs = mixed_pairs(options.pairs)
    score = WAYS_OF[options.one](options)
    score(pairs[:WARM_UP])
    begun = time.perf_counter()
    scores = score(pairs)
    return {"rate": len(pairs) / (time.perf_counter() - begun), "scores": scores}


def by_predict(options: argparse.Namespace) -> Any:
    """As sentence-transformers does it."""
    import torch
    from sentence_transformers import CrossEncoder

    exact = {"dtype": torch.float32}  # else in that of the file, and bf16 scores are others
    encoder = CrossEncoder(str(options.model), max_length=MAX_TOKENS, local_files_only=True, model_kwargs=exact)
    plain = torch.nn.Identity()
    return lambda pairs: encoder.predict(pairs, activation_fn=plain, batch_size=options.batch_size).tolist()


def by_retain(options: argparse.Namespace) -> Any:
    """As Retain does it."""
    from retain.models.load_reranker import load_reranker

    reranker = load_reranker(str(options.model), "fp32")
    return lambda pairs: reranker.score_pairs(pairs, MAX_TOKENS)


WAYS_OF = {"predict": by_predict, "retain": by_retain}


def mixed_pairs(count: int) -> list[tuple[str, str]]:
    """Claims with abstracts cut to mixed lengths, always the same ones."""
    rng = random.Random(0)
    documents = [json.loads(line) for line in (SCIFACT / "corpus.jsonl").read_text("utf-8").splitlines()]
    queries = [json.loads(line)["text"] for line in (SCIFACT / "queries.jsonl").read_text("utf-8").splitlines()]
    pairs = []
    for one in rng.choices(documents, k=count):
        words = f"{one['title']} {one['text']}".split()[: rng.choice(WORDS)]
        pairs.append((rng.choice(queries), " ".join(words)))
    return pairs


if __name__ == "__main__":
    main()
