"""From examples to token ids and labels, one rule for training, rehearsal and penalties.

- **Chat, with a chat template**: the conversation as the template renders it, up to the end of the last
  answer. Labelled is every answer with the token that ends its turn (``on="all"``: everything). Where the
  template does not end the last answer with the EOS token, one is appended.
- **Chat, without one**: the turns before the last answer, one a line, then the answer and EOS. Labelled is
  the last answer with EOS.
- **Text**: the whole text and EOS, all of it labelled.

The tokens before an answer are those that the model is given when it writes one (`retain.models.chat`). BOS
is there where the template or the tokenizer puts it, never twice. A row that was cut off at a limit
(``Example.ended`` is False) gets no EOS. White space that a template writes after the last answer's end is
left out. Labels are made here, so a padding token that equals EOS costs no EOS its label.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from retain.data.answer_spans import Rendered, SpanError, render_chat
from retain.data.example import Example
from retain.errors import UserError
from retain.models.chat import prompt_ids, render_prompt, text_ids
from retain.records import Record

__all__ = ["IGNORED", "Encoded", "encode", "prompt_ids", "render_prompt"]

IGNORED = -100
"""The label of a token that is not trained."""

Labelled = Literal["completion", "all"]


class Encoded(Record):
    """Token ids and labels (-100 where nothing is trained) of one row."""

    input_ids: list[int]
    labels: list[int]
    cut: bool = False
    """The row was longer than the limit and lost its end."""


def encode(
    example: Example, tokenizer: Any, max_length: int | None = None, on: Labelled = "completion"
) -> Encoded | None:
    """Tokens and labels of one row; None where ``max_length`` leaves nothing to train.

    Args:
        example: A row of chat or text shape.
        tokenizer: A transformers tokenizer.
        max_length: Most tokens; longer rows keep their start.
        on: ``completion`` labels the answers of a chat, ``all`` everything. Texts are labelled as a whole.

    Raises:
        UserError: the row has another shape, the chat template refuses it, or the tokenizer has no EOS.
    """
    try:
        return _cut(_whole(example, tokenizer, on), max_length)
    except SpanError as error:
        raise UserError(f"{_line(example)}: {error}") from error


def _line(example: Example) -> str:
    return f"{example.source}:{example.line}"


def _whole(example: Example, tokenizer: Any, on: Labelled) -> Encoded:
    """The row without truncation."""
    if example.shape not in ("chat", "text"):
        raise SpanError(f"a {example.shape} row cannot be trained on as text; it needs another method")
    if tokenizer.eos_token_id is None:
        raise SpanError("the tokenizer has no EOS token, so the model could not learn where to stop")
    if example.shape == "text":
        ids = text_ids(tokenizer, example.text, special=True)
        labels = list(ids)
    else:
        ids, labels = _chat(tokenizer, render_chat(tokenizer, example.messages, example.ended))
    ids, labels = _ended(ids, labels, tokenizer.eos_token_id, example.ended)
    return Encoded(input_ids=ids, labels=list(ids) if on == "all" else labels)


def _cut(row: Encoded, max_length: int | None) -> Encoded | None:
    labels = row.labels[:max_length]
    if all(label == IGNORED for label in labels[1:]):  # nothing predicts the first token
        return None
    return Encoded(input_ids=row.input_ids[:max_length], labels=labels, cut=len(labels) < len(row.labels))


def _chat(tokenizer: Any, chat: Rendered) -> tuple[list[int], list[int]]:
    """Ids of a rendered conversation and labels on its spans.

    The text is encoded as one piece where that begins with the prompt's own tokens. Where a token would span
    prompt and answer, they are encoded apart, because the model is given the prompt alone when it is used.
    """
    special = not tokenizer.chat_template
    prompt = text_ids(tokenizer, chat.text[: chat.prompt], special)
    ids = text_ids(tokenizer, chat.text, special)
    if ids[: len(prompt)] != prompt:
        ids = prompt + text_ids(tokenizer, chat.text[chat.prompt :], special=False)
    labels = [IGNORED] * len(ids)
    for start, end in chat.spans:
        first = len(prompt) if start == chat.prompt else _tokens_in(tokenizer, chat.text[:start], ids, special)
        last = len(ids) if end == len(chat.text) else _tokens_in(tokenizer, chat.text[:end], ids, special)
        labels[first:last] = ids[first:last]
    return ids, labels


def _tokens_in(tokenizer: Any, text: str, ids: Sequence[int], special: bool) -> int:
    """How many of the ids stand for ``text``, the beginning of what they stand for."""
    own = text_ids(tokenizer, text, special)
    pairs = zip(own, ids, strict=False)
    return next((count for count, (one, other) in enumerate(pairs) if one != other), min(len(own), len(ids)))


def _ended(ids: list[int], labels: list[int], eos: int, ended: bool) -> tuple[list[int], list[int]]:
    """Exactly one EOS at the end, labelled; none added to a row that was cut off."""
    while ids[-1:] == [eos]:
        ids, labels = ids[:-1], labels[:-1]
    return ([*ids, eos], [*labels, eos]) if ended else (ids, labels)
