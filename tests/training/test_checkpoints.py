"""Which checkpoint a training goes on from: the newest that is what was written."""

import shutil
from types import SimpleNamespace

import pytest

from retain.sums import SUMS
from retain.training.checkpoints import Seal, checkpoints, last_checkpoint


@pytest.fixture
def saved(tmp_path):
    """Saves and seals checkpoints of given updates."""

    def save(*steps):
        for step in steps:
            folder = tmp_path / f"checkpoint-{step}"
            folder.mkdir(exist_ok=True)
            (folder / "weights").write_bytes(bytes(range(256)) * step)
            state = SimpleNamespace(global_step=step, is_world_process_zero=True)
            Seal().on_save(SimpleNamespace(output_dir=str(tmp_path)), state, None)
        return tmp_path

    return save


def steps(folder):
    return [int(path.name.split("-")[1]) for path in checkpoints(folder)]


def test_the_last_two_by_their_update_are_kept(saved):
    assert steps(saved(2, 4, 10)) == [4, 10]
    assert last_checkpoint(saved()).endswith("checkpoint-10")
    assert steps(saved(12)) == [10, 12], "10 comes after 4, as numbers do"


@pytest.mark.parametrize("damage", ["bit", "cut", "gone", "unsealed", "sums"])
def test_one_that_is_damaged_or_not_whole_is_passed_over_and_said(saved, caplog, damage):
    folder = saved(3, 6)
    file = folder / "checkpoint-6" / "weights"
    if damage == "bit":
        content = bytearray(file.read_bytes())
        content[77] ^= 1
        file.write_bytes(content)
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:100])
    elif damage == "gone":
        file.unlink()
    elif damage == "unsealed":
        (folder / "checkpoint-6" / SUMS).unlink()
    else:
        (folder / "checkpoint-6" / SUMS).write_text("half a li")
    assert last_checkpoint(folder).endswith("checkpoint-3")
    assert "checkpoint-6 is not gone on from" in caplog.text
    shutil.rmtree(folder / "checkpoint-3")
    assert last_checkpoint(folder) is None


def test_other_folders_are_no_checkpoints(saved):
    folder = saved(3)
    (folder / "checkpoint-x").mkdir()
    (folder / "checkpoint-9").write_text("a file")
    assert steps(folder) == [3]
