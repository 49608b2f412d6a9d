import io
import os
import re
import subprocess
import sys

import pytest
from rich.cells import cell_len
from rich.console import Console

from retain import progress as module
from retain.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def shown(width=80, **console):
    out = io.StringIO()
    return Progress(console=Console(file=out, width=width, soft_wrap=True, **console)), out


def lines_of(out):
    """Every line that was ever drawn, without colour and movements of the cursor."""
    return re.split(r"[\r\n]+", re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", out.getvalue()))


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


def test_the_work_that_lasts_keeps_its_bar_and_numbers_while_other_work_is_done_for_it(clock):
    progress, out = shown(force_terminal=True)
    with progress.stage("Training"):
        progress.update("training", 40, 840, "loss 0.21, KL 0.012, repeating -2.1")
        progress.update("say: writing", 3, 12)
    lines = lines_of(out)
    at = next(place for place, line in enumerate(lines) if "say: writing" in line)
    assert "40/840" in lines[at - 2] and "loss 0.21, KL 0.012, repeating -2.1" in lines[at - 1]
    assert "3/12" in lines[at]


def test_work_that_is_over_makes_room(clock):
    progress, out = shown(force_terminal=True)
    with progress.stage("Measuring"):
        progress.update("say: writing", 12, 12)
        progress.update("choose: scoring", 1, 30)
    assert "choose: scoring" in out.getvalue() and "12/12" not in out.getvalue()


@pytest.mark.parametrize("console", [{}, {"force_terminal": True}])
def test_after_a_resume_the_time_left_goes_by_the_pace_of_this_go(clock, console):
    progress, out = shown(**console)
    with progress.stage("Training"):
        progress.update("training", 900, 1000)
        clock[0] += 20
        progress.update("training", 910, 1000)
    assert "910/1000" in out.getvalue() and "3 min left" in out.getvalue(), "90 updates at 2 s each"


def test_work_that_begins_anew_is_timed_anew(clock):
    progress, out = shown(force_terminal=True)
    with progress.stage("Measuring"):
        progress.update("writing", 90, 100)
        clock[0] += 1000
        progress.update("writing", 1, 100)
        clock[0] += 2
        progress.update("writing", 3, 100)
    assert "3/100  2 min left" in out.getvalue(), "97 at 1 s each"


def test_a_clock_that_jumps_back_tells_no_negative_time(clock):
    progress, out = shown(force_terminal=True)
    with progress.stage("Training"):
        progress.update("training", 1, 100)
        clock[0] -= 50
        progress.update("training", 2, 100)
    assert "2/100" in out.getvalue() and "left" not in out.getvalue() and "-" not in "".join(lines_of(out))


def test_the_clock_of_the_day_is_not_read(clock, monkeypatch):
    monkeypatch.setattr(module.time, "time", lambda: pytest.fail("the clock of the day was read"))
    progress, out = shown()
    with progress.stage("Training"):
        progress.update("training", 1, 100)
    assert "done in" in out.getvalue()


def test_a_terminal_of_60_columns_is_never_too_narrow(clock):
    progress, out = shown(60, force_terminal=True)
    with progress.stage("Measuring a model whose name is a path of very many folders, one within the other"):
        progress.update("training", 100000, 300000, ", ".join(f"capability number {i} -{i}.0" for i in range(30)))
        clock[0] += 3600
        progress.update("training", 100001, 300000)
        progress.update("a probe with a long name, as there are: writing", 100000, 300000)
        progress.say("  WARNING too_few_rows: there are only 28 different rows to learn from, which are less than 50")
    lines = lines_of(out)
    assert max(map(len, lines)) <= 60
    assert any("100001/300000" in line for line in lines) and any(line.endswith("...") for line in lines)
    assert "    there are" in out.getvalue() or "\n    " in out.getvalue(), "what goes on is further in"


def test_wide_characters_take_two_columns(clock):
    progress, out = shown(60, force_terminal=True)
    with progress.stage("測定" * 40):
        progress.update("訓練" * 20, 1, 2, "損失、" * 60)
        progress.say("  警告 " + "行が少なすぎます。" * 12)
    lines = lines_of(out)
    assert max(map(cell_len, lines)) <= 60
    assert sum("行が少なすぎます" in line for line in lines) > 1


def test_lines_in_a_log_are_whole():
    progress, out = shown(60)
    progress.say("  " + "word " * 40)
    assert len(out.getvalue().splitlines()) == 1


def test_without_colour_the_bar_still_tells_how_far_it_is(clock, monkeypatch):
    coloured, plain = [], []
    for found, value in ((coloured, None), (plain, "1")):
        monkeypatch.setenv("NO_COLOR", value) if value else monkeypatch.delenv("NO_COLOR", raising=False)
        progress, out = shown(force_terminal=True, color_system="standard")
        with progress.stage("Training"):
            progress.update("training", 1, 2)
        found.append(out.getvalue())
    assert "\x1b[32m" in coloured[0] and not re.search(r"\x1b\[(\d+;)*3\dm", plain[0])
    assert "━━━━━" in plain[0] and "─────" in plain[0]


def test_a_stage_that_breaks_has_a_name_and_gives_the_cursor_back(clock):
    progress, out = shown(force_terminal=True)
    with pytest.raises(KeyboardInterrupt), progress.stage("Training"):
        progress.update("training", 1, 2)
        raise KeyboardInterrupt
    assert "Training ..." in out.getvalue() and "done in" not in out.getvalue()
    assert out.getvalue().rindex("\x1b[?25h") > out.getvalue().rindex("1/2")


def test_a_stage_within_another_goes_on_with_the_other(clock):
    progress, out = shown(force_terminal=True)
    with progress.stage("Outer"):
        progress.update("outer work", 1, 3)
        with progress.stage("Inner"):
            progress.update("inner work", 1, 3)
        progress.update("outer work", 2, 3)
    lines = [line for line in lines_of(out) if "done in" in line]
    assert [line.split(":")[0] for line in lines] == ["Inner", "Outer"]
    assert "2/3" in out.getvalue().rsplit("Inner: done", 1)[1]


def test_the_longer_a_stage_takes_the_seldomer_it_says_so(clock):
    progress, out = shown()
    with progress.stage("Training"):
        for done in range(3600):
            clock[0] += 10
            progress.update("training", done, 3600)
    assert 60 < len(out.getvalue().splitlines()) < 160, "ten hours"


def test_work_outside_a_stage_leaves_no_display_behind(clock):
    progress, out = shown(force_terminal=True)
    progress.update("rows", 1, 2)
    progress.update("rows", 2, 2)
    assert out.getvalue().count("\x1b[?25l") == out.getvalue().count("\x1b[?25h") == 1


def test_libraries_that_were_imported_before_show_no_bars_either():
    code = (
        "from transformers.utils import logging; from retain.quiet import quiet_libraries; "
        "assert logging.is_progress_bar_enabled(); quiet_libraries(); assert not logging.is_progress_bar_enabled()"
    )
    keep = {key: value for key, value in os.environ.items() if key != "HF_HUB_DISABLE_PROGRESS_BARS"}
    subprocess.run([sys.executable, "-c", code], check=True, env={**keep, "PYTHONPATH": "src"}, timeout=120)
