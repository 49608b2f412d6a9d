"""Where comparisons are written when no folder is named."""

import sys

import pytest

from retain import cli
from retain.commands.comparison_folders import default_folder


def test_each_pair_has_a_folder_of_its_own(tmp_path, monkeypatch):
    for name in ("a/tuned", "b/tuned", "base"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    first, second = default_folder(["base", "a/tuned"]), default_folder(["base", "b/tuned"])
    assert first.parent.as_posix() == "runs/comparison" and first.name.startswith("base-tuned-")
    assert first != second
    assert default_folder(["base", "b/tuned", "a/tuned"]) not in (first, second)
    assert default_folder([str(tmp_path / "base"), "a/../a/tuned"]) == first, "the same pair named otherwise"
    assert default_folder(["adapter"]).name.startswith("adapter-")
    assert len(default_folder(["http://host/v1#" + "m" * 300, "x" * 300]).name) < 100


def test_a_comparison_without_a_folder_keeps_that_of_another_pair(toy_folder, toy_suite, tmp_path, monkeypatch, capsys):
    import shutil

    monkeypatch.chdir(tmp_path)
    shutil.copytree(toy_folder, tmp_path / "one")
    shutil.copytree(toy_folder, tmp_path / "two")
    for tuned in ("one", "two", "one"):
        words = ["retain", "compare", str(toy_folder), tuned, "--suite", str(toy_suite), "--load-in", "fp32"]
        monkeypatch.setattr(sys, "argv", [*words, "--limit", "4", "--quiet"])
        with pytest.raises(SystemExit):
            cli.main()
    found = sorted((tmp_path / "runs" / "comparison").glob("*/record.json"))
    assert len(found) == 2
    assert f"Report: {found[0].parent.relative_to(tmp_path) / 'report.html'}" in capsys.readouterr().out
