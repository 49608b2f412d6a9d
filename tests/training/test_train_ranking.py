"""Training rerankers: rows and losses, the trainer's order, accumulation, and what is refused."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from retain.errors import UserError
from retain.models.one_lookup import one_lookup
from retain.ranking.groups import Group, candidate_group, training_groups
from retain.ranking.judged import ranking_example
from retain.training.cross_encoder_trainer import EpochOrder, encoder_of
from retain.training.ranking_rows import loss_of, pairs_per_row, rows_of
from retain.training.ranking_settings import NegativesSettings, RankingSettings
from retain.training.reranker import ranking_config
from retain.training.settings import TrainingSettings
from retain.training.stream import GroupStream
from retain.training.without_dropout import without_dropout

GROUPS = [
    Group("who chase mice", ("cats chase mice", "dogs bark", "fish swim never")),
    Group("who bark", ("dogs bark", "birds sing", "red blue")),
]


def test_each_relevant_document_is_a_group_with_others_drawn_for_it():
    row = ranking_example("q", {"a": 1, "b": 2, **{str(i): 0 for i in range(10)}})
    groups = training_groups(row, 4, seed=0, most=9)
    assert [group.documents[0] for group in groups] == ["a", "b"]
    assert all(len(set(group.documents)) == 4 for group in groups)
    assert set(groups[0].documents[1:]) != set(groups[1].documents[1:])
    assert training_groups(row, 4, 0, 9) == groups != training_groups(row, 4, 1, 9)
    assert training_groups(ranking_example("q", {"a": 1}), 4, 0, 9) == []
    assert len(training_groups(ranking_example("q", {"a": 1, "b": 0}), 4, 0, 9)[0].documents) == 2
    many = ranking_example("q", {**{f"yes {i}": 1 for i in range(9)}, "no": 0})
    drawn = [tuple(group.documents[0] for group in training_groups(many, 2, seed, 2)) for seed in range(8)]
    assert all(len(one) == 2 for one in drawn) and len(set(drawn)) > 2


def test_candidates_have_the_relevant_ones_first():
    row = ranking_example("q", {"x": 0, "a": 1, "y": 0})
    assert candidate_group(row, 2).documents == ("a", "x")
    assert candidate_group(row, 9).documents == ("a", "x", "y")


def batch_of(rows) -> tuple[list, object]:
    columns = {name: rows[name][:] for name in rows.column_names}
    label = columns.pop("label")
    labels = [torch.tensor(one) for one in label] if isinstance(label[0], list) else torch.tensor(label)
    return list(columns.values()), labels


def test_negatives_have_no_effect_beside_scores_in_the_rows():
    RankingSettings(loss="margin_mse", teacher="rows", negatives={"mine": "none"})
    with pytest.raises(ValidationError, match="negatives have no effect with teacher: rows"):
        RankingSettings(loss="margin_mse", teacher="rows", negatives={"ranks": [3, 50]})


@pytest.fixture
def scores(toy_reranker) -> torch.Tensor:
    toy_reranker.module.eval()
    return torch.tensor([toy_reranker.score_pairs(group.pairs, 32) for group in GROUPS])


def loss_value(toy_reranker, settings, teacher=()) -> float:
    encoder = encoder_of(toy_reranker, 32)
    encoder.eval()
    rows = rows_of(settings, GROUPS, teacher)
    return loss_of(settings, encoder)(*batch_of(rows)).item()


def test_listwise_is_cross_entropy_of_the_relevant_document(toy_reranker, scores):
    wanted = -scores.log_softmax(-1)[:, 0].mean()
    assert loss_value(toy_reranker, RankingSettings(loss="listwise")) == pytest.approx(float(wanted), rel=1e-4)


def test_bce_is_that_of_every_pair(toy_reranker, scores):
    labels = torch.tensor([1.0, 0, 0, 1, 0, 0])
    wanted = torch.nn.functional.binary_cross_entropy_with_logits(scores.flatten(), labels)
    assert loss_value(toy_reranker, RankingSettings(loss="bce")) == pytest.approx(float(wanted), rel=1e-4)


def test_margin_mse_is_the_squared_difference_from_the_teachers_margins(toy_reranker, scores):
    teacher = [[3.0, 1.0, 0.5], [2.0, 2.0, -1.0]]
    settings = RankingSettings(loss="margin_mse", teacher="x")
    taught = torch.tensor(teacher)
    wanted = ((scores[:, :1] - scores[:, 1:]) - (taught[:, :1] - taught[:, 1:])).square().mean()
    assert loss_value(toy_reranker, settings, teacher) == pytest.approx(float(wanted), rel=1e-4)


def test_margin_mse_takes_groups_of_any_size(toy_reranker):
    groups, teacher = [GROUPS[0], Group("q", ("red apple", "sky"))], [[3.0, 1.0, 0.5], [2.0, 1.0]]
    encoder = encoder_of(toy_reranker, 32)
    encoder.eval()
    settings = RankingSettings(loss="margin_mse", teacher="x")
    found = loss_of(settings, encoder)(*batch_of(rows_of(settings, groups, teacher)))
    margins = []
    for group, taught in zip(groups, teacher, strict=True):
        own = toy_reranker.score_pairs(group.pairs, 32)
        margins += [(own[0] - own[k] - taught[0] + taught[k]) ** 2 for k in range(1, len(own))]
    assert found.item() == pytest.approx(sum(margins) / len(margins), rel=1e-4)


def test_one_lookup_of_words_gives_the_gradient_of_many(toy_reranker):
    pairs = [pair for group in GROUPS for pair in group.pairs]
    encoded = toy_reranker.tokenizer(*map(list, zip(*pairs, strict=True)), padding=True, return_tensors="pt")
    module, table = toy_reranker.module, toy_reranker.module.get_input_embeddings()
    module.eval()

    def once():
        found = torch.cat([module(input_ids=row[None]).logits for row in encoded["input_ids"]])
        return found, torch.autograd.grad(found.square().sum(), table.weight)[0]

    plain, gradient = once()
    with one_lookup(module, sorted(set(encoded["input_ids"].flatten().tolist()))):
        found, shared = once()
    assert torch.allclose(found, plain, atol=1e-6) and torch.allclose(shared, gradient, atol=1e-6)
    assert "forward" not in vars(table)
    with one_lookup(module, [0]):  # proof that the words come from the one lookup: others are not known
        assert not torch.allclose(module(input_ids=encoded["input_ids"]).logits, plain, atol=1e-6)


def test_dropout_is_off_only_while_it_is_wanted(toy_reranker):
    module = toy_reranker.module
    drops = {name: one for name, one in module.named_modules() if isinstance(one, torch.nn.Dropout)}
    for one in drops.values():
        one.p = 0.3
    module.lora_dropout = torch.nn.Dropout(0.2)
    with without_dropout(module):
        assert {one.p for one in drops.values()} == {0.0} and module.lora_dropout.p == 0.2
    assert {one.p for one in drops.values()} == {0.3}


def test_the_encoder_scores_as_the_reranker_and_has_its_weights(toy_reranker, scores):
    encoder = encoder_of(toy_reranker, 32)
    encoder.eval()
    pairs = [pair for group in GROUPS for pair in group.pairs]
    found = encoder(encoder.preprocess(pairs))["scores"]
    assert found.shape == (6, 1)
    assert found[:, 0].tolist() == pytest.approx(scores.flatten().tolist(), abs=1e-5)
    assert {id(p) for p in encoder.parameters()} == {id(p) for p in toy_reranker.module.parameters()}


def test_parts_of_like_length_give_the_gradient_of_one_pass(toy_reranker, monkeypatch):
    pairs = [pair for group in GROUPS for pair in group.pairs]
    weight = toy_reranker.module.classifier.weight
    (whole,) = torch.autograd.grad(toy_reranker.logits(pairs, 32).square().sum(), weight)
    monkeypatch.setattr("retain.models.reranker.batch_tokens_for", lambda module: 12)
    found = toy_reranker.logits_in_parts(pairs, 32)
    (parts,) = torch.autograd.grad(found.square().sum(), weight)
    assert found.tolist() == pytest.approx(toy_reranker.logits(pairs, 32).tolist(), abs=1e-5)
    assert torch.allclose(parts, whole, rtol=1e-4, atol=1e-6)


def test_an_epochs_order_follows_from_its_number():
    order = EpochOrder(20, seed=3)
    first = list(order)
    assert sorted(first) == list(range(20)) and list(order) == first
    order.set_epoch(1)
    assert list(order) != first
    again = EpochOrder(20, seed=3)
    again.set_epoch(1)
    assert list(again) == list(order)
    assert list(EpochOrder(20, seed=4)) != first


def test_a_stream_of_groups_has_every_group_once_before_any_twice():
    stream = GroupStream([3, 5, 7], 1.5, seed=0)
    drawn = [place for number in range(4) for place in stream.indices(number)]
    assert sorted(drawn[:3]) == sorted(drawn[3:]) == [0, 1, 2]
    batch = stream.batch(1, 0, "cpu")
    assert batch.rows == tuple(stream.indices(1)) and batch.usual == 1.5
    assert batch.tokens == sum([3, 5, 7][place] for place in batch.rows)
    assert GroupStream([3], 0.5, 0).batch(0, 0, "cpu") is None
    assert stream.tokens(2) == 15


def settings(**changes) -> TrainingSettings:
    return TrainingSettings(method="rank", **changes)


def test_the_recipes_words_are_the_trainers(toy_reranker, tmp_path):
    found = ranking_config(
        settings(learning_rate=3e-5, epochs=2, warmup=0.1, weight_decay=0.02, gradient_accumulation=2, batch_size=4),
        toy_reranker, tmp_path, 7,
    )  # fmt: skip
    assert (found.learning_rate, found.num_train_epochs, found.weight_decay, found.seed) == (3e-5, 2, 0.02, 7)
    assert (found.warmup_steps, found.gradient_accumulation_steps) == (0.1, 2)
    assert found.per_device_train_batch_size == 4 and not found.bf16
    pairs = settings(batch_size=4, ranking=RankingSettings(loss="bce", group_size=5))
    assert ranking_config(pairs, toy_reranker, tmp_path, 7).per_device_train_batch_size == 20
    assert pairs_per_row(pairs.groups) == 1
    assert ranking_config(settings(extra={"adam_beta1": 0.8}), toy_reranker, tmp_path, 0).adam_beta1 == 0.8


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"seed": 3}, "Retain's own keys"),
        ({"adam_beta": 1}, "did you mean"),
        ({"eval_strategy": "nonsense"}, "refuses"),
    ],
)
def test_extra_keys_are_checked(toy_reranker, tmp_path, extra, says):
    with pytest.raises(UserError, match=says):
        ranking_config(settings(extra=extra), toy_reranker, tmp_path, 0)


@pytest.mark.parametrize(
    ("kind", "values", "says"),
    [
        (NegativesSettings, {"ranks": [5, 2]}, "ends before it begins"),
        (NegativesSettings, {"mine": "embedder"}, "go together"),
        (NegativesSettings, {"embedder": "x"}, "go together"),
        (NegativesSettings, {"mine": "none", "filter": 0.0}, "no effect"),
        (RankingSettings, {"loss": "margin_mse"}, "go together"),
        (RankingSettings, {"teacher": "x"}, "go together"),
        (RankingSettings, {"group_size": 1}, "greater than or equal to 2"),
    ],
)
def test_settings_that_say_nothing_are_refused(kind, values, says):
    with pytest.raises(ValidationError, match=says):
        kind(**values)


def test_accumulated_passes_are_one_update_on_all_rows(ranking_recipe, toy_reranker, tmp_path):
    """Four groups in one pass, or two and two that are accumulated: the same updates, penalties included."""
    from retain.pipeline import run_recipe
    from retain.progress import Progress
    from retain.recipe import load_recipe

    toy_reranker.module.config.hidden_dropout_prob = toy_reranker.module.config.attention_probs_dropout_prob = 0.0
    toy_reranker.save(tmp_path / "base")

    def trained(batch: int, accumulated: int):
        training = {
            "method": "rank", "learning_rate": 0.01, "batch_size": batch, "gradient_accumulation": accumulated,
            "max_length": 32, "checkpoints": 0, "schedule": "constant", "warmup": 0.0, "optimizer": "sgd",
            "extra": {"max_steps": 3}, "ranking": {"group_size": 3},
        }  # fmt: skip
        path = ranking_recipe(
            model={"base": str(tmp_path / "base"), "load_in": "fp32"},
            training=training,
            mitigations=[{"kind": "l2_to_base", "weight": 5.0}],
        )
        return run_recipe(load_recipe(path), tmp_path / f"run-{batch}", Progress(True)).training.history

    one, two = trained(4, 1), trained(2, 2)
    assert len(one) == len(two) == 3 and one[-1]["l2_to_base"] > 0
    for first, second in zip(one, two, strict=True):
        for name in ("loss", "grad_norm", "l2_to_base"):
            assert first[name] == pytest.approx(second[name], rel=1e-3), name
