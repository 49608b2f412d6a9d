"""The turns of a conversation, in every spelling that files use, and the rules a conversation must keep."""

from __future__ import annotations

import re
from collections.abc import Sequence

from retain.data.rows import RowError, kind_of
from retain.errors import nearest
from retain.models.base import Message

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "function_call": "assistant",
    "tool": "tool",
    "tools": "tool",
    "function": "tool",
    "function_response": "tool",
    "observation": "tool",
}
"""Role as files spell it -> role as chat templates know it."""

_LABELLED = re.compile(r"\n\n(Human|Assistant):")


def read_turns(value: object, key: str) -> tuple[Message, ...]:
    """A list of ``{role, content}`` or ``{from, value}`` objects as messages; contents stay as they are.

    Raises:
        RowError: it is no such list, a role is unknown, or a content is not a string.
    """
    if not isinstance(value, list | tuple):
        raise RowError(f"`{key}` is {kind_of(value)}, expected a list of turns")
    if not value:
        raise RowError(f"`{key}` holds no turn")
    return tuple(read_turn(turn, f"{key}[{index}]") for index, turn in enumerate(value))


def read_turn(value: object, where: str) -> Message:
    """One ``{role, content}`` or ``{from, value}`` object as a message.

    Raises:
        RowError: keys are missing, the role is unknown, or the content is not a string.
    """
    if not isinstance(value, dict):
        raise RowError(f"`{where}` is {kind_of(value)}, expected an object with role and content")
    role_key, content_key = ("from", "value") if "from" in value else ("role", "content")
    if role_key not in value or content_key not in value:
        missing = role_key if role_key not in value else content_key
        raise RowError(f"`{where}` has no key `{missing}`; found {', '.join(map(str, value)) or 'no key'}")
    role, content = value[role_key], value[content_key]
    if not isinstance(content, str):
        raise RowError(f"`{where}.{content_key}` is {kind_of(content)}, expected a string")
    known = ROLES.get(role.lower()) if isinstance(role, str) else None
    if known is None:
        raise RowError(f'`{where}.{role_key}`: unknown role "{role}"; {nearest(str(role), ROLES)}')
    return Message(role=known, content=content)


def is_labelled(text: str) -> bool:
    r"""True for a dialogue in one string, in the form ``\n\nHuman: ...\n\nAssistant: ...``."""
    return text.lstrip().startswith("Human:") and "\n\nAssistant:" in text


def labelled_turns(text: str) -> tuple[Message, ...]:
    r"""The turns of ``\n\nHuman: ...\n\nAssistant: ...``; only the space after the colon is taken away."""
    _, *parts = _LABELLED.split("\n\n" + text.lstrip())
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return tuple(Message(role=ROLES[who.lower()], content=said.removeprefix(" ")) for who, said in pairs)


def check_order(messages: Sequence[Message]) -> None:
    """A system turn only at the start, and at least one user turn that says something.

    Raises:
        RowError: the order is broken.
    """
    for position, message in enumerate(messages, 1):
        if message.role == "system" and position > 1:
            raise RowError(f"turn {position} is a system turn; only the first may be")
    if not any(message.role == "user" and message.content.strip() for message in messages):
        raise RowError("empty prompt: no user turn with text")


def check_chat(messages: Sequence[Message]) -> None:
    """A conversation to learn from ends with the assistant, and every answer in it has text.

    Raises:
        RowError: it does not.
    """
    if not any(message.role == "assistant" for message in messages):
        raise RowError("no assistant turn: there is nothing to learn")
    if messages[-1].role != "assistant":
        raise RowError(f"the last turn is the {messages[-1].role}'s; add the assistant's answer or remove it")
    for position, message in enumerate(messages, 1):
        if message.role == "assistant" and not message.content.strip():
            raise RowError(f"empty answer: turn {position} has no text")
    check_order(messages)
