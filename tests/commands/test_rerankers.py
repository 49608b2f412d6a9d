"""Rerankers through the commands that take models."""

from __future__ import annotations

import json

import pytest
import torch

from retain.commands.compare import compare
from retain.commands.measure import measure
from retain.commands.noise import noise
from retain.errors import UserError
from retain.record_files import read_record
from retain.records import Gate, RunRecord
from retain.stages.measurements import Measurements

WORDS = "cats dogs birds fish mice cheese seeds red blue green one two three four five six seven".split()


@pytest.fixture
def ranking_suite(tmp_path) -> str:
    """Two ranking probes over the toy vocabulary, sixty queries each."""
    probes = []
    for name, verb in (("chasing", "chase"), ("eating", "eat")):
        rows = [
            {
                "query": f"what does {verb} {first} {second}",
                "pos": [f"{first} {verb} {second}"],
                "neg": [f"{other} {verb} {first}" for other in WORDS[:5] if other not in (first, second)],
            }
            for first in WORDS[:10]
            for second in WORDS[10:16]
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        probes.append({"kind": "ranking", "name": name, "capability": name, "items": f"{name}.jsonl", "max_tokens": 32})
    path = tmp_path / "ranking.yaml"
    path.write_text(json.dumps({"probes": probes}))
    return str(path)


@pytest.fixture
def other_reranker(toy_reranker, tmp_path) -> str:
    """The toy cross-encoder with other weights."""
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in toy_reranker.module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    toy_reranker.save(tmp_path / "other")
    return str(tmp_path / "other")


def test_a_reranker_is_measured_and_found_again_without_loading(
    toy_reranker_folder, ranking_suite, tmp_path, monkeypatch
):
    monkeypatch.setattr("retain.stages.known_models.SETTLED_SECONDS", 0.0)  # the folder may have been made just now
    found = measure(str(toy_reranker_folder), ranking_suite, "fp32", output=tmp_path / "m.json")
    assert [one.metric for one in found.measurements] == ["nDCG@10", "nDCG@10"]
    assert 0 < found.measurements[0].value < 1
    assert read_record(tmp_path / "m.json", Measurements) == found
    monkeypatch.setattr("retain.commands.measure.load_for", lambda *args: pytest.fail("loaded again"))
    monkeypatch.setattr("retain.stages.known_models.SETTLED_SECONDS", -1e9)
    assert measure(str(toy_reranker_folder), ranking_suite, "fp32").measurements == found.measurements


def test_two_rerankers_are_compared_and_reported(toy_reranker_folder, other_reranker, ranking_suite, tmp_path):
    gate = Gate(margin=50, mean_margin=50)
    record = compare(
        str(toy_reranker_folder), other_reranker, ranking_suite, "fp32", gate=gate, folder=tmp_path / "out"
    )
    assert {change.unit for change in record.comparison.losses} == {"points"}
    assert record.comparison.pooled is not None and record.comparison.pooled.items > 60
    assert len(record.comparison.also) == 4
    assert record.kl == []
    assert read_record(tmp_path / "out" / "record.json", RunRecord) == record
    for name in ("report.md", "report.html"):
        text = (tmp_path / "out" / name).read_text()
        assert "MRR@10" in text and "alibration" in text


def test_the_noise_floor_of_a_reranker(toy_reranker_folder, ranking_suite):
    found = noise(str(toy_reranker_folder), "batch", ranking_suite, "fp32")
    assert [floor.moved for floor in found.floors] == pytest.approx([0, 0], abs=0.02)


def test_a_language_model_is_asked_for_yes_or_no(toy_folder, tmp_path):
    (tmp_path / "rows.jsonl").write_text(
        "".join(
            json.dumps({"query": f"sky {word}", "pos": f"blue {word}", "neg": [f"red {word}", "black"]}) + "\n"
            for word in "a b c d e one two three yes no please tell".split()
        )
    )
    (tmp_path / "s.yaml").write_text(
        json.dumps({"probes": [{"kind": "ranking", "name": "r", "capability": "r", "items": "rows.jsonl"}]})
    )
    found = measure(str(toy_folder), str(tmp_path / "s.yaml"), "fp32").measurements[0]
    assert len(found.scores) > 4 and 0.4 < found.value <= 1


def test_a_cross_encoder_is_no_language_model(toy_reranker_folder, toy_suite):
    with pytest.raises(UserError, match="is a reranker or a classifier"):
        measure(str(toy_reranker_folder), str(toy_suite), "fp32")
