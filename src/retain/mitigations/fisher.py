"""The diagonal of the Fisher information of a model's weights on some rows, from squared per-sample gradients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch

from retain import processes
from retain.data.encoding import Encoded
from retain.errors import UserError
from retain.mitigations.adapter_distance import check_products
from retain.mitigations.asked_base import LIBRARIES, training_precision
from retain.mitigations.distributions import as_batch, targets
from retain.mitigations.general_groups import as_reranker
from retain.mitigations.mapped_files import mapped, write_mapped
from retain.models.logits import labelled_logits
from retain.models.low_rank import lora_layers
from retain.models.transformers_model import TransformersModel
from retain.models.update import whole_parts
from retain.provenance import versions
from retain.ranking.groups import Group
from retain.records import Record, content_hash
from retain.store import Store
from retain.sums import file_hash

Targets = Literal["sampled", "empirical"]
VERSION = 2
"""To be raised when the same question gets another answer."""
Sums = dict[str, torch.Tensor]
Row = Encoded | Group
"""A row of text in tokens, or of rerankers a query with documents."""
MAX_TOKENS = 512


class FisherFile(Record):
    """What the store knows of a file of Fisher values that lies beside it."""

    sha256: str
    mean: float
    """Over all values."""


def diagonal_fisher(
    model: TransformersModel, fingerprint: str, rows: Sequence[Row], which: Targets, max_tokens: int = MAX_TOKENS
) -> tuple[Mapping[str, torch.Tensor], float]:
    """F of every trained weight, or with a LoRA adapter of every weight under it: memory-mapped, bf16; and its mean.

    F_i = sum over rows of (d log p(y|x) / d theta_i)^2 / labelled tokens of all rows, in the base. Kept in the store by
    the base's fingerprint, the rows and what else it depends on.

    Args:
        model: still the base (or offers it through ``as_base``).
        fingerprint: the base's.
        rows: x and y; y the labelled tokens, or of a reranker's group the document that comes first, p(y|x) the softmax
            of the group's scores.
        which: ``sampled`` draws each labelled token from the model at its place, with draws of their own seed for each
            row; ``empirical`` takes the given ones.
        max_tokens: of a reranker's groups: the longest query with document.

    Returns:
        F by the name of a parameter, or of an adapted layer, in the shape (out, in) of a linear layer's weight.

    Raises:
        UserError: what is trained has no such F, or the store cannot be written.
    """
    store, key = Store("fisher"), fisher_key(model, fingerprint, rows, which, max_tokens)
    path = store.folder / f"{key}.safetensors"
    known = store.read(key, FisherFile)
    digest = known.sha256 if known is not None else ""
    if known is None or not processes.from_first(lambda: path.is_file() and file_hash(path) == digest):
        sums = squared_gradients(model, rows, which, max_tokens)
        mean = float(sum(one.double().sum() for one in sums.values()) / sum(one.numel() for one in sums.values()))
        write_mapped({name: value.to(torch.bfloat16) for name, value in sums.items()}, path)
        known = FisherFile(sha256=file_hash(path), mean=mean)
        store.write(key, known)
    return mapped(path), known.mean


def fisher_key(
    model: TransformersModel, fingerprint: str, rows: Sequence[Row], which: Targets, max_tokens: int = MAX_TOKENS
) -> str:
    """A hash of everything that the values depend on."""
    installed = versions()
    asked = [[*row, max_tokens] if isinstance(row, Group) else [row.input_ids, row.labels] for row in rows]
    libraries = [installed.get(name) for name in LIBRARIES]
    place = [str(model.module.device), model.load_in]
    return content_hash(VERSION, fingerprint, place, libraries, sorted(_weights(model.module)), asked, which, length=32)


def squared_gradients(
    model: TransformersModel, rows: Sequence[Row], which: Targets, max_tokens: int = MAX_TOKENS
) -> Sums:
    """F in fp32, one row at a time; see :func:`diagonal_fisher`. The model is left as it was."""
    module, adapter = model.module, hasattr(model.module, "peft_config")
    was_training = module.training
    module.eval()
    watch = _watch_layers if adapter else _watch_parameters
    tokens = 0
    try:
        with model.as_base(), training_precision(model), torch.enable_grad(), watch(module) as sums:
            for index, row in enumerate(rows):
                logits, given = _asked(model, row, max_tokens)
                drawn = given if which == "empirical" else _drawn(logits, index)
                torch.nn.functional.cross_entropy(logits, drawn, reduction="sum").backward()
                tokens += len(drawn)
                if model.progress is not None:
                    model.progress("rows read for the Fisher information", index + 1, len(rows))
    finally:
        module.train(was_training)
    for value in sums.values():
        value /= tokens
    return sums


def _asked(model: TransformersModel, row: Row, max_tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of all that could be said at each position, (positions, choices), and what was said, (positions,)."""
    if isinstance(row, Group):
        scores = as_reranker(model).logits(row.pairs, max_tokens)
        return scores[None], torch.zeros(1, dtype=torch.long, device=scores.device)
    batch = as_batch(row, model.module.device)
    return labelled_logits(model.module, batch), targets(batch)


