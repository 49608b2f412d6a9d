"""A language model as a reranker: how much rather it would say yes than no when asked whether a document answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retain.errors import UserError
from retain.models.base import Pair
from retain.models.causal import TransformersCausal
from retain.models.chat import text_ids
from retain.models.rerank_prompt import RerankPrompt
from retain.models.reranker import TransformersReranker
from retain.models.update import Update
from retain.scoring import pair as scoring
from retain.scoring.head import logits_at
from retain.scoring.pairs import as_batch

if TYPE_CHECKING:
    import torch

SLACK = 4
"""Tokens that a cut text may be longer, since it is cut into tokens anew beside its new neighbours."""


class YesNoReranker(TransformersReranker):
    """The logit of ``yes`` less that of ``no``, as the first token of the answer to a question about the pair.

    Prompts that begin alike share the pass over their beginning (``retain.scoring.shared``): the question, and for
    many documents of one query the query.

    Args:
        causal: the language model.
        prompt: how it is asked.
    """

    def __init__(self, causal: TransformersCausal, prompt: RerankPrompt) -> None:
        super().__init__(causal.module, causal.tokenizer, causal.name, causal.load_in, causal.base, causal.update)
        self.causal = causal
        self.prompt = prompt

    def rebuilt(
        self, module: Any, base: Callable[[], Any] | None = None, update: Update | None = None
    ) -> YesNoReranker:
        """The same reranker around another module."""
        model = YesNoReranker(self.causal.rebuilt(module, base, update), self.prompt)
        model.name, model.progress = self.name, self.progress
        return model

    @property
    def habits(self) -> tuple[Any, ...]:
        """The question, and the two answers."""
        return (*self.causal.habits, *self.prompt.habits)

    @property
    def head(self) -> list[str]:
        """None: the output head is the language model's own, and stays as it is."""
        return []

    def in_small_batches(self, tokens: int, rows: int) -> None:
        """Score in batches of another size."""
        self.causal.in_small_batches(tokens, rows)

    def score_pairs(self, pairs: Sequence[Pair], max_tokens: int) -> list[float]:
        """The log-probability of yes less that of no, which is the difference of their logits."""
        self.causal.progress, self.causal.doing = self.progress, self.doing
        answers = (self.prompt.yes, self.prompt.no)
        prompts = self._prompts(pairs, max_tokens)
        asked = [scoring.Pair(prompt, [token]) for prompt in prompts for token in answers]
        found = [one.logprob for one in self.causal.score_ids(asked)]
        return [yes - no for yes, no in zip(found[::2], found[1::2], strict=True)]

    def logits(self, pairs: Sequence[Pair], max_tokens: int) -> torch.Tensor:
        """The difference of the two logits with its gradient, in one forward pass."""
        import torch

        prompts = self._prompts(pairs, max_tokens)
        batch = as_batch([{"input_ids": ids} for ids in prompts], self.pad, self.module.device)
        wanted = torch.zeros_like(batch["input_ids"], dtype=torch.bool)
        for row, ids in enumerate(prompts):
            wanted[row, len(ids) - 1] = True
        found = logits_at(self.module, wanted, use_cache=False, **batch).float()
        difference: torch.Tensor = found[:, self.prompt.yes] - found[:, self.prompt.no]
        return difference

    def tokens(self, pairs: Sequence[Pair], max_tokens: int) -> list[int]:
        """How many tokens each prompt has."""
        return [len(ids) for ids in self._prompts(pairs, max_tokens)]

    def save(self, folder: Path) -> None:
        """Write the language model, and how it is asked."""
        self.causal.save(folder)
        self.prompt.save(folder)

    def take_plain_reasons(self) -> list[str]:
        """Why requests since the last call could not share their beginnings."""
        return self.causal.take_plain_reasons()

    def _prompts(self, pairs: Sequence[Pair], max_tokens: int) -> list[list[int]]:
        longest = min(max_tokens, self.context_length - 1)
        return [self._prompt(*pair, longest) for pair in pairs]

    def _prompt(self, query: str, document: str, longest: int) -> list[int]:
        """Token ids of the question; where it would be too long the document loses its end, and then the query."""
        ids = self._asked(query, document)
        if len(ids) > longest:
            document = self._without_end(document, len(ids) - longest)
            ids = self._asked(query, document)
        if len(ids) > longest:
            ids = self._asked(self._without_end(query, len(ids) - longest), document)
        if len(ids) > longest + SLACK:
            raise UserError(f"max_tokens: the question alone takes more than {longest} tokens of {self.name}; raise it")
        return ids

    def _asked(self, query: str, document: str) -> list[int]:
        text = self.prompt.text(self.tokenizer, query, document)
        if self.causal.chat:
            return text_ids(self.tokenizer, text, special=False)
        return self.causal.encode_prompt(text)

    def _without_end(self, text: str, tokens: int) -> str:
        """A text without so many of its last tokens."""
        encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ends = [end for _, end in encoded["offset_mapping"]]
        return text[: ends[-tokens - 1]] if tokens < len(ends) else ""
