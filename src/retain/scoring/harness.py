"""lm-evaluation-harness's model interface over ours: its tasks ask, our engines answer.

For probes, over any ``CausalModel``. The command ``lm_eval --model retain`` uses `retain.scoring.lm_eval_model`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.api.model import LM

from retain.errors import UserError
from retain.models.base import CausalModel, Limits, Message, Prompt, Request
from retain.records import Response

_CHAT = "\x00chat:"
"""Marks a prompt that stands for messages; they go through the model's own chat template."""
MAX_TOKENS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""What tasks call the limit of an answer; the first one that is given counts."""
NEUTRAL: Mapping[str, Any] = {"num_beams": 1, "num_return_sequences": 1, "repetition_penalty": 1.0, "use_cache": True}
"""Settings of generation that are accepted at the one value that changes nothing."""


class HarnessModel(LM):
    """A ``CausalModel`` as lm-eval sees it.

    Args:
        model: the model that is measured.
        max_tokens: where an answer is cut off when the task does not say.
    """

    def __init__(self, model: CausalModel, max_tokens: int = 256) -> None:
        super().__init__()
        self._model = model
        self._max_tokens = max_tokens
        self.unscorable: dict[tuple[str, int], str] = {}
        """(task, document) -> why a request of this document could not be scored."""
        self.responses: dict[tuple[str, int], Response] = {}
        """(task, document) -> what the model wrote; the first answer where a task asks several times."""
        self.prompts: dict[tuple[str, int], str] = {}
        """(task, document) -> the prompt as a person would read it."""

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """Score all continuations in one call; one that is too long is remembered in ``unscorable``."""
        pairs = [request.args for request in requests]
        found = self._model.loglikelihood(
            [Request(context=context, continuation=continuation) for context, continuation in pairs]
        )
        return [
            (one.logprob, one.greedy) if one is not None else (self._too_long(request), False)
            for request, one in zip(requests, found, strict=True)
        ]

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        """Score whole texts from their start; one that is too long is remembered in ``unscorable``."""
        found = self._model.loglikelihood([Request(context="", continuation=request.args[0]) for request in requests])
        return [
            one.logprob if one is not None else self._too_long(request)
            for request, one in zip(requests, found, strict=True)
        ]

    def _too_long(self, request: Any) -> float:
        self.unscorable[(request.task_name, request.doc_id)] = "longer than the model's context"
        return -500.0  # metrics subtract it and take its exponential; the document is left out in any case

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """Answer all prompts, one call for all that share their limits."""
        groups: dict[Limits, list[int]] = {}
        for place, request in enumerate(requests):
            groups.setdefault(limits_of(request.args[1], self._max_tokens), []).append(place)
        texts = [""] * len(requests)
        for limits, places in groups.items():
            prompts = [_prompt(requests[place].args[0]) for place in places]
            for place, prompt, response in zip(places, prompts, self._model.generate(prompts, limits), strict=True):
                key = (requests[place].task_name, requests[place].doc_id)
                texts[place] = response.text
                self.responses.setdefault(key, response)
                self.prompts.setdefault(key, _text(prompt))
        return texts

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """The conversation as a marked string, which ``generate_until`` turns into messages again.

        Raises:
            UserError: the task begins the answer itself (``gen_prefix``): messages have no word for that.
        """
        if not add_generation_prompt:
            raise UserError(
                "this task writes the beginning of each answer itself (gen_prefix), which needs the raw format: "
                "add template: raw to the probe"
            )
        return _CHAT + json.dumps(chat_history)

    @property
    def tokenizer_name(self) -> str:
        """The model's fingerprint: what lm-eval would name a cache by."""
        return self._model.fingerprint


def limits_of(asked: Mapping[str, Any], max_tokens: int) -> Limits:
    """The limits that a task's ``generation_kwargs`` stand for.

    Args:
        asked: what the task says; sampled where ``temperature`` is above 0 and ``do_sample`` is not false.
        max_tokens: where an answer is cut off when the task does not say.

    Raises:
        UserError: it asks for something that would change the answers and that our engine does not do.
    """
    sampled = asked.get("do_sample") is not False and float(asked.get("temperature") or 0) > 0
    known = {"until", "do_sample", "temperature", "top_p", *MAX_TOKENS, *(() if sampled else ("top_k",))}
    strange = [f"{key}: {value}" for key, value in asked.items() if key not in known and NEUTRAL.get(key) != value]
    if strange:
        raise UserError(
            f"generation_kwargs: found {', '.join(strange)}; allowed: until, do_sample, temperature, top_p, "
            f"{', '.join(MAX_TOKENS)}"
        )
    until = asked.get("until") or []
    stop = (until,) if isinstance(until, str) else tuple(until)
    given = [asked[key] for key in MAX_TOKENS if asked.get(key) is not None]
    return Limits(
        max_tokens=int(given[0]) if given else max_tokens,
        stop=tuple(one for one in stop if one),
        temperature=float(asked["temperature"]) if sampled else 0.0,
        top_p=float(asked.get("top_p") or 1.0) if sampled else 1.0,
    )


def _prompt(text: str) -> Prompt:
    """A prompt as our engines take it."""
    if not text.startswith(_CHAT):
        return text
    turns = json.loads(text.removeprefix(_CHAT))
    return tuple(Message(role=turn["role"], content=turn["content"]) for turn in turns)


def _text(prompt: Prompt) -> str:
    return prompt if isinstance(prompt, str) else "\n".join(turn.content for turn in prompt)
