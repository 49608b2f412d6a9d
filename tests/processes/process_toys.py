"""Toy recipes that are run on several processes, and how these are started."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from retain.record_files import read_record
from retain.records import RunRecord

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"
THINGS = {"sky": "blue", "grass": "green", "snow": "white", "sun": "yellow", "night": "black"}
LORA = {"kind": "lora", "rank": 4}
KL = {"kind": "kl_to_base", "weight": 1.0, "share": 0.3}
STRENGTH = {"kind": "strength", "values": [0.5, 1.0]}
FSDP = {"extra": {"fsdp": True}}

CASES = {
    "adapter": [LORA, KL, {"kind": "early_stop", "every": 0.5, "patience": 9}, STRENGTH],
    "all_weights": [{"kind": "rehearsal", "share": 0.1}, {**KL, "on": "both"}, {"kind": "early_stop", "every": 0.5}],
    "frozen": [{"kind": "freeze"}, {"kind": "token_weighting", "rule": "talr"}],
    "dora": [{**LORA, "variant": "dora"}, {"kind": "token_weighting", "rule": "flow"}],
    "adapter_off": [LORA, {**KL, "base": "adapter_off"}],
    "held_weights": [{"kind": "ewc", "rows": 6}, {"kind": "l2_to_base"}],
    "held_adapter": [LORA, {"kind": "l2_to_base"}, {"kind": "ewc", "rows": 6}],
    "null_space": [LORA, {"kind": "null_space", "energy": 0.9}],
    "pairs": [LORA, KL],
    "rankings": [{"kind": "score_to_base", "candidates": 3}],
}
"""Name -> mitigations. Together they hold every kind there is; see test_several_processes."""
DEALT = ("adapter", "all_weights", "frozen", "dora")
"""Those that claim FSDP2."""


def rows(path: Path, found: list[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    return str(path)


def suite(folder: Path) -> str:
    """Ten items that are written and ten that are scored."""
    folder.mkdir()
    pairs = list(itertools.permutations("one two three a b c d".split(), 2))[:24]
    rows(folder / "say.jsonl", [{"prompt": f"say {x} {y}", "answer": x} for x, y in pairs])
    choose = [{"query": f"{x} {y} is", "choices": ["blue", "red"], "gold": i % 2} for i, (x, y) in enumerate(pairs)]
    rows(folder / "choose.jsonl", choose)
    (folder / "toy.yaml").write_text(
        "probes:\n"
        "- {kind: answers, name: say, capability: repeating, score: contains, max_tokens: 4, items: say.jsonl}\n"
        "- {kind: multiple_choice, name: choose, capability: choosing, items: choose.jsonl}\n"
    )
    return str(folder / "toy.yaml")


def task_rows(shape: str) -> list[dict]:
    """Rows of a tiny task; a number that neither two processes nor the batch divides."""
    asked = [
        (f"{first} what is the colour of the {thing} ?", colour)
        for first in ("please", "tell", "say", "one", "two")
        for thing, colour in THINGS.items()
    ]
    if shape == "pairs":
        return [{"prompt": question, "chosen": colour, "rejected": "red"} for question, colour in asked]
    return [{"prompt": question, "completion": colour} for question, colour in asked]


def without_dropout(model: Path, folder: Path) -> str:
    """A copy of a model that draws nothing in training: processes would draw other numbers than one alone."""
    copy = Path(shutil.copytree(model, folder / "reranker"))
    config = json.loads((copy / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (copy / "config.json").write_text(json.dumps(config))
    return str(copy)


def rankings(path: Path, query: str, word: str) -> str:
    """Queries; what answers has the word."""
    verbs, things = "chase bark sing swim sleep".split(), "cats dogs birds fish mice".split()
    return rows(
        path,
        [
            {"query": f"{query} {verb} {thing}", "pos": f"{word} {thing} {verb}", "neg": [f"{thing} {verb}", "two"]}
            for verb in verbs
            for thing in things
        ],
    )


def launch(command: list[str], folder: Path) -> subprocess.Popen:
    """Two processes by torchrun, in the background."""
    own = {"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "RETAIN_CACHE": str(folder / "cache")}
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", *command],
        env={**os.environ, **own, "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def launch_all(jobs: list[dict], folder: Path) -> subprocess.Popen:
    """``several_runs.py`` on two processes."""
    file = folder / "jobs.json"
    file.write_text(json.dumps(jobs))
    return launch([str(HERE / "several_runs.py"), str(file)], folder)


class Runs:
    """Records of all runs: (way, case) -> record, and what was refused."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def record(self, way: str, case: str) -> RunRecord:
        return read_record((self.folder / way / case / "record.json"), RunRecord)

    def refused(self, way: str, case: str) -> str:
        return (self.folder / way / f"{case}.error").read_text()
