"""How ``retain`` begins: what libraries may say is set, processes are counted, and the command is run to its end."""

from __future__ import annotations

import os
import sys

from retain import processes
from retain.cli.app import app
from retain.ending import end, run_to_its_end
from retain.quiet import quiet_libraries, quiet_loggers
from retain.reporting.text import clean

SEVERAL = ("run", "measure")
"""Commands that run on several processes (torchrun, accelerate launch)."""


def main() -> None:
    """Run a command; every way it can end has an exit code, and mistakes show no traceback."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    quiet_loggers()
    quiet_libraries()
    if wrong := processes.wrongly_told():
        sys.stderr.write(clean(wrong) + "\n")
        raise SystemExit(2)
    if processes.launched() > 1 and (problem := _one_process(sys.argv[1:2])):
        end(problem, 2)
    run_to_its_end(lambda: app(standalone_mode=True))


def _one_process(command: list[str]) -> str:
    """Why a command does not run on several processes; empty where it does."""
    if not command or command[0] in SEVERAL or command[0].startswith("-"):  # --version and --help
        return ""
    return f"retain {command[0]} runs in one process: start it without torchrun or accelerate launch."
