"""What a person sees while work goes on: bars with time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.table import Column

from retain import processes

BAR = 14
"""Columns of a bar: beside it there is room for a note on a terminal of 80."""
PLAIN_SECONDS = 15.0
"""At most one plain line in this time."""


class Progress:
    """Shows stages and how far they are, on standard error. Of processes started together only the first one does."""

    def __init__(self, quiet: bool = False, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self.quiet = quiet or not processes.leads()
        self._bars: Bars | None = None
        self._task: TaskID | None = None
        self._begun: dict[str, tuple[float, int]] = {}
        """What is worked on -> when it began, and how much was done when it was last heard of."""
        self._last = 0.0
        self._shown = ""
        self._first = self._done = 0

    def say(self, line: str) -> None:
        """One line, unless quiet."""
        if not self.quiet:
            self.console.print(_printable(line), markup=False, emoji=False)

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Announce a stage; bars within it are cleared at its end, and the time it took is said."""
        begun = self._last = time.monotonic()
        self._begun = {}
        self.say(f"{title} ...")
        try:
            yield
        finally:
            self._clear()
        self.say(f"{title}: done in {_spoken(time.monotonic() - begun)}")

    def update(self, what: str, done: int, total: int, note: str = "") -> None:
        """Show that ``done`` of ``total`` is finished, and a note beside it."""
        if self.quiet or not total:
            return
        what = _printable(what)
        now = time.monotonic()
        begun, before = self._begun.get(what, (now, 0))
        if done < before:
            begun = now
        self._begun[what] = (begun, done)
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            self._draw(what, done, total, note)
        elif now - self._last >= PLAIN_SECONDS and 0 < done < total:
            left = (now - begun) / done * (total - done)
            self._last = now
            self.say(f"  {what}: {done}/{total}, about {_spoken(left)} left{f', {note}' if note else ''}")

    def _draw(self, what: str, done: int, total: int, note: str) -> None:
        if what != self._shown:
            self._clear()
            self._shown = what
        if self._bars is None:
            self._bars = Bars(
                TextColumn("  {task.description}", markup=False),
                BarColumn(bar_width=BAR),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}", markup=False, table_column=Column(no_wrap=True)),
                console=self.console,
                transient=True,
            )
            self._task = self._bars.add_task(what, total=total, note="")
            self._bars.start()
        assert self._task is not None
        self._bars.update(self._task, description=what, completed=done, total=total, note=_printable(note))

    def _clear(self) -> None:
        if self._bars is not None:
            self._bars.stop()
        self._bars = self._task = None


def _printable(text: str) -> str:
    """Without what a terminal would obey rather than show: names of probes and models are other people's text."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "\ufffd" for letter in text)


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
