"""Logits at chosen positions only, for any causal model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import torch

CPU_ROWS, GPU_ROWS = 16, 1024
"""Rows of logits that are taken to fp32 at once."""
PART_ROWS = 256
"""Positions that go through the output head at once on a CPU: more logits need fresh memory each time."""

_plain_heads: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


def logits_at(module: Any, wanted: torch.Tensor, **inputs: Any) -> torch.Tensor:
    """A forward pass that puts only some positions through the output head.

    A vocabulary is large and few positions are scored or trained, so a hook picks those from the head's input. What a
    model does to its logits afterwards (scaling, soft capping) acts on each of them alone and stays the model's own. A
    model whose logits do not come from its head as they are gets the plain pass.

    Args:
        module: a transformers causal model, or a wrapper of one.
        wanted: bool, (rows, length): whose logits to return, in row order.
        inputs: what the model takes, ``input_ids`` (rows, length) among it.

    Returns:
        Logits in the model's precision, (positions, vocabulary), with gradient where that is enabled.
    """
    logits, picked = _pass(module, wanted, None, inputs)
    return logits[0] if picked is not None else logits[wanted]


def logits_in_parts(module: Any, wanted: torch.Tensor, **inputs: Any) -> Iterator[torch.Tensor]:
    """What ``logits_at`` returns, some rows at a time, so that not all logits are in memory at once.

    The head is called apart from the model where the model's logits are the head's output as it is; where they are
    not, there is one part. For scoring: no gradient.

    Yields:
        Logits in the model's precision, (some positions, vocabulary), in order; nothing where none is wanted.
    """
    if not wanted.any():
        module(**inputs)
        return
    if not _head_is_last(module, inputs["input_ids"]):
        yield logits_at(module, wanted, **inputs)
        return
    _, hidden = _pass(module, wanted, 1, inputs)
    assert hidden is not None  # the check has seen it
    head = inner_model(module).get_output_embeddings()
    for rows in hidden.split(PART_ROWS if hidden.device.type == "cpu" else GPU_ROWS):
        yield head(rows)


def _pass(
    module: Any, wanted: torch.Tensor, keep: int | None, inputs: dict[str, Any]
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The logits of a forward pass in which only the wanted positions reach the head, the first ``keep`` of them.

    Returns:
        The logits, and the hidden states of all wanted positions; None where the head was not reached as expected.
    """
    picked: list[torch.Tensor] = []

    def pick(head: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        hidden = args[0]
        if not picked and hidden.dim() == 3 and hidden.shape[:2] == wanted.shape:
            picked.append(hidden[wanted])
            return (picked[0][None, :keep], *args[1:])
        return args

    head = inner_model(module).get_output_embeddings()
    hook = head.register_forward_pre_hook(pick) if head is not None else None
    try:
        logits: torch.Tensor = module(**inputs).logits
    finally:
        if hook is not None:
            hook.remove()
    return logits, picked[0] if picked else None


def _head_is_last(module: Any, ids: torch.Tensor) -> bool:
    """Whether a model's logits are its head's output as it is; tried once on one token."""
    if module not in _plain_heads:
        everything = torch.ones((1, 1), dtype=torch.bool, device=ids.device)
        logits, hidden = _pass(module, everything, None, {"input_ids": ids[:1, :1], "use_cache": False})
        plain = hidden is not None and torch.equal(inner_model(module).get_output_embeddings()(hidden), logits[0])
        _plain_heads[module] = plain
    return _plain_heads[module]


def log_totals(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Log of the sum of exponentials in fp32, and the highest logit, of each row of (rows, vocabulary).

    A few rows at a time, so that no fp32 copy of all logits is made and, on a CPU, the few stay in its cache.
    """
    first = torch.zeros(1, dtype=torch.long, device=logits.device)
    totals, highest = [], []
    for rows in logits.split(CPU_ROWS if logits.device.type == "cpu" else GPU_ROWS):
        exact = rows.float()
        # The fused kernel of cross-entropy takes half the time of logsumexp: loss = total - logit of the target.
        loss = torch.nn.functional.cross_entropy(exact, first.expand(len(rows)), reduction="none")
        totals.append(loss + exact[:, 0])
        highest.append(rows.amax(-1))
    return torch.cat(totals), torch.cat(highest)


def inner_model(module: Any) -> Any:
    """The transformers model inside wrappers for several processes (DDP's, DeepSpeed's engine).

    Some pass attributes on to what they wrap and have others of the same name, such as ``config``.
    """
    while (inside := module._modules.get("module")) is not None:
        module = inside
    return module
