"""The answers of a server, written down as they come, so that a killed measurement goes on."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from retain.folder import disk_errors
from retain.records import Record, content_hash

R = TypeVar("R", bound=Record)


class AnswerLog:
    """A JSON Lines file that is only appended to: ``{"key": ..., "answer": {...}, "hash": ...}``.

    A line that cannot be read (the last one of a killed process) or has not the hash that it says is passed over, and
    its request is sent again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._answers: dict[str, str] = {}
        data = path.read_bytes() if path.is_file() else b""
        self._torn = bool(data) and not data.endswith(b"\n")
        for line in data.split(b"\n"):
            try:
                row = json.loads(line)
                if row["hash"] == content_hash(str(row["key"]), row["answer"]):
                    self._answers[str(row["key"])] = json.dumps(row["answer"])
            except (ValueError, KeyError, TypeError):
                continue

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, key: str, kind: type[R]) -> R | None:
        """The answer to a request; None where it has not been given yet."""
        try:
            return kind.model_validate_json(self._answers[key]) if key in self._answers else None
        except ValidationError:
            return None

    def add(self, key: str, answer: Record) -> None:
        """Write an answer down.

        Raises:
            UserError: the disk is full or the cache folder cannot be written.
        """
        text = answer.model_dump_json()
        digest = content_hash(key, json.loads(text))
        line = f'{{"key": {json.dumps(key)}, "answer": {text}, "hash": "{digest}"}}\n'.encode()
        with disk_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab", buffering=0) as file:
                file.write(b"\n" + line if self._torn else line)
        self._torn = False
        self._answers[key] = text

    def discard(self) -> None:
        """Forget all answers: the measurement that they were for is finished."""
        self._answers.clear()
        with disk_errors(self.path):
            self.path.unlink(missing_ok=True)
        with suppress(OSError):  # not there, or another measurement's log lies beside it
            self.path.parent.rmdir()
