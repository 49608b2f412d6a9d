"""Which directions of a layer's input general text uses: the eigenvectors of its inputs' second moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from retain.data.encoding import Encoded
from retain.mitigations.asked_base import LIBRARIES, training_precision
from retain.mitigations.base import Setup
from retain.mitigations.distributions import as_batch
from retain.models.causal import TransformersCausal
from retain.models.logits import labelled_logits
from retain.provenance import versions
from retain.records import content_hash
from retain.store import Store

if TYPE_CHECKING:
    import torch

MOST_BYTES = 2 * 1024**3
"""Second moments that are in memory at once; layers beyond it take another pass over the text."""
NOTHING = 1e-6
"""Share of the energy that is rounding of fp32 products and no input."""


def used_directions(
    model: TransformersCausal, setup: Setup, layers: Mapping[str, Any], rows: Sequence[Encoded], energy: float
) -> dict[str, torch.Tensor]:
    """For each layer the directions that hold ``energy`` of its inputs' energy over all tokens of the rows.

    The second moment, the sum of x x' over all tokens, is summed up row by row and taken apart in fp64. It is that of
    the base, asked in training's precision. Each layer's directions are kept in the store: a run that is killed, and a
    later one of the same base and text, does not compute them again.

    Args:
        model: answers as the base when this is called, or offers it through ``as_base``.
        setup: its base's fingerprint names the directions in the store.
        layers: name -> linear layer (or a wrapper of one) that is given inputs (..., d_in).
        rows: general text, encoded; every token counts, prompts included.
        energy: share of the energy, up to 1.

    Returns:
        Layer -> orthonormal columns (d_in, directions) in fp32, the strongest first.
    """
    store, keys = Store("directions"), _keys(model, setup, layers, rows, energy)
    found = {name: kept for name, key in keys.items() if (kept := _read(store, key)) is not None}
    missing = {name: layer for name, layer in layers.items() if name not in found}
    for group in _groups(missing):
        for name, moment in _moments(model, group, rows).items():
            found[name] = strongest(moment, energy)
            _write(store, keys[name], found[name])
    return {name: found[name] for name in layers}


def strongest(moment: torch.Tensor, energy: float) -> torch.Tensor:
    """The fewest eigenvectors of a second moment (d, d) that hold ``energy`` of its trace, as columns in fp32."""
    import torch

    values, vectors = torch.linalg.eigh(moment.double().cpu())
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
    left = values.sum() - values.cumsum(0)
    count = int((left > max(1 - energy, NOTHING) * values.sum()).sum()) + 1 if values.sum() > 0 else 0
    return vectors[:, :count].float().contiguous()


def _moments(model: TransformersCausal, layers: Mapping[str, Any], rows: Sequence[Encoded]) -> dict[str, torch.Tensor]:
    """Name -> sum of x x' over the tokens of all rows; (d_in, d_in)."""
    import torch

    moments: dict[str, torch.Tensor] = {}

    def watch(name: str) -> Callable[[Any, Any], None]:
        def add(layer: Any, inputs: tuple[torch.Tensor, ...]) -> None:
            x = inputs[0].detach().flatten(0, -2).float()
            with torch.autocast(x.device.type, enabled=False):
                product = x.T @ x
            product = product if x.device.type == "mps" else product.double()  # mps has no fp64
            moments[name] = moments[name].add_(product) if name in moments else product

        return add

    hooks = [layer.register_forward_pre_hook(watch(name)) for name, layer in layers.items()]
    model.module.eval()
    try:
        with torch.no_grad(), model.as_base(), training_precision(model):
            for done, row in enumerate(rows, 1):
                labelled_logits(model.module, as_batch(row, model.module.device))
                if model.progress is not None:
                    model.progress("rows whose layer inputs were summed up", done, len(rows))
    finally:
        for hook in hooks:
            hook.remove()
    return moments


def _groups(layers: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Layers in parts whose second moments fit into memory together."""
    group: dict[str, Any] = {}
    size = 0
    for name, layer in layers.items():
        needed = 8 * layer.in_features**2
        if group and size + needed > MOST_BYTES:
            yield group
            group, size = {}, 0
        group[name] = layer
        size += needed
    if group:
        yield group


def _keys(
    model: TransformersCausal, setup: Setup, layers: Mapping[str, Any], rows: Sequence[Encoded], energy: float
) -> dict[str, str]:
    installed = versions()
    known = [setup.base.fingerprint, str(model.module.device), [installed.get(name) for name in LIBRARIES], energy]
    text = content_hash([row.input_ids for row in rows], length=32)
    return {name: content_hash(known, text, name, length=32) for name in layers}


def _read(store: Store, key: str) -> torch.Tensor | None:
    from safetensors.torch import load

    content = store.read_bytes(key)
    return load(content)["directions"] if content is not None else None


def _write(store: Store, key: str, directions: torch.Tensor) -> None:
    from safetensors.torch import save

    store.write_bytes(key, bytes(save({"directions": directions})))
