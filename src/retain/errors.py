"""One family of errors, each with the exit code that the command line gives it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LONGEST = 2000
"""Characters of one problem: it may quote what somebody else wrote."""


class RetainError(Exception):
    """Any error that Retain raises on purpose. Shown as a message, without a traceback."""

    exit_code = 4


class UserError(RetainError, ValueError):
    """The user's input is wrong: a recipe, a file, a model's name, an option.

    A good message says where, what was found, what is allowed and what to do.
    """

    exit_code = 2


class FaultError(UserError):
    """The machine fails, and not what the user wrote: a full or failing disk, a folder that another process works in.

    What was finished is kept; the same command goes on when the fault is mended.
    """


class DamagedError(FaultError):
    """A file does not hold what was written into it.

    Args:
        what: the file, and what is wrong with it.
        remove: files and folders that the same command makes anew once they are gone.
    """

    def __init__(self, what: str, remove: Sequence[Path] = ()) -> None:
        named = " and ".join(str(path) for path in remove)
        super().__init__(f"{what}\n  Remove {named}, and the same command makes it anew." if remove else what)
        self.what = what
        self.remove = tuple(remove)


class CannotMeasureError(RetainError):
    """A model cannot give what a probe asks of it, such as a server that returns no log-probabilities of a prompt.

    Other probes can still be measured; where none can, it is the user's to choose others.
    """

    exit_code = 2


class BrokenError(RetainError, RuntimeError):
    """Something broke that the user's input does not explain, such as a loss that became NaN."""

    exit_code = 4


class MissingExtraError(UserError):
    """A part of Retain needs a package that is not installed."""

    def __init__(self, what: str, install: str) -> None:
        super().__init__(f"{what} is not installed.\n  Install it: {install}")


@contextmanager
def naming(key: str) -> Iterator[None]:
    """Within it what is wrong with the value of a recipe's key is said with the key before it."""
    try:
        yield
    except UserError as error:
        if type(error) is not UserError:  # what is wrong with the machine, or not installed, is not the value's fault
            raise
        raise UserError(f"{key}: {error}") from error


def install_extra(extra: str) -> str:
    """The line that installs an extra of this package, which lies in a checkout and on no index."""
    return f'pip install -e ".[{extra}]"    (in the checkout of Retain)'


def from_extra(module: str, extra: str) -> Any:
    """Import a module that an extra of this package installs.

    Raises:
        MissingExtraError: it is not installed.
    """
    import importlib

    package = module.split(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise MissingExtraError(f"{package} is needed here and", install_extra(extra)) from None


def listed(problems: Sequence[str], most: int = 20) -> str:
    """Problems as indented lines, very long ones cut, the rest counted."""
    lines = [f"  - {problem if len(problem) <= LONGEST else problem[:LONGEST] + ' ...'}" for problem in problems[:most]]
    if len(problems) > most:
        lines.append(f"  ... and {len(problems) - most} more")
    return "\n".join(lines)


def nearest(word: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """``did you mean "x"?`` for the known word closest to ``word``, or the list of known words.

    Args:
        word: what was found.
        known: what is allowed.
        cutoff: how alike two words are at least, from 0 to 1.
    """
    import difflib

    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=cutoff)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"known: {', '.join(known)}"
