"""Whole runs that train a reranker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from retain.commands.check import check
from retain.commands.export import export
from retain.commands.frontier import frontier
from retain.commands.run import run
from retain.errors import UserError
from retain.models.load_reranker import load_reranker
from retain.models.new_reranker import new_reranker
from retain.models.rerank_prompt import RerankSettings
from retain.recipe import recipe_problems
from retain.record_files import read_record
from retain.records import RunRecord
from retain.stages.negatives import Mined


def lines(path, rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_reranker_learns_its_task_and_a_report_says_what_it_lost(ranking_recipe, tmp_path):
    record = run(ranking_recipe(), tmp_path / "run")
    gain, pooled = record.comparison.gains[0], record.comparison.pooled
    assert gain.metric == "nDCG@10" and gain.unit == "points"
    assert gain.after > 95 and gain.delta > 5
    assert pooled is not None and len(record.comparison.losses) == 2
    assert record.training.method == "rank"
    assert record.training.examples == record.data["relevant documents of train"]
    assert record.training.task_tokens > 0 and record.training.general_tokens == 0
    assert record.kl == []
    assert read_record(tmp_path / "run" / "record.json", RunRecord) == record
    assert read_record(tmp_path / "run" / "negatives.json", Mined).counts.given > 0
    assert any("mined" in note for note in record.training.notes)
    text = (tmp_path / "run" / "report.md").read_text()
    assert "nDCG@10" in text and "MRR@10" in text and "Calibration of scores" in text
    tuned = load_reranker(str(tmp_path / "run" / "tuned"))
    red, blue = tuned.score("who does sing cats", ["red cats sing", "blue cats sing"], 32)
    assert red > blue


def test_everything_a_reranker_can_be_given_at_once(ranking_recipe, tmp_path):
    mitigations = [
        {"kind": "lora", "rank": 4},
        {"kind": "rehearsal", "share": 0.2},
        {"kind": "score_to_base", "share": 0.5, "candidates": 4},
        {"kind": "l2_to_base", "weight": 0.01},
        {"kind": "ewc", "weight": 0.01, "rows": 8},
        {"kind": "early_stop", "every": 0.5},
        {"kind": "strength", "values": [0.5, 1.0]},
    ]
    record = run(ranking_recipe(mitigations=mitigations), tmp_path / "run")
    assert record.training.base_unchanged is True
    assert record.training.general_tokens > 0
    for name in ("score_to_base", "l2_to_base", "ewc"):
        assert all(entry[name] >= -1e-6 for entry in record.training.history), name
        assert any(entry[name] > 0 for entry in record.training.history), name
    assert {choice.what for choice in record.choices} == {"checkpoint", "strength"}
    assert (tmp_path / "run" / "tuned" / "adapter_model.safetensors").is_file()
    tuned = load_reranker(str(tmp_path / "run" / "tuned"))
    assert tuned.fingerprint == record.after[0].model


@pytest.mark.parametrize("mitigations", [[], [{"kind": "lora", "rank": 2}]])
def test_a_language_model_is_asked_as_the_recipe_says_and_so_is_what_is_saved(
    ranking_recipe, toy_folder, mitigations, tmp_path
):
    asked = {"question": "{document} {query} ?", "instruction": "tell me", "yes": "blue", "no": "red"}
    model = {"base": str(toy_folder), "load_in": "fp32", "rerank": asked}
    training = {
        "method": "rank", "learning_rate": 0.003, "epochs": 1, "batch_size": 4, "max_length": 48, "checkpoints": 0,
        "ranking": {"group_size": 3},
    }  # fmt: skip
    record = run(ranking_recipe(model=model, training=training, mitigations=mitigations), tmp_path / "run")
    assert record.before[0].model == load_reranker(str(toy_folder), "fp32", RerankSettings(**asked)).fingerprint
    tuned = load_reranker(str(tmp_path / "run" / "tuned"))
    assert tuned.fingerprint == record.after[0].model
    assert tuned.prompt.question == asked["question"] and tuned.prompt.instruction == "tell me"
    exported = export(tmp_path / "run", to="merged", output=tmp_path / "exported", measure=False)
    assert load_reranker(str(tmp_path / "exported")).prompt == tuned.prompt
    card = (tmp_path / "exported" / "README.md").read_text()
    assert exported and "How it is asked" in card and asked["question"] in card


def test_what_is_asked_is_for_language_models_that_rank(ranking_recipe, toy_reranker_folder, tmp_path):
    model = {"base": str(toy_reranker_folder), "load_in": "fp32", "rerank": {"instruction": "tell me"}}
    with pytest.raises(UserError, match=r"model\.rerank.*cross-encoder"):
        run(ranking_recipe(model=model), tmp_path / "run")
    sft = {"base": "builtin:smollm2-135m", "rerank": {}}
    problems = recipe_problems({"model": sft, "data": {"train": "rows.jsonl"}})[1]
    assert problems == ["model.rerank: it is what a reranker is asked (training.method: rank); leave it out"]


@pytest.mark.parametrize("loss", ["bce", "margin_mse"])
def test_each_loss_trains(ranking_recipe, toy_reranker_folder, tmp_path, loss):
    groups = {"group_size": 3, "loss": loss}
    if loss == "margin_mse":
        groups["teacher"] = str(teacher(toy_reranker_folder, tmp_path))
    training = {
        "method": "rank", "learning_rate": 0.003, "epochs": 3, "batch_size": 4, "max_length": 32, "ranking": groups,
    }  # fmt: skip
    record = run(ranking_recipe(training=training), tmp_path / "run")
    losses = [entry["loss"] for entry in record.training.history]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    if loss == "bce":
        assert record.comparison.gains[0].after > 95


def test_without_dropout_a_step_is_not_drawn(ranking_recipe, tmp_path):
    """The first loss is the untrained model's own where nothing is dropped, and another where something is."""
    first = {}
    for dropout in (True, False):
        groups = {"group_size": 3, "dropout": dropout}
        training = {
            "method": "rank", "learning_rate": 1e-9, "epochs": 3, "batch_size": 200, "max_length": 32,
            "ranking": groups,
        }  # fmt: skip
        record = run(ranking_recipe(training=training), tmp_path / str(dropout))
        first[dropout] = {round(entry["loss"], 5) for entry in record.training.history}
    assert len(first[False]) == 1 < len(first[True])


