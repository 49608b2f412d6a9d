import tomllib
from pathlib import Path

import pytest

from retain.reporting import write
from retain.reporting.write import write_frontier, write_reports

from .frontier_makers import make_frontier
from .makers import make_full_record, make_record


def test_both_reports_are_written_and_nothing_else(tmp_path):
    paths = write_reports(make_full_record(), tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["report.html", "report.md"]
    assert {path.name for path in paths} == {"report.html", "report.md"}
    assert (tmp_path / "run" / "report.md").read_text("utf-8").startswith("# Bank tickets")
    assert (tmp_path / "run" / "report.html").read_text("utf-8").startswith("<!doctype html>")


def test_rendering_again_gives_the_same_bytes(tmp_path):
    first = [path.read_bytes() for path in write_reports(make_full_record(), tmp_path)]
    assert [path.read_bytes() for path in write_reports(make_full_record(), tmp_path)] == first


def test_an_error_while_rendering_leaves_the_old_pair(tmp_path, monkeypatch):
    write_reports(make_record(title="old"), tmp_path)

    def fail(record):
        raise ValueError("no")

    monkeypatch.setattr(write, "render_html", fail)
    with pytest.raises(ValueError, match="no"):
        write_reports(make_record(title="new"), tmp_path)
    assert (tmp_path / "report.md").read_text("utf-8").startswith("# old")


def test_a_report_survives_its_record_being_stored(tmp_path):
    record = make_full_record()
    again = type(record).model_validate_json(record.model_dump_json())
    assert write_reports(again, tmp_path / "a")[1].read_bytes() == write_reports(record, tmp_path / "b")[1].read_bytes()


def test_every_file_that_a_report_reads_is_in_the_package():
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text())
    settings = project["tool"]["setuptools"]["package-data"]["retain"]
    read = sorted((root / "src" / "retain" / "reporting" / "templates").iterdir())
    assert len(read) == 19
    assert all(any(path.match(pattern) for pattern in settings) for path in read)


def test_a_frontiers_page_links_to_the_reports_that_there_are(tmp_path):
    place = tmp_path / "arms" / "kept-0"
    place.mkdir(parents=True)
    (place / "report.html").write_text("x")
    write_frontier(make_frontier(), tmp_path)
    text = (tmp_path / "frontier.html").read_text("utf-8")
    assert 'href="arms/kept-0/report.html"' in text and "arms/plain-0/report.html" not in text
