"""The memory estimate: sizes that follow from the config, and every setting that moves them."""

import pytest

from retain.commands.check import check
from retain.models.outline import config_here, outline
from retain.recipe import parse_recipe
from retain.scoring.room import CPU_TOKENS
from retain.stages.estimating import (
    LOGIT_BYTES,
    PROGRAM,
    SCORE_BYTES,
    STORED_BYTES,
    estimate_memory,
    memory_lines,
)
from retain.stages.prepare import read_and_split
from retain.stages.timings import known_seconds, remember
from tests.conftest import general_file


@pytest.fixture
def estimate(toy_recipe, tmp_path):
    """The estimate of a toy recipe with some sections changed."""

    def make(**sections):
        recipe = parse_recipe(toy_recipe(**sections), "recipe", tmp_path)
        return estimate_memory(recipe, read_and_split(recipe).splits.train)

    return make


def training(**keys):
    return {"training": {"batch_size": 4, "max_length": 64, **keys}}


def test_the_outline_counts_what_the_model_has(toy):
    found = outline(config_here(str(toy.name)) or toy.module.config, 2, 16, low=False)
    assert found.weights == sum(one.numel() for one in toy.module.parameters())
    assert (found.layers, found.vocabulary) == (1, toy.module.config.vocab_size)
    assert [name.rsplit(".", 1)[-1] for name, _, _ in found.linear] == [
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"
    ]  # fmt: skip
    longer = outline(toy.module.config, 2, 32, low=False)
    assert 1.8 < longer.saved / found.saved < 2.2, "what is kept grows with the tokens"


def test_full_training_keeps_weights_gradients_and_two_moments(estimate, toy):
    found, weights = estimate(mitigations=[], **training()), sum(p.numel() for p in toy.module.parameters())
    assert (found.gradients, found.optimizer, found.adapter) == (4 * weights, 8 * weights, 0)
    assert found.total > PROGRAM
    assert found.logits % LOGIT_BYTES == 0
    assert found.total == found.training + found.measuring
    assert found.measuring == 2 * 4 * weights + SCORE_BYTES * CPU_TOKENS * toy.module.config.vocab_size
    assert found.training == found.program + found.weights + found.optimizer + max(
        found.gradients, found.activations + found.logits
    )


@pytest.mark.parametrize(
    "sections, part, sign",
    [
        (training(batch_size=8), "activations", 1),
        (training(batch_size=8), "logits", 1),
        (training(optimizer="sgd"), "optimizer", -1),
        (training(gradient_accumulation=2), "total", 1),
        ({**training(), "mitigations": [{"kind": "lora", "rank": 2}]}, "gradients", -1),
        ({**training(), "mitigations": [{"kind": "lora", "rank": 2}]}, "adapter", 1),
        ({**training(), "model_load": "bf16"}, "weights", 1),
    ],
    ids=["batch", "logits", "sgd", "accumulation", "lora", "adapter", "autocast"],
)
def test_each_setting_moves_its_part(estimate, sections, part, sign, toy_folder):
    plain = estimate(mitigations=[], **training())
    changed = dict(sections)
    if changed.pop("model_load", None):
        changed["model"] = {"base": str(toy_folder), "load_in": "bf16"}
    other = estimate(**{"mitigations": [], **changed})
    assert (getattr(other, part) - getattr(plain, part)) * sign > 0


def stored(estimate, colour_file, general, epochs=1, **kl):
    """Stored tokens of the base's distributions, at one log-probability a token."""
    keys = {"kind": "kl_to_base", "top_k": 1, **kl}
    data = {"train": str(colour_file), "general": [{"name": "own", **general}]}
    return estimate(**training(epochs=epochs), data=data, mitigations=[keys]).stored / STORED_BYTES


def test_the_bases_distributions_are_counted(estimate, colour_file):
    own = {"source": "base_model", "count": 100, "max_tokens": 32}
    assert stored(estimate, colour_file, own, epochs=100) == round(0.8 * 100 * 32)
    data = {"train": str(colour_file), "general": [{"name": "own", **own}]}
    with_them = estimate(**training(), data=data, mitigations=[{"kind": "kl_to_base"}])
    assert with_them.activations > estimate(mitigations=[], **training()).activations


def test_no_more_is_stored_than_the_file_has_whatever_the_count(estimate, colour_file, tmp_path):
    general = general_file(tmp_path)
    whole = {"source": str(general), "count": 1_000_000}
    assert stored(estimate, colour_file, whole, epochs=100) < general.stat().st_size
    few = {"source": str(general), "count": 2}
    assert stored(estimate, colour_file, few, epochs=100) < stored(estimate, colour_file, whole, epochs=100)


def test_no_more_is_stored_than_training_draws(estimate, colour_file):
    own = {"source": "base_model", "count": 1_000_000, "max_tokens": 128}
    once, share = (stored(estimate, colour_file, own, **keys) for keys in ({}, {"share": 0.5}))
    assert share == pytest.approx(2 * once, abs=1)
    assert stored(estimate, colour_file, own, epochs=3) == pytest.approx(3 * once, abs=2)
    assert once < 40 * 64, "a share of the task's forty rows"


@pytest.mark.parametrize("name", ["long.jsonl", "long.jsonl.gz"])
def test_documents_of_a_general_file_count_whole(toy_recipe, toy_folder, tmp_path, name):
    import gzip
    import json

    rows = "".join(json.dumps({"text": f"{x} " + "blue sky " * 400}) + "\n" for x in range(20)).encode()
    (tmp_path / name).write_bytes(gzip.compress(rows) if name.endswith("gz") else rows)
    (tmp_path / "train.txt").write_text("\f".join(f"{x} " + "one two three " * 300 for x in range(20)))
    values = toy_recipe(
        data={"train": str(tmp_path / "train.txt"), "general": [{"source": str(tmp_path / name), "count": 1_000_000}]},
        training={"method": "pretrain", "max_length": 64},
        mitigations=[{"kind": "kl_to_base", "share": 0.25, "top_k": 256}],
    )
    recipe = parse_recipe(values, "recipe", tmp_path)
    found = estimate_memory(recipe, read_and_split(recipe).splits.train)
    assert 0 < found.stored < 2**26


def test_what_is_not_counted_is_said(estimate):
    found = estimate(**training(), mitigations=[{"kind": "l2_to_base"}])
    assert found.notes == ["not counted: what l2_to_base keeps"]
    lines = memory_lines(found)
    assert lines[0].startswith("memory: about ") and "not counted" in lines[-1]


def test_a_model_that_is_not_here_has_no_estimate(toy_recipe, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    recipe = parse_recipe(toy_recipe(), "recipe", tmp_path)
    away = recipe.model_copy(update={"model": recipe.model.model_copy(update={"base": "nobody/nothing"})})
    assert estimate_memory(away, []) is None


def test_check_shows_it(toy_recipe, tmp_path):
    import yaml

    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(toy_recipe()))
    assert check(tmp_path / "recipe.yaml").memory.total > PROGRAM


def test_timings_add_up_and_are_of_one_model(toy_recipe, tmp_path):
    from retain.stages.prepare import suite_of

    probes = suite_of(parse_recipe(toy_recipe(), "recipe", tmp_path)).probes
    assert known_seconds("m", "cpu", probes, "test") is None
    for probe in probes:
        remember("m", "cpu", probe, "test", 2.0)
    assert known_seconds("m", "cpu", probes, "test") == 2.0 * len(probes)
    assert known_seconds("other", "cpu", probes, "test") is None
    assert known_seconds("m", "cpu", probes, "dev") is None
