"""Folders as lm-eval 0.4.13 writes them with --log_samples, made of plain numbers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

DATE = "2026-11-20T10-00-00.000001"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def choice(n, right, norm=None, choices=2, prompt="Item {n} is", task=""):
    """A sample of a multiple-choice task."""
    arguments = {f"gen_args_{i}": {"arg_0": prompt.format(n=n), "arg_1": f" option {i}"} for i in range(choices)}
    metrics = {"acc": float(right)} if norm is None else {"acc": float(right), "acc_norm": float(norm)}
    return line(n, {"q": f"{task}item {n}"}, "0", arguments, [[["-1.0", "False"]]] * choices, "none", metrics)


def written(n, scores, answer="yes", prompt="Say {n}", limits=None):
    """The samples of a generating task, one for each filter: ``scores`` is filter -> score (or metric -> score)."""
    arguments = {"gen_args_0": {"arg_0": prompt.format(n=n), "arg_1": limits or {"until": ["."]}}}
    answers = [answer] if isinstance(answer, str) else answer
    rows = []
    for name, score in scores.items():
        metrics = score if isinstance(score, dict) else {"exact_match": score}
        rows.append(line(n, {"q": f"say {n}"}, str(n), arguments, [answers], name, metrics))
    return rows


def rolling(n, logprob, size, words=5):
    """A sample of a task of rolling likelihoods."""
    text = "x" * size
    metrics = {"word_perplexity": [logprob, words], "bits_per_byte": [logprob, size]}
    return line(n, {"page": f"{n}{text}"}, text, {"gen_args_0": {"arg_0": text}}, [[str(logprob)]], "none", metrics)


def line(n, doc, target, arguments, resps, filtered_by, metrics):
    first = next(iter(arguments.values()))["arg_0"]
    return {
        "doc_id": n,
        "doc": doc,
        "target": target,
        "arguments": arguments,
        "resps": resps,
        "filtered_resps": [one[0] for one in resps],
        "filter": filtered_by,
        "metrics": list(metrics),
        "doc_hash": sha(json.dumps(doc)),
        "prompt_hash": sha(first),
        "target_hash": sha(target),
        **metrics,
    }


def kind_of(rows):
    if "bits_per_byte" in rows[0]["metrics"]:
        return "loglikelihood_rolling"
    return "multiple_choice" if len(rows[0]["arguments"]) > 1 else "generate_until"


def write_logs(folder: Path, tasks: dict[str, list[dict]], date=DATE, config=None, task=None, **results) -> Path:
    """Write samples and results.

    ``config``: keys of the run; ``task``: keys of every task's configuration; the rest: keys of the results.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tasks.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"samples_{name}_{date}.jsonl").write_text(text)
    hashes = {
        name: sha("".join(row["doc_hash"] + row["prompt_hash"] + row["target_hash"] for row in rows))
        for name, rows in tasks.items()
    }
    content = {
        "results": {name: {"alias": name} for name in tasks},
        "group_subtasks": {},
        "configs": {
            name: {
                "task": name,
                "output_type": kind_of(rows),
                "metric_list": [{"metric": metric} for metric in rows[0]["metrics"]],
                "num_fewshot": 0,
                "repeats": 1,
                **({"generation_kwargs": {"until": ["."]}} if kind_of(rows) == "generate_until" else {}),
                **(task or {}),
            }
            for name, rows in tasks.items()
        },
        "versions": dict.fromkeys(tasks, 1.0),
        "n-shot": dict.fromkeys(tasks, 0),
        "higher_is_better": {
            name: {metric: "perplexity" not in metric and metric != "bits_per_byte" for metric in rows[0]["metrics"]}
            for name, rows in tasks.items()
        },
        "config": {
            "model": "hf",
            "model_args": "pretrained=some/model,dtype=float32",
            "model_dtype": "torch.float32",
            "batch_size": 8,
            "limit": None,
            "random_seed": 0,
            "numpy_seed": 1234,
            "torch_seed": 1234,
            "fewshot_seed": 1234,
            **(config or {}),
        },
        "lm_eval_version": "0.4.13",
        "transformers_version": "5.23.0",
        "max_length": 128,
        "model_name": "some/model",
        "chat_template": None,
        "fewshot_as_multiturn": True,
        "task_hashes": hashes,
        **results,
    }
    (folder / f"results_{date}.json").write_text(json.dumps(content))
    return folder