def test_an_embedder_teaches_an_encoder_with_a_new_head(ranking_recipe, embedder_folder, tmp_path):
    new = new_reranker(Path(embedder_folder), tmp_path / "new")
    groups = {"group_size": 3, "loss": "margin_mse", "teacher": embedder_folder}
    training = {
        "method": "rank", "learning_rate": 0.003, "epochs": 3, "batch_size": 4, "max_length": 32, "ranking": groups,
    }  # fmt: skip
    recipe = ranking_recipe(model={"base": str(new), "load_in": "fp32"}, training=training)
    losses = [entry["loss"] for entry in run(recipe, tmp_path / "run").training.history]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def teacher(folder, tmp_path):
    """The toy cross-encoder with a louder head: its margins are three times the base's."""
    reranker = load_reranker(str(folder))
    with torch.no_grad():
        reranker.module.classifier.weight.mul_(3)
    reranker.save(tmp_path / "teacher")
    return tmp_path / "teacher"


def taught_rows(rows, reranker) -> list[dict]:
    """The rows with a teacher's score of each document."""
    found = []
    for row in rows:
        scores = reranker.score(row["query"], [row["pos"], *row["neg"]], 32)
        found.append({**row, "pos_scores": scores[:1], "neg_scores": scores[1:]})
    return found


