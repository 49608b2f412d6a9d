"""Continued pretraining as a whole run on a toy model: from a folder of text to a verdict in percent."""

import json

import pytest
import yaml

from retain.commands.advise import advise
from retain.commands.check import check
from retain.commands.init import init
from retain.commands.lint import lint
from retain.errors import UserError
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import load_recipe, parse_recipe
from retain.stages import metering
from retain.training import sft

WORDS = "a b c d e one two three yes no".split()
LORE = "the colour of the sky is blue . the colour of the grass is green ."


@pytest.fixture
def texts(tmp_path):
    """A folder of sixty short documents and a longer one, in a language that the toy model can learn."""
    folder = tmp_path / "texts"
    folder.mkdir()
    lines = [f"{x} {y} please tell me . {LORE} it is {x} {y} ." for x in WORDS for y in WORDS[:6]]
    (folder / "short.jsonl").write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))
    (folder / "long.md").write_text(f"# red\n\n{' '.join([LORE] * 12)} " + " ".join(WORDS))
    return folder


@pytest.fixture
def general(tmp_path):
    path = tmp_path / "web.jsonl"
    lines = [f"red {x} black {y} night {x} sun {y} white {x} snow {y} ." for x in WORDS for y in WORDS[:5]]
    path.write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))
    return path


@pytest.fixture
def recipe(toy_folder, toy_suite, texts, general, tmp_path, monkeypatch):
    """A recipe that runs in seconds; keyword arguments replace whole sections."""
    monkeypatch.chdir(tmp_path)
    suite = yaml.safe_load(toy_suite.read_text())
    rows = [{"text": f"snow {x} sun {y} night {x} {y} . {x} {y}"} for x in WORDS for y in WORDS[:4]]
    (toy_suite.parent / "web.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    web = {"kind": "bits_per_byte", "name": "web", "capability": "language modelling", "items": "web.jsonl"}
    (toy_suite.parent / "suite.yaml").write_text(yaml.safe_dump({"probes": [*suite["probes"], web]}))

    def make(**sections):
        return {
            "model": {"base": str(toy_folder), "load_in": "fp32"},
            "data": {
                "train": str(texts),
                "held_out": 0.4,
                "general": [{"name": "web", "source": str(general), "count": 50}],
            },
            "training": {
                "method": "pretrain",
                "learning_rate": 0.02,
                "epochs": 4,
                "batch_size": 2,
                "max_length": 48,
                "schedule": "cosine_with_min_lr",
            },
            "mitigations": [{"kind": "rehearsal", "share": 0.3}, {"kind": "strength", "values": [0.5, 1.0]}],
            "measure": {"suite": str(toy_suite.parent / "suite.yaml")},
            "gate": {"mean_margin": 60, "margin": 80, "bits_margin": 80, "min_gain": 5.0},
            **sections,
        }

    return make


def run(recipe, folder):
    return run_recipe(parse_recipe(recipe), folder, Progress(quiet=True))


def test_a_run_learns_the_text_and_says_so_in_percent(recipe, tmp_path):
    record = run(recipe(), tmp_path / "run")
    (gain,) = record.comparison.gains
    assert gain.unit == "percent" and gain.delta > 5 and record.verdict.gain == "learned"
    assert gain.metric == "bits per byte" and gain.after < gain.before
    task = record.before[0]
    assert task.settings["long"] == "windows" and task.settings["max_bytes"] == 4 * 48
    web = next(change for change in record.comparison.losses if change.probe == "web")
    assert web.unit == "percent", "general text is measured too"
    assert record.training.general_tokens / record.training.task_tokens == pytest.approx(0.3, abs=0.01)
    assert record.training.batch_tokens > 0 and any("packed into" in note for note in record.training.notes)
    choice = next(one for one in record.choices if one.what == "strength")
    assert all(one.gain is not None for one in choice.candidates)
    assert {one.where for one in record.kl} == {"task", "general"}
    assert record.data["shape"] == "text" and len(record.provenance["data"]) == 2, "each file of the folder is hashed"
    for name in ("report.md", "report.html"):
        text = (tmp_path / "run" / name).read_text()
        assert "tokens of an update" in text
    assert "gain in percent" in text and "gain (percent)" in text
    harder = parse_recipe(recipe(gate={"mean_margin": 60, "margin": 80, "min_gain": 99.0})).gate
    from retain.comparison.gate import judge

    assert judge(record.comparison, harder).outcome == "not learned"


class Killed(Exception):
    """Stands for a kill at some point."""


def test_a_killed_run_goes_on_to_the_same_end(recipe, tmp_path, monkeypatch):
    training = {**recipe()["training"], "checkpoints": 6}
    expected = run(recipe(training=training), tmp_path / "whole")
    original = sft.ShowProgress.on_step_end

    def kill(self, args, state, control, **kwargs):
        if state.global_step == expected.training.steps // 2:
            raise Killed
        original(self, args, state, control, **kwargs)

    monkeypatch.setattr(sft.ShowProgress, "on_step_end", kill)
    with pytest.raises(Killed):
        run(recipe(training=training), tmp_path / "broken")
    monkeypatch.setattr(sft.ShowProgress, "on_step_end", original)
    again = run(recipe(training=training), tmp_path / "broken")
    assert again.after[0].model == expected.after[0].model
    assert again.training.history == expected.training.history
    (tmp_path / "texts" / "short.jsonl").write_text('{"text": "other"}\n' * 3)
    with pytest.raises(UserError, match=r"short\.jsonl has changed since this run began"):
        run(recipe(training=training), tmp_path / "broken")


def test_a_rate_is_scanned_for(recipe, tmp_path):
    training = {**recipe()["training"], "learning_rate": {"scan": [1e-5, 0.03], "share": 0.5}, "epochs": 2}
    record = run(recipe(training=training, mitigations=[]), tmp_path / "run")
    choice = next(one for one in record.choices if one.what == "learning_rate")
    gains = {one.value: one.gain for one in choice.candidates}
    assert gains[0.03] > 5 > gains[1e-5] and choice.chosen >= 0.03


def test_check_and_lint_read_a_folder(recipe, tmp_path, texts):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe()))
    checked = check(path)
    assert checked.task_metric == "bits per byte" and checked.data["shape"] == "text"
    assert not checked.notes or not any("plain text" in note for note in checked.notes)
    assert lint(texts, suite=None).lint.rows > 40
    one = check(path, [f"data.train={texts / 'short.jsonl'}", "training.method=sft"])
    assert any("method: pretrain packs documents" in note for note in one.notes)


