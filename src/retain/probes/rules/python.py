"""Python that parses and defines the function that was asked for. It is read, never run."""

from __future__ import annotations

import ast
import re
import warnings

from retain.probes.rules.item import AnswerItem, Options, needs_answer
from retain.records import Response

MOST_CHARACTERS = 4_000
"""Only the beginning of an answer is read."""
_FENCE = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)


def problem(item: AnswerItem, options: Options) -> str | None:
    """It needs the function's name."""
    wrong = [name for name in item.answer if not name.isidentifier()]
    return f'"{wrong[0]}" is not a name that a Python function can have' if wrong else needs_answer(item)


def right(response: Response, item: AnswerItem, options: Options) -> bool:
    """A function of an accepted name in the first code fence, or in all of the answer without one.

    Lines at the end that do not parse are left out: an answer may be cut off, or go on in prose. Whether the function
    does what was asked is not known without running it.
    """
    text = response.text[:MOST_CHARACTERS]
    fence = _FENCE.search(text)
    lines = (fence.group(1) if fence else text).strip().splitlines()
    return any(_functions("\n".join(lines[:end])) & set(item.answer) for end in range(len(lines), 0, -1))


def _functions(code: str) -> set[str]:
    """Names of the functions that code defines; none where it does not parse."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
