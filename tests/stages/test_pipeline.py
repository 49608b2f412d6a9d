"""The whole run on a toy model: every stage really happens."""

import json

import pytest
import torch
import yaml
from safetensors.torch import load_file

from retain.errors import BrokenError, UserError
from retain.models.load import load_causal
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe

LORA = {"kind": "lora", "rank": 4}
KL = {"kind": "kl_to_base", "weight": 1.0, "share": 0.5}
REHEARSAL = {"kind": "rehearsal", "share": 0.1}
STRENGTH = {"kind": "strength", "values": [0.5, 1.0]}


def run(recipe, folder):
    return run_recipe(parse_recipe(recipe), folder, Progress(quiet=True))


def scores(record):
    return {(m.probe, item): score for m in record.after for item, score in m.scores.items()}


@pytest.fixture(autouse=True)
def relative_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "mitigations", [[], [LORA, KL, STRENGTH], [REHEARSAL, STRENGTH]], ids=["plain", "lora", "full"]
)
def test_a_run_ends_with_a_verdict_and_a_model_that_is_what_was_measured(toy_recipe, tmp_path, mitigations):
    record = run(toy_recipe(mitigations=mitigations), tmp_path / "run")
    assert record.verdict.outcome in ("retained", "forgot", "not learned", "inconclusive")
    losses = [entry["loss"] for entry in record.training.history]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    if LORA not in mitigations:  # an adapter around random weights learns little
        assert record.comparison.gains[0].delta > 0, "the toy task is learnable"
    assert {"record.json", "report.md", "report.html", "recipe.yaml"} <= {p.name for p in (tmp_path / "run").iterdir()}
    tuned = load_causal(str(tmp_path / "run" / "tuned"), "fp32")
    assert tuned.fingerprint == record.after[0].model
    assert (record.training.base_unchanged is True) == (LORA in mitigations)
    assert bool(record.choices) == (STRENGTH in mitigations)
    assert not (tmp_path / "run" / "trained" / "base.safetensors").exists()
    assert not (tmp_path / "run" / "training").exists()


def test_the_same_recipe_gives_the_same_scores(toy_recipe, tmp_path):
    recipe = toy_recipe(mitigations=[LORA, KL, STRENGTH])
    assert scores(run(recipe, tmp_path / "a")) == scores(run(recipe, tmp_path / "b"))
    other = run({**recipe, "seed": 1}, tmp_path / "c")
    assert other.after[0].model != run(recipe, tmp_path / "a").after[0].model


