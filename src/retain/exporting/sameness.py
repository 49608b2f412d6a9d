"""How far an export's answers are from those of the model that was exported, number by number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from retain.export_records import Sameness
from retain.exporting import llama_cpp
from retain.models.causal import TransformersCausal
from retain.models.reranker import TransformersReranker
from retain.models.transformers_model import TransformersModel
from retain.probes.base import Probe
from retain.scoring.pairs import as_batch

if TYPE_CHECKING:
    import torch

TEXTS = 8
TOKENS = 64
"""Of each text, at most: the beginning."""


@dataclass(frozen=True)
class Answered:
    """What a model answered to some texts."""

    texts: Sequence[str]
    ids: Sequence[Sequence[int]]
    """The texts' tokens; empty for rerankers."""
    logits: torch.Tensor
    """Of every token's successor, (tokens, vocabulary); for rerankers one score a pair, (pairs, 1). In fp32."""


def texts_of(probes: Sequence[Probe]) -> list[str]:
    """Some items' texts, of every probe in turn."""
    each = [[text for _, text in islice(probe.texts(), TEXTS)] for probe in probes]
    found = [text for text in chain.from_iterable(zip_longest(*each)) if text]
    return list(dict.fromkeys(found))[:TEXTS]


def answered(model: TransformersModel, texts: Sequence[str]) -> Answered:
    """A model's answers to texts, cut into tokens by its own tokenizer. Rerankers score each text with the next one."""
    if isinstance(model, TransformersReranker):
        return answered_as(model, texts, [])
    return answered_as(model, texts, [cut for text in texts if (cut := _tokens(model, text))])


def answered_as(model: TransformersModel, texts: Sequence[str], ids: Sequence[Sequence[int]]) -> Answered:
    """A model's answers to texts that are tokens already."""
    import torch

    if isinstance(model, TransformersReranker):
        pairs = list(zip(texts, [*texts[1:], *texts[:1]], strict=True))
        return Answered(texts, [], torch.tensor(model.score_pairs(pairs, TOKENS))[:, None])
    rows = []
    with torch.no_grad():
        for one in ids:
            batch = as_batch([{"input_ids": list(one)}], model.pad, model.module.device)
            rows.append(model.module(**batch, use_cache=False).logits[0].float().cpu())
    return Answered(texts, ids, torch.cat(rows))


def sameness(before: Answered, after: TransformersModel) -> Sameness:
    """How far a model's answers are from those given before, on the same tokens.

    Args:
        before: what the exported model answered.
        after: the export.
    """
    now = answered_as(after, before.texts, before.ids)
    otherwise = 0
    if isinstance(after, TransformersCausal):
        otherwise = sum(_tokens(after, text) != list(one) for text, one in zip(before.texts, before.ids, strict=True))
    return _compared(before.logits, now.logits, len(before.texts), otherwise, bool(before.ids))


def runtime_sameness(file: Path, measured: TransformersCausal, texts: Sequence[str]) -> Sameness:
    """How far llama.cpp's answers with a GGUF file are from those of its weights as they were measured.

    Compared are the log-probabilities that both give to the tokens that llama.cpp holds for the most likely ones, after
    each text and after its first half. Texts are also cut into tokens by both: a file whose vocabulary is read
    otherwise would be asked otherwise.

    Raises:
        BrokenError: llama.cpp cannot read the file.
    """
    ids = {text: cut for text in texts if (cut := _tokens(measured, text))}
    begun = [one[:length] for one in ids.values() for length in sorted({len(one), len(one) // 2} - {0})]
    largest, agreeing = 0.0, 0
    with llama_cpp.served(file, 4 * TOKENS) as server:
        otherwise = sum(server.cut(text)[:TOKENS] != one for text, one in ids.items())
        for one in begun:
            theirs = server.next_tokens(one)
            ours = answered_as(measured, [], [one]).logits[-1].log_softmax(-1)
            largest = max(largest, *(abs(float(ours[token]) - value) for token, value in theirs.items()))
            agreeing += int(ours.argmax()) == next(iter(theirs))
    return Sameness(
        texts=len(ids),
        positions=len(begun),
        largest=largest,
        agreement=agreeing / len(begun),
        split_otherwise=otherwise,
    )


def _tokens(model: TransformersModel, text: str) -> list[int]:
    found: list[int] = model.tokenizer(text)["input_ids"][:TOKENS]
    return found


def _compared(one: torch.Tensor, other: torch.Tensor, texts: int, otherwise: int, tokens: bool) -> Sameness:
    agreement = float((one.argmax(-1) == other.argmax(-1)).float().mean()) if tokens else None
    return Sameness(
        texts=texts,
        positions=one.shape[0],
        largest=float((one - other).abs().max()),
        agreement=agreement,
        split_otherwise=otherwise,
    )