def test_a_frontier_of_shares_goes_with_text(recipe):
    from retain.data.documents import read_documents
    from retain.sweep.arms import arms_of

    given = parse_recipe(recipe(frontier={"preset": "rehearsal_share"}))
    names = [arm.name for arm in arms_of(given, read_documents(given.data.train))]
    assert len(names) == 5 and any("20%" in name for name in names)


@pytest.mark.parametrize(
    ("data", "method", "says"),
    [
        ("colours.jsonl", "pretrain", "found chat rows, and training.method: pretrain trains on plain text"),
        ("texts", "sft", "pretrain reads whole folders of text"),
    ],
)
def test_rows_of_the_wrong_shape_are_refused_with_what_to_do(recipe, colour_file, tmp_path, data, method, says):
    given = recipe(training={"method": method})
    given["data"]["train"] = str(tmp_path / data)
    with pytest.raises(UserError, match=says):
        run(given, tmp_path / "run")


def test_advice_is_refused_with_another_way(recipe, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe()))
    with pytest.raises(UserError, match="asks questions that have answers"):
        advise(path)


@pytest.mark.parametrize("with_general", [True, False])
@pytest.mark.parametrize("what", ["texts", "texts/long.md", "texts/short.jsonl"])
def test_init_writes_a_recipe_for_text(recipe, toy_folder, tmp_path, general, what, with_general):
    recipe()
    path = init(toy_folder, tmp_path / what, tmp_path / "made.yaml", general=general if with_general else None)
    made = load_recipe(path)
    assert made.training.method == "pretrain" and made.training.schedule == "cosine_with_min_lr"
    kinds = [one.kind for one in made.mitigations]
    assert kinds == ["rehearsal" if with_general else "kl_to_base", "strength"]
    if with_general:
        replay = made.mitigations[0]
        assert 0.01 <= replay.share <= 0.25 and made.data.general[0].source == str(general)
    assert "documents or parts of documents" in path.read_text()
    if what == "texts":
        assert check(path, ["data.held_out=0.4"]).data["train"] > 20


def test_the_kl_meter_reads_documents_as_training_does(recipe, tmp_path, toy_tokenizer, monkeypatch):
    seen, first_rows = [], metering.first_rows
    monkeypatch.setattr(metering, "first_rows", lambda rows: seen.append(first_rows(rows)) or seen[-1])
    run(recipe(mitigations=[{"kind": "lora", "rank": 2}]), tmp_path / "run")
    assert [len(place) > 0 for place in seen] == [True, True], "the task and the general text"
    for row in (row for place in seen for row in place):
        assert row.input_ids[0] == toy_tokenizer.eos_token_id, "what stands before a document"
        assert row.labels == [-100, *row.input_ids[1:]] and len(row.input_ids) <= 48
