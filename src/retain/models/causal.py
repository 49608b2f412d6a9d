"""A transformers language model, measured and trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from retain import processes
from retain.errors import UserError
from retain.models.base import Likelihood, Limits, Prompt, Request
from retain.models.chat import prompt_ids, text_ids, texts_ids
from retain.models.transformers_model import TransformersModel
from retain.models.update import Update
from retain.records import Response
from retain.scoring.generation import Sampling, Stops, Written, generate
from retain.scoring.likelihood import LikelihoodEngine, Pair, Scored


class TransformersCausal(TransformersModel):
    """Any transformers causal model with its tokenizer; a PEFT model too."""

    rows: int | None = None
    """Answers written at a time; found from memory when None."""
    _plainly = ""
    """Why the last answers were written plainly; empty when they were not."""
    _cuts = 0

    def rebuilt(
        self, module: Any, base: Callable[[], Any] | None = None, update: Update | None = None
    ) -> TransformersCausal:
        """The same model around another module."""
        model = TransformersCausal(module, self.tokenizer, self.name, self.load_in, base=base, update=update)
        model.progress = self.progress
        return model

    @property
    def habits(self) -> tuple[Any, ...]:
        """The tokens that end an answer."""
        return (sorted(self.ends),)

    def in_small_batches(self, tokens: int, rows: int) -> None:
        """Score and write in batches of another size."""
        self.scorer.batch_tokens, self.rows = tokens, rows

    @property
    def chat(self) -> bool:
        """True when the tokenizer has a chat template."""
        return bool(self.tokenizer.chat_template)

    @property
    def ends(self) -> set[int]:
        """Token ids that end an answer: the tokenizer's and the generation config's."""
        configured = self.module.generation_config.eos_token_id
        ids = configured if isinstance(configured, list) else [configured]
        return {int(i) for i in [*ids, self.tokenizer.eos_token_id] if i is not None}

    @cached_property
    def scorer(self) -> LikelihoodEngine:
        """The engine that scores continuations; its ``batch_tokens`` can be set for another batch size."""
        return LikelihoodEngine(self.module, self.pad)

    def encode_prompt(self, prompt: Prompt) -> list[int]:
        """Token ids of a prompt: raw text as the tokenizer encodes text, messages through the chat template."""
        if isinstance(prompt, str):
            return text_ids(self.tokenizer, prompt, special=True) or [self._start]
        return prompt_ids(self.tokenizer, prompt) or [self._start]

    @property
    def _start(self) -> int:
        """What stands before the first token of a text that is scored from its start."""
        tokenizer = self.tokenizer
        return next(int(i) for i in (tokenizer.bos_token_id, tokenizer.eos_token_id, self.pad) if i is not None)

    def generate(self, prompts: Sequence[Prompt], limits: Limits) -> list[Response]:
        """Continue each prompt.

        Where both do not fit into the context, a prompt may take half of it or what the answer leaves, whichever is
        more; a longer one loses its beginning, which :meth:`take_cuts` tells.
        """
        room = max(self.context_length - limits.max_tokens, self.context_length // 2)
        longest = min(limits.max_tokens, self.context_length - room)
        whole = [self.encode_prompt(prompt) for prompt in prompts]
        encoded = [ids[-room:] for ids in whole]
        self._cuts += sum(len(ids) > room for ids in whole)
        return self.generate_ids(encoded, limits.model_copy(update={"max_tokens": longest}))

    def generate_ids(self, prompts: Sequence[list[int]], limits: Limits) -> list[Response]:
        """Continue prompts that are token ids already, as they are: the caller has made room for the answer.

        Several processes that work together share them. A sampled answer depends on how often its prompt came before,
        so that one process gets all of those.
        """
        key: Any = tuple if limits.temperature else id
        found = processes.split(prompts, lambda part: self._continued(part, limits), key)
        self._plainly = "; ".join(sorted(set(filter(None, processes.gather(self._plainly)))))
        return found

    def _continued(self, prompts: Sequence[list[int]], limits: Limits) -> list[Response]:
        sampling = Sampling(limits.max_tokens, limits.temperature, limits.top_p, limits.seed)
        tick = self._tick("writing", len(prompts))
        with self._evaluating():
            written = generate(
                self.module,
                list(prompts),
                sampling,
                self.ends,
                self.pad,
                tick,
                stops=Stops(limits.stop, self._decode),
                rows=self.rows,
                note=self._note_engine,
            )
        return [self._response(one, limits.stop) for one in written]

    def _note_engine(self, engine: str) -> None:
        self._plainly = engine.removeprefix("plain: ") if engine.startswith("plain: ") else ""

    def take_plain_reasons(self) -> list[str]:
        """Why requests since the last call were worked off without sharing; empty when the engines did all of them."""
        reasons = [f"writing: {self._plainly}"] if self._plainly else []
        reasons += [f"scoring: {self.scorer.unshared}"] if self.scorer.unshared else []
        self._plainly = self.scorer.unshared = ""
        return reasons

    def take_cuts(self) -> int:
        """How many prompts lost their beginning since the last call."""
        cuts, self._cuts = self._cuts, 0
        return cuts

    def _decode(self, ids: list[int]) -> str:
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text

    def _response(self, written: Written, stop: tuple[str, ...]) -> Response:
        text = self._decode(written.ids)
        cut = min((text.find(s) for s in stop if s in text), default=-1)
        stopped = written.stopped or cut >= 0
        return Response(text=text[:cut] if cut >= 0 else text, tokens=len(written.ids), stopped=stopped)

    def loglikelihood(self, requests: Sequence[Request]) -> list[Likelihood | None]:
        """Score each continuation; None where context and continuation exceed the model's context."""
        pairs = self.pairs(requests)
        fits = [i for i, pair in enumerate(pairs) if len(pair.context) + len(pair.continuation) <= self.context_length]
        fits = [i for i in fits if pairs[i].continuation]
        scored = self.score_ids([pairs[i] for i in fits])
        found: list[Likelihood | None] = [None] * len(pairs)
        for i, one in zip(fits, scored, strict=True):
            tokens = len(pairs[i].continuation)
            found[i] = Likelihood(logprob=one.logprob, tokens=tokens, greedy=one.greedy)
        return found

    def score_ids(self, pairs: Sequence[Pair]) -> list[Scored]:
        """Score pairs that are token ids already, as they are, however long; several processes share them."""

        def score(part: Sequence[Pair]) -> list[Scored]:
            with self._evaluating():
                return self.scorer.score(part, self._tick("scoring", len(part)))

        found = processes.split(pairs, score, lambda pair: tuple(pair.context))
        self.scorer.unshared = "; ".join(sorted(set(filter(None, processes.gather(self.scorer.unshared)))))
        return found

    def pairs(self, requests: Sequence[Request]) -> list[Pair]:
        """Tokens of contexts and continuations; the boundary's white space belongs to the continuation."""
        contexts = [request.context.rstrip() for request in requests]
        wholes = [request.context + request.continuation for request in requests]
        texts = list(dict.fromkeys([*contexts, *wholes]))
        ids = dict(zip(texts, texts_ids(self.tokenizer, texts, special=True), strict=True))
        return [self._pair(ids[context], ids[whole]) for context, whole in zip(contexts, wholes, strict=True)]

    def _pair(self, head: list[int], whole: list[int]) -> Pair:
        if head:
            return Pair(whole[: len(head)], whole[len(head) :])
        if whole and whole[0] == self._start:
            return Pair(whole[:1], whole[1:])
        return Pair([self._start], whole)


def as_language_model(model: TransformersModel) -> TransformersCausal:
    """A model as one that writes text.

    Raises:
        UserError: it is a reranker.
    """
    if not isinstance(model, TransformersCausal):
        raise UserError(f"{model.name} is a reranker here, and a language model is needed")
    return model