def test_scores_that_the_rows_give_are_learned_like_those_of_the_teacher_who_gave_them(
    ranking_recipe, ranking_rows, toy_reranker_folder, tmp_path
):
    folder = teacher(toy_reranker_folder, tmp_path)
    lines(tmp_path / "taught.jsonl", taught_rows(ranking_rows, load_reranker(str(folder))))
    found = {}
    for who in (str(folder), "rows"):
        training = {
            "method": "rank", "learning_rate": 0.003, "epochs": 1, "batch_size": 4, "max_length": 32,
            "ranking": {"group_size": 3, "loss": "margin_mse", "teacher": who, "dropout": False},
        }  # fmt: skip
        data = {"train": str(tmp_path / "taught.jsonl"), "held_out": 0.4}
        record = run(ranking_recipe(training=training, data=data), tmp_path / f"run-{len(found)}")
        found[who] = [entry["loss"] for entry in record.training.history]
        assert any("scores, which are not read" in note for note in record.training.notes) == (who != "rows")
    assert found["rows"] == pytest.approx(found[str(folder)], rel=1e-4)
    assert not (tmp_path / "run-1" / "negatives.json").exists()


def test_rows_without_a_teachers_scores_are_named_before_measuring(
    ranking_recipe, ranking_rows, toy_reranker, tmp_path, monkeypatch
):
    monkeypatch.setattr("retain.pipeline.measure_before", lambda *args: pytest.fail("measured"))
    rows = taught_rows(ranking_rows, toy_reranker)
    for row in rows[::2]:
        del row["pos_scores"], row["neg_scores"]
    lines(tmp_path / "taught.jsonl", rows)
    taught = {"method": "rank", "ranking": {"loss": "margin_mse", "teacher": "rows"}}
    recipe = ranking_recipe(training=taught, data={"train": str(tmp_path / "taught.jsonl"), "held_out": 0.4})
    for work in (check, lambda recipe: run(recipe, tmp_path / "run")):
        with pytest.raises(UserError, match=r"neg_scores, and \d+ of 2\d queries have none .*jsonl:\d"):
            work(recipe)
    with pytest.raises(UserError, match=r"mitigations\.0: rehearsed queries have no teacher's scores"):
        check(ranking_recipe(training=taught, mitigations=[{"kind": "rehearsal"}]))


@pytest.mark.parametrize("place", ["./no_such", "toys/no-such-model", "empty"])
@pytest.mark.parametrize("key", ["teacher", "embedder"])
def test_a_model_that_is_not_there_is_named_before_measuring(ranking_recipe, tmp_path, monkeypatch, key, place):
    monkeypatch.setattr("retain.stages.named_models.hub_reachable", lambda: False)
    monkeypatch.setattr("retain.pipeline.measure_before", lambda *args: pytest.fail("measured"))
    (tmp_path / "empty").mkdir()
    taught = {"loss": "margin_mse", "teacher": place}
    mined = {"negatives": {"mine": "embedder", "embedder": place}}
    recipe = ranking_recipe(training={"method": "rank", "ranking": taught if key == "teacher" else mined})
    for work in (check, lambda recipe: run(recipe, tmp_path / "run")):
        with pytest.raises(UserError, match=rf"training\.ranking\..*{key}: model: .*{Path(place).name}"):
            work(recipe)


def test_a_run_that_was_interrupted_goes_on_and_ends_alike(ranking_recipe, tmp_path, monkeypatch):
    training = {
        "method": "rank", "learning_rate": 0.003, "epochs": 2, "batch_size": 4, "max_length": 32, "checkpoints": 3,
        "ranking": {"group_size": 3},
    }  # fmt: skip
    mitigations = [{"kind": "lora", "rank": 4}, {"kind": "score_to_base", "candidates": 4}]
    recipe = ranking_recipe(training=training, mitigations=mitigations)
    whole = run(recipe, tmp_path / "whole")
    stops = iter([7])

    from retain.training.watch import ShowProgress

    plain = ShowProgress.on_step_end

    def stop(self, args, state, control, **kwargs):
        plain(self, args, state, control, **kwargs)
        if state.global_step == 7 and next(stops, None):
            raise KeyboardInterrupt

    monkeypatch.setattr(ShowProgress, "on_step_end", stop)
    with pytest.raises(KeyboardInterrupt):
        run(recipe, tmp_path / "parts")
    assert list((tmp_path / "parts" / "training" / "checkpoints").glob("*/elapsed.json"))
    again = run(recipe, tmp_path / "parts")
    assert [entry["loss"] for entry in again.training.history] == pytest.approx(
        [entry["loss"] for entry in whole.training.history], rel=1e-4
    )
    assert again.after[0].value == pytest.approx(whole.after[0].value)


