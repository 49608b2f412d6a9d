"""What the machine does is told in words: disks, memory, clocks."""

import errno
import os
import subprocess
import sys
import time

import pytest
import torch

from retain import cli
from retain.at_work import working_in
from retain.errors import BrokenError, FaultError, UserError
from retain.faults import disk_words, faults_in_words, memory_words
from retain.folder import write_text

DISK = {
    errno.ENOSPC: "The disk is full",
    errno.EDQUOT: "The disk is full",
    errno.EFBIG: "ulimit -f",
    errno.EIO: "disk or the network drive fails",
    errno.ESTALE: "disk or the network drive fails",
    errno.EROFS: "Choose another place",
    errno.EACCES: "Choose another place",
    errno.EBUSY: "Choose another place",
    errno.EMFILE: "ulimit -n",
}


@pytest.mark.parametrize("code", DISK, ids=errno.errorcode.get)
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_each_error_of_a_disk_names_the_path_and_what_to_do(tmp_path, monkeypatch, code, call):
    def fail(*args):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(f"retain.folder.os.{call}", fail)
    with pytest.raises(FaultError, match=DISK[code]) as error:
        write_text(tmp_path / "a.txt", "one")
    assert str(tmp_path / "a.txt") in str(error.value) and error.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_errors_that_are_not_of_a_disk_stay_what_they_are(tmp_path):
    for error in (
        OSError(errno.ENOENT, "no"),
        ConnectionRefusedError(111, "no"),
        ValueError("os error 28"),
        KeyError(),
    ):
        assert disk_words(error, tmp_path) is None and memory_words(error) is None
        with pytest.raises(type(error)), faults_in_words(tmp_path):
            raise error


LIMITED = """
import resource, signal, sys, torch
from pathlib import Path
from safetensors.torch import save_file
from retain.errors import FaultError
from retain.faults import faults_in_words
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
for save in (save_file, torch.save):
    try:
        with faults_in_words(Path(sys.argv[1])):
            save({"a": torch.zeros(20000)}, sys.argv[1] + "/weights")
    except FaultError as error:
        sys.stdout.write(str(error).splitlines()[0] + "|")
"""


@pytest.mark.skipif(os.name == "nt", reason="limits of file sizes")
def test_what_libraries_say_of_a_file_that_cannot_grow_is_understood(tmp_path):
    environment = {**os.environ, "PYTHONPATH": "src"}
    command = [sys.executable, "-c", LIMITED, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    weights, state, rest = done.stdout.split("|")
    assert "larger than its disk, or a limit (ulimit -f), allows" in weights and str(tmp_path) in weights
    assert "The disk is full" in state and rest == "", "torch does not say why it could not write"


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    error = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "rows.jsonl"))
    with pytest.raises(FaultError, match=r"rows\.jsonl could not be used: Permission"), faults_in_words(tmp_path):
        raise error


@pytest.mark.parametrize(
    "said",
    [
        "basic_ios::clear: iostream error",
        "[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534",
        "PytorchStreamWriter failed writing file data/0: file write failed",
    ],
)
def test_each_way_in_which_torch_says_that_it_could_not_write_is_understood(tmp_path, said):
    with pytest.raises(FaultError, match="disk is full"), faults_in_words(tmp_path):
        raise RuntimeError(said)


def too_much():
    yield lambda: torch.empty(2**62, dtype=torch.uint8)
    yield lambda: bytearray(2**62)
    yield lambda: raised(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"))
    yield lambda: raised(OSError(errno.ENOMEM, "Cannot allocate memory"))


def raised(error):
    raise error


@pytest.mark.parametrize("ask", too_much(), ids=["torch", "python", "cuda", "system"])
def test_too_little_memory_says_what_to_change(tmp_path, ask):
    with pytest.raises(BrokenError, match=r"training\.batch_size"), faults_in_words(tmp_path):
        ask()


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (torch.OutOfMemoryError("out of memory"), 4, "not enough memory"),
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), 2, "/x/y could not be written"),
        (OSError(errno.EROFS, "Read-only file system", "/x/y"), 2, "/x/y could not be used"),
    ],
)
def test_the_command_line_tells_them_without_a_traceback(monkeypatch, capsys, error, code, said):
    def fail(*given):
        raise error

    monkeypatch.setattr("retain.commands.schema.schema", fail)
    monkeypatch.setattr("sys.argv", ["retain", "schema"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    shown = capsys.readouterr().err
    assert left.value.code == code and said in shown and "Traceback" not in shown


def test_a_clock_that_jumps_changes_nothing(toy_recipe, tmp_path, monkeypatch):
    from retain.pipeline import run_recipe
    from retain.progress import Progress
    from retain.recipe import parse_recipe

    training = {"learning_rate": 0.01, "epochs": 1, "batch_size": 4, "max_length": 64, "checkpoints": 6}
    recipe = parse_recipe(toy_recipe(training=training, mitigations=[{"kind": "lora", "rank": 2}]))
    steady = run_recipe(recipe, tmp_path / "steady", Progress(quiet=True))
    now, calls = time.time(), [0]

    def back() -> float:
        calls[0] += 1
        return now - 3600.0 * calls[0]

    monkeypatch.setattr("time.time", back)
    monkeypatch.setattr("time.time_ns", lambda: int(back() * 1e9))
    kept = _times_of_files(monkeypatch)
    jumped = run_recipe(recipe, tmp_path / "jumped", Progress(quiet=True))
    assert calls[0] and kept, "somebody looked at the clock"
    assert kept[-1] == sorted(kept[-1])[-2:], "the newest checkpoints stay, whatever the times of their files"
    one, other = (found.model_dump(exclude={"seconds", "provenance", "title"}) for found in (steady, jumped))
    for found in (one, other):
        seconds = found["training"].pop("seconds"), found["training"].pop("watch_seconds")
        assert min(seconds) >= 0
    assert one == other and min(jumped.seconds.values()) >= 0


def _times_of_files(monkeypatch):
    """Each checkpoint's files get an earlier time than those before; a list of the checkpoints after each."""
    from retain.training import checkpoints

    kept, seal = [], checkpoints.Seal.on_save

    def on_save(self, args, state, control, **kwargs):
        seal(self, args, state, control, **kwargs)
        for path in checkpoints.checkpoints(checkpoints.Path(args.output_dir)):
            os.utime(path, (10**9 - state.global_step, 10**9 - state.global_step))
        kept.append([int(one.name.split("-")[1]) for one in checkpoints.checkpoints(checkpoints.Path(args.output_dir))])

    monkeypatch.setattr(checkpoints.Seal, "on_save", on_save)
    return kept


def test_a_model_whose_weights_are_nan_gets_no_verdict(toy_folder, toy_suite, tmp_path):
    from safetensors.torch import load_file, save_file

    import retain
    from retain.progress import Progress

    folder = tmp_path / "broken"
    folder.mkdir()
    for file in toy_folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    weights = load_file(folder / "model.safetensors")
    weights = {name: torch.full_like(tensor, float("nan")) for name, tensor in weights.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises((UserError, BrokenError), match=r"not a number|NaN"):
        retain.compare(
            str(toy_folder),
            str(folder),
            suite=str(toy_suite),
            load_in="fp32",
            folder=tmp_path / "out",
            progress=Progress(quiet=True),
        )
    assert not (tmp_path / "out" / "record.json").exists()


def test_memory_that_runs_out_within_a_folder_leaves_it_to_be_gone_on_with(tmp_path):
    with pytest.raises(BrokenError, match="not enough memory"), working_in(tmp_path / "run"):
        raise MemoryError
    with working_in(tmp_path / "run"):
        pass
