"""How much a null-space update changes a layer's outputs on real general text, against free updates of equal norm.

    python benchmarks/null_space/run.py --folder runs/ablation/banking77

Reads the adapters of finished runs of the ablation: ``plain lora``, free, and those that ``null_space`` kept in bounds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch

from retain.data.encoding import encode
from retain.data.formats import read_examples
from retain.data.general import keep_back
from retain.models.load import load_causal
from retain.models.low_rank import lora_layers, update_factors
from retain.provenance import provenance
from retain.record_files import read_record, write_json
from retain.stages.general import GeneralText

HERE = Path(__file__).parent
FREE = "plain_lora"
Moments = dict[str, torch.Tensor]
Update = tuple[torch.Tensor, torch.Tensor]


def main() -> None:
    """Measure all adapters that are there and write down the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/ablation/banking77"))
    parser.add_argument("--text", type=Path, default=HERE.parents[2] / "shared" / "data" / "general" / "dolly_hh.jsonl")
    parser.add_argument("--rows", type=int, default=200, help="of --text")
    parser.add_argument("--load-in", default="bf16", choices=("fp32", "bf16"))
    options = parser.parse_args()
    free = load_causal(str(options.folder / FREE / "tuned"), options.load_in)
    general = read_record(options.folder / FREE / "general.json", GeneralText).sets["own"]
    seen, back = keep_back(general.rows)
    texts = {"seen": seen, "kept back": back, options.text.name: read_examples(str(options.text))[: options.rows]}
    summed = {name: input_moments(free, rows) for name, rows in texts.items()}
    moments = {name: moment for name, (moment, _) in summed.items()}
    updates = {"free": factors(free)}
    updates["random"] = {name: random_update(update) for name, update in updates["free"].items()}
    for place in sorted(options.folder.glob("lora_null_space*")):
        updates[place.name] = factors(load_causal(str(place / "tuned"), options.load_in))
    found = {
        name: {text: against(update, updates, moment) for text, moment in moments.items()}
        for name, update in updates.items()
        if name not in ("free", "random")
    }
    tokens = {name: count for name, (_, count) in summed.items()}
    path = HERE / "results" / f"{options.folder.name}.json"
    write_json(path, {"provenance": provenance(0), "tokens": tokens, "changes": found})
    for name, one in found.items():
        print(name, one, flush=True)


def input_moments(model: Any, rows: Any) -> tuple[Moments, int]:
    """Layer -> sum of x x' over all tokens of all rows, x the layer's inputs in the base; and the number of tokens."""
    moments: Moments = {}
    tokens = 0
    with torch.inference_mode(), model.as_base(), watched(model.module, moments):
        for row in rows:
            encoded = encode(row, model.tokenizer, 512)
            if encoded is not None:
                tokens += len(encoded.input_ids)
                model.module(input_ids=torch.tensor([encoded.input_ids]), use_cache=False, logits_to_keep=1)
    return moments, tokens


@contextmanager
def watched(module: Any, moments: Moments) -> Iterator[None]:
    """Within it every adapted layer's inputs are summed up."""

    def watch(name: str) -> Any:
        def add(layer: Any, inputs: tuple[torch.Tensor, ...]) -> None:
            x = inputs[0].flatten(0, -2).float()
            moments[name] = moments.get(name, 0) + (x.T @ x).double()

        return add

    hooks = [layer.register_forward_pre_hook(watch(name)) for name, layer in lora_layers(module)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def factors(model: Any) -> dict[str, Update]:
    """Layer -> (A, B) in fp64."""
    return {
        name: tuple(one.detach().double() for one in update_factors(layer)) for name, layer in lora_layers(model.module)
    }


def random_update(like: Update) -> Update:
    """A free update of the same shape in random directions."""
    draw = torch.Generator().manual_seed(0)
    a, b = (torch.randn(one.shape, generator=draw, dtype=one.dtype) for one in like)
    return a, b


def against(update: dict[str, Update], updates: dict[str, Any], moments: Moments) -> dict[str, dict[str, float]]:
    """Change of the outputs over that of free updates of equal norm, over all layers."""
    found = {}
    for other in ("free", "random"):
        ratios = sorted(change(update[name], at) / change(updates[other][name], at) for name, at in moments.items())
        shares = {"median": median(ratios), "mean": mean(ratios), "most": ratios[-1]}
        within = sum(ratio <= 0.15 for ratio in ratios) / len(ratios)
        found[f"over {other}"] = {name: round(value, 4) for name, value in (shares | {"within 0.15": within}).items()}
    return found


def change(update: Update, moment: torch.Tensor) -> float:
    """Root of the summed squared changes of the outputs, over the update's norm: |B A X| / |B A|."""
    a, b = update
    gram = b.T @ b
    changed = torch.trace(gram @ (a @ moment @ a.T)).clamp(min=0)
    norm = torch.trace(gram @ (a @ a.T))
    return float((changed / norm).sqrt())


if __name__ == "__main__":
    main()
