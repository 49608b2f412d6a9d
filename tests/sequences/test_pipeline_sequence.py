"""Whole sequences on the toy model."""

from retain.commands.run import run
from retain.progress import Progress

QUIET = Progress(quiet=True)


def test_plain_learning_in_turn_forgets_and_the_matrix_shows_it(sequence_recipe, tmp_path):
    record = run(sequence_recipe(), tmp_path / "plain", progress=QUIET)
    print((tmp_path / "plain" / "report.md").read_text())
    kept = run(sequence_recipe(sequence={"memory": {"share": 1.0}}), tmp_path / "kept", progress=QUIET)
    print((tmp_path / "kept" / "report.md").read_text())
    assert 0
