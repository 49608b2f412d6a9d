import pytest

from retain.commands.report import report
from retain.errors import UserError
from retain.folder import write_record
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


def test_several_runs_need_a_place_and_each_must_be_finished(runs, tmp_path):
    with pytest.raises(UserError, match="--output FOLDER"):
        report(*runs)
    with pytest.raises(UserError, match="holds no record"):
        report(runs[0], tmp_path, output=tmp_path / "out")
    with pytest.raises(UserError, match="No run is named"):
        report()
