"""Whole sequences on the toy model."""

import shutil

import pytest
from typer.testing import CliRunner

from retain.cli import app
from retain.commands.check import check
from retain.commands.compare import compare
from retain.commands.gate import gate
from retain.commands.report import report
from retain.commands.run import run
from retain.errors import UserError
from retain.models.load import load_causal
from retain.progress import Progress
from retain.record_files import read_record
from retain.records import Gate
from retain.sequence_records import SequenceRecord
from retain.sequences import learning

QUIET = Progress(quiet=True)
NAMES = ["colours", "letters", "numbers"]


@pytest.fixture(scope="module")
def kept_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("kept-cache")


@pytest.fixture(autouse=True)
def one_cache(kept_cache, monkeypatch):
    """What one test measured of the base the others find."""
    monkeypatch.setenv("RETAIN_CACHE", str(kept_cache))


@pytest.fixture(scope="module")
def plain(sequence_file, tmp_path_factory, kept_cache):
    """Three tasks, learned by full fine-tuning without anything against forgetting: (folder, record)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETAIN_CACHE", str(kept_cache))
        folder = tmp_path_factory.mktemp("plain") / "run"
        return folder, run(sequence_file(), folder, progress=QUIET)


def test_plain_learning_in_turn_forgets_and_the_matrix_shows_it(plain):
    folder, record = plain
    assert isinstance(record, SequenceRecord) and record.rows == ["base", *NAMES]
    for column in range(3):
        assert record.matrix[column + 1][column] >= 90  # right after its own stage
    assert record.matrix[0] == [0, 0, 0]
    assert record.matrix[3][0] <= 50
    assert record.verdict.outcome == "forgot"
    assert {one.probe: one.outcome for one in record.verdict.probes}["colours"] == "forgot"
    r = record.matrix
    assert record.accuracy.value == pytest.approx(sum(r[3]) / 3)
    assert record.backward.value == pytest.approx((r[3][0] - r[1][0] + r[3][1] - r[2][1]) / 2)
    assert record.forward.value == pytest.approx((r[1][1] + r[2][2] - r[0][1] - r[0][2]) / 2)
    assert record.learned.value == pytest.approx((r[1][0] + r[2][1] + r[3][2]) / 3)
    for one, column in zip(record.forgetting, range(3), strict=True):
        assert one.value == pytest.approx(max(row[column] for row in r) - r[3][column])
    assert record.backward.high < 0 and record.accuracy.low < record.accuracy.value < record.accuracy.high
    assert read_record(folder / "record.json", SequenceRecord) == record
    assert load_causal(str(folder / record.output), "fp32").fingerprint == record.provenance["models"]["numbers"]


def test_each_stage_has_a_run_folder_with_a_report_that_counts_earlier_tasks(plain):
    folder, record = plain
    for number, one in enumerate(record.stages):
        assert (folder / one.folder / "report.html").is_file()
        assert f'href="{one.folder}/report.html"' in (folder / "report.html").read_text()
        assert one.learned.probe == NAMES[number] and one.task_tokens > 0
    text = (folder / record.stages[2].folder / "report.md").read_text()
    assert "colours" in text and "letters" in text


def test_a_finished_sequence_is_read_rendered_and_judged(plain, sequence_file, tmp_path, monkeypatch):
    folder, record = plain
    copied = shutil.copytree(folder, tmp_path / "moved")
    monkeypatch.setattr(learning, "train", None)  # nothing is trained
    monkeypatch.setattr(learning, "load_for", None)  # nor loaded
    again = run(sequence_file(), copied, progress=QUIET)
    assert again.matrix == record.matrix and again.verdict == record.verdict
    (copied / "report.md").unlink()
    assert [path.name for path in report(copied)] == ["report.md", "report.html"]
    assert (copied / "report.md").is_file()
    assert gate(copied).outcome == "forgot"
    assert gate(copied, Gate(margin=100, mean_margin=100)).outcome != "forgot"
    with pytest.raises(UserError, match="holds a sequence of 3 stages"):
        compare(str(copied), str(folder))


def test_the_command_line_shows_the_matrix_and_leaves_with_the_verdict(plain, sequence_file):
    folder, _ = plain
    shown = CliRunner().invoke(app, ["run", str(sequence_file()), "--folder", str(folder), "--quiet"])
    assert shown.exit_code == 1 and "tasks were learned and lost again" in shown.stdout
    assert "BWT" in shown.stdout and str(folder / "report.html") in shown.stdout
    plainly = CliRunner().invoke(app, ["run", str(sequence_file()), "--folder", str(folder), "--quiet", "--json"])
    assert SequenceRecord.model_validate_json(plainly.stdout).rows == ["base", *NAMES]
    assert CliRunner().invoke(app, ["gate", str(folder)]).exit_code == 1
    assert CliRunner().invoke(app, ["report", str(folder)]).exit_code == 0
    checked = CliRunner().invoke(app, ["check", str(sequence_file())])
    assert checked.exit_code == 0 and "Stage letters:" in checked.stdout


def test_another_earlier_stage_is_refused_with_the_difference(plain, sequence_file):
    folder, _ = plain
    with pytest.raises(UserError, match=r"stages.0.training.epochs: there 6.0, here 2.0"):
        run(sequence_file(own={"colours": {"training": {"epochs": 2}}}), folder, progress=QUIET)
    with pytest.raises(UserError, match=r"stages.0.name: there 'colours', here 'letters'"):
        run(sequence_file(("letters", "colours", "numbers")), folder, progress=QUIET)
    with pytest.raises(UserError, match=r"stages.2.name: there 'numbers', here None"):
        run(sequence_file(NAMES[:2]), folder, progress=QUIET)
    with pytest.raises(UserError, match="another recipe"):
        run(sequence_file(sequence={"plan": "together"}), folder, progress=QUIET)


def test_killed_resumed_and_with_a_stage_added_it_is_the_same(plain, sequence_file, tmp_path, monkeypatch):
    _, unbroken = plain
    folder, whole, calls = tmp_path / "run", learning.choose, []

    def killed(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(learning, "choose", killed)
    with pytest.raises(KeyboardInterrupt):
        run(sequence_file(NAMES[:2]), folder, progress=QUIET)
    monkeypatch.setattr(learning, "choose", whole)
    trained = (folder / "stages/2-letters/training.json").stat().st_mtime_ns
    two = run(sequence_file(NAMES[:2]), folder, progress=QUIET)
    assert (folder / "stages/2-letters/training.json").stat().st_mtime_ns == trained
    assert two.matrix == [row[:2] for row in unbroken.matrix[:3]]
    shutil.rmtree(folder / "stages/1-colours/tuned")  # an old model that somebody made room of
    three = run(sequence_file(), folder, progress=QUIET)
    assert (folder / "stages/2-letters/training.json").stat().st_mtime_ns == trained
    expected = [list(row) for row in unbroken.matrix]
    expected[1][2] = None
    assert three.matrix == expected and "numbers" in three.notes[0]
    assert three.backward == unbroken.backward and three.forward == unbroken.forward
    assert three.provenance["models"] == unbroken.provenance["models"]
    assert "n/a" in (folder / "report.md").read_text()
    shutil.rmtree(folder / "stages/1-colours/row")
    (folder / "stages/1-colours/row.json").unlink()
    with pytest.raises(UserError, match="neither a model nor its measurements"):
        run(sequence_file(), folder, progress=QUIET)


@pytest.mark.parametrize("outputs", ["given", "regenerated"])
def test_memory_keeps_earlier_tasks(sequence_file, tmp_path, plain, outputs):
    memory = {"share": 1.0, "outputs": outputs}
    record = run(sequence_file(sequence={"memory": memory}), tmp_path / "run", progress=QUIET)
    assert record.matrix[3][0] >= 90 and record.backward.value > plain[1].backward.value + 20
    assert record.stages[0].memory == {} and set(record.stages[2].memory) == {"colours", "letters"}
    assert all(record.stages[2].memory.values()) and record.stages[2].memory_tokens > 0
    assert record.stages[2].general_tokens > 0


def test_together_is_the_upper_bound_in_one_row(sequence_file, tmp_path):
    mitigations = [{"kind": "strength", "values": [0.5, 1.0]}]
    recipe = sequence_file(sequence={"plan": "together"}, mitigations=mitigations)
    record = run(recipe, tmp_path / "run", progress=QUIET)
    assert record.rows == ["base", "together"] and len(record.matrix) == 2
    assert min(record.matrix[1]) >= 90
    assert record.backward is None and record.forward is None and record.forgetting == []
    assert record.stages[0].strength in (0.5, 1.0) and record.stages[0].rows == 144
    assert record.output == "together/tuned"
    with pytest.raises(UserError, match="another recipe"):
        run(
            sequence_file(NAMES[:2], sequence={"plan": "together"}, mitigations=mitigations),
            tmp_path / "run",
            progress=QUIET,
        )


def test_adapters_go_their_ways_from_the_second_stage_on(sequence_file, tmp_path):
    models = {}
    for adapters in ("one_a_stage", "one", "merged"):
        recipe = sequence_file(
            NAMES[:2],
            data={"held_out": 0.4, "general": [{"name": "own", "source": "base_model", "count": 6, "max_tokens": 8}]},
            training={"learning_rate": 0.02, "epochs": 1, "batch_size": 8, "max_length": 64, "checkpoints": 0,
                      "watch": 0},
            mitigations=[
                {"kind": "lora", "rank": 8},
                {"kind": "kl_to_base", "weight": 0.1, "share": 0.1},
                {"kind": "strength", "values": [0.5]},
            ],
            sequence={"adapters": adapters},
        )  # fmt: skip
        folder = tmp_path / adapters
        record = run(recipe, folder, progress=QUIET)
        assert [one.strength for one in record.stages] == [0.5, 0.5]
        written = [(folder / one.folder / "general.json").read_text() for one in record.stages]
        assert written[0] == written[1]  # the base wrote it, once
        assert record.output == "stages/2-letters/merged"
        models[adapters] = record.provenance["models"]
        assert len(set(models[adapters].values())) == 3
    assert len({one["colours"] for one in models.values()}) == 1
    assert len({one["letters"] for one in models.values()}) == 3


def test_check_looks_at_every_stage(sequence_file):
    checked = check(sequence_file())
    assert list(checked.stages) == NAMES and checked.plan == "in_turn"
    assert all(stage.lint is not None for stage in checked.stages.values())
    bad = sequence_file(own={"letters": {"data": {"train": "nowhere.jsonl"}}})
    with pytest.raises(UserError, match=r"nowhere\.jsonl"):
        check(bad)


def test_a_task_must_not_be_called_like_a_probe(sequence_file, task_files, tmp_path):
    recipe = sequence_file(NAMES[:1], own={"colours": {"name": "choose"}})
    with pytest.raises(UserError, match='"choose" is the name of a probe'):
        run(recipe, tmp_path / "run", progress=QUIET)
    with pytest.raises(UserError, match='"choose" is the name of a probe'):
        check(recipe)
