"""What training costs: TRL's SFTTrainer, Retain's plain fine-tuning and each mitigation, in turn in one run.

    python benchmarks/training/run.py --data ../shared/data

Each side runs in a process of its own on the same rows, in the same order, with the same settings; peak memory is its
own. Timed are the updates after the first few; what is asked of the base before training is reported apart.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DEFAULTS = {"MALLOC_PERTURB_": "0", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "1024"}
"""Of glibc and oneDNN, given to TRL: what is set, loading a model through Retain leaves alone."""
WARM = 2
"""Updates that are not timed."""
LORA = {"kind": "lora", "rank": 16}
KL = {"kind": "kl_to_base", "share": 0.25}
SIDES: dict[str, list[dict[str, Any]]] = {
    "plain": [],
    "kl_to_base": [KL],
    "l2_to_base": [{"kind": "l2_to_base"}],
    "ewc": [{"kind": "ewc"}],
    "rehearsal": [{"kind": "rehearsal", "share": 0.1}],
    "freeze": [{"kind": "freeze", "layers": "last 10"}],
    "token_weighting stm": [{"kind": "token_weighting", "rule": "stm"}],
    "token_weighting talr": [{"kind": "token_weighting", "rule": "talr"}],
    "token_weighting flow": [{"kind": "token_weighting", "rule": "flow"}],
    "kl_to_base on task": [{"kind": "kl_to_base", "on": "task"}],
    "lora": [LORA],
    "lora kl_to_base": [LORA, KL],
    "lora kl_to_base adapter_off": [LORA, {**KL, "base": "adapter_off"}],
    "lora l2_to_base": [LORA, {"kind": "l2_to_base"}],
    "lora ewc": [LORA, {"kind": "ewc"}],
    "lora null_space": [LORA, {"kind": "null_space"}],
}
TRL = ("trl", "trl checkpointing", "trl lora")


def main() -> None:
    """Run all, or be the process of one side."""
    options = _options()
    if options.side:
        print(json.dumps(_be_trl(options) if options.side in TRL else _be_retain(options)))
        return
    os.environ.setdefault("OMP_NUM_THREADS", str(options.threads))
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in options.sides}
    for turn in range(options.rounds):
        for side in options.sides:
            found[side].append(_run(options, side))
            print(turn, side, found[side][-1]["tokens_per_second"], found[side][-1]["peak_mb"], flush=True)
            _write(options, found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    parser.add_argument("--task", default="banking77/train.jsonl", help="rows, in the folder tasks of the data")
    parser.add_argument("--general", default="general/dolly_hh.jsonl", help="general text, in the folder of the data")
    parser.add_argument("--model", default="builtin:smollm2-135m")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--updates", type=int, default=14)
    parser.add_argument("--rounds", type=int, default=2, help="runs of each side, in turn; the fastest counts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sides", nargs="+", default=[*TRL, *SIDES], choices=[*TRL, *SIDES])
    parser.add_argument("--output", type=Path, default=HERE / "results" / "cost.json")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    return parser.parse_args()


def _run(options: argparse.Namespace, side: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--side", side]
    for name in ("data", "task", "general", "model", "batch_size", "max_length", "updates", "threads"):
        command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    environment = os.environ | (DEFAULTS if side in TRL else {})
    finished = subprocess.run(command, capture_output=True, text=True, env=environment)
    if finished.returncode:
        raise SystemExit(f"{side} failed:\n{finished.stderr[-3000:]}")
    return dict(json.loads(finished.stdout.splitlines()[-1]))


def _write(options: argparse.Namespace, found: dict[str, list[dict[str, Any]]]) -> None:
    from retain.provenance import provenance
    from retain.record_files import write_json

    best = {side: max(runs, key=lambda one: one["tokens_per_second"]) for side, runs in found.items() if runs}
    rows = {}
    for side, one in best.items():
        row = {**one, "all_tokens_per_second": [run["tokens_per_second"] for run in found[side]]}
        for name, other in (("trl", "trl"), ("plain", "lora" if side.startswith("lora") else "plain")):
            if other in best:
                row[f"time_over_{name}"] = round(best[other]["tokens_per_second"] / one["tokens_per_second"], 3)
                row[f"memory_over_{name}"] = round(one["peak_mb"] / best[other]["peak_mb"], 3)
        rows[side] = row
    names = ("model", "task", "general", "batch_size", "max_length", "updates", "rounds", "threads")
    settings = {name: getattr(options, name) for name in names}
    write_json(options.output, {"settings": settings, "provenance": provenance(0), "sides": rows})


# One side, in a process of its own.


class Clock:
    """Seconds of each update, and the loss."""

    def __init__(self) -> None:
        from transformers import TrainerCallback

        clock = self
        self.times: list[float] = []
        self.begun = time.perf_counter()

        class Watch(TrainerCallback):  # type: ignore[misc]
            def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
                if not clock.times:
                    clock.times.append(time.perf_counter())

            def on_step_end(self, *args: Any, **kwargs: Any) -> None:
                clock.times.append(time.perf_counter())

        self.watch = Watch()

    def result(self, rows: Sequence[Any], losses: list[float]) -> dict[str, Any]:
        """Task tokens a second; an update of which some rows are rehearsed has fewer of them."""
        import resource

        seconds = [after - before for before, after in itertools.pairwise(self.times)]
        tokens = sum(len(row.input_ids) for row in rows) / len(seconds)
        seconds = seconds[WARM:]
        return {
            "tokens_per_second": round(tokens * len(seconds) / sum(seconds), 1),
            "median_seconds_an_update": round(statistics.median(seconds), 3),
            "before_training_seconds": round(self.times[0] - self.begun, 1),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "losses": [round(one, 4) for one in losses],
        }


def _rows(options: argparse.Namespace, model: Any) -> tuple[list[Any], list[Any]]:
    """(examples, encoded rows) of the task, in an order that a seed gives."""
    from retain.data.encoding import encode
    from retain.data.formats import read_examples
    from retain.data.splits import sample

    wanted = options.batch_size * options.updates
    examples = sample(read_examples(str(options.data / "tasks" / options.task)), wanted, 0)
    return examples, [encode(one, model.tokenizer, options.max_length) for one in examples]


def _be_trl(options: argparse.Namespace) -> dict[str, Any]:
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from retain.models.load import load_causal

    torch.set_num_threads(options.threads)
    lora = options.side == "trl lora"
    model = load_causal(options.model, "bf16")  # the same weights for all, those of the base in bf16
    if not lora:
        model.module.float()
    _, rows = _rows(options, model)
    clock = Clock()
    peft = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    with tempfile.TemporaryDirectory() as folder:
        config = SFTConfig(
            output_dir=folder, per_device_train_batch_size=options.batch_size, max_length=options.max_length,
            gradient_checkpointing=options.side == "trl checkpointing", bf16=True, use_cpu=True, report_to="none",
            save_strategy="no", logging_steps=1, num_train_epochs=1, train_sampling_strategy="sequential",
            disable_tqdm=True, learning_rate=2e-5, eos_token=None,
        )  # fmt: skip
        trainer = SFTTrainer(
            model=model.module,
            args=config,
            train_dataset=Dataset.from_list([{"input_ids": row.input_ids, "labels": row.labels} for row in rows]),
            processing_class=model.tokenizer,
            peft_config=peft if lora else None,
            callbacks=[clock.watch],
        )
        trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return clock.result(rows, losses)


def _be_retain(options: argparse.Namespace) -> dict[str, Any]:
    import torch

    import retain.training.hooks as hooks
    from retain.data.general import keep_back
    from retain.mitigations.base import GeneralSet, Setup
    from retain.models.load import load_causal
    from retain.progress import Progress
    from retain.recipe import parse_recipe
    from retain.records import Gate
    from retain.stages.prepare import read_general
    from retain.stages.setting_up import encoder
    from retain.stages.training import fit

    torch.set_num_threads(options.threads)
    model = load_causal(options.model, "bf16")
    examples, rows = _rows(options, model)
    general, back = keep_back(read_general(str(options.data / options.general)))
    recipe = parse_recipe(
        {
            "model": {"base": options.model},
            "data": {"train": "rows", "general": [{"name": "own", "source": "rows"}]},
            "training": {
                "learning_rate": 2e-5,
                "batch_size": options.batch_size,
                "max_length": options.max_length,
                "warmup": 0.0,
                "checkpoints": 0,
                "extra": {"train_sampling_strategy": "sequential"},
            },
            "mitigations": SIDES[options.side],
        }
    )
    clock = Clock()
    of_mitigations = hooks.callbacks
    hooks.callbacks = lambda *given: [*of_mitigations(*given), clock.watch]
    os.environ["RETAIN_CACHE"] = folder = tempfile.mkdtemp()
    setup = Setup(
        base=model,
        general={"own": GeneralSet(name="own", source="rows", examples=general[:200], kept_back=back)},
        gate=Gate(),
        folder=Path(folder),
        seed=0,
        encode=encoder(model, options.max_length, "completion"),
        measure_dev=lambda model: [],
        base_dev=lambda: [],
        task_probes=frozenset(),
    )
    _, record = fit(model, setup, examples, recipe.training, recipe.mitigations, Progress(quiet=True))
    return clock.result(rows, [entry["loss"] for entry in record.history])


if __name__ == "__main__":
    main()
