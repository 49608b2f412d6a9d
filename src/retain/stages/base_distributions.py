"""What a base would say next at each position of some rows, kept between runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retain.data.encoding import IGNORED, Encoded
from retain.mitigations.distributions import Stored, store_base
from retain.models.causal import TransformersCausal
from retain.provenance import versions
from retain.records import content_hash
from retain.scoring import ENGINE_VERSION
from retain.stages.kept_measurements import LIBRARIES
from retain.store import Store


def base_distributions(
    fingerprint: str, device: str, rows: Sequence[Encoded], top_k: int, load: Callable[[], TransformersCausal]
) -> Stored:
    """The base's ``top_k`` most likely tokens at every labelled position, from the store or asked now.

    Args:
        fingerprint: the base's.
        device: where it runs.
        rows: encoded with the base's tokenizer.
        top_k: how many tokens are stored for each position, 8 bytes each.
        load: gives the base where it must be asked.
    """
    store, key = Store("distributions"), distribution_key(fingerprint, device, rows, top_k)
    content = store.read_bytes(key)
    if content is not None:
        return _unpacked(content, rows)
    stored = store_base(load(), rows, top_k)
    store.write_bytes(key, _packed(stored))
    return stored


def kept_distributions(fingerprint: str, device: str, rows: Sequence[Encoded], top_k: int) -> Stored | None:
    """The same where the base was asked before; None where it was not."""
    content = Store("distributions").read_bytes(distribution_key(fingerprint, device, rows, top_k))
    return _unpacked(content, rows) if content is not None else None


def distribution_key(fingerprint: str, device: str, rows: Sequence[Encoded], top_k: int) -> str:
    """A hash of everything that the distributions depend on."""
    installed = versions()
    libraries = {name: installed.get(name) for name in LIBRARIES}
    asked = [[row.input_ids, row.labels] for row in rows]
    return content_hash(fingerprint, device, asked, top_k, ENGINE_VERSION, libraries, length=32)


def _packed(stored: Stored) -> bytes:
    import torch
    from safetensors.torch import save

    tensors = {"ids": torch.cat([ids for ids, _ in stored]), "logprobs": torch.cat([values for _, values in stored])}
    return bytes(save({name: tensor.contiguous() for name, tensor in tensors.items()}))


def _unpacked(content: bytes, rows: Sequence[Encoded]) -> Stored:
    from safetensors.torch import load

    tensors = load(content)
    lengths = [sum(label != IGNORED for label in row.labels[1:]) for row in rows]
    return list(zip(tensors["ids"].split(lengths), tensors["logprobs"].split(lengths), strict=True))
