"""Runs several recipes one after another, in one process or started by torchrun as several. Not a test itself.

python several_runs.py JOBS.json, which holds [{"recipe": {...}, "folder": path}, ...]. A refusal is written beside the
folder, as FOLDER.error.
"""

import faulthandler
import json
import sys
from pathlib import Path

from retain import processes
from retain.errors import RetainError
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.quiet import quiet_libraries, quiet_loggers
from retain.recipe import parse_recipe

LONGEST = 500.0
"""Seconds after which processes that wait for each other say where, and end."""


def run_all(jobs):
    """Every run; each process of several does."""
    for job in jobs:
        try:
            with processes.together():
                run_recipe(parse_recipe(job["recipe"]), Path(job["folder"]), Progress(quiet=True))
        except RetainError as error:
            if processes.leads():
                Path(f"{job['folder']}.error").write_text(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    faulthandler.dump_traceback_later(LONGEST, exit=True)
    quiet_loggers()
    quiet_libraries()
    run_all(json.loads(Path(sys.argv[1]).read_text()))
