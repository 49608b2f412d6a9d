"""A few hundred inputs of benchmarks/fuzz, always the same: refused with a UserError or accepted, nothing else.

The campaign of thousands is ``python benchmarks/fuzz/run.py``.
"""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "fuzz"))

from inputs import KINDS
from run import fed
from targets import TARGETS
from watch import watched

from retain.errors import RetainError

COUNTS = {"recipes": 25, "data files": 40, "lm-eval logs": 100, "suites": 100, "measurements": 30}


def test_every_kind_is_tried():
    assert set(COUNTS) == set(KINDS) == set(TARGETS)


@pytest.mark.parametrize("kind", KINDS)
def test_what_nobody_would_write_is_accepted_or_refused(kind, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    outcomes = []

    @settings(
        max_examples=COUNTS[kind],
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(KINDS[kind])
    def feed(files):
        outcome, error = fed(kind, files)
        assert outcome != "failures", error
        outcomes.append(outcome)

    feed()
    assert {"accepted", "refused"} <= set(outcomes), "inputs of both sorts are drawn"


def test_a_failure_would_be_seen(monkeypatch, tmp_path):
    outside = tmp_path / "outside.txt"
    faults = {
        "ZeroDivisionError": lambda folder: 1 / 0,
        "outside of its folder": lambda folder: outside.write_text("x"),
        "without a word": lambda folder: refuse(),
        "RetainError": lambda folder: broken(),
    }
    for said, fault in faults.items():
        monkeypatch.setitem(TARGETS, "suites", fault)
        outcome, error = fed("suites", {"suite.yaml": b""})
        assert outcome == "failures" and said in error


def refuse():
    from retain.errors import UserError

    raise UserError(" ")


def broken():
    raise RetainError("broken")


def test_the_watch_sees_programs_folders_and_removals(tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    with watched(inside) as seen:
        (inside / "a").write_text("x")
        assert seen == []
        outside.mkdir()
        (outside / "b").write_text("x")
        (outside / "b").rename(outside / "c")
        (outside / "c").unlink()
    assert [one.split()[0] for one in seen] == ["os.mkdir", "open", "os.rename", "os.remove"]
    (outside / "d").write_text("x")
    assert len(seen) == 4, "only while it is watched"
