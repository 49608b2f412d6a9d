import pytest

from retain import registry
from retain.commands import list_units as module
from retain.commands.list_units import list_units, markdown_tables, render_list, suite_summary
from retain.errors import UserError
from retain.models.builtin import BUILTINS


def test_every_unit_of_every_folder_is_listed_with_its_docstring():
    listed = list_units()
    assert list(listed) == ["mitigations", "probes", "symptoms", "alarms", "checks", "suites", "builtin"]
    for folder in ("mitigations", "probes"):
        assert set(listed[folder]) == set(registry.units(folder))
        assert all(about.strip() for about in listed[folder].values())
    assert set(listed["builtin"]) == set(BUILTINS)
    assert "lora" in listed["mitigations"]
    assert "mode_collapse" in listed["symptoms"]


def test_one_folder_can_be_asked_for():
    assert list(list_units("builtin")) == ["builtin"]


def test_an_unknown_folder_gets_the_nearest_name():
    with pytest.raises(UserError, match='did you mean "probes"'):
        list_units("probs")


def test_suites_are_the_packages_files(tmp_path, monkeypatch):
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "tiny.yaml").write_text("# What it is: two probes. More.\nprobes: []\n")
    (tmp_path / "suites" / "notes.txt").write_text("not a suite")
    monkeypatch.setattr("retain.probes.__path__", [str(tmp_path)])
    assert list_units("suites") == {"suites": {"tiny": "Two probes."}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# What it is: a set\n# of probes, v. 1.5 of it. More.\nname: x", "A set of probes, v. 1.5 of it."),
        ("# one line\nprobes: []\n# not this", "One line"),
        ("probes: []", ""),
    ],
)
def test_a_suites_summary_is_the_first_sentence_of_its_header(text, expected):
    assert suite_summary(text) == expected


def test_names_stand_under_each_other():
    text = render_list({"probes": {"a": "first", "long_name": "second"}})
    assert text == "probes\n  a          first\n  long_name  second\n"


def test_tables_are_markdown_and_a_bar_does_not_end_a_cell(monkeypatch):
    monkeypatch.setattr(module, "_units", lambda folder: {"x": "P(a | b) of ``y``"})
    lines = markdown_tables("probes").splitlines()
    assert lines[2:] == ["| name | what it is |", "| --- | --- |", "| `x` | P(a \\| b) of `y` |"]
