"""A model that is asked in another way: probes ask it their items as ever, and it puts more around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from retain.advice.plan import Plan, Turns
from retain.models.base import Limits, Message, Prompt
from retain.models.causal import TransformersCausal
from retain.probes.items import as_prompt
from retain.records import Response, content_hash


class Request(NamedTuple):
    """A prompt as the model is given it."""

    prompt: Prompt
    tokens: int
    left_out: int
    """Examples and passages for which there was no room."""
    cut: bool
    """It is longer than the model can read and loses its beginning."""
    passages: Sequence[str] = ()
    """Those put before the question."""


class PromptedCausal(TransformersCausal):
    """A model with a way to ask. Items keep their ids, so that ways to ask are paired item by item.

    Args:
        model: what is asked; its weights are used as they are.
        plan: how it is asked. With a bare one this model is ``model``, by its fingerprint too.
        max_prompt: longest prompt in tokens; what the context leaves when None.
        turns: of raw prompts (a probe's, where the model has no chat template), the turns that they are made of.
    """

    def __init__(
        self,
        model: TransformersCausal,
        plan: Plan,
        max_prompt: int | None = None,
        turns: Mapping[Prompt, Turns] | None = None,
    ) -> None:
        super().__init__(model.module, model.tokenizer, model.name, model.load_in, base=model.base, update=model.update)
        self.progress, self.rows = model.progress, model.rows
        self.plan = plan
        self.max_prompt = max_prompt
        self.end = plan.end if not model.chat and not plan.bare else ""
        """Text that ends an answer; it is not part of it."""
        self._turns = turns or {}
        self._asked: dict[tuple[Prompt, int], Request] = {}
        own = content_hash(plan.fingerprint, max_prompt or 0, self.end)
        self.fingerprint = model.fingerprint if plan.bare else content_hash(model.fingerprint, own, length=24)

    def generate(self, prompts: Sequence[Prompt], limits: Limits) -> list[Response]:
        """Continue each prompt with what the plan puts around it, up to the plan's end where there is no template."""
        asked = [self.request(prompt, limits.max_tokens).prompt for prompt in prompts]
        stop = (*limits.stop, self.end) if self.end else limits.stop
        return super().generate(asked, limits.model_copy(update={"stop": stop}))

    def request(self, prompt: Prompt, max_tokens: int) -> Request:
        """What the model is given for a prompt that a probe asks.

        Args:
            prompt: turns, or raw text, which is taken as one turn where nothing says what turns it has.
            max_tokens: room for the answer.
        """
        key = (prompt, max_tokens)
        if key not in self._asked:
            self._asked[key] = self._requested(prompt, max_tokens)
        return self._asked[key]

    def _turns_of(self, prompt: Prompt) -> Turns:
        if not isinstance(prompt, str):
            return prompt
        return self._turns.get(prompt) or (Message(role="user", content=prompt.removesuffix("\n")),)

    def _requested(self, prompt: Prompt, max_tokens: int) -> Request:
        chat = not isinstance(prompt, str)
        turns = self._turns_of(prompt)

        def tokens(asked: Turns) -> int:
            return len(self.encode_prompt(as_prompt(asked, chat)))

        most = max(self.context_length - max_tokens, self.context_length // 2)
        asked = self.plan.ask(turns, tokens, min(most, self.max_prompt or most))
        whole = as_prompt(asked.turns, chat) if asked.turns != turns else prompt
        length = len(self.encode_prompt(whole))
        return Request(whole, min(length, most), asked.left_out, length > most, asked.passages)
