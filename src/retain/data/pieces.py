"""Documents as rows of continued pretraining: nothing is cut off, and each token is predicted once an epoch."""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable
from typing import Any

from retain.data.encoding import IGNORED, Encoded, Labelled, encode
from retain.data.example import Example
from retain.records import content_hash


def pieces(example: Example, tokenizer: Any, max_length: int, on: Labelled = "completion") -> list[Encoded]:
    """A document as rows of at most ``max_length`` tokens, in their order.

    A document is what :func:`~retain.data.encoding.encode` makes of a text: its tokens and EOS, all of them labelled.
    Before it stands BOS where the tokenizer puts one, else EOS, as if another document ended there; that token is only
    looked at. A longer document goes on in further rows. Each begins with the last token of the row before, which is
    only looked at there, so that every token of the document is labelled in exactly one row. What a row can look back
    on ends at its beginning.

    A row of chat shape (general text that a chat model wrote) is encoded as in supervised fine-tuning, and cut.

    Args:
        example: a row of text or chat shape.
        tokenizer: a transformers tokenizer.
        max_length: most tokens of a row, at least 2.
        on: which tokens of a chat row are labelled.

    Raises:
        UserError: the row has another shape, or the tokenizer has no EOS.
    """
    if example.shape != "text":
        row = encode(example, tokenizer, max_length, on)
        return [] if row is None else [row]
    whole = encode(example, tokenizer)
    ids = [] if whole is None else whole.input_ids
    start = tokenizer.bos_token_id
    if ids and (start is None or ids[0] != start):
        ids = [tokenizer.eos_token_id, *ids]
    step = max_length - 1
    parts = [ids[place : place + max_length] for place in range(0, len(ids) - 1, step)]
    return [Encoded(input_ids=part, labels=[IGNORED, *part[1:]]) for part in parts]


def beginning(example: Example, enough: Callable[[Example], bool]) -> Example:
    """The fewest words from a text's start that are enough; the whole text where none are. Its end is not trained.

    Args:
        example: a row of text shape.
        enough: true of a beginning and of all longer ones.
    """

    def until(end: int) -> Example:
        text = example.text[:end]
        return example.model_copy(update={"id": content_hash("beginning", text), "text": text, "ended": False})

    ends = [word.end() for word in re.finditer(r"\s*\S+", example.text)][:-1]
    place = bisect.bisect_left(ends, True, key=lambda end: enough(until(end)))
    return until(ends[place]) if place < len(ends) else example
