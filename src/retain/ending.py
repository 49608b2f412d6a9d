"""How a command ends: the last words and the exit code of all that can go wrong, and no traceback of mistakes."""

from __future__ import annotations

import os
import shlex
import sys
import time
import traceback
from collections.abc import Callable
from typing import NoReturn

from retain import processes
from retain.errors import RetainError
from retain.faults import disk_words, memory_words, refused_path
from retain.provenance import program
from retain.reporting.text import clean

INTERRUPTED = "Interrupted. What was finished is kept: {again} to go on."
"""Said after Ctrl-C, before the command itself."""
AGAIN = "run the same command again"
ALL_AGAIN = "start the {count} processes again in the same way (torchrun or accelerate launch, with as many of them)"
FIRST_SPEAKS = 5.0
"""Seconds for which the other processes leave it to the first one to say why it ends."""


def run_to_its_end(work: Callable[[], object]) -> None:
    """Do a command's work; every way it can end has an exit code."""
    try:
        work()
    except RetainError as error:
        end(str(error), error.exit_code)
    except KeyboardInterrupt:
        end(_go_on(), 130)
    except SystemExit as error:
        if _interrupted(error):  # typer has turned it into an exit code, and says nothing
            end(_go_on(), 130)
        raise
    except Exception as error:  # noqa: BLE001 - the exit code of anything unforeseen is 4
        if refused := refused_path(error) or disk_words(error, getattr(error, "filename", None) or "A file", "used"):
            end(refused, 2)
        if full := memory_words(error):
            end(full, 4)
        fault = "This is a fault in Retain, not in your input. What was finished is kept."
        end(f"{traceback.format_exc()}{fault}", 4)


def end(text: str, code: int) -> NoReturn:
    """Say the last words and leave; they may quote other people's text, and a terminal must not obey it.

    Where several processes were started together, what started them ends all when one leaves. A process that is not the
    first gives that one the time to say the same; where it does not, the fault is this one's alone.
    """
    if not processes.leads():
        time.sleep(FIRST_SPEAKS)
        text = f"Process {os.environ['RANK']} of {processes.launched()}: {text}"
    sys.stderr.write(clean(text) + "\n")
    sys.stderr.flush()
    if processes.launched() > 1:
        os._exit(code)  # at its end Python would wait for the others, who wait for this one
    raise SystemExit(code) from None


def _go_on() -> str:
    """What Ctrl-C leaves, and the command that goes on there; of several processes each one's."""
    count = processes.launched()
    again = ALL_AGAIN.format(count=count) if count > 1 else AGAIN
    return f"{INTERRUPTED.format(again=again)}\n  {shlex.join([*(program(sys.argv[0]) or ['retain']), *sys.argv[1:]])}"


def _interrupted(error: BaseException | None) -> bool:
    """Whether an exit goes back to Ctrl-C, by way of whatever it was turned into."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
