"""Likelihood scoring against lm-evaluation-harness's own hf model: the same requests, both sides in turn.

    python benchmarks/likelihood/run.py --data ../shared/data --items 500 --load-in bf16

Each side of each task runs in a process of its own, so that peak memory is its own and starting up is counted apart.
What is timed is one call of ``loglikelihood`` with the instances that lm-eval built: tokenising, batching and scoring.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TASKS = ("hellaswag", "arc_easy", "piqa", "lambada", "mmlu")
SHOTS = 5
BATCH_SIZES = (1, 4, 8, 16, 32, 64)
LETTERS = "ABCD"
DEFAULTS = {"MALLOC_PERTURB_": "0", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "1024"}
"""Of glibc and oneDNN, given to the other side: what is set, Retain's loading leaves alone."""
SHAPES = ((4, 256), (8, 128), (2, 512), (16, 64))
"""Rows and tokens of a row in the full batches whose rate is the ceiling."""
OTHER_BATCH = 384
"""Tokens of a batch in the second pass, whose answers are compared with the first: our own noise."""


def main() -> None:
    """Run all, or be the process of one side."""
    options = _options()
    if options.side:
        _be_one_side(options)
        return
    os.environ.setdefault("OMP_NUM_THREADS", str(options.threads))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        results = _known(options)
        for task in options.tasks:
            write_task(task, options, place)
            results[task] = _measure_task(task, options, place)
            _write(options, results)
            print(json.dumps({task: {key: results[task][key] for key in _SHOWN}}), flush=True)


_SHOWN = ("faster", "choices_equal", "tokens_over_minimum", "rate_share", "ours_seconds", "theirs_seconds")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    parser.add_argument("--model", default="builtin:smollm2-135m")
    parser.add_argument("--load-in", default="bf16", choices=("fp32", "bf16"))
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--rounds", type=int, default=1, help="timed runs of each side, in turn; the fastest counts")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=list(BATCH_SIZES), help="tried for lm-eval")
    parser.add_argument("--trial", type=int, default=40, help="items on which lm-eval's batch size is chosen")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=None)
    parser.add_argument("--side", choices=("ours", "theirs", "rate"), help=argparse.SUPPRESS)
    parser.add_argument("--task-file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--batch-size", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not (options.data / "probes").is_dir():
        parser.error(f"--data: {options.data} holds no folder probes")
    options.output = options.output or HERE / "results" / f"{options.load_in}.json"
    return options


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    return {key: getattr(options, key) for key in ("model", "load_in", "items", "rounds", "threads", "trial")}


def _known(options: argparse.Namespace) -> dict[str, Any]:
    """What the output holds already of other tasks with the same settings."""
    if not options.output.is_file():
        return {}
    found = json.loads(options.output.read_text("utf-8"))
    return dict(found["tasks"]) if found["settings"] == _settings(options) else {}


def _write(options: argparse.Namespace, results: dict[str, Any]) -> None:
    from retain.provenance import provenance
    from retain.record_files import write_json

    write_json(options.output, {"settings": _settings(options), "provenance": provenance(0), "tasks": results})


# Tasks: local JSON rows and an lm-eval configuration.


def write_task(task: str, options: argparse.Namespace, place: Path) -> None:
    """The rows of a task as lm-eval reads them, and its configuration, as files in ``place``."""
    rows = [json.loads(line) for line in (options.data / "probes" / f"{task}.jsonl").open(encoding="utf-8")]
    rows = few_shot(rows) if task == "mmlu" else rows
    rows = rows[: options.items]
    data = place / f"{task}.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    config: dict[str, Any] = {
        "task": f"local_{task}",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "target_delimiter": " ",
    }
    if task == "lambada":
        config |= {"output_type": "loglikelihood", "doc_to_text": "{{context.rstrip()}}"}
        config |= {"doc_to_target": " {{continuation.strip()}}", "metric_list": [{"metric": "acc"}]}
    else:
        config |= {"output_type": "multiple_choice", "doc_to_text": "{{query}}", "doc_to_choice": "{{choices}}"}
        config |= {"doc_to_target": "gold", "metric_list": [{"metric": "acc"}]}
    (place / f"{task}.json").write_text(json.dumps(config), encoding="utf-8")


def few_shot(rows: list[dict[str, Any]], shots: int = SHOTS, skip: int = SHOTS) -> list[dict[str, Any]]:
    """MMLU's letters after the first solved rows of the same subject; subjects in turn, so that any number holds all.

    The first ``skip`` rows of a subject are no questions.
    """
    subjects = defaultdict(list)
    for row in rows:
        subjects[row["subject"]].append(row)
    found = []
    for index in range(skip, max(map(len, subjects.values()))):
        for subject, own in subjects.items():
            if index < len(own):
                solved = "".join(f"{_question(row)} {LETTERS[row['gold']]}\n\n" for row in own[:shots])
                about = subject.replace("_", " ")
                head = f"The following are multiple choice questions (with answers) about {about}.\n\n"
                query = head + solved + _question(own[index])
                found.append({"query": query, "choices": list(LETTERS), "gold": own[index]["gold"]})
    return found


