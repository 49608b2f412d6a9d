"""Runs several recipes one after another: alone, or started by torchrun as several processes. Not a test itself.

python several_runs.py JOBS.json, which holds [{"recipe": path, "folder": path, "set": [overrides]}, ...]. Errors are
written beside the folder, as FOLDER.error.
"""

import json
import sys
from pathlib import Path

from retain.commands.run import run
from retain.errors import RetainError
from retain.progress import Progress
from retain.quiet import quiet_libraries, quiet_loggers


def main() -> None:
    quiet_loggers()
    quiet_libraries()
    for job in json.loads(Path(sys.argv[1]).read_text()):
        try:
            run(job["recipe"], job["folder"], job["set"], Progress(quiet=True))
        except RetainError as error:
            Path(f"{job['folder']}.error").write_text(str(error))


if __name__ == "__main__":
    main()
