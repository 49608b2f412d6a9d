"""``python -m retain.cli`` is ``retain``."""

from retain.cli.start import main

if __name__ == "__main__":
    main()
