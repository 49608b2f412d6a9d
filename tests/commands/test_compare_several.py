"""Several tuned models against one base: one report, one JSON, and the worst verdict's exit code."""

import json
import sys

import pytest
from pydantic import ValidationError

from retain import cli
from retain.at_work import working_in
from retain.commands import sides
from retain.commands.compare_several import compare_several, folder_names
from retain.commands.measure import measure
from retain.commands.schema import schema
from retain.errors import FaultError, UserError
from retain.models.load import load_causal
from retain.progress import Progress
from retain.record_files import read_record, write_record
from retain.records import Gate, RunRecord
from retain.several_records import SEVERAL, SeveralRecord

QUIET = Progress(quiet=True)
WIDE = Gate(mean_margin=90, margin=90)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, toy_folder):
    """A copy of the toy model, which forgot nothing, and one of random weights, which forgot everything."""
    import torch

    toy = load_causal(str(toy_folder), "fp32")
    folder = tmp_path_factory.mktemp("tuned")
    for name, seed in (("same", None), ("other", 1)):
        if seed is not None:
            torch.manual_seed(seed)
            type(toy.module)(toy.module.config).save_pretrained(folder / name)
        else:
            toy.module.save_pretrained(folder / name)
        toy.tokenizer.save_pretrained(folder / name)
    return folder / "same", folder / "other"


