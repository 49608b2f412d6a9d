"""Each toy recipe run in one process, and on two gloo processes with DDP and FSDP2: one launch for all of them."""

from __future__ import annotations

import os

import pytest
from process_toys import CASES, FSDP, Runs, launch_all, rankings, rows, suite, task_rows, without_dropout
from several_runs import run_all


@pytest.fixture(scope="session")
def recipes(tmp_path_factory, toy_folder, toy_reranker_folder) -> dict[str, dict]:
    """Case -> recipe."""
    folder = tmp_path_factory.mktemp("several")
    words = "yes no please tell me about it red".split()
    general = [{"prompt": f"tell me about {w} {v}", "completion": f"{v} {w} ."} for w in words[:4] for v in words[4:]]
    text = {
        "model": {"base": str(toy_folder), "load_in": "fp32"},
        "data": {
            "train": rows(folder / "task.jsonl", task_rows("text")),
            "held_out": 0.3,
            "general": [{"name": "own", "source": rows(folder / "general.jsonl", general), "count": 16}],
        },
        "training": {
            "learning_rate": 0.01, "epochs": 2, "batch_size": 4, "gradient_accumulation": 2, "max_length": 64,
            "checkpoints": 1, "watch": 2,
        },
        "measure": {"suite": suite(folder / "suite"), "recitation": 0},
        "gate": {"mean_margin": 50, "margin": 60},
    }  # fmt: skip
    found = {name: {**text, "mitigations": mitigations} for name, mitigations in CASES.items()}
    found["pairs"] = {
        **found["pairs"],
        "data": {**text["data"], "train": rows(folder / "pairs.jsonl", task_rows("pairs"))},
        "training": {**{k: v for k, v in text["training"].items() if k != "watch"}, "method": "dpo"},
        "measure": {"suite": text["measure"]["suite"]},
    }
    rankings(folder / "keep.jsonl", "loudly what", "one")
    (folder / "rank.yaml").write_text(
        "probes:\n- {kind: ranking, name: keep, capability: ranking, items: keep.jsonl, max_tokens: 32}\n"
    )
    found["rankings"] = {
        **found["rankings"],
        "model": {"base": without_dropout(toy_reranker_folder, folder), "load_in": "fp32"},
        "data": {
            "train": rankings(folder / "queries.jsonl", "who does", "red"),
            "held_out": 0.3,
            "general": [{"name": "own", "source": rankings(folder / "own.jsonl", "what", "one"), "count": 20}],
        },
        "training": {
            "method": "rank", "learning_rate": 0.003, "epochs": 1, "batch_size": 4, "max_length": 32, "checkpoints": 1,
            "ranking": {"group_size": 3},
        },
        "measure": {"suite": str(folder / "rank.yaml")},
    }  # fmt: skip
    return found


@pytest.fixture(scope="session")
def runs(recipes, tmp_path_factory) -> Runs:
    """Everything is run: two processes in the background, and meanwhile one here."""
    folder = tmp_path_factory.mktemp("runs")
    for way in ("one", "DDP", "FSDP2"):
        (folder / way).mkdir()
    dealt = {name: {**one, "training": {**one["training"], **FSDP}} for name, one in recipes.items()}
    jobs = [{"recipe": one, "folder": str(folder / "DDP" / name)} for name, one in recipes.items()]
    jobs += [{"recipe": one, "folder": str(folder / "FSDP2" / name)} for name, one in dealt.items()]
    several = launch_all(jobs, folder)
    before = os.environ.get("RETAIN_CACHE")
    os.environ["RETAIN_CACHE"] = str(folder / "own_cache")
    try:
        run_all([{"recipe": one, "folder": str(folder / "one" / name)} for name, one in recipes.items()])
        said, _ = several.communicate(timeout=900)
    finally:
        several.kill()
        if before is None:
            del os.environ["RETAIN_CACHE"]
        else:
            os.environ["RETAIN_CACHE"] = before
    assert several.returncode == 0, said[-6000:]
    return Runs(folder)
