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
    text = render_prompt(tokenizer, messages)
    return list(tokenizer(text, add_special_tokens=not tokenizer.chat_template)["input_ids"])
