"""A cross-encoder: a transformers model that reads query and document together, on sentence-transformers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retain import processes
from retain.models.base import Pair
from retain.models.one_lookup import one_lookup
from retain.models.transformers_model import TransformersModel
from retain.models.update import Update
from retain.models.update_files import is_adapter
from retain.scoring.pairs import Features, PairScorer, as_batch, in_batches
from retain.scoring.room import batch_tokens_for

if TYPE_CHECKING:
    import torch

FEATURES = ("input_ids", "token_type_ids")
"""What models read of a pair."""
CHUNK = 4096
"""Pairs that are cut into tokens at a time."""


class TransformersReranker(TransformersModel):
    """A reranker that is measured and trained here: a cross-encoder, or a language model that says yes or no."""

    @property
    @abstractmethod
    def head(self) -> list[str]:
        """Names of the module's parts outside of its backbone, which an adapter must train as a whole."""

    @abstractmethod
    def score_pairs(self, pairs: Sequence[Pair], max_tokens: int) -> list[float]:
        """The logit of each pair, in evaluation mode and without gradient."""

    @abstractmethod
    def logits(self, pairs: Sequence[Pair], max_tokens: int) -> torch.Tensor:
        """The logit of each pair with its gradient, in the module's present mode, (pairs,), fp32."""

    def logits_in_parts(self, pairs: Sequence[Pair], max_tokens: int) -> torch.Tensor:
        """The same in as many forward passes as save padding."""
        return self.logits(pairs, max_tokens)

    @abstractmethod
    def tokens(self, pairs: Sequence[Pair], max_tokens: int) -> list[int]:
        """How many tokens each pair has after it was cut."""

    def score(self, query: str, documents: Sequence[str], max_tokens: int) -> list[float]:
        """The logit of each document of one query."""
        return self.score_pairs([(query, document) for document in documents], max_tokens)


class CrossEncoderReranker(TransformersReranker):
    """A transformers model for sequence classification with one label, in a sentence-transformers ``CrossEncoder``.

    Args:
        encoder: the cross-encoder; its first module holds the transformers model.
        name: what a person calls it.
        load_in: ``fp32`` or ``bf16``; part of the fingerprint.
        base: as for ``TransformersModel``.
        update: as for ``TransformersModel``.
    """

    def __init__(
        self, encoder: Any, name: str, load_in: str, base: Callable[[], Any] | None = None, update: Update | None = None
    ) -> None:
        super().__init__(encoder[0].model, encoder.tokenizer, name, load_in, base, update)
        self._encoder = encoder
        config = self.module.config.get_text_config()
        if config.pad_token_id is None:
            config.pad_token_id = super().pad

    def rebuilt(
        self, module: Any, base: Callable[[], Any] | None = None, update: Update | None = None
    ) -> CrossEncoderReranker:
        """The same cross-encoder around another module, which it holds from now on."""
        self._encoder[0].model = module
        model = CrossEncoderReranker(self._encoder, self.name, self.load_in, base, update)
        model.progress = self.progress
        return model

    @property
    def habits(self) -> tuple[Any, ...]:
        """The padding token, by which a decoder's head finds a pair's last token, and the saved prompt."""
        return (self.pad, *filter(None, [self._saved_prompt]))

    @property
    def _saved_prompt(self) -> str | None:
        """What sentence-transformers puts before each query, or says in the system's turn."""
        found: str | None = self._encoder.prompts.get(self._encoder.default_prompt_name)
        return found

    @property
    def pad(self) -> int:
        """The configuration's token for padding, which heads of decoders look for; the tokenizer's where it has none.

        Those heads read the score off the last token that is not it, whatever the mask says.
        """
        return int(self.module.config.get_text_config().pad_token_id)

    @property
    def head(self) -> list[str]:
        """The parts beside the backbone that hold weights: ``classifier``, ``score``, a pooler of its own."""
        module = self.module.get_base_model() if is_adapter(self.module) else self.module
        parts = [name for name, part in module.named_children() if next(part.parameters(), None) is not None]
        return [name for name in parts if name != module.base_model_prefix]

    @cached_property
    def scorer(self) -> PairScorer:
        """The engine that scores pairs; its ``batch_tokens`` can be set for another batch size."""
        return PairScorer(self.module, self.pad)

    def in_small_batches(self, tokens: int, rows: int) -> None:
        """Score in batches of another size."""
        self.scorer.batch_tokens = tokens

    def score_pairs(self, pairs: Sequence[Pair], max_tokens: int) -> list[float]:
        """The logit of each pair, as ``CrossEncoder.predict`` gives it without its activation function."""

        def score(part: Sequence[Pair]) -> list[float]:
            with self._evaluating():
                return self.scorer.score(self._encoded(part, max_tokens), self._tick("scoring", len(part)))

        return processes.split(pairs, score)

    def logits(self, pairs: Sequence[Pair], max_tokens: int) -> torch.Tensor:
        """The logit of each pair with its gradient, in one forward pass."""
        return self._logits(self._encoded(pairs, max_tokens))

    def logits_in_parts(self, pairs: Sequence[Pair], max_tokens: int) -> torch.Tensor:
        """The same, pairs of like length together."""
        import torch

        encoded = self._encoded(pairs, max_tokens)
        parts = in_batches([len(one["input_ids"]) for one in encoded], batch_tokens_for(self.module))
        tokens = {self.pad, *(token for one in encoded for token in one["input_ids"])}
        with one_lookup(self.module, sorted(tokens)):
            found = torch.cat([self._logits([encoded[place] for place in part]) for part in parts])
        order = torch.tensor([place for part in parts for place in part], device=found.device)
        return found[order.argsort()]

    def _logits(self, encoded: Sequence[Features]) -> torch.Tensor:
        found: torch.Tensor = self.module(**as_batch(encoded, self.pad, self.module.device)).logits[:, 0].float()
        return found

    def tokens(self, pairs: Sequence[Pair], max_tokens: int) -> list[int]:
        """How many tokens each pair has after it was cut."""
        return [len(one["input_ids"]) for one in self._encoded(pairs, max_tokens)]

    def save(self, folder: Path) -> None:
        """Write a folder that sentence-transformers and transformers load too."""
        self._encoder.save_pretrained(str(folder), create_model_card=False)

    def _encoded(self, pairs: Sequence[Pair], max_tokens: int) -> list[Features]:
        """Pairs as tokens; a longer one loses the end of its longer text, as with ``CrossEncoder``.

        Where sentence-transformers makes more of a pair than two texts (a chat template, a saved prompt), so does this.
        """
        longest = min(max_tokens, self.context_length)
        encode = self._prompted if self._saved_prompt or "message" in self._encoder[0].modality_config else self._plain
        parts = (pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK))
        return [one for part in parts for one in encode(part, longest)]

    def _plain(self, pairs: Sequence[Pair], longest: int) -> list[Features]:
        queries, documents = zip(*pairs, strict=True)
        encoded = self.tokenizer(
            list(queries), list(documents), truncation="longest_first", max_length=longest, padding=False
        )
        names = [name for name in FEATURES if name in encoded]
        rows = zip(*(encoded[name] for name in names), strict=True)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _prompted(self, pairs: Sequence[Pair], longest: int) -> list[Features]:
        limits = {"text": {"max_length": longest, "truncation": "longest_first"}}
        encoded = self._encoder.preprocess(list(pairs), prompt=self._saved_prompt, processing_kwargs=limits)
        names = [name for name in FEATURES if name in encoded]
        kept = encoded["attention_mask"].bool()
        return [{name: encoded[name][row][kept[row]].tolist() for name in names} for row in range(len(pairs))]
