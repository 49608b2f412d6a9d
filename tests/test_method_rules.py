"""Keys and mitigations that go with one method of training only."""

from __future__ import annotations

import pytest

from retain.errors import UserError
from retain.recipe import load_recipe, parse_recipe

RANK = {
    "model": {"base": "x"},
    "data": {"train": "rows.jsonl", "general": [{"name": "own", "source": "general.jsonl"}]},
    "training": {"method": "rank"},
    "measure": {"suite": "ood.yaml"},
}
TEXT = {"model": {"base": "x"}, "data": {"train": "rows.jsonl"}}


def refused(base, **sections) -> str:
    with pytest.raises(UserError) as error:
        parse_recipe({**base, **sections})
    return str(error.value)


PRETRAIN = {**TEXT, "training": {"method": "pretrain"}}


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"measure": {"task": {"score": "exact"}}}, "measure.task.score: plain text has no answers"),
        ({"measure": {"task": {"max_tokens": 5}}}, "measure.task.max_tokens"),
        ({"measure": {"task": {"metric": "MRR"}}}, "it is for rerankers"),
        ({"training": {"method": "pretrain", "packing": True}}, "always packs"),
        ({"training": {"method": "pretrain", "extra": {"packing_strategy": "wrapped"}}}, "extra.packing_strategy"),
        ({"training": {"method": "pretrain", "ranking": {}}}, "training.ranking"),
        ({"advise": {}}, "plain text asks none"),
        ({"mitigations": [{"kind": "score_to_base"}]}, "mitigations.0"),
    ],
)
def test_what_plain_text_has_no_use_for_is_refused(sections, says):
    assert says in refused(PRETRAIN, **sections)


def test_every_mitigation_of_language_models_goes_with_packed_documents():
    kinds = [
        "lora", "null_space", "rehearsal", "kl_to_base", "l2_to_base", "ewc", "token_weighting", "early_stop",
        "strength",
    ]  # fmt: skip
    data = {"train": "texts", "general": [{"name": "own", "source": "general.txt"}]}
    settings = [{"kind": kind, **({"on": "both"} if kind == "kl_to_base" else {})} for kind in kinds]
    assert len(parse_recipe({**PRETRAIN, "data": data, "mitigations": settings}).mitigations) == len(kinds)


def test_a_recipe_for_a_reranker_is_read():
    kinds = ["lora", "rehearsal", "score_to_base", "l2_to_base", "ewc", "early_stop", "strength"]
    recipe = parse_recipe({**RANK, "mitigations": [{"kind": kind} for kind in kinds]})
    assert recipe.training.groups.loss == "listwise"
    assert len(recipe.mitigations) == len(kinds)


@pytest.mark.parametrize("kind", ["kl_to_base", "token_weighting", "freeze"])
def test_mitigations_of_text_are_refused_with_what_to_use(kind):
    assert "use " in refused(RANK, mitigations=[{"kind": kind}])


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"measure": {"suite": "core"}}, "measure.suite: name what a reranker should keep"),
        ({"measure": {"suite": "x.yaml", "task": {"score": "exact"}}}, "measure.task.score"),
        ({"measure": {"suite": "x.yaml", "task": {"max_tokens": 5}}}, "measure.task.max_tokens"),
        ({"measure": {"suite": "x.yaml", "task": {"metric": "precision"}}}, "is no measure"),
        ({"training": {"method": "rank", "packing": True}}, "training.packing"),
        ({"data": {"train": "t", "loss_on": "all"}}, "data.loss_on"),
        ({"training": {"method": "rank", "watch": 2}}, "training.watch"),
        ({"measure": {"suite": "x.yaml", "recitation": 5}}, "measure.recitation"),
        ({"advise": {}}, "advise: its rungs"),
        ({"data": {"train": "t", "general": [{"name": "own"}]}}, "a reranker writes no text"),
        ({"mitigations": [{"kind": "lora", "variant": "dora"}]}, "not offered for rerankers"),
        ({"mitigations": [{"kind": "early_stop", "meter": "kl"}]}, "a reranker writes none"),
    ],
)
def test_keys_of_text_are_refused_for_rerankers(sections, says):
    assert says in refused(RANK, **sections)


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"training": {"ranking": {"group_size": 4}}}, "training.ranking: it is for training.method: rank"),
        ({"measure": {"task": {"candidates": 10}}}, "measure.task.candidates: it is for rerankers"),
        ({"mitigations": [{"kind": "score_to_base"}]}, "kl_to_base keeps a language model's"),
    ],
)
def test_keys_of_rerankers_are_refused_for_text(sections, says):
    assert says in refused(TEXT, **sections)


