"""One training example, whatever shape its row had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from retain.models.base import Message
from retain.records import Record

Shape = Literal["chat", "text", "preference", "ranking"]


class Example(Record):
    """One normalised row.

    chat: ``messages`` is the whole conversation, at least one assistant turn with content.
    text: ``text`` is plain text (continued pretraining, general text).
    preference: ``messages`` are the turns before the answer; ``chosen`` and ``rejected`` the two answers.
    ranking: ``query`` with ``positives`` and ``negatives``; one of the two may be empty.
    """

    id: str
    """Hash of the whole content."""
    shape: Shape
    messages: tuple[Message, ...] = ()
    text: str = ""
    chosen: str = ""
    rejected: str = ""
    query: str = ""
    positives: tuple[str, ...] = ()
    negatives: tuple[str, ...] = ()
    grades: tuple[float, ...] = ()
    """How relevant each positive is, the higher the more; all 1 when empty."""
    teacher_scores: tuple[float, ...] = ()
    """What a teacher gave each positive, then each negative; none when empty."""
    unread: str = ""
    """Of a text: the column of its row that looks like its answer and is not read."""
    source: str = ""
    ended: bool = True
    """False for a text that was cut off at a limit: its end is not trained."""
    line: int = 0
    """1-based line in the source file (row number where the format has no lines)."""

    @property
    def input(self) -> str:
        """What the model is given: everything before the final answer. Splits hash this."""
        if self.shape == "chat":
            last = max(i for i, message in enumerate(self.messages) if message.role == "assistant")
            return "\n".join(message.content for message in self.messages[:last])
        if self.shape == "preference":
            return "\n".join(message.content for message in self.messages)
        return self.query if self.shape == "ranking" else self.text

    @property
    def target(self) -> str:
        """The final answer (chat and preference), or the text itself."""
        if self.shape == "chat":
            return [message.content for message in self.messages if message.role == "assistant"][-1]
        return self.chosen if self.shape == "preference" else self.text

    @property
    def prompt(self) -> tuple[Message, ...]:
        """The turns before the final assistant turn."""
        if self.shape != "chat":
            return self.messages
        last = max(i for i, message in enumerate(self.messages) if message.role == "assistant")
        return self.messages[:last]


def answers_of(rows: Sequence[Example]) -> list[str]:
    """The rows' final answers; a text is none, since nothing was asked."""
    return [row.target for row in rows if row.shape != "text"]
