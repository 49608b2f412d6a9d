import io

import pytest
from rich.console import Console

from retain import progress as module
from retain.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def shown(**console):
    out = io.StringIO()
    return Progress(console=Console(file=out, width=80, soft_wrap=True, **console)), out


def test_plain_lines_say_how_much_time_is_left_and_come_seldom(clock):
    progress, out = shown()
    with progress.stage("Measuring"):
        progress.update("writing", 0, 100)
        for done in range(10, 100, 10):
            clock[0] += 10
            progress.update("writing", done, 100)
    lines = out.getvalue().splitlines()
    assert lines[0] == "Measuring ..."
    assert lines[-1] == "Measuring: done in 90 s" or lines[-1] == "Measuring: done in 2 min"
    assert lines[1] == "  writing: 20/100, about 80 s left"
    assert len(lines) < 8


def test_two_kinds_of_work_that_take_turns_do_not_silence_each_other(clock):
    progress, out = shown()
    with progress.stage("General text"):
        for chunk in range(1, 6):
            clock[0] += 10
            progress.update("writing", 32, 32)
            progress.update("rows written", 30 * chunk, 300)
    assert "rows written: " in out.getvalue()


def test_quiet_says_nothing(clock):
    progress, out = shown()
    progress.quiet = True
    with progress.stage("Training"):
        clock[0] += 100
        progress.update("training", 1, 2)
    assert out.getvalue() == ""


def test_a_terminal_gets_bars(clock):
    progress, out = shown(force_terminal=True)
    with progress.stage("Training"):
        progress.update("training", 1, 2)
    assert "1/2" in out.getvalue()


@pytest.mark.parametrize("console", [{}, {"force_terminal": True}])
def test_a_note_stands_beside_what_is_done(clock, console):
    progress, out = shown(**console)
    with progress.stage("Training"):
        progress.update("training", 1, 9, "loss 2.00")
        clock[0] += 100
        progress.update("training", 2, 9, "loss [b]1.00, alarm stairs")
    assert "loss [b]1.00, alarm stairs" in " ".join(out.getvalue().split())


def test_markup_in_a_line_is_text():
    progress, out = shown()
    progress.say("[red]x[/red]")
    assert out.getvalue() == "[red]x[/red]\n"


@pytest.mark.parametrize("name", ["a[/b]", "sums [hard]", "a:smile:"])
def test_markup_in_a_bar_is_text(clock, name):
    progress, out = shown(force_terminal=True)
    with progress.stage("Measuring"):
        progress.update(name, 1, 2)
        progress.say(name)
    assert out.getvalue().count(name) > 1


@pytest.mark.parametrize("console", [{}, {"force_terminal": True}])
def test_a_terminal_obeys_no_name(clock, console):
    progress, out = shown(**console)
    with progress.stage("\x1b]0;owned\x07"):
        clock[0] += 100
        progress.update("\x1b]0;owned\x07: writing", 1, 2)
    assert out.getvalue().count("owned") > 2
    assert "\x1b]0;" not in out.getvalue()
    assert "\x07" not in out.getvalue()


def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("retain.progress.PLAIN_SECONDS", 0)
    progress, out = shown(force_terminal=True)
    progress.update("rows", 1, 4)
    assert "rows: 1/4" in out.getvalue() and "\x1b" not in out.getvalue()
