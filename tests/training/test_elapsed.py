"""The time of a training counts over interruptions."""

from types import SimpleNamespace

import pytest

from retain.record_files import read_json
from retain.training import elapsed
from retain.training.elapsed import FILE, Elapsed


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(at=100.0)
    monkeypatch.setattr(elapsed.time, "monotonic", lambda: now.at)
    return now


def save(counter, folder, step, first=True):
    (folder / f"checkpoint-{step}").mkdir()
    counter.on_save(
        SimpleNamespace(output_dir=str(folder)), SimpleNamespace(global_step=step, is_world_process_zero=first), None
    )
    return folder / f"checkpoint-{step}"


def test_a_go_begins_with_the_time_of_its_checkpoint(tmp_path, clock):
    first = Elapsed(95.0, None)
    assert first.seconds == 5
    clock.at = 110.0
    kept = save(first, tmp_path, 4)
    assert read_json(kept / FILE) == {"seconds": 15.0}
    clock.at = 1000.0
    second = Elapsed(990.0, str(kept))
    assert second.seconds == 25, "what came after the checkpoint is done again, and counts once"
    assert read_json(save(second, tmp_path, 8) / FILE) == {"seconds": 25.0}


@pytest.mark.parametrize("content", [None, "", "{}", '{"seconds": null}'])
def test_a_checkpoint_without_a_time_counts_as_none(tmp_path, clock, content):
    if content is not None:
        (tmp_path / FILE).write_text(content)
    assert Elapsed(98.0, str(tmp_path)).seconds == 2


def test_one_process_writes(tmp_path, clock):
    assert not (save(Elapsed(98.0, None), tmp_path, 4, first=False) / FILE).exists()