PAIRS = {**TEXT, "training": {"method": "dpo"}}


def test_a_recipe_for_pairs_is_read():
    general = {"train": "rows.jsonl", "general": [{"name": "own", "source": "general.jsonl"}]}
    kinds = ["lora", "null_space", "rehearsal", "kl_to_base", "l2_to_base", "ewc", "early_stop", "strength"]
    recipe = parse_recipe({**PAIRS, "data": general, "mitigations": [{"kind": kind} for kind in kinds]})
    assert recipe.training.pairs.loss == "sigmoid" and recipe.training.pairs.beta == 0.1
    assert parse_recipe({**PAIRS, "mitigations": [{"kind": "freeze"}]}).mitigations


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"training": {"method": "dpo", "packing": True}}, "training.packing: pairs are not packed"),
        ({"training": {"method": "dpo", "watch": 2}}, "training.watch"),
        ({"training": {"method": "dpo", "ranking": {"group_size": 4}}}, "training.ranking"),
        ({"training": {"method": "dpo", "preference": {"loss": "kto"}}}, "allowed: sigmoid, sigmoid_norm"),
        ({"data": {"train": "t", "loss_on": "all"}}, "data.loss_on"),
        ({"measure": {"task": {"score": "exact"}}}, "measure.task.score: held-out pairs"),
        ({"measure": {"task": {"max_tokens": 4}}}, "measure.task.max_tokens"),
        ({"measure": {"task": {"candidates": 10}}}, "measure.task.candidates"),
        ({"advise": {}}, "advise: its rungs"),
        ({"mitigations": [{"kind": "token_weighting"}]}, "tail_weight"),
        ({"mitigations": [{"kind": "lora", "dropout": 0.1}]}, "mitigations.0.dropout"),
        ({"mitigations": [{"kind": "score_to_base"}]}, "kl_to_base keeps a language model's"),
    ],
)
def test_what_does_not_go_with_pairs_is_refused(sections, says):
    assert says in refused(PAIRS, **sections)


@pytest.mark.parametrize("base", [TEXT, RANK])
def test_the_words_of_pairs_are_refused_elsewhere(base):
    training = {**base.get("training", {}), "preference": {"beta": 0.2}}
    assert "training.preference: it is for training.method: dpo" in refused(base, training=training)


def test_models_and_runs_beside_the_recipe_are_found(tmp_path):
    (tmp_path / "teacher").mkdir()
    (tmp_path / "embedder").mkdir()
    (tmp_path / "run.txt").write_text("")
    (tmp_path / "r.yaml").write_text(
        "model: {base: x}\ndata: {train: beir, held_out: {dev: 0.1, test: test.tsv}}\n"
        "training: {method: rank, ranking: {loss: margin_mse, teacher: teacher, "
        "negatives: {mine: embedder, embedder: embedder}}}\n"
        "measure: {suite: ood.yaml, task: {first_stage: run.txt}}\n"
    )
    recipe = load_recipe(tmp_path / "r.yaml")
    assert recipe.training.groups.teacher == str(tmp_path / "teacher")
    assert recipe.training.groups.negatives.embedder == str(tmp_path / "embedder")
    assert recipe.measure.task.first_stage == str(tmp_path / "run.txt")
    assert recipe.data.held_out.dev == 0.1 and recipe.data.held_out.test == str(tmp_path / "test.tsv")


def test_a_share_of_dev_rows_goes_with_a_file_of_test_rows_for_text_too(tmp_path, colour_rows, toy_recipe):
    import json

    from retain.stages.prepare import read_and_split

    paths = {}
    for name, rows in (("train", colour_rows[:30]), ("test", colour_rows[30:])):
        paths[name] = tmp_path / f"{name}.jsonl"
        paths[name].write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = toy_recipe(data={"train": str(paths["train"]), "held_out": {"dev": 0.2, "test": str(paths["test"])}})
    splits = read_and_split(parse_recipe(recipe)).splits
    assert (len(splits.train), len(splits.dev), len(splits.test)) == (24, 6, 10)
    assert "held_out.dev" in refused(TEXT, data={"train": "t", "held_out": {"dev": 2.0, "test": "x"}})
