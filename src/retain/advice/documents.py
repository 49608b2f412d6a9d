"""Documents that may hold the answers: files of text, cut into passages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from retain.data.lint.masking import beginning
from retain.data.sources import read_rows
from retain.errors import UserError, listed
from retain.folder import read_text

KINDS = (".txt", ".md", ".jsonl")
_PARAGRAPH = re.compile(r"\n\s*\n")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def read_passages(source: str, most_words: int) -> list[str]:
    """All passages of a file or of every .txt, .md and .jsonl file of a folder, in the order of names and lines.

    A passage is as many whole paragraphs of one document as fit into ``most_words``; a longer paragraph is cut between
    sentences, a longer sentence between words. A row of a .jsonl file is one document: ``text``, and in front of every
    one of its passages ``title``, where it has one. A passage that occurs again is kept once.

    Args:
        source: the file or folder.
        most_words: words of a passage at most, its title not counted.

    Raises:
        UserError: there is no such file, it is of another kind, holds no text, or rows cannot be read.
    """
    found = [
        f"{title}\n{passage}" if title else passage
        for title, text in _documents(Path(source))
        for passage in passages_of(text, most_words)
    ]
    if not found:
        raise UserError(f"advise.documents: {source} holds no text")
    return list(dict.fromkeys(found))


def passages_of(text: str, most_words: int) -> list[str]:
    """One document's passages."""
    found: list[str] = []
    open_: list[str] = []
    words = 0
    for paragraph in _PARAGRAPH.split(text):
        for piece in _pieces(paragraph.strip(), most_words):
            count = len(piece.split())
            if open_ and words + count > most_words:
                found.append("\n".join(open_))
                open_, words = [], 0
            open_.append(piece)
            words += count
    return [*found, "\n".join(open_)] if open_ else found


def _pieces(paragraph: str, most_words: int) -> Iterator[str]:
    """A paragraph as it is where it fits, else its sentences in runs that do."""
    if not paragraph:
        return
    if len(paragraph.split()) <= most_words:
        yield paragraph
        return
    run: list[str] = []
    for sentence in _SENTENCE.split(paragraph):
        words = sentence.split()
        if run and len(run) + len(words) > most_words:
            yield " ".join(run)
            run = []
        run += words
        while len(run) > most_words:
            yield " ".join(run[:most_words])
            run = run[most_words:]
    if run:
        yield " ".join(run)


def _documents(source: Path) -> Iterator[tuple[str, str]]:
    """(title, text) of each document."""
    for file in _files(source):
        if file.suffix.lower() == ".jsonl":
            yield from _rows(file)
        else:
            yield "", _read(file)


def _files(source: Path) -> list[Path]:
    if source.is_dir():
        files = sorted(one for one in source.rglob("*") if one.is_file() and one.suffix.lower() in KINDS)
        if not files:
            raise UserError(f"advise.documents: the folder {source} holds no file of {', '.join(KINDS)}")
        if led := next((one for one in files if not one.resolve().is_relative_to(source.resolve())), None):
            raise UserError(f"advise.documents: {led} is a link to a file outside of the folder; copy the file there")
        return files
    if not source.is_file():
        raise UserError(
            f"advise.documents: there is no file or folder {source}; paths are meant from the recipe's folder"
        )
    if source.suffix.lower() not in KINDS:
        raise UserError(
            f"advise.documents: {source} is none of {', '.join(KINDS)}. Save the documents as one of these, or name a "
            "folder of such files."
        )
    return [source]


def _read(file: Path) -> str:
    try:
        return read_text(file).removeprefix("\ufeff")
    except OSError as error:
        raise UserError(f"advise.documents: {file} could not be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"advise.documents: {file} is not UTF-8: {error.reason} at byte {error.start}") from None


def _rows(file: Path) -> Iterator[tuple[str, str]]:
    try:
        rows = read_rows(str(file))
    except UserError as error:
        raise UserError(f"advise.documents: {error}") from None
    bad = [
        f"{file}:{row.line}: needs text, and perhaps title, as strings; found keys: "
        f"{beginning(', '.join(row.value), 200) or 'none'}"
        for row in rows
        if not isinstance(row.value.get("text"), str) or not isinstance(row.value.get("title") or "", str)
    ]
    if bad:
        raise UserError(f"advise.documents: {len(bad)} rows of {file} are no documents:\n{listed(bad)}")
    for row in rows:
        yield (row.value.get("title") or "").strip(), row.value["text"]
