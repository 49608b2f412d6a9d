"""What the base answers on rows of training, asked once before training and kept for the next run of the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from retain import processes
from retain.data.encoding import IGNORED, Encoded
from retain.mitigations.base import Setup
from retain.mitigations.distributions import Stored, as_batch, store_base, targets
from retain.models.causal import TransformersCausal
from retain.models.logits import labelled_logits
from retain.models.transformers_model import TransformersModel
from retain.provenance import versions
from retain.records import content_hash
from retain.scoring import ENGINE_VERSION
from retain.store import Store

if TYPE_CHECKING:
    import torch

LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes")
"""Packages whose version can change an answer."""
PART = 64
"""Rows that are kept together: a run that is killed goes on at the part it was in."""
Tensors = dict[str, "torch.Tensor"]


def base_distributions(
    model: TransformersCausal, setup: Setup, rows: Sequence[Encoded], top_k: int | None, mask_target: bool = False
) -> Stored:
    """:func:`store_base` in training's precision, from the store where the base was asked before."""
    import torch

    def ask(part: Sequence[Encoded]) -> Tensors:
        stored = store_base(model, part, top_k, mask_target)
        return {"ids": torch.cat([ids for ids, _ in stored]), "logprobs": torch.cat([values for _, values in stored])}

    found = _asked(model, setup, rows, ["distributions", top_k, mask_target], ask)
    return [(one["ids"], one["logprobs"]) for one in found]


def target_logprobs(model: TransformersCausal, setup: Setup, rows: Sequence[Encoded]) -> list[torch.Tensor]:
    """The base's log-probability of each labelled token, row by row, (positions,) each, in training's precision."""
    import torch

    def of_rows(part: Sequence[Encoded]) -> list[torch.Tensor]:
        found = []
        model.module.eval()
        with torch.no_grad(), model.as_base():
            for row in part:
                batch = as_batch(row, model.module.device)
                logprobs = labelled_logits(model.module, batch).log_softmax(-1)
                found.append(logprobs.gather(-1, targets(batch)[:, None])[:, 0].cpu())
        return found

    def ask(part: Sequence[Encoded]) -> Tensors:
        return {"logprobs": torch.cat(processes.split(part, of_rows))}

    return [one["logprobs"] for one in _asked(model, setup, rows, ["targets"], ask)]


@contextmanager
def training_precision(model: TransformersModel) -> Iterator[None]:
    """Forward passes within it compute as those of training do: in bf16 arithmetic, but for ``load_in: fp32``."""
    import torch

    wanted = model.load_in != "fp32"
    with torch.autocast(model.module.device.type, dtype=torch.bfloat16, enabled=wanted):
        yield


def _asked(
    model: TransformersCausal,
    setup: Setup,
    rows: Sequence[Encoded],
    question: list[Any],
    ask: Callable[[Sequence[Encoded]], Tensors],
) -> list[Tensors]:
    """For each row what ``ask`` gives for its labelled positions; whole parts come from the store where they can."""
    from safetensors.torch import load, save

    store = Store("training")
    installed = versions()
    known = [setup.base.fingerprint, str(model.module.device), ENGINE_VERSION]
    known += [installed.get(name) for name in LIBRARIES]
    found: list[Tensors] = []
    for start in range(0, len(rows), PART):
        part = rows[start : start + PART]
        key = content_hash(known, question, [[row.input_ids, row.labels] for row in part], length=32)
        content = store.read_bytes(key)
        if content is None:
            with training_precision(model):
                content = bytes(save({name: tensor.contiguous() for name, tensor in ask(part).items()}))
            store.write_bytes(key, content)
        lengths = [sum(label != IGNORED for label in row.labels[1:]) for row in part]
        split = {name: tensor.split(lengths) for name, tensor in load(content).items()}
        found += [{name: pieces[i] for name, pieces in split.items()} for i in range(len(part))]
        if model.progress is not None:
            model.progress("rows asked of the base", start + len(part), len(rows))
    return found
