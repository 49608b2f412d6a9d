"""How a conversation becomes the text and the tokens that a model is given, in training and in use alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError

from retain.errors import UserError
from retain.models.base import Message


class ChatTemplateError(UserError):
    """A model's chat template is broken, or refuses a conversation."""


def render_prompt(tokenizer: Any, messages: Sequence[Message]) -> str:
    """The text that stands before the answer: the chat template up to the opening of the assistant's turn.

    Without a chat template: the turns' contents, one a line, with a line break before the answer.
    """
    if tokenizer.chat_template:
        turns = [message.model_dump() for message in messages]
        try:
            return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
        except TemplateError as error:
            raise ChatTemplateError(
                f"the model's chat template refuses this conversation ({', '.join(turn.role for turn in messages)}): "
                f"{error}"
            ) from error
    return "".join(f"{message.content}\n" for message in messages)


def prompt_ids(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """Token ids of :func:`render_prompt`; a chat template brings its own special tokens, plain text does not."""
    return text_ids(tokenizer, render_prompt(tokenizer, messages), special=not tokenizer.chat_template)


def text_ids(tokenizer: Any, text: str, special: bool) -> list[int]:
    """Token ids; with ``special`` also what the tokenizer puts around a text, except EOS and a second BOS."""
    return texts_ids(tokenizer, [text], special)[0]


def texts_ids(tokenizer: Any, texts: Sequence[str], special: bool) -> list[list[int]]:
    """:func:`text_ids` of several texts in one call, which takes a fraction of the time."""
    if not any(texts):
        return [[] for _ in texts]
    found = tokenizer(list(texts), add_special_tokens=special, verbose=False)["input_ids"]
    return [_trimmed(tokenizer, text, list(ids), special) for text, ids in zip(texts, found, strict=True)]


def _trimmed(tokenizer: Any, text: str, ids: list[int], special: bool) -> list[int]:
    if not text:
        return []
    if special and ids[-1:] == [tokenizer.eos_token_id] and not text.endswith(tokenizer.eos_token):
        ids = ids[:-1]
    bos = tokenizer.bos_token_id if special else None
    return ids[1:] if bos is not None and ids[:2] == [bos, bos] else ids
