"""Where the answers are in a rendered conversation, for any chat template, with or without generation marks.

The conversation is rendered once as it is and once for each answer with a placeholder in its place. What then
stands before and after the placeholder also stands before and after the answer, whatever the template does to
it (trimming it, dropping the thoughts of earlier turns, adding an empty thought to the last).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from retain.models.base import Message
from retain.models.chat import ChatTemplateError, render_prompt

PLACEHOLDER = "answer-5e1f0c7a"
"""Plain text that a template leaves alone."""


class SpanError(ValueError):
    """A conversation cannot be rendered, or its answers cannot be found in the rendering."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A conversation as text that ends with its last answer, and where each answer is."""

    text: str
    spans: tuple[tuple[int, int], ...]
    """Start and end of each trained part, in characters: an answer with the token that ends its turn."""
    prompt: int
    """Characters of the text that a model is given when it writes the last answer; 0 where the template
    renders that prompt in another way than the whole conversation."""


def render_chat(tokenizer: Any, messages: Sequence[Message], ended: bool = True) -> Rendered:
    """Render a conversation that ends with an answer.

    Without a chat template the turns stand one a line (see `render_prompt`), and the last answer is the only
    span.

    Args:
        tokenizer: A transformers tokenizer.
        messages: The conversation.
        ended: False leaves out what ends the last turn.

    Raises:
        SpanError: the template refuses the conversation, or an answer cannot be found in the rendering.
    """
    if not tokenizer.chat_template:
        prompt = render_prompt(tokenizer, messages[:-1])
        text = prompt + messages[-1].content
        return Rendered(text, ((len(prompt), len(text)),), len(prompt))
    try:
        return _render_with_template(tokenizer, messages, ended)
    except ChatTemplateError as error:
        raise SpanError(str(error)) from error
    except (TemplateError, TypeError) as error:
        raise SpanError(f"the model's chat template refuses this conversation: {error}") from error


def _render_with_template(tokenizer: Any, messages: Sequence[Message], ended: bool) -> Rendered:
    full = _render(tokenizer, messages)
    turns = [index for index, message in enumerate(messages) if message.role == "assistant"]
    openings = [render_prompt(tokenizer, messages[:index]) for index in turns]
    pairs = zip(turns, openings, strict=True)
    contents = [_content_span(tokenizer, messages, full, index, opening) for index, opening in pairs]
    closing = _closing(tokenizer, full[contents[-1][1] :])
    spans = [(start, end + len(closing) * full.startswith(closing, end)) for start, end in contents]
    if not ended:
        spans[-1] = contents[-1]
    prompt = len(openings[-1]) if full.startswith(openings[-1]) else 0
    return Rendered(full[: spans[-1][1]], tuple(spans), prompt)


def _render(tokenizer: Any, messages: Sequence[Message]) -> str:
    turns = [message.model_dump() for message in messages]
    return str(tokenizer.apply_chat_template(turns, tokenize=False))


def _content_span(tokenizer: Any, messages: Sequence[Message], full: str, index: int, opening: str) -> tuple[int, int]:
    """Where one answer is, from the end of its generation prompt to the end of its content."""
    marked = list(messages)
    marked[index] = Message(role="assistant", content=PLACEHOLDER)
    before, found, after = _render(tokenizer, marked).partition(PLACEHOLDER)
    start = next((len(text) for text in (opening, before) if full.startswith(text)), None)
    end = len(full) - len(after)
    if not found or start is None or not full.endswith(after) or start >= end:
        raise SpanError(
            f"turn {index + 1} cannot be found in what the model's chat template makes of this conversation"
        )
    return start, end


def _closing(tokenizer: Any, rest: str) -> str:
    """What ends a turn: all up to the first EOS, else the first special token, else all but white space."""
    for tokens in ([tokenizer.eos_token], tokenizer.all_special_tokens):
        ends = [rest.find(token) + len(token) for token in tokens if token and token in rest]
        if ends:
            return rest[: min(ends)]
    return rest.rstrip()
