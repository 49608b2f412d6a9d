"""A transformers language model, measured and trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from retain.models.base import Likelihood, Limits, Prompt, Request
from retain.models.chat import prompt_ids, text_ids
from retain.models.fingerprint import config_values, tokenizer_hash, weights_hash
from retain.models.update import Update
from retain.records import Response, content_hash
from retain.scoring.generation import Sampling, Written, generate
from retain.scoring.likelihood import Pair, score


class TransformersCausal:
    """Any transformers causal model with its tokenizer; a PEFT model too.

    Args:
        module: the model, in the precision in which it is measured.
        tokenizer: its fast tokenizer.
        name: what a person calls it.
        load_in: ``fp32``, ``bf16`` or ``4bit``; part of the fingerprint.
        base: a context manager within which ``module`` answers as the base; nothing to do when None.
        update: what training learned, where it can be scaled.
    """

    def __init__(
        self,
        module: Any,
        tokenizer: Any,
        name: str,
        load_in: str,
        base: Callable[[], Any] | None = None,
        update: Update | None = None,
    ) -> None:
        self.module = module
        self.tokenizer = tokenizer
        self.name = name
        self.load_in = load_in
        self._base = base
        self.update = update
        self.progress: Callable[[str, int, int], None] | None = None
        """Called with (what, done, total) while requests are worked off."""
        self.doing = ""
        """What the requests are for, such as a probe's name; shown with the progress."""

    def renewed(self) -> TransformersCausal:
        """The same model after its weights were changed: a new fingerprint, the same progress."""
        model = TransformersCausal(
            self.module, self.tokenizer, self.name, self.load_in, base=self._base, update=self.update
        )
        model.progress = self.progress
        return model

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that decides what the model answers: weights, configuration, tokenizer, precision.

        Of the moment it is first asked for: training makes a new one.
        """
        weights = content_hash(weights_hash(self.module), adapter_scaling(self.module))
        config = content_hash(config_values(self.module.config), sorted(self.ends))
        return content_hash(weights, config, tokenizer_hash(self.tokenizer), self.load_in, length=24)

    @property
    def context_length(self) -> int:
        """Longest sequence in tokens that the model was made for."""
        return int(getattr(self.module.config.get_text_config(), "max_position_embeddings", None) or 2048)

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

    @property
    def pad(self) -> int:
        """A token id for padding; what it is does not matter, padding is masked."""
        return next(int(i) for i in (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id, 0) if i is not None)

    @contextmanager
    def as_base(self) -> Iterator[None]:
        """Within it, the model answers as before training (adapter off, or the frozen weights put back)."""
        if self._base is None:
            yield
        else:
            with self._base():
                yield

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        training = self.module.training
        self.module.eval()
        try:
            yield
        finally:
            self.module.train(training)

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
        """Continue each prompt; a prompt too long for the context loses its beginning, an answer its end."""
        longest = min(limits.max_tokens, self.context_length - 1)
        room = self.context_length - longest
        encoded = [self.encode_prompt(prompt)[-room:] for prompt in prompts]
        sampling = Sampling(longest, limits.temperature, limits.top_p, limits.seed)
        with self._evaluating():
            written = generate(self.module, encoded, sampling, self.ends, self.pad, self._tick("writing", len(encoded)))
        return [self._response(one, limits.stop) for one in written]

    def _response(self, written: Written, stop: tuple[str, ...]) -> Response:
        text = self.tokenizer.decode(written.ids, skip_special_tokens=True)
        cut = min((text.find(s) for s in stop if s in text), default=-1)
        stopped = written.stopped or cut >= 0
        return Response(text=text[:cut] if cut >= 0 else text, tokens=len(written.ids), stopped=stopped)

    def loglikelihood(self, requests: Sequence[Request]) -> list[Likelihood | None]:
        """Score each continuation; None where context and continuation exceed the model's context."""
        pairs = [self._pair(request) for request in requests]
        fits = [i for i, pair in enumerate(pairs) if len(pair.context) + len(pair.continuation) <= self.context_length]
        fits = [i for i in fits if pairs[i].continuation]
        with self._evaluating():
            scored = score(self.module, [pairs[i] for i in fits], self.pad, self._tick("scoring", len(fits)))
        found: list[Likelihood | None] = [None] * len(pairs)
        for i, one in zip(fits, scored, strict=True):
            tokens = len(pairs[i].continuation)
            found[i] = Likelihood(logprob=one.logprob, tokens=tokens, greedy=one.greedy)
        return found

    def _pair(self, request: Request) -> Pair:
        """Tokens of context and continuation; the boundary's white space belongs to the continuation."""
        context = request.context.rstrip()
        continuation = request.context[len(context) :] + request.continuation
        if not context:
            whole = text_ids(self.tokenizer, continuation, special=True)
            if whole and whole[0] == self._start:
                return Pair(whole[:1], whole[1:])
            return Pair([self._start], whole)
        head = text_ids(self.tokenizer, context, special=True)
        whole = text_ids(self.tokenizer, context + continuation, special=True)
        return Pair(whole[: len(head)], whole[len(head) :])

    def _tick(self, what: str, total: int) -> Callable[[int], None]:
        def tick(done: int) -> None:
            if self.progress is not None:
                self.progress(f"{self.doing}: {what}" if self.doing else what, done, total)

        return tick


def adapter_scaling(module: Any) -> list[tuple[str, float]]:
    """The factors of an adapter's layers: they change what a model does and are no weights."""
    layers = [(name, getattr(layer, "scaling", None)) for name, layer in module.named_modules()]
    return [(name, float(value)) for name, found in layers if isinstance(found, dict) for value in found.values()]
