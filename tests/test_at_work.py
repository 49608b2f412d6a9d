"""One process works in a folder at a time."""

import errno
import json
import os
import platform
import signal
import subprocess
import sys

import pytest
import yaml

from retain import processes
from retain.at_work import LOCK, working_in
from retain.errors import FaultError
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe

HOLD = "import sys, time, pathlib; from retain.at_work import working_in\n"
HOLD += "with working_in(pathlib.Path(sys.argv[1])): print('in', flush=True); time.sleep(600)"


@pytest.fixture
def held(tmp_path):
    """A folder that another process works in."""
    environment = {**os.environ, "PYTHONPATH": "src"}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout.readline() == "in\n"
    yield tmp_path / "run", process
    process.kill()
    process.wait()


def test_the_second_of_two_is_told_who_the_first_is_and_takes_over_when_that_is_killed(held, toy_recipe):
    folder, process = held
    said = rf"is in use: process {process.pid} on {platform.node()} works in it"
    with pytest.raises(FaultError, match=said), working_in(folder):
        pytest.fail("two at once")
    with pytest.raises(FaultError, match=said):
        run_recipe(parse_recipe(toy_recipe()), folder, Progress(quiet=True))
    assert sorted(path.name for path in folder.iterdir()) == [LOCK]
    process.send_signal(signal.SIGKILL)
    process.wait()
    with working_in(folder):
        assert json.loads((folder / LOCK).read_text())["pid"] == os.getpid()


def test_a_lock_that_says_nothing_holds_all_the_same(held):
    folder, _ = held
    (folder / LOCK).write_text("torn")
    with pytest.raises(FaultError, match="another process works in it"), working_in(folder):
        pass


@pytest.mark.parametrize("command", ["frontier", "sequence", "advise"])
def test_all_that_write_into_a_folder_hold_it(held, command, toy_recipe, tmp_path):
    import retain

    folder, _ = held
    values = toy_recipe(mitigations=[{"kind": "lora", "rank": 2}])
    if command == "frontier":
        values["frontier"] = {"arms": {"one": {}}, "strengths": [1.0]}
    if command == "sequence":
        data = values["data"]
        values["stages"] = [{"name": "colours", "data": {"train": data.pop("train"), "held_out": data.pop("held_out")}}]
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(values))
    do = {"frontier": retain.frontier, "sequence": retain.run, "advise": retain.advise}[command]
    with pytest.raises(FaultError, match="is in use"):
        do(path, folder, progress=Progress(quiet=True))


def test_what_a_killed_process_left_half_written_is_removed(tmp_path):
    (tmp_path / "recipe.yaml").write_text("")
    (tmp_path / "before").mkdir()
    (tmp_path / "before" / ".a.json.x.tmp").write_text("half")
    (tmp_path / ".tuned.12.tmp").mkdir()
    (tmp_path / ".tuned.12.tmp" / "weights").write_text("half")
    with working_in(tmp_path):
        assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
            LOCK,
            "before",
            "recipe.yaml",
        ]


def test_what_is_half_written_in_a_folder_with_a_lock_of_its_own_is_left_to_it(tmp_path):
    arm = tmp_path / "arms" / "plain"
    with working_in(arm):
        (arm / ".gguf.12.tmp").mkdir()
        with working_in(tmp_path):
            assert (arm / ".gguf.12.tmp").is_dir()


def test_a_folder_of_other_things_gets_no_lock_and_loses_nothing(tmp_path):
    (tmp_path / ".draft.tmp").write_text("mine")
    (tmp_path / "thesis.tex").write_text("mine")
    with working_in(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".draft.tmp", "thesis.tex"]


def test_of_processes_that_train_together_the_first_holds_the_lock(tmp_path, monkeypatch):
    with working_in(tmp_path / "run"):
        monkeypatch.setattr(processes, "is_first", lambda: False)
        with working_in(tmp_path / "run"):
            pass
        monkeypatch.setattr(processes, "is_first", lambda: True)
        with pytest.raises(FaultError, match="in use"), working_in(tmp_path / "run"):
            pass


@pytest.mark.skipif(sys.platform == "win32", reason="locks are made otherwise there")
@pytest.mark.parametrize("said", ["ENOSYS", "ENOLCK", "ENOTSUP", "EINVAL"])
def test_a_file_system_without_locks_is_told_of_and_worked_on(tmp_path, monkeypatch, caplog, said):
    import fcntl

    def refuse(descriptor, operation):
        raise OSError(getattr(errno, said), os.strerror(getattr(errno, said)))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with working_in(tmp_path / "run"):
        (tmp_path / "run" / "recipe.yaml").write_text("")
        with working_in(tmp_path / "run"):  # as after a kill: nothing that was left there locks the folder
            pass
    assert "run cannot be locked" in caplog.text
