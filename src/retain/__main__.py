"""The ``retain`` command; ``python -m retain``, and so ``accelerate launch -m retain`` and ``torchrun -m retain``."""

import signal


def start() -> None:
    """Import the command line and run it; Ctrl-C before it listens ends the process without a traceback."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # not where whoever started it has it ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from retain.cli import main

    signal.signal(signal.SIGINT, before)
    main()


if __name__ == "__main__":
    start()
