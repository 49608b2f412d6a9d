"""Answers to IFEval's prompts, by Retain and by plain batched ``generate`` in turn in one run. See README.md."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig

from retain.models.base import Message
from retain.models.causal import TransformersCausal
from retain.models.load import load_causal
from retain.provenance import versions
from retain.scoring.divergence import logit_gap, rounding_gap
from retain.scoring.generation import Sampling, generate

Answers = list[list[int]]
"""Token ids of each answer; the end token is the last one where the model wrote it."""


def main() -> None:
    """Measure speed and sameness, and write them down."""
    asked = arguments()
    torch.set_num_threads(asked.threads)
    model = load_causal(asked.model, asked.load_in)
    lines = asked.data.read_text().splitlines()[: asked.prompts]
    prompts = [model.encode_prompt((Message(role="user", content=json.loads(line)["prompt"]),)) for line in lines]
    sides: dict[str, Callable[[], Answers]] = {"retain": lambda: ours(model, prompts, asked.max_tokens)}
    for rows in asked.plain_rows:
        sides[f"plain, {rows} rows"] = lambda rows=rows: plain(model, prompts, asked.max_tokens, rows)
    engine = warm_up(model, prompts)
    runs = [(name, *timed(write)) for _ in range(asked.repeats) for name, write in sides.items()]
    found = {
        "setting": {
            "model": asked.model,
            "load_in": asked.load_in,
            "threads": asked.threads,
            "prompts": len(prompts),
            "max_tokens": asked.max_tokens,
            "repeats": asked.repeats,
            "engine": engine,
            "versions": versions(),
        },
        "speed": speeds(sides, runs),
        "sameness": sameness(model, prompts, runs),
    }
    asked.output.mkdir(parents=True, exist_ok=True)
    path = asked.output / f"generation-{asked.load_in}.json"
    path.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


def arguments() -> argparse.Namespace:
    """The command line."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="ifeval.jsonl: lines with a prompt")
    parser.add_argument("--output", type=Path, default=here / "results")
    parser.add_argument("--model", default="builtin:smollm2-135m")
    parser.add_argument("--load-in", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--prompts", type=int, default=96)
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--plain-rows", type=int, nargs="+", default=[8, 16, 32, 64])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def warm_up(model: TransformersCausal, prompts: Answers) -> str:
    """Load every kernel once, and let the engine check the model; says which engine writes."""
    notes: list[str] = []
    generate(model.module, prompts[:4], Sampling(4, 0.0, 1.0, 0), model.ends, model.pad, note=notes.append)
    plain(model, prompts[:4], 4, 4)
    return notes[0]


def ours(model: TransformersCausal, prompts: Answers, max_tokens: int) -> Answers:
    """Retain's engine, its batch size found from memory."""
    end = min(model.ends)
    written = generate(model.module, prompts, Sampling(max_tokens, 0.0, 1.0, 0), model.ends, model.pad)
    return [[*one.ids, end] if one.stopped else one.ids for one in written]


def plain(model: TransformersCausal, prompts: Answers, max_tokens: int, rows: int) -> Answers:
    """Transformers' ``generate`` on batches sorted by length."""
    config = GenerationConfig(
        max_new_tokens=max_tokens, do_sample=False, eos_token_id=sorted(model.ends), pad_token_id=model.pad
    )
    answers: dict[int, list[int]] = {}
    order = sorted(range(len(prompts)), key=lambda i: -len(prompts[i]))
    for start in range(0, len(order), rows):
        batch = order[start : start + rows]
        width = max(len(prompts[i]) for i in batch)
        ids = torch.tensor([[model.pad] * (width - len(prompts[i])) + prompts[i] for i in batch])
        mask = torch.tensor([[0] * (width - len(prompts[i])) + [1] * len(prompts[i]) for i in batch])
        with torch.inference_mode():
            output = model.module.generate(input_ids=ids, attention_mask=mask, generation_config=config)
        for index, row in zip(batch, output[:, width:].tolist(), strict=True):
            last = next((place + 1 for place, token in enumerate(row) if token in model.ends), len(row))
            answers[index] = row[:last]
    return [answers[index] for index in range(len(prompts))]


def timed(write: Callable[[], Answers]) -> tuple[float, Answers]:
    """Seconds, and what was written."""
    start = time.perf_counter()
    answers = write()
    return time.perf_counter() - start, answers


def speeds(sides: dict[str, Any], runs: list[tuple[str, float, Answers]]) -> dict[str, Any]:
    """Tokens of real answers per second: each side's runs, its median, and the ratio to the best plain side."""
    rates = {
        name: [sum(map(len, answers)) / seconds for side, seconds, answers in runs if side == name] for name in sides
    }
    medians = {name: statistics.median(values) for name, values in rates.items()}
    best = max((name for name in medians if name != "retain"), key=lambda name: medians[name])
    return {
        "tokens_per_second": {name: [round(value, 1) for value in values] for name, values in rates.items()},
        "best_plain": best,
        "ratio": round(medians["retain"] / medians[best], 3),
        "ratio_of_each_round": [round(a / b, 3) for a, b in zip(rates["retain"], rates[best], strict=True)],
    }


def sameness(model: TransformersCausal, prompts: Answers, runs: list[tuple[str, float, Answers]]) -> dict[str, Any]:
    """How many answers are equal, and how close the two tokens were where answers first differ.

    Plain generation with one batch size against another shows what rounding alone does.
    """
    first: dict[str, Answers] = {}
    for name, _, answers in runs:
        first.setdefault(name, answers)
    names = list(first)
    pairs = [("retain", names[1]), *([(names[1], names[-1])] if len(names) > 2 else [])]
    found: dict[str, Any] = {"allowed_gap": rounding_gap(model.module)}
    for a, b in pairs:
        gaps = [logit_gap(model.module, p, x, y) for p, x, y in zip(prompts, first[a], first[b], strict=True) if x != y]
        found[f"{a} and {b}"] = {
            "equal": len(prompts) - len(gaps),
            "of": len(prompts),
            "largest_gap": round(max(gaps, default=0.0), 4),
            "beyond_allowed": sum(gap > rounding_gap(model.module) for gap in gaps),
        }
    return found


if __name__ == "__main__":
    main()
