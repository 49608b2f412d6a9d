"""A run that is killed goes on and ends with the same record."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from retain.errors import DamagedError
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.record_files import read_record
from retain.records import RunRecord
from retain.sums import write_sums
from retain.training import sft

MITIGATIONS = [
    {"kind": "lora", "rank": 4},
    {"kind": "kl_to_base", "share": 0.5},
    {"kind": "strength", "values": [0.5, 1.0]},
]


def comparable(record: RunRecord) -> dict:
    """Everything but times and places."""
    plain = record.model_dump(exclude={"seconds", "provenance", "title"})
    plain["training"].pop("seconds"), plain["training"].pop("watch_seconds")
    return plain


def run(recipe, folder):
    return run_recipe(parse_recipe(recipe), folder, Progress(quiet=True))


class Killed(Exception):
    """Stands for a kill at some point."""


@pytest.mark.parametrize(("stop_at", "full"), [(3, False), (7, True), (11, False)], ids=["early", "full", "late"])
def test_training_goes_on_from_its_last_checkpoint(toy_recipe, tmp_path, monkeypatch, stop_at, full):
    mitigations = MITIGATIONS[1:] if full else MITIGATIONS
    training = {"learning_rate": 0.01, "epochs": 2, "batch_size": 4, "max_length": 64, "checkpoints": 6}
    recipe = toy_recipe(mitigations=mitigations, training=training)
    expected = run(recipe, tmp_path / "whole")
    original = sft.ShowProgress.on_step_end

    def kill(self, args, state, control, **kwargs):
        if state.global_step == stop_at:
            raise Killed
        original(self, args, state, control, **kwargs)

    monkeypatch.setattr(sft.ShowProgress, "on_step_end", kill)
    with pytest.raises(Killed):
        run(recipe, tmp_path / "broken")
    monkeypatch.setattr(sft.ShowProgress, "on_step_end", original)
    known = sorted((tmp_path / "broken").glob("training/checkpoints/*/elapsed.json"))
    assert known, "each checkpoint remembers the time that it took"
    for path in known:
        path.write_text('{"seconds": 5000.0}')
        write_sums(path.parent)
    steps = []
    begin = sft.ShowProgress.on_step_end
    monkeypatch.setattr(
        sft.ShowProgress,
        "on_step_end",
        lambda self, args, state, control, **k: (
            steps.append(state.global_step) or begin(self, args, state, control, **k)
        ),
    )
    again = run(recipe, tmp_path / "broken")
    assert steps[0] > 1, "it went on from a checkpoint and not from the start"
    assert again.training.seconds > 5000, "the time of the first go counts"
    assert comparable(again) == comparable(expected)


STAGES = ["before.json", "general.json", "training.json", "chosen.json", "after.json", "kl.json", "recitation.json"]


def test_stages_that_were_lost_are_done_again_alike(toy_recipe, tmp_path):
    recipe = toy_recipe(mitigations=MITIGATIONS)
    recipe["training"] |= {"epochs": 2}
    recipe["measure"] |= {"recitation": 4}
    expected = comparable(run(recipe, tmp_path / "run"))
    for place in range(len(STAGES)):
        for name in [*STAGES[place:], "record.json"]:
            (tmp_path / "run" / name).unlink(missing_ok=True)
        assert comparable(run(recipe, tmp_path / "run")) == expected, STAGES[place]


def test_kill_9_at_several_moments_ends_with_the_same_record(toy_recipe, tmp_path, colour_file):
    general = [{"name": "own", "source": "base_model", "count": 40, "max_tokens": 8, "temperature": 2.0, "top_p": 1.0}]
    data = {"train": str(colour_file), "held_out": 0.3, "general": general}
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(toy_recipe(mitigations=MITIGATIONS, data=data)))
    environment = {**os.environ, "RETAIN_CACHE": str(tmp_path / "cache")}

    def start(folder: Path) -> subprocess.Popen:
        command = [sys.executable, "-m", "retain.cli", "run", str(recipe), "--folder", str(folder), "--quiet"]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    whole = start(tmp_path / "whole")
    assert whole.wait() in (0, 1, 3), whole.stderr.read().decode()
    for milestone in ("training", "after"):  # benchmarks/faults kills hundreds of runs at any moment
        process = start(tmp_path / "broken")
        deadline = time.monotonic() + 60
        while process.poll() is None and not (tmp_path / "broken" / milestone).exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
    last = start(tmp_path / "broken")
    assert last.wait() in (0, 1, 3), last.stderr.read().decode()
    found, expected = (read_record(tmp_path / name / "record.json", RunRecord) for name in ("broken", "whole"))
    assert comparable(found) == comparable(expected)


def test_a_damaged_file_of_a_run_is_named(toy_recipe, tmp_path):
    folder = tmp_path / "run"
    recipe = toy_recipe(training={"epochs": 1, "max_length": 64})
    expected = comparable(run(recipe, folder))
    for name in ("before.json", "training.json", "provenance.json"):
        whole = (folder / name).read_bytes()
        for content in (b"", b'{"a": ', bytes(range(256)), whole.replace(b"0", b"1", 1)):
            (folder / name).write_bytes(content)
            with pytest.raises(DamagedError, match=str(folder)) as error:
                run(recipe, folder)
            assert error.value.remove == (folder / name,)
        (folder / name).write_bytes(whole)
    for name in ("seconds.json", "recipe.yaml", "record.json", "before/test-say.json"):
        for content in (b"", b'{"a": ', bytes(range(256))):
            (folder / name).write_bytes(content)
            assert comparable(run(recipe, folder)) == expected


@pytest.mark.parametrize("name", ["trained", "tuned"])
def test_weights_that_are_not_what_was_written_are_made_anew(toy_recipe, tmp_path, name):
    folder = tmp_path / "run"
    recipe = toy_recipe(training={"epochs": 1, "max_length": 64}, mitigations=[{"kind": "lora", "rank": 2}])
    expected = comparable(run(recipe, folder))
    if name == "trained":
        for later in ("chosen.json", "tuned"):
            (folder / later).unlink() if later.endswith("json") else shutil.rmtree(folder / later)
    weights = folder / name / "adapter_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-9] ^= 64
    weights.write_bytes(content)
    with pytest.raises(DamagedError, match=r"adapter_model\.safetensors is not what was written") as error:
        run(recipe, folder)
    for path in error.value.remove:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert comparable(run(recipe, folder)) == expected


def test_a_general_sets_name_stays_in_the_run_folder(toy_recipe, tmp_path):
    recipe = toy_recipe(training={"epochs": 1, "max_length": 64})
    recipe["data"]["general"] = [{"name": "../../outside", "source": "base_model", "count": 2, "max_tokens": 8}]
    run(recipe, tmp_path / "run")
    assert not (tmp_path / "outside").exists() and not (tmp_path.parent / "outside").exists()
    assert "../../outside" in (tmp_path / "run" / "general.json").read_text("utf-8")
