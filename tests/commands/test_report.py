import json
import sys

import pytest

from retain import cli
from retain.commands.gate import judged_points, render_gate
from retain.commands.report import report, report_text
from retain.errors import UserError
from retain.record_files import write_record
from retain.records import Comparison, Gate, RunRecord, Verdict


@pytest.fixture
def runs(tmp_path):
    comparison = Comparison(base="b", tuned="t", gains=[], losses=[], pooled=None)
    verdict = Verdict(
        outcome="inconclusive", reasons=[], items_needed=None, gate=Gate(), probes=[], gain="not measured"
    )
    record = RunRecord(title="A run", before=[], after=[], comparison=comparison, verdict=verdict)
    for name in ("one", "two"):
        write_record(tmp_path / name / "record.json", record)
    return tmp_path / "one", tmp_path / "two"


def test_one_run_is_written_into_its_folder_or_another(runs, tmp_path):
    assert [path.relative_to(tmp_path).as_posix() for path in report(runs[0])] == ["one/report.md", "one/report.html"]
    assert report(runs[0] / "record.json") == report(runs[0])
    assert {path.parent for path in report(runs[0], output=tmp_path / "there")} == {tmp_path / "there"}


def test_several_runs_are_put_side_by_side_with_links_to_their_reports(runs, tmp_path):
    report(runs[0])
    paths = report(*runs, output=tmp_path / "out")
    assert [path.name for path in paths] == ["runs.md", "runs.html"]
    text = paths[1].read_text("utf-8")
    assert 'href="../one/report.html"' in text and "../two/report.html" not in text
    assert sorted(path.name for path in runs[1].iterdir()) == ["record.json"]


def test_a_run_as_the_comment_of_a_pull_request_or_as_its_record(runs, tmp_path):
    comment = report_text(runs[0], format="markdown")
    assert comment == render_gate(judged_points(runs[0]), runs[0], "markdown")
    assert RunRecord.model_validate_json(report_text(runs[0], format="json")).title == "A run"
    assert report(runs[0], output=tmp_path / "a.md", format="markdown") == [tmp_path / "a.md"]
    assert (tmp_path / "a.md").read_text("utf-8") == comment
    assert report_text(*runs, format="markdown").count("## ") == 2
    with pytest.raises(UserError, match="--output FILE"):
        report(runs[0], format="json")
    with pytest.raises(UserError, match="of one run"):
        report_text(*runs, format="json")


def test_the_command_prints_what_is_one_text(runs, monkeypatch, capsys):
    def said(*words):
        monkeypatch.setattr(sys, "argv", ["retain", "report", str(runs[0]), *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0, *capsys.readouterr()

    code, out, _ = said("--format", "markdown")
    assert code == 0 and out.strip() == report_text(runs[0], format="markdown").strip()
    assert json.loads(said("--format", "json")[1])["title"] == "A run"
    code, _, err = said("--format", "markdown", "--json")
    assert code == 2 and "leave it out" in err
    assert "allowed: report, card, markdown, json" in said("--format", "pdf")[2]


def test_several_runs_need_a_place_and_each_must_be_finished(runs, tmp_path):
    with pytest.raises(UserError, match="--output FOLDER"):
        report(*runs)
    with pytest.raises(UserError, match="holds no record"):
        report(runs[0], tmp_path, output=tmp_path / "out")
    with pytest.raises(UserError, match="No run is named"):
        report()
