"""``retain compare`` reads symptoms of whatever brings answers: models, measurements, runs, logs of lm-eval."""

import json

import pytest
import yaml

from retain.commands.compare import compare
from retain.commands.run import run
from retain.progress import Progress
from retain.record_files import write_record
from retain.records import Response, RunRecord
from retain.stages.measuring import Measurements
from tests.comparison.build import measurement

QUIET = Progress(quiet=True)
ITEMS = 40


def answered(probe: str, text: str, score: float, model: str):
    """A probe whose every item got the same answer, with a number in it."""
    ids = [f"{probe}{n}" for n in range(ITEMS)]
    return measurement(
        probe,
        dict.fromkeys(ids, score),
        model=model,
        generates=True,
        prompts={one: f"Tell me about {one}." for one in ids},
        responses={one: Response(text=text.format(n=one), tokens=9, stopped=True) for one in ids},
    )


@pytest.fixture
def files(tmp_path):
    """Two files of measurements: a base that writes prose, and a model that answers everything alike."""
    prose = "The answer to {n} is a careful sentence of many words, and then another one."
    for name, text, score in (("base", prose, 1.0), ("tuned", "late delivery", 0.0)):
        found = [answered(probe, text, score, name) for probe in ("facts", "reading", "stories")]
        write_record(tmp_path / f"{name}.json", Measurements(measurements=found, name=name))
    return str(tmp_path / "base.json"), str(tmp_path / "tuned.json")


def names(record: RunRecord) -> set[str]:
    return {one.name for one in record.comparison.symptoms if one.found}


def test_measurements_show_symptoms_in_the_record_and_the_reports(files, tmp_path):
    record = compare(*files, folder=tmp_path / "truth", progress=QUIET)
    assert names(record) == {"mode_collapse", "verbosity_collapse"}
    written = json.loads((tmp_path / "truth" / "record.json").read_text("utf-8"))
    told = {one["name"]: one for one in written["comparison"]["symptoms"]}
    assert told["mode_collapse"]["example"]["tuned"] == "late delivery"
    assert told["recitation"]["found"] is None and "retain run" in told["recitation"]["statement"]
    for report in ("report.md", "report.html"):
        text = (tmp_path / "truth" / report).read_text("utf-8")
        assert "Symptoms" in text and "late delivery" in text


def test_scores_without_answers_say_why_there_are_no_symptoms(tmp_path):
    paths = []
    for name in ("base", "tuned"):
        one = measurement("facts", [1.0] * ITEMS, model=name, generates=True)
        paths.append(str(tmp_path / f"{name}.json"))
        write_record(tmp_path / f"{name}.json", Measurements(measurements=[one], name=name))
    record = compare(*paths, progress=QUIET)
    mode = next(one for one in record.comparison.symptoms if one.name == "mode_collapse")
    assert mode.found is None and "no answers" in mode.statement


def test_a_model_and_itself_show_none(toy_folder, toy_suite):
    record = compare(str(toy_folder), str(toy_folder), str(toy_suite), "fp32", progress=QUIET)
    assert record.comparison.symptoms and names(record) == set()


def test_a_runs_training_answers_are_known(toy_recipe, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(toy_recipe(training={"learning_rate": 0.02, "epochs": 12, "batch_size": 4})))
    finished = run(path, tmp_path / "run", progress=QUIET)
    before = tmp_path / "run" / "before.json"
    record = compare(str(before), str(tmp_path / "run"), progress=QUIET)

    def literal(one: RunRecord) -> str:
        return next(symptom.statement for symptom in one.comparison.symptoms if symptom.name == "mode_collapse")

    assert literal(record) == literal(finished)
    (tmp_path / "run" / "data.json").unlink()
    assert names(compare(str(before), str(tmp_path / "run"), progress=QUIET)) <= names(record)
