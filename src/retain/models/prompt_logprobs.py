"""Log-probabilities of a prompt's own tokens, read from a server's answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Style = Literal["echo", "echo and one token", "prompt_logprobs"]
STYLES: dict[Style, dict[str, Any]] = {
    "echo": {"echo": True, "logprobs": 1, "max_tokens": 0},
    "echo and one token": {"echo": True, "logprobs": 1, "max_tokens": 1},
    "prompt_logprobs": {"prompt_logprobs": 1, "max_tokens": 1},
}
"""Ways to ask ``/completions`` for them: OpenAI's (vLLM, SGLang and others), the same where no answer of length 0 is
allowed, and vLLM's own."""


class ScoredToken(NamedTuple):
    """A token of a prompt as the server shows it."""

    text: str
    """May be a replacement character where a token is a part of a character."""
    logprob: float | None
    """In nats; None for a token that nothing stands before."""
    greedy: bool
    """No token is more likely here."""


def read_tokens(answer: Mapping[str, Any], style: Style) -> list[ScoredToken] | None:
    """The prompt's tokens with their log-probabilities, or None where the answer does not hold them.

    Some servers pass over ``echo`` without a word (llama.cpp): their answer holds the written token's values, and the
    caller finds out by comparing the tokens' texts with the prompt.
    """
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return None
    try:
        if style == "prompt_logprobs":
            return [_own(entry) for entry in choice.get("prompt_logprobs") or answer["prompt_logprobs"]]
        logprobs = choice["logprobs"]
        columns = logprobs["tokens"], logprobs["token_logprobs"], logprobs["top_logprobs"]
        tokens = [_token(*row) for row in zip(*columns, strict=True)]
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    count = (answer.get("usage") or {}).get("prompt_tokens")
    return tokens[: count if isinstance(count, int) and count else len(tokens) - STYLES[style]["max_tokens"]]


def _token(text: str, logprob: float | None, top: Mapping[str, float] | None) -> ScoredToken:
    if logprob is None:
        return ScoredToken(str(text), None, False)
    most = max((float(value) for value in (top or {}).values()), default=math.inf)
    return ScoredToken(str(text), float(logprob), float(logprob) >= most)


def _own(entry: Mapping[str, Any] | None) -> ScoredToken:
    """One place's entry as vLLM has it: the prompt's token and, where that is another, the most likely one."""
    if entry is None:
        return ScoredToken("", None, False)
    own = max(entry.values(), key=lambda one: int(one["rank"]))
    return ScoredToken(str(own["decoded_token"]), float(own["logprob"]), int(own["rank"]) == 1)


def after(tokens: list[ScoredToken], context: str, text: str) -> list[ScoredToken] | None:
    """The tokens of ``text`` that end behind ``context``, its beginning; None where the tokens do not add up to it.

    They do not where a character is made of several tokens, each of which is shown as a replacement character. The
    servers' own ``text_offset`` is no help then, because it counts the same replacements (and where a token is put
    before the text, it counts that, too). Places are therefore counted from the end of the text.

    Other servers (vLLM) show the whole character at its last token and nothing at those before. The texts then do add
    up, but tokens that show nothing right at the end of ``context`` may belong to either side: None as well.
    """
    whole = "".join(token.text for token in tokens)
    without_first = bool(tokens) and not tokens[0].text and text.endswith(whole)
    if not whole.endswith(text) and not without_first:
        return None
    first, end = len(tokens), len(text)
    while first and end > len(context):
        first -= 1
        end -= len(tokens[first].text)
    while first and _shows_nothing(tokens[first - 1]):
        if context:
            return None
        first -= 1
    return tokens[first:]


def _shows_nothing(token: ScoredToken) -> bool:
    """True for a part of a character; what a server puts before a text has no log-probability."""
    return not token.text and token.logprob is not None