def test_an_adapter_leaves_the_base_bit_for_bit(toy_recipe, tmp_path, toy_folder):
    before = load_file(toy_folder / "model.safetensors")
    record = run(toy_recipe(mitigations=[LORA]), tmp_path / "run")
    assert record.training.base_unchanged is True
    after = load_file(toy_folder / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not list((tmp_path / "run" / "tuned").glob("model*.safetensors"))


def test_a_finished_run_is_read_and_not_done_again(toy_recipe, tmp_path, monkeypatch):
    recipe = toy_recipe(mitigations=[LORA])
    first = run(recipe, tmp_path / "run")
    monkeypatch.setattr("retain.stages.training.train_sft", None)
    monkeypatch.setattr("retain.stages.setting_up.load_for", None)
    assert run(recipe, tmp_path / "run").comparison == first.comparison


def test_the_base_is_measured_once_for_all_runs(toy_recipe, tmp_path, monkeypatch):
    run(toy_recipe(mitigations=[LORA]), tmp_path / "a")
    from retain.probes.answers import Answers

    calls = []
    measure = Answers.measure
    monkeypatch.setattr(
        Answers, "measure", lambda self, model, split: calls.append(model) or measure(self, model, split)
    )
    run(toy_recipe(mitigations=[{"kind": "lora", "rank": 2}]), tmp_path / "b")
    assert len(calls) == 2, "the tuned model on the task and on one generating probe"


def test_kl_keeps_the_toy_nearer_to_its_base(toy_recipe, tmp_path):
    plain = run(toy_recipe(mitigations=[REHEARSAL | {"share": 0.01}]), tmp_path / "plain")
    kept = run(toy_recipe(mitigations=[KL | {"weight": 10.0, "share": 1.0}]), tmp_path / "kept")
    moved = [next(one.mean for one in record.kl if one.where == "general") for record in (kept, plain)]
    assert moved[0] < 0.7 * moved[1]
    assert any("kl_to_base" in entry for entry in kept.training.history)


def test_a_folder_of_another_recipe_is_refused_with_what_differs(toy_recipe, tmp_path):
    run(toy_recipe(mitigations=[LORA]), tmp_path / "run")
    with pytest.raises(UserError, match=r"mitigations\.0\.rank: there 4, here 8"):
        run(toy_recipe(mitigations=[LORA | {"rank": 8}]), tmp_path / "run")


def test_a_folder_that_holds_something_else_is_refused(toy_recipe, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(UserError, match="holds no run"):
        run(toy_recipe(), tmp_path / "mine")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_data_that_changed_since_is_refused(toy_recipe, tmp_path, colour_file):
    run(toy_recipe(), tmp_path / "run")
    colour_file.write_text(colour_file.read_text() + colour_file.read_text())
    with pytest.raises(UserError, match="has changed since this run began"):
        run(toy_recipe(), tmp_path / "run")


def test_a_broken_loss_stops_and_keeps_the_last_good_weights(toy_recipe, tmp_path):
    training = {"learning_rate": 1e30, "epochs": 3, "batch_size": 4, "max_length": 64, "max_grad_norm": 1e30}
    with pytest.raises(BrokenError, match="last_good") as error:
        run(toy_recipe(training=training), tmp_path / "run")
    assert "Lower training.learning_rate" in str(error.value)
    kept = load_file(tmp_path / "run" / "training" / "last_good" / "trained.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in kept.values())
    assert not (tmp_path / "run" / "training.json").exists()


def test_training_data_that_contains_a_probes_items_is_refused(toy_recipe, tmp_path, toy_suite):
    items = [json.loads(line) for line in (toy_suite.parent / "choose.jsonl").read_text().splitlines()[:9]]
    rows = [{"prompt": f"{item['query']} {item['choices'][item['gold']]}", "completion": "blue"} for item in items]
    path = tmp_path / "leaky.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UserError, match=r"leaky\.jsonl:\d contains item"):
        run(toy_recipe(data={"train": str(path), "held_out": 0.3}), tmp_path / "run")


def test_rows_of_pairs_are_refused_for_sft(toy_recipe, tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps({"prompt": "a", "chosen": "b", "rejected": "c"}) + "\n")
    with pytest.raises(UserError, match="found preference rows"):
        run(toy_recipe(data={"train": str(path)}), tmp_path / "run")


def test_self_written_text_is_written_by_the_base_and_counted(toy_recipe, tmp_path, colour_file):
    general = [{"name": "own", "source": "base_model", "count": 6, "max_tokens": 16, "temperature": 1.5, "top_p": 1.0}]
    data = {"train": str(colour_file), "held_out": 0.3, "general": general}
    record = run(toy_recipe(data=data, mitigations=[KL]), tmp_path / "run")
    told = record.general[0]
    assert told["rows"] + told["kept back"] == 6
    assert told["source"] == "written by the base model"
    written = json.loads((tmp_path / "run" / "general.json").read_text())
    assert len(written["sets"]["own"]["rows"]) == 6


def test_plain_text_is_trained_and_measured_in_bits_per_byte(toy_recipe, tmp_path):
    path = tmp_path / "texts.jsonl"
    words = "one two three a b c d e".split()
    rows = [{"text": f"{x} {y} {x} {y} is {x} {y} ."} for x in words for y in words if x != y]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    record = run(toy_recipe(data={"train": str(path), "held_out": 0.3}), tmp_path / "run")
    assert record.comparison.gains[0].unit == "percent"
    assert record.comparison.gains[0].delta > 0


def test_the_resolved_recipe_lies_beside_the_results(toy_recipe, tmp_path):
    run(toy_recipe(mitigations=[LORA]), tmp_path / "run")
    resolved = yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())
    assert resolved["mitigations"][0]["target_modules"] == "all-linear"
    assert parse_recipe(resolved)
