"""A few trials of benchmarks/faults: killed, refused and damaged work ends with the record of undisturbed work.

The campaign of hundreds is ``python benchmarks/faults/run.py``.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "faults"))

from harms import _tear, _written, spoil
from trials import Failed, Work, _check_kept, _check_record, difference
from work import Place, stage_of

FAULTS = Path(__file__).parents[2] / "benchmarks" / "faults"


def test_some_faults_of_each_kind_lose_nothing(tmp_path):
    output = tmp_path / "campaign.json"
    numbers = ["--kills", "6", "--errors", "3", "--corruptions", "3", "--seconds", "1", "--works", "run"]
    command = [sys.executable, str(FAULTS / "run.py"), *numbers, "--workers", "2", "--output", str(output)]
    environment = {**os.environ, "PYTHONPATH": "src", "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    trials = json.loads(output.read_text())["trials"]
    assert {one["outcome"] for one in trials} == {"same record"}
    struck = [one["trial"].rsplit("/", 2)[0] for one in trials for _ in one["faults"]]
    assert sum(kind in ("kill", "kill at a call", "power cut") for kind in struck) >= 6
    assert [struck.count(kind) for kind in ("I/O error", "corruption", "second process")] == [3, 3, 1]


def test_a_wrong_record_and_a_lost_stage_would_be_seen(tmp_path):
    place = Place(tmp_path)
    place.folder.mkdir()
    (place.folder / "record.json").write_text(json.dumps({"value": 1.0, "seconds": {"a": 3}}))
    work = Work("run", tmp_path, 1.0, {}, [["record.json", {"value": 1.0}]])
    _check_record(work, place)
    (place.folder / "record.json").write_text(json.dumps({"value": 1.5, "seconds": {"a": 3}}))
    with pytest.raises(Failed, match="wrong record") as failed:
        _check_record(work, place)
    assert failed.value.args[1] == ".0.1.value: 1.0 / 1.5"
    with pytest.raises(Failed, match="lost"):
        _check_kept({"before.json": 1}, {"before.json": 2})
    assert difference([1], [1, 2]) == ": [1] / [1, 2]"


@pytest.mark.parametrize("how", ["cut", "zeros", "bit"])
def test_damage_is_damage(tmp_path, how):
    path, whole = tmp_path / "a", bytes(range(1, 200))
    for seed in range(20):
        path.write_bytes(whole)
        spoil(path, how, random.Random(seed))
        found = path.read_bytes()
        assert found != whole and (len(found) < len(whole)) == (how == "cut")


def test_the_stage_is_what_was_said_last():
    said = "Reading the data ...\nReading the data: done in 0 s\nTraining ...\n"
    assert stage_of(said) == "Training"
    assert stage_of(said + "Training: done in 2 s\n") == "Between stages, reports"
    assert stage_of("") == "Opening the folder"


def test_a_power_cut_tears_only_what_this_go_wrote_and_did_not_force(tmp_path):
    folder, cache = tmp_path / "run", tmp_path / "cache"
    folder.mkdir()
    cache.mkdir()
    content = b"x" * 100
    (folder / "earlier.json").write_bytes(content)
    earlier = _written(folder, cache)
    os.rename(folder / "earlier.json", folder / "renamed.json")
    for number in range(20):
        (cache / f"new{number}").write_bytes(content)
    _tear(folder, cache, earlier, random.Random(0))
    assert (folder / "renamed.json").read_bytes() == content
    left = [len((cache / f"new{number}").read_bytes()) for number in range(20)]
    assert 5 < sum(size < 100 for size in left) < 20
    assert 0 in left
