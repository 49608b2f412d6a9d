"""Limits of both versions of control groups, of a container and of a job, and what cannot be read."""

import sys

import pytest

from retain.scoring import memory_group
from retain.scoring.memory_group import left_in_group

FILES = {
    "first": ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "4:memory:"),
    "second": ("", "memory.max", "memory.current", "inactive_file", "0::"),
}


@pytest.fixture(params=list(FILES))
def group(request, monkeypatch, tmp_path):
    """Writes limits and what is taken into a folder that stands for the system's, and says where the process is."""
    hierarchy, most, used, reclaimable, prefix = FILES[request.param]
    monkeypatch.setattr(memory_group, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(memory_group, "OWN", tmp_path / "own")

    def write(path, limit, taken, stat=None, own=None):
        folder = tmp_path / "groups" / hierarchy / path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / most).write_text(f"{limit}\n")
        (folder / used).write_text(f"{taken}\n")
        if stat is not None:
            (folder / "memory.stat").write_text(stat.replace("NAME", reclaimable))
        if own is not None:
            (tmp_path / "own").write_text(f"9:cpu,cpuacct:/elsewhere\nodd\n{prefix}{own}\n")

    return write


def test_nothing_to_read_is_no_limit(monkeypatch, tmp_path):
    monkeypatch.setattr(memory_group, "GROUPS", tmp_path / "none")
    monkeypatch.setattr(memory_group, "OWN", tmp_path / "none")
    assert left_in_group() == sys.maxsize


def test_a_container_sees_its_group_as_the_root(group):
    group("", 1000, 700)
    assert left_in_group() == 300
    group("", 1000, 700, stat="anon 500\nodd\nNAME 150\n")
    assert left_in_group() == 450
    group("", 1000, 700, stat="NAME\n")
    assert left_in_group() == 300
    group("", 1000, 1200)
    assert left_in_group() == 0
    group("", "max", 700)
    assert left_in_group() == sys.maxsize


def test_the_tightest_of_a_jobs_groups_counts(group):
    group("", 5000, 700, own="/slurm/job_7/step_0")
    group("slurm/job_7", 1000, 400)
    group("slurm/job_7/step_0", 2000, 400)
    group("slurm/job_8", 10, 0)
    assert left_in_group() == 600
    group("slurm/job_7/step_0", 500, 400)
    assert left_in_group() == 100


def test_a_path_that_is_not_shown_here_leaves_the_root(group):
    group("", 1000, 100, own="/docker/abcdef")
    assert left_in_group() == 900
    group("", 1000, 100, own="/../../outside")
    assert left_in_group() == 900
