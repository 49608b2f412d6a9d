"""Memory and time that `retain check` and `retain run` estimate, against what runs then need.

    python benchmarks/estimates/run.py                  # results/estimates.json, some minutes
    python benchmarks/estimates/run.py --settings toy_5m
    python benchmarks/estimates/run.py --again          # estimates anew what was measured before

Each setting is a whole run in a process of its own: peak memory is that process's largest resident set, and time is
from the third update to the end. Toy models have random weights and words without a meaning; only sizes matter. SmolLM2
is tuned as in the quickstart, on fewer rows.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LORA = {"kind": "lora", "rank": 16}
KL = {"kind": "kl_to_base", "share": 0.25}
LOW_RANK = "mitigations=[{kind: lora, rank: 16}, {kind: strength, values: [0.6, 1.0]}]"
EARLY = "mitigations=[{kind: lora, rank: 16}, {kind: early_stop, every: 0.5, patience: 9}]"
TOYS = {"5m": (2000, 256, 4), "20m": (4000, 512, 6), "60m": (8000, 768, 8)}
"""Name -> (words, width, layers)."""
SETTINGS: dict[str, dict[str, Any]] = {
    "toy_5m": {"model": "5m", "batch_size": 8, "words": (20, 120), "steps": 40},
    "toy_20m": {"model": "20m", "batch_size": 8, "words": (20, 120), "steps": 16},
    "toy_20m_lora": {"model": "20m", "batch_size": 8, "words": (20, 120), "steps": 16, "mitigations": [LORA]},
    "toy_20m_kl": {"model": "20m", "batch_size": 8, "words": (20, 120), "steps": 16, "mitigations": [LORA, KL]},
    "toy_20m_accumulated": {
        "model": "20m", "batch_size": 4, "words": (20, 120), "steps": 16, "gradient_accumulation": 2,
    },
    "toy_20m_checkpointing": {
        "model": "20m", "batch_size": 16, "words": (100, 240), "steps": 10, "gradient_checkpointing": True,
    },
    "toy_60m": {"model": "60m", "batch_size": 8, "words": (20, 200), "steps": 10},
    "smollm2_full": {"overrides": ["data.limit=240", "measure.limit=20"]},
    "smollm2_lora": {"overrides": ["data.limit=240", "measure.limit=20", LOW_RANK]},
    "smollm2_early_stop": {"overrides": ["data.limit=240", "measure.limit=20", EARLY, "training.batch_size=4"]},
}  # fmt: skip
QUICKSTART = HERE.parents[1] / "examples" / "quickstart" / "recipe.yaml"
TEMPLATE = "{% for m in messages %}<|{{ m.role }}|> {{ m.content }} <eos> {% endfor %}"


def main() -> None:
    """Run all settings, or be the process of one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--output", type=Path, default=HERE / "results" / "estimates.json")
    parser.add_argument("--again", action="store_true", help="estimate the memory anew, and measure nothing")
    parser.add_argument("--be", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.be:
        print(json.dumps(_be(options.be)))
        return
    known = json.loads(options.output.read_text()) if options.output.is_file() else {"settings": {}}
    if options.again:
        for name, found in known["settings"].items():
            found |= _estimated(SETTINGS[name], Path(tempfile.mkdtemp()), found["memory_needed"])
            print(name, found["memory_off"], found["parts"], flush=True)
        _write(options.output, known)
        return
    for name in options.settings:
        done = subprocess.run([sys.executable, __file__, "--be", name], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
        known["settings"][name] = json.loads(done.stdout.splitlines()[-1])
        print(name, known["settings"][name], flush=True)
        _write(options.output, known)


def _write(path: Path, known: dict[str, Any]) -> None:
    from retain.provenance import provenance
    from retain.record_files import write_json

    found = {name: known["settings"][name] for name in SETTINGS if name in known["settings"]}
    write_json(path, {"provenance": provenance(0), "settings": found})


def _be(name: str) -> dict[str, Any]:
    """One setting: estimate, run, and what it needed."""
    import resource

    from retain.pipeline import run_recipe
    from retain.progress import Progress
    from retain.training import time_left

    setting = SETTINGS[name]
    folder = Path(tempfile.mkdtemp())
    os.environ["RETAIN_CACHE"] = str(folder / "cache")  # nothing is known of the base
    recipe = _recipe(setting, folder)
    told: list[tuple[float, Any]] = []
    step = time_left.TimeLeft.on_step_end

    def watched(self: Any, *args: Any, **named: Any) -> None:
        step(self, *args, **named)
        if self.training is not None and not told:
            told.append((time.monotonic(), self))

    time_left.TimeLeft.on_step_end = watched  # type: ignore[method-assign]
    record = run_recipe(recipe, folder / "run", Progress(quiet=True))
    ended = time.monotonic()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert record.training is not None
    at, callback = told[0]
    left = callback.training + (callback.measuring or 0.0)
    return {
        "parameters": record.training.trained_parameters,
        "memory_needed": peak,
        **_estimated(setting, folder, peak),
        "seconds_estimated": round(left, 1),
        "seconds_needed": round(ended - at, 1),
        "seconds_off": round(left / (ended - at) - 1, 3),
        "seconds": record.seconds,
    }


def _estimated(setting: dict[str, Any], folder: Path, peak: int) -> dict[str, Any]:
    """What is estimated of a setting's memory, and how far that is from the peak."""
    from retain.stages.estimating import estimate_memory
    from retain.stages.prepare import read_and_split

    recipe = _recipe(setting, folder)
    estimate = estimate_memory(recipe, read_and_split(recipe).splits.train)
    assert estimate is not None
    return {
        "memory_estimated": estimate.total,
        "memory_off": round(estimate.total / peak - 1, 3),
        "parts": {key: value for key, value in estimate.model_dump().items() if isinstance(value, int)},
    }


def _recipe(setting: dict[str, Any], folder: Path) -> Any:
    """A toy's recipe, or the quickstart's with what the setting changes."""
    from retain.recipe import load_recipe, parse_recipe

    if overrides := setting.get("overrides"):
        return load_recipe(QUICKSTART, overrides)
    return parse_recipe(_toy_recipe(setting, folder), "recipe", folder)


def _toy_recipe(setting: dict[str, Any], folder: Path) -> dict[str, Any]:
    draw = random.Random(0)
    words = [f"w{number}" for number in range(TOYS[setting["model"]][0] - 20)]
    base = str(_toy(folder / "base", words, *TOYS[setting["model"]]))

    def some(low: int, high: int) -> str:
        return " ".join(draw.choice(words) for _ in range(draw.randint(low, high)))

    low, high = setting["words"]
    rows = setting["steps"] * setting["batch_size"] * setting.get("gradient_accumulation", 1)
    train = [{"prompt": some(low // 2, high // 2), "completion": some(low // 2, high // 2)} for _ in range(rows)]
    held = [{"prompt": some(10, 30), "completion": some(5, 10)} for _ in range(16)]
    general = [{"prompt": some(5, 10), "completion": some(20, 40)} for _ in range(80)]
    items = [{"text": some(30, 60)} for _ in range(60)]
    for name, lines in {"train": train, "dev": held[:8], "test": held[8:], "general": general, "items": items}.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "suite.yaml").write_text(
        "probes:\n  - {kind: bits_per_byte, name: words, capability: words, items: items.jsonl}\n"
    )
    mitigations = [*setting.get("mitigations", []), {"kind": "strength", "values": [0.5, 1.0]}]
    keys = {key: setting[key] for key in ("gradient_accumulation", "gradient_checkpointing") if key in setting}
    return {
        "model": {"base": base, "load_in": "bf16"},
        "data": {
            "train": "train.jsonl", "held_out": {"dev": "dev.jsonl", "test": "test.jsonl"},
            "general": [{"name": "own", "source": "general.jsonl", "count": 80}],
        },
        "training": {"batch_size": setting["batch_size"], "max_length": 512, "watch": 0, "checkpoints": 0, **keys},
        "mitigations": mitigations,
        "measure": {"suite": "suite.yaml", "recitation": 0},
    }  # fmt: skip


def _toy(folder: Path, words: list[str], size: int, width: int, layers: int) -> Path:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    special = ["<unk>", "<bos>", "<eos>", "<|user|>", "<|assistant|>", "<|system|>"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate([*special, *words])}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<bos>", eos_token="<eos>", chat_template=TEMPLATE
    ).save_pretrained(folder)
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=size, hidden_size=width, intermediate_size=3 * width, num_hidden_layers=layers,
            num_attention_heads=8, num_key_value_heads=4, max_position_embeddings=1024, tie_word_embeddings=True,
            bos_token_id=1, eos_token_id=2,
        )
    ).save_pretrained(folder)  # fmt: skip
    return folder


if __name__ == "__main__":
    main()
