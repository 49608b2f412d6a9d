"""The command line. Thin: each command is a function of ``retain.commands``, called and shown here."""

from retain.cli.app import app
from retain.cli.start import main

__all__ = ["app", "main"]
