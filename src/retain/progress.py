"""What a person sees while work goes on: one live display a stage on a terminal, seldom plain lines elsewhere."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from retain import processes
from retain.cells import broken

PLAIN_SECONDS = 15.0
"""At most one plain line in this time; in long stages fewer."""
SELDOM = 8
"""A plain line comes once an eighth of the stage's time has passed since the last one ..."""
MOST_SECONDS = 300.0
"""... but at least this often."""
BAR, SHORT_BAR = 20, 10
"""Columns of a bar, and of one on a terminal of fewer than 72."""
LEAST_SECONDS = 1.0
"""Of work, before the time that is left is told."""
SHOWN = 2
"""Kinds of work that are shown at once: the one that lasts and the one that is done for it just now."""
NOTE_LINES = 2
GLUE = "\N{NO-BREAK SPACE}"
"""Between words of a note that stay on one line."""


@dataclass
class Work:
    """How far one kind of work is."""

    what: str
    begun: float
    """When it was first heard of, by the monotonic clock."""
    first: int
    """How much was done by then: what an earlier go did tells nothing of the pace."""
    done: int
    total: int
    note: str = ""

    @property
    def finished(self) -> bool:
        """Nothing of it is left."""
        return self.done >= self.total

    def left(self, now: float) -> float | None:
        """Seconds that the rest takes at the pace since the work began here; None where that cannot be told yet."""
        passed, made = now - self.begun, self.done - self.first
        return passed / made * (self.total - self.done) if made > 0 and passed >= LEAST_SECONDS else None


