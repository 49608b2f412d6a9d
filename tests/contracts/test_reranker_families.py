"""What holds for every family of cross-encoders: scores are plain ones, mitigations act, what is saved is read."""

import pytest
import torch
from toy_families import RERANKERS, WITH_TOKEN_TYPES, reranker
from transformers import AutoTokenizer

from retain.errors import UserError
from retain.mitigations.distance import distance_to_base
from retain.mitigations.fisher import diagonal_fisher, squared_gradients
from retain.mitigations.lora import Lora
from retain.mitigations.weight_places import places
from retain.models.fingerprint import base_weights_hash
from retain.models.load_reranker import load_reranker
from retain.models.update_files import save_update
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.ranking.groups import Group
from retain.recipe import load_recipe
from retain.training.trained import load_trained, save_tuned

QUERIES = ("who chase mice", "what does swim often", "who bark")
DOCUMENTS = ("cats chase mice", "dogs", "fish swim one two three four", "birds sing loudly")
PAIRS = [(query, document) for query in QUERIES for document in DOCUMENTS]
GROUPS = [Group("who chase mice", ("cats chase mice", "dogs bark", "fish")), Group("who bark", ("dogs bark", "birds"))]
READ_OFF_THE_FIRST_TOKEN = {"roberta", "xlm-roberta"}
"""Families whose last layer is computed for the first token alone."""
HEADS = {
    "distilbert": ["pre_classifier", "classifier"], "deberta-v2": ["pooler", "classifier"],
    "modernbert": ["head", "classifier"], "qwen3": ["score"],
}  # fmt: skip


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory, toy_reranker_folder):
    """Each family's folder, written once, with the tokenizer of the toy BERT."""
    root = tmp_path_factory.mktemp("reranker-families")

    def find(name):
        if not (root / name).is_dir():
            tokenizer = AutoTokenizer.from_pretrained(toy_reranker_folder)
            if name not in WITH_TOKEN_TYPES:
                tokenizer.model_input_names = ["input_ids", "attention_mask"]
            reranker(name, len(tokenizer)).save_pretrained(root / name)
            tokenizer.save_pretrained(root / name)
        return str(root / name)

    return find


def alone(model, pairs):
    """Scores from a plain pass over each pair."""
    with torch.no_grad():
        return [float(model.module(**model.tokenizer(*pair, return_tensors="pt")).logits[0, 0]) for pair in pairs]


