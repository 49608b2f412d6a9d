"""What the scan for a learning rate found."""

from __future__ import annotations

from retain.records import Choice, Record


class Rate(Record):
    """The learning rate of a run, and how it was chosen where it was scanned for."""

    rate: float
    choice: Choice | None = None
