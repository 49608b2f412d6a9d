"""Rows of different lengths in one forward pass without padding: one line of tokens, attention row by row."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from retain.models.logits import labelled_logits
from retain.scoring.forward import bare
from retain.scoring.head import inner_model

NAME = "retain_unpadded"
"""What :func:`attend` is registered as with transformers."""
CHECKED_ROWS = 3
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.5, torch.float16: 0.1}
"""How far a logit may lie from the padded pass's: rounding, which depends on a batch's shape."""

Batch = Mapping[str, torch.Tensor]


class Layout(NamedTuple):
    """Where the tokens of a padded batch stand in one line, and back."""

    rows: int
    length: int
    line: torch.Tensor
    """Place in the padded batch of each token of the line, (tokens,)."""
    padded: torch.Tensor
    """Token of the line at each place of the padded batch, 0 for padding, (rows * length,)."""


def layout_of(mask: torch.Tensor) -> Layout:
    """The layout of an attention mask, (rows, length), that is padded on the right."""
    flat = mask.flatten().bool()
    padded = (flat.cumsum(0) - 1).where(flat, 0)
    return Layout(mask.shape[0], mask.shape[1], flat.nonzero()[:, 0], padded)


_layouts: list[Layout] = []


@contextmanager
def unpadded(module: Any, batch: Batch) -> Iterator[dict[str, torch.Tensor]]:
    """Within it a model takes the batch that this gives, and answers for it as for the padded one.

    Padding costs as much as tokens do. Everything in a language model but attention treats tokens one by one, so that
    they can stand in one line; for attention they are put back into rows, where causality hides padding on the right
    without a mask.

    Args:
        module: a causal model for which :func:`takes_unpadded` holds.
        batch: ``input_ids``, ``attention_mask`` and ``labels``, (rows, length), padded on the right
            (:func:`padded_on_the_right`).

    Gives:
        ``input_ids``, ``position_ids`` and ``labels``, (1, tokens). The first label of each row is -100: what stands
        before it in the line is another row.
    """
    layout = layout_of(batch["attention_mask"])
    labels = batch["labels"].clone()
    labels[:, 0] = -100
    positions = torch.arange(layout.length, device=labels.device).expand(layout.rows, -1)
    line = {"input_ids": batch["input_ids"], "labels": labels, "position_ids": positions}
    model = bare(inner_model(module))
    before = model.config._attn_implementation
    AttentionInterface.register(NAME, attend)
    model.set_attn_implementation(NAME)
    _layouts.append(layout)
    try:
        yield {name: one.flatten()[layout.line][None] for name, one in line.items()}
    finally:
        _layouts.pop()
        model.set_attn_implementation(before)


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each row of the batch that :func:`unpadded` put into a line.

    Args:
        module: the attention layer.
        query: (1, heads, tokens, size); keys and values likewise.
        key: as ``query``, perhaps with fewer heads.
        value: as ``key``.
        attention_mask: not read; there is none.
        kwargs: what else the model passes.

    Returns:
        (1, tokens, heads, size), and no weights.
    """
    layout = _layouts[-1]

    def in_rows(line: torch.Tensor) -> torch.Tensor:
        heads, _, size = line.shape[1:]
        return line[0].index_select(1, layout.padded).view(heads, layout.rows, layout.length, size).transpose(0, 1)

    kwargs["is_causal"] = True
    found, _ = sdpa_attention_forward(module, in_rows(query), in_rows(key), in_rows(value), None, **kwargs)
    return found.flatten(0, 1).index_select(0, layout.line)[None], None


def padded_on_the_right(mask: torch.Tensor) -> bool:
    """Whether no token of an attention mask, (rows, length), stands after padding of its row."""
    return bool((mask[:, 1:] <= mask[:, :-1]).all())


def takes_unpadded(module: Any, batch: Batch) -> bool:
    """Whether a model answers for rows in a line as for padded ones; tried on some rows of a batch.

    False for models with sliding windows, recurrence or positions that are not given, for attention that is not
    torch's, and while activations are recomputed in the backward pass. Another batch may be padded otherwise.
    """
    model = bare(inner_model(module))
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ())
    windows = getattr(config, "sliding_window", None) is not None if not kinds else kinds != {"full_attention"}
    knows = "position_ids" in inspect.signature(model.forward).parameters
    if windows or not knows or model.config._attn_implementation != "sdpa" or model.config.sub_configs:
        return False
    if getattr(model, "is_gradient_checkpointing", False) or not padded_on_the_right(batch["attention_mask"]):
        return False
    return _answers_alike(module, {name: batch[name][:CHECKED_ROWS] for name in KEYS})


KEYS = ("input_ids", "attention_mask", "labels")


def _answers_alike(module: Any, batch: Batch) -> bool:
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            one = labelled_logits(module, {**batch, "labels": _all_labelled(batch)})
            with unpadded(module, {**batch, "labels": _all_labelled(batch)}) as line:
                other = labelled_logits(module, line)
    finally:
        module.train(training)
    halves = torch.is_autocast_enabled(one.device.type) or bare(inner_model(module)).dtype != torch.float32
    return float((one - other).abs().max()) <= TOLERANCE[torch.bfloat16 if halves else torch.float32]


def _all_labelled(batch: Batch) -> torch.Tensor:
    return batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