def learned(model):
    """Random values for all that is trained."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.module.parameters():
            if parameter.requires_grad:
                parameter.add_(0.2 * torch.randn_like(parameter))
    return model.renewed()


@pytest.mark.parametrize("name", RERANKERS)
def test_scores_are_those_of_plain_passes(name, folder_of):
    model = load_reranker(folder_of(name), "fp32")
    plain = alone(model, PAIRS)
    assert model.score_pairs(PAIRS, 64) == pytest.approx(plain, abs=1e-4)
    assert model.logits_in_parts(PAIRS, 64).tolist() == pytest.approx(plain, abs=1e-4)
    assert model.scorer.short == (name in READ_OFF_THE_FIRST_TOKEN)
    assert model.head == HEADS.get(name, ["classifier"])


@pytest.mark.parametrize("pad", [None, 3, 9])
def test_a_decoders_score_does_not_depend_on_what_else_is_in_the_batch(pad, folder_of, tmp_path):
    """Its head looks for the configuration's padding token, which need not be the tokenizer's."""
    module = reranker("qwen3", len(AutoTokenizer.from_pretrained(folder_of("qwen3"))))
    module.config.pad_token_id = pad
    module.save_pretrained(tmp_path / "qwen3")
    AutoTokenizer.from_pretrained(folder_of("qwen3")).save_pretrained(tmp_path / "qwen3")
    model = load_reranker(str(tmp_path / "qwen3"), "fp32")
    single = [model.score_pairs([pair], 64)[0] for pair in PAIRS]
    assert single == pytest.approx(alone(model, PAIRS), abs=1e-4)
    assert model.score_pairs(PAIRS, 64) == pytest.approx(single, abs=1e-4)
    assert model.logits(PAIRS, 64).tolist() == pytest.approx(single, abs=1e-4)
    assert (model.fingerprint == load_reranker(folder_of("qwen3"), "fp32").fingerprint) == (pad is None)


@pytest.mark.parametrize("name", RERANKERS)
def test_the_longest_pair_is_what_the_positions_allow(name, folder_of):
    """RoBERTa's first token stands at the place behind the padding's: it takes fewer than its configuration says."""
    model = load_reranker(folder_of(name), "fp32")
    pair = ("who bark", "dogs " * 300)
    assert model.tokens([pair], 1024) == [model.context_length]
    assert model.context_length == (63 if name in READ_OFF_THE_FIRST_TOKEN else 64)
    assert len(model.score_pairs([pair, PAIRS[0]], 1024)) == 2


@pytest.mark.parametrize("name", RERANKERS)
def test_an_adapter_and_its_head_come_back_and_scale(name, folder_of, tmp_path):
    model = load_reranker(folder_of(name), "fp32")
    base, weights = model.score_pairs(PAIRS, 64), base_weights_hash(model.module)
    model = Lora(rank=2).wrap_model(model, None)
    assert model.score_pairs(PAIRS, 64) == pytest.approx(base, abs=1e-6)
    penalty = distance_to_base(model, None, 1.0, diagonal_fisher(model, name, GROUPS, "sampled", 64)[0])
    assert float(penalty(None).detach()) == 0
    model = learned(model)
    assert float(penalty(None).detach()) > 0
    assert base_weights_hash(model.module) == weights
    after = model.score_pairs(PAIRS, 64)
    assert after != pytest.approx(base, abs=1e-2)
    again = load_trained(load_reranker(folder_of(name), "fp32"), save_update(model.module, tmp_path / "trained"))
    assert again.score_pairs(PAIRS, 64) == pytest.approx(after, abs=1e-5)
    again.update.apply(0.0)
    assert again.score_pairs(PAIRS, 64) == pytest.approx(base, abs=1e-5)
    again.update.apply(0.5)
    half = again.renewed()
    save_tuned(half, tmp_path / "tuned")
    finished = load_reranker(str(tmp_path / "tuned"), "fp32")
    assert finished.score_pairs(PAIRS, 64) == pytest.approx(half.score_pairs(PAIRS, 64), abs=1e-5)
    assert finished.fingerprint == half.fingerprint


def test_a_layer_that_is_used_twice_has_one_gradient(folder_of):
    """ALBERT's layers are one: the Fisher values of its weights are those of full fine-tuning."""
    given = Group(GROUPS[0].query, GROUPS[0].documents)
    model = load_reranker(folder_of("albert"), "fp32")
    whole = squared_gradients(model, [given], "empirical", 64)
    adapted = Lora(rank=2).wrap_model(load_reranker(folder_of("albert"), "fp32"), None)
    found = squared_gradients(adapted, [given], "empirical", 64)
    checked = 0
    for name, values in found.items():
        own = name.removeprefix("base_model.model.")
        if f"{own}.weight" in whole:
            assert torch.allclose(values, whole[f"{own}.weight"], rtol=1e-3, atol=1e-9), name
            checked += 1
    assert checked >= 6


@pytest.mark.parametrize("name", ["xlm-roberta", "modernbert"])
def test_a_run_trains_it_with_every_mitigation_that_fits(name, folder_of, ranking_recipe, tmp_path):
    mitigations = [{"kind": "l2_to_base"}, {"kind": "ewc", "rows": 4}, {"kind": "strength", "values": [0.5]}]
    training = {
        "method": "rank", "learning_rate": 0.003, "epochs": 1, "batch_size": 4, "max_length": 1024, "checkpoints": 0,
        "ranking": {"group_size": 3},
    }  # fmt: skip
    recipe = ranking_recipe(
        model={"base": folder_of(name), "load_in": "fp32"}, training=training, mitigations=mitigations
    )
    found = run_recipe(load_recipe(recipe), tmp_path / "run", Progress(quiet=True))
    assert load_reranker(str(tmp_path / "run" / "tuned"), "fp32").fingerprint == found.after[0].model
    assert found.after[0].model != found.before[0].model
    assert any("rows are cut at" in note for note in found.training.notes)


def test_freeze_is_for_language_models_and_says_so(folder_of, ranking_recipe):
    with pytest.raises(UserError, match="freeze"):
        load_recipe(ranking_recipe(mitigations=[{"kind": "freeze"}]))
    with pytest.raises(UserError, match="list of 2 layers"):
        places(load_reranker(folder_of("albert"), "fp32").module)
