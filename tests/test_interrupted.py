"""Ctrl-C: one line that says how to go on, exit code 130, and a folder that the same command goes on in."""

import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

import retain
from retain.ending import run_to_its_end
from retain.progress import Progress

HEARD = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
"""Whoever begins the tests in the background may have told them to ignore SIGINT, and a child would inherit that."""
SAID = "Interrupted. What was finished is kept: run the same command again to go on."


def start(arguments, before=""):
    code = f"{HEARD}; import sys; {before}from retain.cli import main; sys.argv = {arguments!r}; main()"
    environment = {**os.environ, "PYTHONPATH": "src"}
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def until(true, process, seconds=240):
    end = time.monotonic() + seconds
    while not true() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    assert true(), process.communicate()[1]


def test_a_run_that_is_stopped_says_how_to_go_on_and_does(tmp_path, toy_recipe):
    recipe, folder = tmp_path / "recipe.yaml", tmp_path / "run"
    recipe.write_text(yaml.safe_dump(toy_recipe()))
    process = start(["retain", "run", str(recipe), "--folder", str(folder)])
    until(lambda: (folder / "before.json").exists(), process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert said.rstrip().endswith(f"{SAID}\n  retain run {recipe} --folder {folder}") and "Traceback" not in said
    assert not (folder / "record.json").exists()
    kept = (folder / "before.json").stat().st_mtime_ns
    retain.run(recipe, folder, progress=Progress(quiet=True))
    assert (folder / "record.json").exists() and (folder / "before.json").stat().st_mtime_ns == kept


@pytest.mark.parametrize("raised", ["KeyboardInterrupt()", "SystemExit(7)"])
def test_only_an_interrupt_is_called_one(raised):
    before = f"import retain.commands.schema as s; s.schema = lambda *_: (_ for _ in ()).throw({raised}); "
    process = start(["retain", "schema"], before)
    _, said = process.communicate(timeout=60)
    interrupted = raised.startswith("Keyboard")
    assert process.returncode == (130 if interrupted else 7)
    assert said.strip() == (f"{SAID}\n  retain schema" if interrupted else "")


@pytest.mark.parametrize(
    ("program", "typed"), [("/venv/bin/retain", "retain"), ("/site-packages/retain/__main__.py", "python -m retain")]
)
def test_it_says_the_command_as_it_was_called_and_of_several_processes_that_all_are_started_again(
    program, typed, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "argv", [program, "run", "a.yaml"])

    def said() -> str:
        with pytest.raises(SystemExit):
            run_to_its_end(lambda: (_ for _ in ()).throw(KeyboardInterrupt()))
        return capsys.readouterr().err

    assert said() == f"{SAID}\n  {typed} run a.yaml\n"
    for name, value in (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "_exit", sys.exit)
    assert (
        f"start the 2 processes again in the same way (torchrun or accelerate launch, with as many of them) to go "
        f"on.\n  {typed} run a.yaml\n" in said()
    )


def test_ctrl_c_before_the_command_listens_shows_no_traceback(tmp_path):
    """The import of the command line is held up, as a slow disk does."""
    (tmp_path / "typer.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    code = f"{HEARD}; from retain.__main__ import start; start()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), "src"])}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[1] == "" and process.returncode == -signal.SIGINT