def test_a_beir_folder_with_held_out_files_and_mined_negatives(ranking_recipe, ranking_rows, tmp_path):
    folder = tmp_path / "beir"
    rows = ranking_rows
    documents = [text for row in rows for text in (row["pos"], *row["neg"])]
    lines(folder / "corpus.jsonl", [{"_id": str(i), "text": text} for i, text in enumerate(documents)])
    lines(folder / "queries.jsonl", [{"_id": str(i), "text": row["query"]} for i, row in enumerate(rows)])
    (folder / "qrels").mkdir()
    for part, places in (("train", range(30)), ("test", range(30, 42))):
        judged = "".join(f"{i}\t{3 * i}\t1\n" for i in places)
        (folder / "qrels" / f"{part}.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    data = {
        "train": "beir",
        "held_out": {"dev": 0.2, "test": "beir"},
        "general": [{"name": "own", "source": "own.jsonl", "count": 20}],
    }
    recipe = ranking_recipe(data=data)
    checked = check(recipe)
    assert (checked.data["train"], checked.data["dev"], checked.data["test"]) == (24, 6, 12)
    assert checked.probes["task"] == {"dev": 6, "test": 12}
    assert checked.task_metric == "nDCG@10"
    record = run(recipe, tmp_path / "run")
    counts = read_record(tmp_path / "run" / "negatives.json", Mined).counts
    assert counts.given == 0 and counts.mined == 48
    assert record.comparison.gains[0].items == 12
    (folder / "corpus.jsonl").write_text((folder / "corpus.jsonl").read_text() + '{"_id": "x", "text": "new"}\n')
    with pytest.raises(UserError, match="has changed since this run began"):
        run(recipe, tmp_path / "run")


def test_a_frontier_of_rerankers(ranking_recipe, tmp_path):
    record = frontier(ranking_recipe(frontier={"preset": "quick", "strengths": [0.5, 1.0]}), tmp_path / "frontier")
    assert [arm.variant for arm in record.arms] == ["plain", "all weights, scores", "lora", "lora, scores"]
    assert not any(arm.failed for arm in record.arms)
    assert all(arm.gain is not None and arm.mean is not None for arm in record.arms)
    assert record.recommended is not None


def test_a_language_model_is_trained_to_say_yes(ranking_recipe, toy_folder, tmp_path):
    rows = [
        {"query": f"sky {a} {b}", "pos": f"yes {a} blue", "neg": [f"no {a} red", f"no {b} black"]}
        for a in "a b c d e one two three".split()
        for b in "green white yellow say please".split()
    ]
    kept = [{**row, "query": f"snow {row['query']}"} for row in rows]
    lines(tmp_path / "sky.jsonl", rows)
    lines(tmp_path / "kept.jsonl", kept)
    probes = [{"kind": "ranking", "name": "kept", "capability": "kept", "items": "kept.jsonl", "max_tokens": 120}]
    (tmp_path / "ood.yaml").write_text(json.dumps({"probes": probes}))
    training = {
        "method": "rank", "learning_rate": 0.01, "epochs": 4, "batch_size": 4, "max_length": 120,
        "ranking": {"group_size": 3},
    }  # fmt: skip
    recipe = ranking_recipe(
        model={"base": str(toy_folder), "load_in": "fp32"},
        data={"train": "sky.jsonl", "held_out": 0.4},
        training=training,
        mitigations=[{"kind": "lora", "rank": 4}, {"kind": "strength", "values": [1.0]}],
    )
    record = run(recipe, tmp_path / "run")
    assert record.training.base_unchanged is True
    assert record.comparison.gains[0].after > record.comparison.gains[0].before
    assert load_reranker(str(tmp_path / "run" / "tuned")).fingerprint == record.after[0].model