def _drawn(logits: torch.Tensor, seed: int) -> torch.Tensor:
    """A choice for each position, drawn from the model."""
    generator = torch.Generator().manual_seed(seed)
    probabilities = logits.detach().softmax(-1).cpu()
    return torch.multinomial(probabilities, 1, generator=generator)[:, 0].to(logits.device)


def _weights(module: Any) -> dict[str, Any]:
    """Name -> trained parameter, or with an adapter name -> the linear layer under it and the base's trained parts."""
    if not hasattr(module, "peft_config"):
        return {name: p for name, p in module.named_parameters() if p.requires_grad}
    check_products(module)
    parts = {name: base for name, _, base in whole_parts(module)}
    return {**{name: layer.get_base_layer() for name, layer in lora_layers(module)}, **parts}


@contextmanager
def _watch_parameters(module: Any) -> Iterator[Sums]:
    """Within it, each backward pass adds the square of every trained parameter's gradient and drops the gradient."""
    with _squaring(_weights(module)) as sums:
        yield sums


@contextmanager
def _squaring(weights: Mapping[str, Any]) -> Iterator[Sums]:
    """Within it, each backward pass adds the square of these parameters' gradients, and drops the gradients."""
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
def _with_gradient(weights: Sequence[Any]) -> Iterator[None]:
    """Within it, frozen parameters get gradients."""
    frozen = [weight for weight in weights if not weight.requires_grad]
    for weight in frozen:
        weight.requires_grad_(True)
    try:
        yield
    finally:
        for weight in frozen:
            weight.requires_grad_(False)


@contextmanager
def _watch_layers(module: Any) -> Iterator[Sums]:
    """The same for the weights of frozen linear layers, 4-bit ones too.

    With the inputs x and the gradients g of the outputs y = x W' of one row, (tokens, in) and (tokens, out), the
    gradient of W is g' x; of a layer that is used several times (ALBERT) the sum over its uses.
    """
    sums: Sums = {}
    uses: Counter[str] = Counter()
    """Layer -> uses in this row whose gradient has not come yet."""
    parts_of_row: Sums = {}

    def note(name: str) -> Callable[..., None]:
        def remember(layer: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            entered = inputs[0].detach()

            def square(gradient: torch.Tensor) -> None:
                with torch.autocast(gradient.device.type, enabled=False):
                    product = gradient.flatten(0, -2).float().mT @ entered.flatten(0, -2).float()
                if name in parts_of_row:
                    product += parts_of_row.pop(name)
                uses[name] -= 1
                if uses[name]:
                    parts_of_row[name] = product
                    return
                if name not in sums:
                    sums[name] = torch.zeros_like(product)
                sums[name].addcmul_(product, product)

            if output.requires_grad:
                uses[name] += 1
                output.register_hook(square)

        return remember

    weights = _weights(module)
    parts = {name: one for name, one in weights.items() if isinstance(one, torch.nn.Parameter)}
    hooks = [layer.register_forward_hook(note(name)) for name, layer in weights.items() if name not in parts]
    # Nothing is trained here, so that gradients must be asked for where the layers begin.
    hooks.append(module.get_input_embeddings().register_forward_hook(lambda layer, ids, out: out.requires_grad_()))
    with _with_gradient(list(parts.values())), _squaring(parts) as whole, _removed(hooks):
        yield sums
        sums |= whole
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
