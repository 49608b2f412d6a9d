"""The diagonal of the Fisher information of a model's weights on some rows, from squared per-sample gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch

from retain.data.encoding import Encoded
from retain.errors import UserError
from retain.folder import file_hash
from retain.mitigations.adapter_distance import check_products
from retain.mitigations.asked_base import LIBRARIES, training_precision
from retain.mitigations.distributions import as_batch, targets
from retain.mitigations.mapped_files import mapped, write_mapped
from retain.models.causal import TransformersCausal
from retain.models.logits import labelled_logits
from retain.models.low_rank import lora_layers
from retain.provenance import versions
from retain.records import Record, content_hash
from retain.store import Store

Targets = Literal["sampled", "empirical"]
VERSION = 1
"""To be raised when the same question gets another answer."""
Sums = dict[str, torch.Tensor]


class FisherFile(Record):
    """What the store knows of a file of Fisher values that lies beside it."""

    sha256: str
    mean: float
    """Over all values."""


def diagonal_fisher(
    model: TransformersCausal, fingerprint: str, rows: Sequence[Encoded], which: Targets
) -> tuple[Mapping[str, torch.Tensor], float]:
    """F of every trained weight, or with a LoRA adapter of every weight under it: memory-mapped, bf16; and its mean.

    F_i = sum over rows of (d log p(y|x) / d theta_i)^2 / labelled tokens of all rows, in the base. Kept in the store by
    the base's fingerprint, the rows and what else it depends on.

    Args:
        model: still the base (or offers it through ``as_base``).
        fingerprint: the base's.
        rows: x and y; y the labelled tokens.
        which: ``sampled`` draws each labelled token from the model at its place, with draws of their own seed for each
            row; ``empirical`` takes the given ones.

    Returns:
        F by the name of a parameter, or of an adapted layer, in the shape (out, in) of a linear layer's weight.

    Raises:
        UserError: what is trained has no such F, or the store cannot be written.
    """
    store, key = Store("fisher"), fisher_key(model, fingerprint, rows, which)
    path = store.folder / f"{key}.safetensors"
    known = store.read(key, FisherFile)
    if known is None or not path.is_file() or file_hash(path) != known.sha256:
        sums = squared_gradients(model, rows, which)
        mean = float(sum(one.double().sum() for one in sums.values()) / sum(one.numel() for one in sums.values()))
        write_mapped({name: value.to(torch.bfloat16) for name, value in sums.items()}, path)
        known = FisherFile(sha256=file_hash(path), mean=mean)
        store.write(key, known)
    return mapped(path), known.mean


def fisher_key(model: TransformersCausal, fingerprint: str, rows: Sequence[Encoded], which: Targets) -> str:
    """A hash of everything that the values depend on."""
    installed = versions()
    asked = [[row.input_ids, row.labels] for row in rows]
    libraries = [installed.get(name) for name in LIBRARIES]
    place = [str(model.module.device), model.load_in]
    return content_hash(VERSION, fingerprint, place, libraries, sorted(_weights(model.module)), asked, which, length=32)


def squared_gradients(model: TransformersCausal, rows: Sequence[Encoded], which: Targets) -> Sums:
    """F in fp32, one row at a time; see :func:`diagonal_fisher`. The model is left as it was."""
    module, adapter = model.module, hasattr(model.module, "peft_config")
    was_training = module.training
    module.eval()
    watch = _watch_layers if adapter else _watch_parameters
    tokens = 0
    try:
        with model.as_base(), training_precision(model), torch.enable_grad(), watch(module) as sums:
            for index, row in enumerate(rows):
                logits = labelled_logits(module, as_batch(row, module.device))
                drawn = _targets(logits, row, which, index)
                torch.nn.functional.cross_entropy(logits, drawn, reduction="sum").backward()
                tokens += len(drawn)
                if model.progress is not None:
                    model.progress("rows read for the Fisher information", index + 1, len(rows))
    finally:
        module.train(was_training)
    for value in sums.values():
        value /= tokens
    return sums


def _targets(logits: torch.Tensor, row: Encoded, which: Targets, seed: int) -> torch.Tensor:
    """A token for each position: the given one, or one drawn from the model."""
    if which == "empirical":
        return targets(as_batch(row, logits.device))
    generator = torch.Generator().manual_seed(seed)
    probabilities = logits.detach().softmax(-1).cpu()
    return torch.multinomial(probabilities, 1, generator=generator)[:, 0].to(logits.device)


def _weights(module: Any) -> dict[str, Any]:
    """Name -> trained parameter, or with an adapter name -> the linear layer under it."""
    if not hasattr(module, "peft_config"):
        return {name: p for name, p in module.named_parameters() if p.requires_grad}
    check_products(module)
    return {name: layer.get_base_layer() for name, layer in lora_layers(module)}


@contextmanager
def _watch_parameters(module: Any) -> Iterator[Sums]:
    """Within it, each backward pass adds the square of every trained parameter's gradient and drops the gradient."""
    weights = _weights(module)
    sums = {name: torch.zeros_like(p, dtype=torch.float32) for name, p in weights.items()}

    def note(total: torch.Tensor) -> Callable[[torch.Tensor], None]:
        def square(parameter: torch.Tensor) -> None:
            assert parameter.grad is not None
            gradient = parameter.grad.float()
            total.addcmul_(gradient, gradient)
            parameter.grad = None

        return square

    hooks = [p.register_post_accumulate_grad_hook(note(sums[name])) for name, p in weights.items()]
    with _removed(hooks):
        yield sums


@contextmanager
def _watch_layers(module: Any) -> Iterator[Sums]:
    """The same for the weights of frozen linear layers, 4-bit ones too.

    With the inputs x and the gradients g of the outputs y = x W' of one row, (tokens, in) and (tokens, out), the
    gradient of W is g' x.
    """
    sums: Sums = {}

    def note(name: str) -> Callable[..., None]:
        def remember(layer: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            entered = inputs[0].detach()

            def square(gradient: torch.Tensor) -> None:
                with torch.autocast(gradient.device.type, enabled=False):
                    product = gradient.flatten(0, -2).float().mT @ entered.flatten(0, -2).float()
                if name not in sums:
                    sums[name] = torch.zeros_like(product)
                sums[name].addcmul_(product, product)

            if output.requires_grad:
                output.register_hook(square)

        return remember

    weights = _weights(module)
    hooks = [layer.register_forward_hook(note(name)) for name, layer in weights.items()]
    # Nothing is trained here, so that gradients must be asked for where the layers begin.
    hooks.append(module.get_input_embeddings().register_forward_hook(lambda layer, ids, out: out.requires_grad_()))
    with _removed(hooks):
        yield sums
    if unused := sorted(set(weights) - set(sums)):
        raise UserError(
            f"mitigations.ewc: general text does not reach {unused[0]}; leave it out of lora.target_modules"
        )


@contextmanager
def _removed(hooks: Sequence[Any]) -> Iterator[None]:
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
