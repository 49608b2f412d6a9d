"""`retain gate --format`: the same verdict and exit code, written for CI systems."""

import json
import sys
from xml.etree import ElementTree

import pytest

from retain import cli
from retain.record_files import write_record
from retain.records import Comparison
from tests.reporting.makers import make_change, make_full_record, make_probe_verdict, make_record, make_verdict


@pytest.fixture
def call(monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["retain", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "tickets"
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(make_full_record().model_dump_json())
    return folder


def uri(text):
    return json.loads(text)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


def test_formats_on_standard_output_and_in_files(call, run_folder, tmp_path):
    for name in ("junit", "sarif", "markdown"):
        code, out, _ = call("gate", run_folder, "--format", name)
        file = tmp_path / "out" / name
        assert call("gate", run_folder, "--format", name, "--output", file) == (1, call("gate", run_folder)[1], "")
        assert code == 1
        assert file.read_text().strip() == out.strip()
    assert ElementTree.parse(tmp_path / "out" / "junit").getroot().tag == "testsuites"


def test_own_margins_leave_nothing_of_a_demonstration(call, run_folder):
    record = make_full_record()
    wide = record.verdict.gate.model_copy(update={"demonstration": True, "bits_margin": 80.0, "min_gain": -50.0})
    record = record.model_copy(update={"verdict": record.verdict.model_copy(update={"gate": wide})})
    (run_folder / "record.json").write_text(record.model_dump_json())
    both, one = ("--margin", 3, "--mean-margin", 1), ("--margin", 3)
    assert "demonstration" in call("gate", run_folder)[1] and "demonstration" in call("gate", run_folder, *one)[1]
    assert "demonstration" not in call("gate", run_folder, *both)[1]
    judged = json.loads(call("gate", run_folder, *both, "--json")[1])["gate"]
    assert (judged["bits_margin"], judged["min_gain"]) == (3.0, 0.0), "no other margin stays as wide"


def test_a_record_changed_by_hand_is_not_called_cut_short(call, run_folder):
    write_record(run_folder / "record.json", make_full_record())
    text = (run_folder / "record.json").read_text()
    (run_folder / "record.json").write_text(text.replace('"title": "', '"title": "x', 1))
    code, _, err = call("gate", run_folder)
    assert code == 2 and "changed by hand" in err and "sha256" in err and "no whole JSON" not in err


def test_margins_change_what_is_written(call, run_folder):
    wide = ("--margin", 90, "--mean-margin", 90, "--min-gain", -90)
    code, out, _ = call("gate", run_folder, "--format", "junit", *wide)
    assert code == 0
    assert ElementTree.fromstring(out.encode()).get("failures") == "0"


def test_results_are_shown_at_the_record_the_runs_recipe_or_the_one_that_was_typed(call, run_folder, tmp_path):
    assert uri(call("gate", run_folder, "--format", "sarif")[1]) == "runs/tickets/record.json"
    (run_folder / "recipe.yaml").write_text("{}")
    assert uri(call("gate", run_folder, "--format", "sarif")[1]) == "runs/tickets/recipe.yaml"
    (tmp_path / "tickets.yaml").write_text("{}")
    for command in ("retain run tickets.yaml", "python -m retain run tickets.yaml"):
        record = make_full_record(provenance={"command": command})
        (run_folder / "record.json").write_text(record.model_dump_json())
        assert uri(call("gate", run_folder, "--format", "sarif")[1]) == "tickets.yaml"


def test_the_verdict_beside_a_written_file_is_text_for_a_terminal(call, run_folder, tmp_path):
    name = "a \x1b[31m\u202e probe"
    comparison = Comparison(base="base", tuned="tuned", gains=[], losses=[make_change(name)], pooled=None)
    record = make_record(comparison=comparison, verdict=make_verdict(probes=[make_probe_verdict(name)]))
    (run_folder / "record.json").write_text(record.model_dump_json())
    plain = call("gate", run_folder)[1]
    assert "⟨U+202E⟩" in plain
    assert call("gate", run_folder, "--format", "sarif", "--output", tmp_path / "out.sarif")[1] == plain


@pytest.mark.parametrize("name, told", [("frontier.json", "arms"), ("advice.json", "advice")])
def test_folders_of_other_records_are_not_called_unfinished(call, tmp_path, name, told):
    (tmp_path / "recipe.yaml").write_text("{}")
    (tmp_path / name).write_text("{}")
    code, _, err = call("gate", tmp_path)
    assert code == 2 and told in err and "not finished" not in err


@pytest.mark.parametrize(
    "words, told",
    [
        (["--format", "xml"], "allowed: junit, sarif, markdown"),
        (["--format", "junit", "--json"], "--json"),
        (["--output", "a.xml"], "--format"),
    ],
)
def test_wrong_options(call, run_folder, words, told):
    code, _, err = call("gate", run_folder, *words)
    assert code == 2
    assert told in err and "Traceback" not in err
