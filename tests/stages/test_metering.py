"""The KL meter in a run and between two given models."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from retain.commands.compare import compare
from retain.models.load import load_causal
from retain.pipeline import run_recipe
from retain.probes.suites import load_suite
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.record_files import read_record
from retain.stages import base_distributions, known_models
from retain.stages.meter_pair import OTHER_WORDS, read_meter_pair
from retain.stages.meter_rows import general_rows, input_rows
from retain.stages.metering import Meter
from retain.store import store_folder

LORA = {"kind": "lora", "rank": 4}
QUICK = {"learning_rate": 0.02, "epochs": 2, "batch_size": 8, "max_length": 64}
QUIET = Progress(quiet=True)


def run(recipe, folder):
    return run_recipe(parse_recipe(recipe), folder, QUIET)


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    monkeypatch.setattr(known_models, "SETTLED_SECONDS", 0.0)


@pytest.mark.parametrize("mitigations", [[LORA], []], ids=["lora", "full"])
def test_a_run_reads_it_on_task_rows_and_on_general_text_that_was_kept_back(toy_recipe, tmp_path, mitigations):
    record = run(toy_recipe(mitigations=mitigations, training=QUICK), tmp_path / "run")
    places = {one.where: one for one in record.kl}
    assert places["task"].rows == record.data["test"]
    assert (places["general"].name, places["general"].rows) == ("own", record.general[0]["kept back"])
    assert all(one.mean > 0 and 0 <= one.agreement <= 1 for one in record.kl)
    assert all(one.top_k is None for one in record.kl), "the toy's whole vocabulary is stored"
    assert read_record(tmp_path / "run" / "kl.json", Meter).readings == record.kl


def test_without_general_text_the_suites_inputs_stand_for_it(toy_recipe, tmp_path, colour_file):
    data = {"train": str(colour_file), "held_out": 0.3}
    record = run(toy_recipe(data=data, mitigations=[LORA], training=QUICK), tmp_path / "run")
    assert [(one.where, one.name) for one in record.kl] == [("task", "task"), ("general", "inputs of the suite")]


def test_texts_of_the_suite_come_before_other_inputs(toy_suite):
    (toy_suite.parent / "texts.jsonl").write_text(
        "".join(json.dumps({"text": f"a b c {n} d e"}) + "\n" for n in range(30))
    )
    with toy_suite.open("a") as file:
        file.write("- {kind: bits_per_byte, name: texts, capability: text, items: texts.jsonl}\n")
    probes = load_suite(toy_suite).probes
    ((name, rows),) = general_rows({}, probes).items()
    assert name == "texts of the suite" and {row.text for row in rows} == {one.text for one in probes[2].select("test")}
    turns = [row.text.split()[0] for row in input_rows(probes[:2])[:4]]
    assert turns[0] == turns[2] == "say", "the probes take turns"


def test_both_ways_of_asking_the_base_agree(toy_recipe, tmp_path, toy_folder):
    """An adapter compared with itself switched off, and the same weights merged, compared with the stored base."""
    run(toy_recipe(mitigations=[LORA], training=QUICK), tmp_path / "run")
    adapter = load_causal(str(tmp_path / "run" / "tuned"), "fp32")
    merged = tmp_path / "merged"
    adapter.module.merge_and_unload().save_pretrained(merged)
    adapter.tokenizer.save_pretrained(merged)
    probes = load_suite(toy_recipe()["measure"]["suite"]).probes
    (one,), _ = read_meter_pair(str(toy_folder), str(tmp_path / "run" / "tuned"), "fp32", probes, (), QUIET)
    (two,), _ = read_meter_pair(str(toy_folder), str(merged), "fp32", probes, (), QUIET)
    assert one.mean == pytest.approx(two.mean, rel=1e-3) and one.mean > 0
    assert one.agreement == two.agreement


@pytest.fixture
def other(toy, tmp_path):
    """Another model with the toy's tokenizer."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in toy.module.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    toy.module.save_pretrained(tmp_path / "other")
    toy.tokenizer.save_pretrained(tmp_path / "other")
    return tmp_path / "other"


def test_compare_reads_it_and_asks_the_base_once(toy_folder, toy_suite, other, tmp_path, monkeypatch):
    record = compare(
        str(toy_folder), str(other), str(toy_suite), "fp32", task=["say"], folder=tmp_path / "c", progress=QUIET
    )
    assert [one.where for one in record.kl] == ["task", "general"]
    assert all(one.mean > 0.1 for one in record.kl)
    assert "never the claim" in (tmp_path / "c" / "report.md").read_text()
    assert len(list((store_folder() / "distributions").iterdir())) == 2
    monkeypatch.setattr(base_distributions, "store_base", None)
    again = compare(str(toy_folder), str(other), str(toy_suite), "fp32", task=["say"], progress=QUIET)
    assert again.kl == record.kl


def test_a_damaged_distribution_is_asked_again(toy_folder, toy_suite, other, caplog):
    probes = load_suite(toy_suite).probes
    first = read_meter_pair(str(toy_folder), str(other), "fp32", probes, (), QUIET)
    (file,) = (store_folder() / "distributions").iterdir()
    file.write_bytes(file.read_bytes()[:-8])
    assert read_meter_pair(str(toy_folder), str(other), "fp32", probes, (), QUIET) == first
    assert "damaged" in caplog.text


def test_an_unchanged_model_has_not_moved(toy_folder, toy_suite, tmp_path):
    copy = shutil.copytree(toy_folder, tmp_path / "copy")
    (reading,), notes = read_meter_pair(str(toy_folder), str(copy), "fp32", load_suite(toy_suite).probes, (), QUIET)
    assert reading.mean == pytest.approx(0, abs=1e-6) and reading.agreement == 1.0 and not notes


def test_models_with_other_words_are_not_compared_and_that_is_noted(toy_folder, toy_suite, other):
    tokenizer = json.loads((other / "tokenizer.json").read_text())
    words = tokenizer["model"]["vocab"]
    words["one"], words["two"] = words["two"], words["one"]
    (other / "tokenizer.json").write_text(json.dumps(tokenizer))
    record = compare(str(toy_folder), str(other), str(toy_suite), "fp32", progress=QUIET)
    assert record.kl == [] and OTHER_WORDS in record.comparison.notes


def test_a_smaller_vocabulary_is_not_compared(toy, toy_folder, toy_suite, other):
    toy.module.resize_token_embeddings(len(toy.tokenizer) - 5)
    toy.module.save_pretrained(other)
    probes = load_suite(toy_suite).probes
    assert read_meter_pair(str(toy_folder), str(other), "fp32", probes, (), QUIET) == ([], [OTHER_WORDS])
    assert load_causal(str(other), "fp32").module.config.vocab_size == len(toy.tokenizer) - 5


def test_a_file_of_measurements_has_no_meter(toy_folder, toy_suite, other, tmp_path):
    from retain.commands.measure import measure

    measure(str(toy_folder), str(toy_suite), "fp32", output=tmp_path / "base.json", progress=QUIET)
    record = compare(str(tmp_path / "base.json"), str(other), str(toy_suite), "fp32", progress=QUIET)
    assert record.kl == []
