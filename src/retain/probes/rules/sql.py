"""A query gives the same rows as the accepted one, on a SQLite file that nothing can change.

What a model wrote is run, so it is run behind four walls: the file is opened read-only, ``query_only`` is
set, an authorizer allows nothing but selecting, reading columns and calling functions that cannot reach
outside, and a query that takes too long, too much memory or too many rows is stopped.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from retain.probes.rules.item import AnswerItem, CannotScore, Options, needs_answer
from retain.records import Response

MOST_ROWS = 10_000
MOST_CHARACTERS = 20_000
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_FORBIDDEN_FUNCTIONS = {
    "load_extension",
    "readfile",
    "writefile",
    "edit",
    "fts3_tokenizer",
    "randomblob",
    "random",
}
_FENCE = re.compile(r"```(?:sql|sqlite)?\s*\n?(.*?)```", re.DOTALL | re.IGNORECASE)


def problem(item: AnswerItem, options: Options) -> str | None:
    """It needs an accepted query and a database."""
    if options.database is None:
        return "score: sql needs a database"
    if not options.database.is_file():
        return f"the database {options.database} is not a file"
    return needs_answer(item)


def query_of(text: str) -> str:
    """The query in an answer: the first code fence, or all of it without one; no final ``;``."""
    fence = _FENCE.search(text)
    return (fence.group(1) if fence else text).strip().removesuffix(";").strip()


def _authorize(action: int, first: str | None, second: str | None, *_: Any) -> int:
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FORBIDDEN_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def rows(database: Path, query: str, time_limit: float) -> list[tuple[Any, ...]]:
    """The rows of one SELECT.

    Raises:
        sqlite3.Error: the query is wrong, forbidden, or more than its limits.
    """
    if not query or len(query) > MOST_CHARACTERS or "\x00" in query:
        raise sqlite3.OperationalError("no query, or too long a query")
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute("PRAGMA query_only = ON")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1_000_000)
        connection.set_authorizer(_authorize)
        end = time.monotonic() + time_limit
        connection.set_progress_handler(lambda: int(time.monotonic() > end), 1000)
        found = connection.execute(query).fetchmany(MOST_ROWS + 1)
    if len(found) > MOST_ROWS:
        raise sqlite3.OperationalError(f"more than {MOST_ROWS} rows")
    return found


def _comparable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(round(value, 6) if isinstance(value, float) else value for value in row)


def _ordered(query: str) -> bool:
    """True when the outermost query asks for an order."""
    outer, depth = [], 0
    for character in re.sub(r"'[^']*'|\"[^\"]*\"", "''", query):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            outer.append(character)
    return bool(re.search(r"\border\s+by\b", "".join(outer), re.IGNORECASE))


def right(response: Response, item: AnswerItem, options: Options) -> bool:
    """The same rows equally often; in the same order only where the accepted query has ORDER BY."""
    if options.database is None:
        raise CannotScore("score: sql needs a database")
    expected = []
    for answer in item.answer:
        try:
            expected.append((rows(options.database, query_of(answer), options.time_limit), _ordered(answer)))
        except sqlite3.Error as error:
            raise CannotScore(f"the accepted query fails: {error}") from None
    try:
        given = [_comparable(row) for row in rows(options.database, query_of(response.text), options.time_limit)]
    except (sqlite3.Error, sqlite3.Warning, UnicodeError, ValueError):
        return False
    for wanted, ordered in expected:
        wanted = [_comparable(row) for row in wanted]
        if given == wanted or (not ordered and Counter(given) == Counter(wanted)):
            return True
    return False
