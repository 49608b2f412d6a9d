"""lm_eval measures two models with --log_samples; ``retain compare`` reads the logs and judges. See README.md."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
Row = dict[str, Any]
HEADER = """task: {task}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
test_split: test
num_fewshot: 0
metadata: {{version: 1.0}}
"""
CHOICES = """output_type: multiple_choice
doc_to_text: "{{query}}"
doc_to_choice: "{{choices}}"
doc_to_target: gold
metric_list:
- {metric: acc, aggregation: mean, higher_is_better: true}
- {metric: acc_norm, aggregation: mean, higher_is_better: true}
"""
LAST_WORD = """output_type: loglikelihood
doc_to_text: "{{context}}"
doc_to_target: " {{continuation}}"
metric_list:
- {metric: acc, aggregation: mean, higher_is_better: true}
"""
NUMBERS = """output_type: generate_until
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_target: "{{answer.split('#### ')[-1].strip()}}"
generation_kwargs: {until: ["Question:", "\\n\\n"], max_gen_toks: 160, do_sample: false}
metric_list:
- {metric: exact_match, aggregation: mean, higher_is_better: true, ignore_case: true, regexes_to_ignore: [",", "\\\\$"]}
filter_list:
- name: strict-match
  filter: [{function: regex, regex_pattern: "#### (\\\\-?[0-9\\\\.\\\\,]+)"}, {function: take_first}]
- name: flexible-extract
  filter:
  - {function: regex, group_select: -1, regex_pattern: "(-?[0-9][0-9,]*)"}
  - {function: take_first}
"""
ANSWERS = """output_type: generate_until
doc_to_text: "Answer with one option alone.\\n{{query.split('\\n')[0]}}\\nOptions: {{choices | join('; ')}}\\nAnswer:"
doc_to_target: "{{choices[gold]}}"
generation_kwargs: {until: ["\\n"], max_gen_toks: 24, do_sample: false}
metric_list:
- {metric: exact_match, aggregation: mean, higher_is_better: true, ignore_case: true, ignore_punctuation: true}
"""


def short(row: Row) -> bool:
    """Whether all options are short enough to be written out."""
    return all(len(choice) < 40 for choice in row["choices"])


TASKS: dict[str, tuple[str, str, Callable[[Row], bool]]] = {
    "local_hellaswag": ("hellaswag", CHOICES, lambda row: True),
    "local_arc_easy": ("arc_easy", CHOICES, lambda row: True),
    "local_lambada": ("lambada", LAST_WORD, lambda row: True),
    "local_gsm8k": ("gsm8k", NUMBERS, lambda row: True),
    "local_arc_written": ("arc_easy", ANSWERS, short),
}
"""Task -> file of items, what lm_eval is told of it, and which rows it takes."""
WRITTEN = ("local_gsm8k", "local_arc_written")


def write_tasks(data: Path, folder: Path, limits: dict[str, int]) -> None:
    """Items and task files, which lm_eval reads with --include_path."""
    folder.mkdir(parents=True, exist_ok=True)
    for task, (source, told, taken) in TASKS.items():
        lines = (data / f"{source}.jsonl").read_text("utf-8").splitlines()
        rows = [row for row in map(json.loads, lines) if taken(row)][: limits[task]]
        file = (folder / f"{task}.jsonl").resolve()
        file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        (folder / f"{task}.yaml").write_text(HEADER.format(task=task, file=file) + told, "utf-8")


def lm_eval(model: str, tasks: Path, output: Path, given: argparse.Namespace) -> None:
    """Measure one model, as anybody would who uses another trainer."""
    command = [sys.executable, "-m", "lm_eval", "run", "--model", "hf"]
    command += ["--model_args", f"pretrained={model},dtype={given.dtype}", "--tasks", *TASKS]
    command += ["--include_path", str(tasks), "--batch_size", str(given.batch_size), "--device", given.device]
    command += ["--log_samples", "--output_path", str(output)]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(tasks / "cache")}
    subprocess.run(command + (["--apply_chat_template"] if given.chat else []), check=True, env=os.environ | offline)


def compare(before: Path, after: Path, folder: Path) -> int:
    """The verdict as an exit code."""
    command = [sys.executable, "-m", "retain.cli", "compare", str(before), str(after), "--folder", str(folder)]
    return subprocess.run(command, check=False).returncode


def summary(folder: Path) -> dict[str, Any]:
    """A comparison's verdict and changes in points of 100, with 95% intervals."""
    record = json.loads((folder / "record.json").read_text("utf-8"))
    compared = record["comparison"]

    def change(one: Row) -> Row:
        told = {key: round(one[key], 2) for key in ("before", "after", "delta", "low", "high")}
        return told | {"items": one["items"], "near_chance": one["near_chance"]}

    losses = {one["probe"]: change(one) for one in compared["losses"]}
    return {"verdict": record["verdict"]["outcome"], "mean": change(compared["pooled"]), "losses": losses}


def main() -> int:
    """Measure BASE, BASE once more with another batch size, and each TUNED model; compare all with BASE."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base")
    parser.add_argument("tuned", nargs="+", help="NAME=FOLDER")
    parser.add_argument("--data", type=Path, required=True, help="folder with hellaswag.jsonl, arc_easy.jsonl, ...")
    parser.add_argument("--output", type=Path, default=Path("runs/lm_eval_logs"))
    parser.add_argument("--items", type=int, default=400, help="items of each likelihood task")
    parser.add_argument("--written", type=int, default=120, help="items of each generating task")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--chat", action="store_true", help="use the chat template for all tasks")
    given = parser.parse_args()
    models = {name: folder for name, _, folder in (one.partition("=") for one in given.tuned)}
    limits = {task: given.written if task in WRITTEN else given.items for task in TASKS}
    write_tasks(given.data, given.output / "tasks", limits)
    lm_eval(given.base, given.output / "tasks", given.output / "base", given)
    found = {}
    for name, folder in models.items():
        lm_eval(folder, given.output / "tasks", given.output / name, given)
        found[name] = compare(given.output / "base", given.output / name, given.output / f"compared_{name}")
    given.batch_size = max(1, given.batch_size // 2)
    lm_eval(given.base, given.output / "tasks", given.output / "base_again", given)
    found["base again"] = compare(given.output / "base", given.output / "base_again", given.output / "compared_again")
    names = [*(f"compared_{name}" for name in models), "compared_again"]
    settings = {key: getattr(given, key) for key in ("items", "written", "dtype", "chat")}
    told = {name.removeprefix("compared_"): summary(given.output / name) for name in names}
    (HERE / "results.json").write_text(
        json.dumps({"settings": settings, "comparisons": told}, indent=1) + "\n", "utf-8"
    )
    print("exit codes (0 retained, 1 forgot, 3 inconclusive):", json.dumps(found))
    return 0 if set(found.values()) <= {0, 1, 3} else 4


if __name__ == "__main__":
    raise SystemExit(main())