@pytest.fixture
def call(monkeypatch, capsys):
    """Run ``retain compare`` in this process: (exit code, standard output, standard error)."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["retain", "compare", *map(str, words), "--quiet"])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


def compared(before, after, suite, **options):
    return compare_several(str(before), [str(one) for one in after], str(suite), "fp32", progress=QUIET, **options)


def test_each_is_judged_and_the_worst_verdict_counts(toy_folder, tuned, mastered_suite, tmp_path, call, monkeypatch):
    asked = []
    measured = sides.measure
    monkeypatch.setattr(sides, "measure", lambda model, *rest: asked.append(model) or measured(model, *rest))
    folder = tmp_path / "out"
    words = toy_folder, *tuned, "--suite", mastered_suite, "--load-in", "fp32", "--folder", folder
    code, out, _ = call(*words, "--json")
    found = json.loads(out)
    assert asked == [str(toy_folder), str(tuned[0]), str(tuned[1])], "the base is measured once"
    assert (code, found["outcome"], found["version"]) == (1, "forgot", 1)
    assert [one["name"] for one in found["models"]] == ["same", "other"]
    assert found["models"][0]["outcome"] != "forgot" and found["models"][1]["outcome"] == "forgot"
    assert set(found) == set(schema("several")["properties"])
    assert read_record(folder / SEVERAL, SeveralRecord).model_dump(mode="json") == found
    for one in found["models"]:
        kept = read_record(folder / one["folder"] / "record.json", RunRecord)
        assert kept.comparison.model_dump(mode="json") == one["comparison"]
    page = (folder / "runs.html").read_text("utf-8")
    assert 'href="other/report.html"' in page and "2 models compared with" in page and "<svg" in page
    assert "up to 10%" in page and "up to 10%" in (folder / "runs.md").read_text("utf-8")
    code, out, _ = call(*words, "--margin", "100", "--mean-margin", "100")
    assert code == 0, "every loss is within margins of 100 points"
    lines = [line for line in out.splitlines() if not line.startswith("Report: ")]
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("RETAINED   the worst verdict of 2 models") and "up to 10%" in " ".join(lines)


def test_one_model_alone_gives_the_record_that_compare_gives(toy_folder, tuned, toy_suite, tmp_path):
    from retain.commands.compare import compare

    both = compared(toy_folder, tuned, toy_suite)
    alone = compare(str(toy_folder), str(tuned[1]), str(toy_suite), "fp32", progress=QUIET)
    assert both.models[1].comparison == alone.comparison and both.models[1].verdict == alone.verdict
    assert both.models[1].folder is None


def test_margins_and_tasks_are_those_that_were_asked_for(toy_folder, tuned, toy_suite):
    found = compared(toy_folder, tuned, toy_suite, task=["say"], gate=WIDE)
    assert all(one.gain is not None and one.gain.probe == "say" for one in found.models)
    assert {one.verdict.gate for one in found.models} == {WIDE}


def test_files_of_other_items_are_noted(toy_folder, tuned, toy_suite, tmp_path):
    for name, limit in (("all", None), ("few", 10)):
        found = measure(str(tuned[1]), str(toy_suite), "fp32", limit=limit, progress=QUIET)
        write_record(tmp_path / f"{name}.json", found)
    found = compared(toy_folder, [tmp_path / "all.json", tmp_path / "few.json"], toy_suite)
    assert any("not all measured on the same items (say, choose)" in note for note in found.notes)
    assert [one.comparison.losses[0].items for one in found.models] == [37, 10]


def test_what_is_wrong_is_said_before_anything_is_measured(toy_folder, tuned, toy_suite, tmp_path, monkeypatch):
    monkeypatch.setattr(sides, "measure", lambda *_: pytest.fail("measured"))
    with pytest.raises(UserError, match=r"there is no model folder .*/nowhere"):
        compared(toy_folder, [tuned[0], tmp_path / "nowhere"], toy_suite)
    with pytest.raises(UserError, match="named twice"):
        compared(toy_folder, [tuned[0], f"{tuned[0]}/"], toy_suite)
    with pytest.raises(UserError, match="two tuned models or more; found 1"):
        compared(toy_folder, [tuned[0]], toy_suite)
    (tmp_path / "record.json").write_text("{}")
    with pytest.raises(UserError, match="Choose another place with --folder"):
        compared(toy_folder, tuned, toy_suite, folder=tmp_path)


def test_its_folder_is_judged_model_by_model_and_not_taken_for_one_comparison(
    toy_folder, tuned, toy_suite, tmp_path, capsys, monkeypatch
):
    from retain.commands.gate import gate, judged_points, load_run

    record = compared(toy_folder, tuned, toy_suite, folder=tmp_path / "out")
    points = judged_points(tmp_path / "out")
    assert [one.verdict for one in points] == [one.verdict for one in record.models]
    assert gate(tmp_path / "out").outcome == record.outcome
    others = Gate(margin=70.0, mean_margin=60.0)
    assert [one.verdict.gate for one in judged_points(tmp_path / "out", others)] == [others, others]
    monkeypatch.setattr(sys, "argv", ["retain", "gate", str(tmp_path / "out")])
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr().out.splitlines()
    assert said[0] == record.outcome
    assert said[-2:] == [f"{one.base} -> {one.tuned}: {one.verdict.outcome}" for one in points]
    with pytest.raises(UserError, match=r"comparison of several models.*name the folder of one"):
        load_run(tmp_path / "out")
    assert gate(tmp_path / "out" / "other").outcome == "inconclusive"


def test_a_second_one_does_not_write_into_its_folder(toy_folder, tuned, toy_suite, tmp_path):
    with working_in(tmp_path / "out"), pytest.raises(FaultError, match="is in use"):
        compared(toy_folder, tuned, toy_suite, folder=tmp_path / "out")
    assert not (tmp_path / "out" / SEVERAL).exists()


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["out/a", "out/b"], ["a", "b"]),
        (["one/model", "two/model", "x"], ["one-model", "two-model", "x"]),
        (["org/Model", "http://127.0.0.1:8080/v1#model", "m.json"], ["Model", "model-2", "m"]),
        (["../..", "a b/", "A b"], ["model", "a_b", "A_b-2"]),
    ],
)
def test_a_name_can_be_a_folder(given, names):
    found = folder_names(given)
    assert len({one.lower() for one in found}) == len(given)
    assert found == names


def test_another_version_of_the_record_is_refused():
    with pytest.raises(ValidationError):
        SeveralRecord(version=2, title="t", base="b", outcome="retained", models=[])
