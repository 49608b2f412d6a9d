"""How processes that were started together end: all at once, and the reason is said once."""

from __future__ import annotations

import pytest
from process_toys import HERE, launch


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["-m", "retain", "lint", "rows.jsonl"], "retain lint runs in one process"),
        ([str(HERE / "failing_process.py")], "Process 1 of 2: this process has no room on its disk"),
    ],
    ids=["a command for one process", "an error on one of two"],
)
def test_an_error_ends_all_processes_and_is_said_once(tmp_path, command, said):
    two = launch(command, tmp_path)
    output, _ = two.communicate(timeout=300)
    assert two.returncode == 1
    assert output.count(said) == 1, output