def _question(row: dict[str, Any]) -> str:
    choices = "".join(f"\n{letter}. {text}" for letter, text in zip(LETTERS, row["choices"], strict=True))
    return f"{row['query'].strip()}{choices}\nAnswer:"


# One side, in a process of its own.


def _be_one_side(options: argparse.Namespace) -> None:
    import resource

    import torch

    torch.set_num_threads(options.threads)
    begun = time.perf_counter()
    from retain.models.base import Request
    from retain.models.load import load_causal

    model = load_causal(options.model, options.load_in)
    model.module.eval()
    instances = _instances(options.task_file)
    if options.side == "rate":
        pairs = model.pairs([Request(context=one.args[0], continuation=one.args[1]) for one in instances])
        length = round(sum(len(pair.context) + len(pair.continuation) for pair in pairs) / len(pairs))
        own = [(max(1, tokens // length), length) for tokens in (512, 1024, 2048)]
        print(json.dumps({"rate": _best_rate(model, SHAPES), "length": length, "own_rate": _best_rate(model, own)}))
        return
    judge = _ours(model) if options.side == "ours" else _theirs(model, options.batch_size)
    started = time.perf_counter() - begun
    _score(judge, instances[:4])  # allocators and kernels warm, as for the other side
    found, seconds = _score(judge, instances)
    result = {
        "seconds": seconds,
        "start_seconds": started,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "answers": [[float(total), bool(greedy)] for total, greedy in found],
        "documents": [instance.doc_id for instance in instances],
        "golds": [instance.doc.get("gold") for instance in instances],
    }
    if options.side == "ours":
        result |= _tokens(model, instances)
        model.scorer.batch_tokens = OTHER_BATCH
        again, _ = _score(judge, instances)
        result["again"] = [[float(total), bool(greedy)] for total, greedy in again]
    print(json.dumps(result))


def _instances(file: Path) -> list[Any]:
    from lm_eval.api.task import ConfigurableTask

    task = ConfigurableTask(config=json.loads(file.read_text("utf-8")))
    task.build_all_requests(rank=0, world_size=1)
    return list(task.instances)


def _score(judge: Any, instances: list[Any]) -> tuple[list[Any], float]:
    begun = time.perf_counter()
    found = judge.loglikelihood(instances)
    return found, time.perf_counter() - begun


def _ours(model: Any) -> Any:
    from retain.scoring.harness import HarnessModel

    return HarnessModel(model)


def _theirs(model: Any, batch_size: int) -> Any:
    from lm_eval.models.huggingface import HFLM

    return HFLM(pretrained=model.module, tokenizer=model.tokenizer, batch_size=batch_size)


def _tokens(model: Any, instances: list[Any]) -> dict[str, int]:
    """Tokens that were computed for these instances, and each distinct prefix token once."""
    from retain.models.base import Request
    from retain.scoring.prefix_tree import prefix_tree

    pairs = model.pairs([Request(context=one.args[0], continuation=one.args[1]) for one in instances])
    warm = [pairs[index] for index in range(min(4, len(pairs)))]
    least = [prefix_tree([(pair.context + pair.continuation)[:-1] for pair in some])[0].total for some in (pairs, warm)]
    return {"computed": model.scorer.computed, "least": sum(least)}


def _best_rate(model: Any, shapes: Sequence[tuple[int, int]]) -> float:
    """Tokens a second of the same model on full batches without padding, the best of several (rows, length).

    With logits at the last position only, which no scoring can do with: the ceiling of any engine.
    """
    import torch

    best = 0.0
    with torch.inference_mode():
        for rows, length in shapes:
            ids = torch.randint(0, model.module.config.vocab_size, (rows, length))
            for turn in range(6):
                begun = time.perf_counter()
                model.module(input_ids=ids, use_cache=False, logits_to_keep=1)
                if turn:
                    best = max(best, ids.numel() / (time.perf_counter() - begun))
    return best


# All sides of one task.


def _measure_task(task: str, options: argparse.Namespace, place: Path) -> dict[str, Any]:
    tried = {size: _run(task, options, place, "theirs", size, options.trial) for size in options.batch_sizes}
    best = min(tried, key=lambda size: tried[size]["seconds"])
    sides: dict[str, list[dict[str, Any]]] = {"ours": [], "theirs": []}
    rates = []
    for _ in range(options.rounds):
        rates.append(_run(task, options, place, "rate", 1, None))
        sides["ours"].append(_run(task, options, place, "ours", 1, None))
        sides["theirs"].append(_run(task, options, place, "theirs", best, None))
    ceiling, own = (max(rate[name] for rate in rates) for name in ("rate", "own_rate"))
    ours, theirs = (min(sides[side], key=lambda one: one["seconds"]) for side in ("ours", "theirs"))
    exact = ours if options.load_in == "fp32" else _run(task, options, place, "ours", 1, None, load_in="fp32")
    return {
        "items": len(set(ours["documents"])),
        "requests": len(ours["documents"]),
        "ours_seconds": round(ours["seconds"], 2),
        "theirs_seconds": round(theirs["seconds"], 2),
        "faster": round(theirs["seconds"] / ours["seconds"], 2),
        "their_batch_size": best,
        "their_trials": {size: round(one["seconds"], 2) for size, one in tried.items()},
        "all_seconds": {side: [round(one["seconds"], 2) for one in runs] for side, runs in sides.items()},
        "start_seconds": {"ours": round(ours["start_seconds"], 1), "theirs": round(theirs["start_seconds"], 1)},
        "peak_mb": {"ours": round(ours["peak_mb"]), "theirs": round(theirs["peak_mb"])},
        "tokens_computed": ours["computed"],
        "tokens_least": ours["least"],
        "tokens_over_minimum": round(ours["computed"] / ours["least"], 4),
        "tokens_per_second": round(ours["computed"] / ours["seconds"]),
        "full_batch_tokens_per_second": round(ceiling),
        "rate_share": round(ours["computed"] / ours["seconds"] / ceiling, 3),
        "request_tokens": rates[0]["length"],
        "full_batch_of_requests_tokens_per_second": round(own),
        "rate_share_at_request_length": round(ours["computed"] / ours["seconds"] / own, 3),
        **agreement(ours, theirs),
        "noise": agreement(ours, ours | {"answers": ours["again"]}),
        "to_fp32": {"ours": agreement(ours, exact), "theirs": agreement(theirs, exact)},
    }


def _run(
    task: str,
    options: argparse.Namespace,
    place: Path,
    side: str,
    size: int,
    items: int | None,
    load_in: str | None = None,
) -> dict[str, Any]:
    file = place / f"{task}.json"
    if items is not None:
        config = json.loads(file.read_text("utf-8"))
        rows = Path(config["dataset_kwargs"]["data_files"]["test"]).read_text("utf-8").splitlines(keepends=True)
        few = place / f"{task}-trial.jsonl"
        few.write_text("".join(rows[:: max(1, len(rows) // items)]), encoding="utf-8")
        config["dataset_kwargs"]["data_files"]["test"] = str(few)
        file = place / f"{task}-trial.json"
        file.write_text(json.dumps(config), encoding="utf-8")
    command = [sys.executable, __file__, "--side", side, "--task-file", str(file), "--batch-size", str(size)]
    command += ["--model", options.model, "--load-in", load_in or options.load_in, "--threads", str(options.threads)]
    command += ["--data", str(options.data)]
    environment = os.environ | (DEFAULTS if side == "theirs" else {})
    finished = subprocess.run(command, capture_output=True, text=True, env=environment)
    if finished.returncode:
        raise SystemExit(f"{side} of {task} failed:\n{finished.stderr[-2000:]}")
    return dict(json.loads(finished.stdout.splitlines()[-1]))


def agreement(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Whether both sides (ours first) choose the same answers and score the same, and how far they lie apart."""
    first, second = (_by_document(side) for side in (ours, theirs))
    equal = [_choice(first[one]) == _choice(second[one]) for one in first]
    close = [
        _choice(first[one]) == _choice(second[one]) or _nearly_tied(first[one], _choice(second[one])) for one in first
    ]
    golds = dict(zip(ours["documents"], ours["golds"], strict=True))
    accuracy = [_accuracy(side, golds) for side in (first, second)]
    apart = [abs(a[0] - b[0]) for a, b in zip(ours["answers"], theirs["answers"], strict=True)]
    return {
        "choices_equal": round(sum(equal) / len(equal), 4),
        "choices_equal_but_for_ties": round(sum(close) / len(close), 4),
        "accuracy": accuracy,
        "logprob_apart_mean": sum(apart) / len(apart),
        "logprob_apart_most": max(apart),
    }


def _by_document(side: dict[str, Any]) -> dict[int, list[list[float]]]:
    found: dict[int, list[list[float]]] = defaultdict(list)
    for document, answer in zip(side["documents"], side["answers"], strict=True):
        found[document].append(answer)
    return found


def _choice(answers: list[list[float]]) -> float:
    """Index of the likeliest choice; for one continuation, whether it was the most likely text."""
    if len(answers) == 1:
        return float(answers[0][1])
    return max(range(len(answers)), key=lambda index: answers[index][0])


def _nearly_tied(answers: list[list[float]], other: float) -> bool:
    """Two choices lie within 1e-3 nats, so that rounding decides between them."""
    if len(answers) == 1:
        return False
    return max(answer[0] for answer in answers) - answers[int(other)][0] <= 1e-3


def _accuracy(side: dict[int, list[list[float]]], golds: dict[int, int | None]) -> float:
    right = [_choice(answers) == (1.0 if len(answers) == 1 else golds[one]) for one, answers in side.items()]
    return round(sum(right) / len(right), 4)


if __name__ == "__main__":
    main()