class Progress:
    """Shows stages and how far they are, on standard error.

    On a terminal the stage that runs is shown live: its title and how long it has taken, a bar for the work that lasts
    with the time left and the numbers beside it, a bar for what is done within it. Elsewhere (pipes, ``TERM=dumb``) a
    plain line comes now and then. ``NO_COLOR`` takes the colour off. All times are of the monotonic clock, which a
    change of the machine's time does not touch.

    Of processes started together only the first one shows anything.

    Args:
        quiet: say and show nothing.
        console: where; standard error when None.
    """

    def __init__(self, quiet: bool = False, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self.quiet = quiet or not processes.leads()
        self._stages: list[_Stage] = []
        """Those that are open, each within the one before."""
        self._alone = _Stage("", time.monotonic(), headed=True)
        """Work outside any stage."""
        self._live: Live | None = None
        self._lock = threading.RLock()

    def say(self, line: str) -> None:
        """One line, unless quiet; on a terminal it stands above what is shown live and is broken between words."""
        if self.quiet:
            return
        self._head()
        self._print(line)

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Announce a stage; what is shown live goes at its end, and the time it took is said."""
        begun = time.monotonic()
        stage = _Stage(_printable(title), begun, begun)
        if self._stages:
            self._head()
        with self._lock:
            self._stages.append(stage)
        if not self._is_live:
            self._head()
        self._show()
        try:
            yield
        except BaseException:
            self._head()  # what broke has a name
            raise
        finally:
            self._close()
            with self._lock:
                self._stages.remove(stage)
        if not self.quiet:
            self._print(f"{title}: done in {_spoken(time.monotonic() - begun)}")
        self._show()

    def update(self, what: str, done: int, total: int, note: str = "") -> None:
        """Show that ``done`` of ``total`` is finished, and a note beside it: the numbers as they are now."""
        if self.quiet or not total:
            return
        now = time.monotonic()
        with self._lock:
            stage = self._stages[-1] if self._stages else self._alone
            work = stage.heard(_printable(what), done, total, _printable(note), now)
        if self._is_live:
            self._show()
            if stage is self._alone and work.finished:
                self._close()
        elif stage.due(now) and 0 < work.done < work.total:
            stage.told = now
            left = work.left(now)
            time_left = f", about {_spoken(left)} left" if left is not None else ""
            self._print(f"  {work.what}: {work.done}/{work.total}{time_left}{f', {work.note}' if work.note else ''}")

    @property
    def _is_live(self) -> bool:
        return self.console.is_terminal and not self.console.is_dumb_terminal

    def _print(self, text: str) -> None:
        lines = _printable(text).split("\n")
        if self._is_live:
            lines = [part for line in lines for part in _broken(line, self.console.width) or [""]]
        self.console.print("\n".join(lines), markup=False, emoji=False, highlight=False)

    def _head(self) -> None:
        """Announce the stage above what is said within it."""
        stage = self._stages[-1] if self._stages else self._alone
        if not self.quiet and not stage.headed:
            stage.headed = True
            self._print(f"{stage.title} ...")

    def _show(self) -> None:
        """Begin to show what is open; from then on it is drawn anew four times a second."""
        if self.quiet or self._live is not None or not self._is_live:
            return
        if not self._stages and not self._alone.works:
            return
        self._live = Live(get_renderable=self._drawn, console=self.console, transient=True)
        atexit.register(self._close)  # the cursor comes back, however the process ends
        self._live.start(refresh=True)

    def _close(self) -> None:
        """Take away what is shown live."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()
            atexit.unregister(self._close)
        self._alone.works.clear()

    def _drawn(self) -> Group:
        """The stage as it is now, in lines that fit the terminal."""
        now, width = time.monotonic(), self.console.width - 1
        with self._lock:
            stage = self._stages[-1] if self._stages else self._alone
            works = [*stage.works[:1], *stage.works[1:][1 - SHOWN :]]
            title = [Text(_fitted(f"{stage.title}, {_spoken(now - stage.begun)}", width))] if stage.title else []
            lines = [line for work in works for line in _work(work, now, width, self._signs)]
        return Group(*title, *lines)

    @property
    def _signs(self) -> str:
        return "━─" if self.console.encoding.lower().startswith("utf") else "#-"


class _Stage:
    """A stage that is open, and the kinds of work in it: each one is done for the one before."""

    def __init__(self, title: str, begun: float, told: float = 0.0, headed: bool = False) -> None:
        self.title, self.begun, self.told, self.headed = title, begun, told, headed
        self.works: list[Work] = []

    def heard(self, what: str, done: int, total: int, note: str, now: float) -> Work:
        """Take down news of some work.

        What was begun after it is over; finished work goes when other work is heard of. Work of which less is done
        than before has begun anew.
        """
        places = [place for place, work in enumerate(self.works) if work.what == what]
        if places:
            del self.works[places[0] + 1 :]
            work = self.works[-1]
            if done < work.done or total != work.total:
                work.begun, work.first = now, done
        else:
            self.works = [work for work in self.works if not work.finished]
            work = Work(what, now, done, done, total)
            self.works.append(work)
        work.done, work.total = done, total
        work.note = note or work.note
        return work

    def due(self, now: float) -> bool:
        """Whether a plain line may come: the longer a stage takes, the seldomer."""
        return now - self.told >= max(PLAIN_SECONDS, min(MOST_SECONDS, (now - self.begun) / SELDOM))


def _work(work: Work, now: float, width: int, signs: str) -> list[Text]:
    """A bar with the time left, and the note in at most ``NOTE_LINES`` below it; all of at most ``width`` columns."""
    size = BAR if width >= 71 else SHORT_BAR
    full = min(size, int(size * work.done / work.total))
    left = work.left(now)
    time_left = "" if work.finished else f"  {_spoken(left)} left" if left is not None else ""
    numbers = f" {work.done}/{work.total}{time_left}"
    room = max(4, min(28, width - 3 - size - cell_len(numbers)))
    line = Text("  " + set_cell_size(_fitted(work.what, room), room) + " ")
    line.append(signs[0] * full, "green").append(signs[1] * (size - full), "dim").append(numbers)
    line.truncate(width)
    notes = _broken(work.note.replace(" ", GLUE).replace(f",{GLUE}", ", "), width - 6)[:NOTE_LINES]
    return [line, *(Text(_fitted(f"    {one.strip().replace(GLUE, ' ')}", width), "dim") for one in notes)]


def _fitted(text: str, width: int) -> str:
    """A text of at most so many columns."""
    line = Text(text)
    line.truncate(width, overflow="ellipsis")
    return line.plain


def _broken(line: str, width: int) -> list[str]:
    """A line in lines of the terminal, broken between words; what goes on stands two columns further in."""
    indent = " " * (len(line) - len(line.lstrip()))
    return broken(line.strip(), max(20, width), indent, indent + "  ", cut=False)


def _printable(text: str) -> str:
    """Without what a terminal would obey rather than show: names of probes and models are other people's text."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "\ufffd" for letter in text)


def _spoken(seconds: float) -> str:
    seconds = max(0.0, seconds)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
