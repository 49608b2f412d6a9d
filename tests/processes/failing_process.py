"""The command line with a second process that fails while the first one waits for it. Not a test itself."""

import sys

from retain import processes
from retain.cli import start
from retain.errors import UserError


def work(standalone_mode: bool) -> None:
    """In place of a command."""
    with processes.together():
        if processes.rank() == 1:
            raise UserError("this process has no room on its disk")
        processes.wait()


if __name__ == "__main__":
    sys.argv = ["retain", "run"]
    start.app = work
    start.main()
