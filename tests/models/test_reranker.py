from __future__ import annotations

import random

import pytest
import torch
from safetensors.torch import load_file, save_file

from retain.errors import UserError
from retain.models.base import RerankerModel
from retain.models.load_reranker import is_language_model, load_reranker

WORDS = "who what does chase bark sing swim sleep eat cats dogs birds fish mice cheese seeds red blue".split()


@pytest.fixture(scope="module")
def pairs() -> list[tuple[str, str]]:
    """Eighty pairs with documents of 1 to 80 words, of which the longest are cut."""
    rng = random.Random(0)
    return [
        (" ".join(rng.choices(WORDS, k=rng.randint(1, 8))), " ".join(rng.choices(WORDS, k=k))) for k in range(1, 81)
    ]


def adapted(reranker, seed: int = 0):
    """A LoRA adapter with weights of its own on a toy reranker, its head trained too."""
    from peft import LoraConfig, get_peft_model

    module = get_peft_model(reranker.module, LoraConfig(r=4, target_modules=["query", "value"], task_type="SEQ_CLS"))
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return reranker.rebuilt(module, module.disable_adapter)


@pytest.mark.parametrize("max_tokens", [64, 20])
def test_scores_are_those_of_cross_encoder(toy_reranker, toy_reranker_folder, pairs, max_tokens):
    from sentence_transformers import CrossEncoder

    theirs = CrossEncoder(str(toy_reranker_folder), device="cpu", max_length=max_tokens)
    wanted = theirs.predict(pairs, activation_fn=torch.nn.Identity())
    assert toy_reranker.score_pairs(pairs, max_tokens) == pytest.approx(wanted.tolist(), abs=1e-4)
    assert len({round(score, 3) for score in wanted.tolist()}) > 40


def test_scores_do_not_depend_on_the_size_of_batches_or_on_the_way(toy_reranker, pairs):
    scores = toy_reranker.score_pairs(pairs, 64)
    assert toy_reranker.scorer.short is True
    toy_reranker.scorer.batch_tokens = 1
    assert toy_reranker.score_pairs(pairs, 64) == pytest.approx(scores, abs=1e-4)
    toy_reranker.scorer.batch_tokens = 10_000
    can_pack = toy_reranker.scorer.packed
    for short, packed in ((False, False), (True, False), (False, can_pack)):
        toy_reranker.scorer.short, toy_reranker.scorer.packed = short, packed
        assert toy_reranker.score_pairs(pairs, 64) == pytest.approx(scores, abs=1e-4)


def test_a_model_that_reads_all_tokens_is_scored_the_long_way(toy_reranker, pairs):
    class Mean(torch.nn.Module):
        def forward(self, hidden):
            return hidden.mean(1).tanh()

    toy_reranker.module.bert.pooler = Mean()
    assert len(toy_reranker.score_pairs(pairs, 64)) == len(pairs)
    assert toy_reranker.scorer.short is False


def test_logits_have_a_gradient_and_are_the_scores(toy_reranker, pairs):
    found = toy_reranker.logits(pairs[:9], 64)
    assert found.requires_grad
    assert found.tolist() == pytest.approx(toy_reranker.score_pairs(pairs[:9], 64), abs=1e-4)
    assert toy_reranker.tokens(pairs[:2], 64) == [
        len(query.split()) + len(document.split()) + 3 for query, document in pairs[:2]
    ]
    assert toy_reranker.tokens(pairs[-1:], 20) == [20]


def test_it_is_a_reranker_and_no_language_model(toy_reranker, toy_folder, toy_reranker_folder):
    assert isinstance(toy_reranker, RerankerModel)
    assert toy_reranker.score("who", ["cats", "dogs"], 64) == toy_reranker.score_pairs(
        [("who", "cats"), ("who", "dogs")], 64
    )
    assert toy_reranker.head == ["classifier"]
    assert is_language_model(str(toy_folder))
    assert not is_language_model(str(toy_reranker_folder))
    assert toy_reranker.score_pairs([], 64) == []


def test_scoring_changes_no_fingerprint(toy_reranker, pairs):
    before = toy_reranker.fingerprint
    toy_reranker.score_pairs(pairs[:3], 20)
    assert toy_reranker.renewed().fingerprint == before


def test_no_pairs_and_scoring_leaves_the_mode_as_it_was(toy_reranker, pairs):
    toy_reranker.module.train()
    toy_reranker.score_pairs(pairs[:2], 64)
    assert toy_reranker.module.training


def test_an_adapter_is_saved_and_loaded_with_its_head(toy_reranker, tmp_path, pairs):
    from sentence_transformers import CrossEncoder

    base = toy_reranker.score_pairs(pairs, 64)
    fingerprint = toy_reranker.fingerprint
    tuned = adapted(toy_reranker)
    scores = tuned.score_pairs(pairs, 64)
    assert max(abs(a - b) for a, b in zip(base, scores, strict=True)) > 0.05
    with tuned.as_base():
        assert tuned.score_pairs(pairs, 64) == pytest.approx(base, abs=1e-5)
    assert tuned.head == ["classifier"] and tuned.fingerprint != fingerprint
    tuned.save(tmp_path / "tuned")
    assert "base_model.model.classifier.weight" in load_file(tmp_path / "tuned" / "adapter_model.safetensors")
    loaded = load_reranker(str(tmp_path / "tuned"))
    assert loaded.name == str(tmp_path / "tuned")
    assert loaded.score_pairs(pairs, 64) == pytest.approx(scores, abs=1e-5)
    theirs = CrossEncoder(str(tmp_path / "tuned"), device="cpu")
    assert theirs.predict(pairs, activation_fn=torch.nn.Identity()).tolist() == pytest.approx(scores, abs=1e-4)


def test_an_adapter_without_its_head_is_refused(toy_reranker, tmp_path):
    adapted(toy_reranker).save(tmp_path / "tuned")
    file = tmp_path / "tuned" / "adapter_model.safetensors"
    save_file({name: one for name, one in load_file(file).items() if "classifier" not in name}, file)
    with pytest.raises(UserError, match="classifier"):
        load_reranker(str(tmp_path / "tuned"))


def test_a_full_model_is_saved_for_others_too(toy_reranker, tmp_path, pairs):
    from sentence_transformers import CrossEncoder

    with torch.no_grad():
        toy_reranker.module.classifier.weight.mul_(2)
    toy_reranker.save(tmp_path / "tuned")
    scores = toy_reranker.score_pairs(pairs, 64)
    assert load_reranker(str(tmp_path / "tuned")).score_pairs(pairs, 64) == pytest.approx(scores, abs=1e-6)
    assert (tmp_path / "tuned" / "config_sentence_transformers.json").is_file()
    theirs = CrossEncoder(str(tmp_path / "tuned"), device="cpu")
    assert theirs.predict(pairs, activation_fn=torch.nn.Identity()).tolist() == pytest.approx(scores, abs=1e-4)


def test_bf16_is_near_and_has_another_fingerprint(toy_reranker, toy_reranker_folder, pairs):
    rounded = load_reranker(str(toy_reranker_folder), "bf16")
    assert rounded.module.dtype == torch.bfloat16
    assert rounded.score_pairs(pairs, 64) == pytest.approx(toy_reranker.score_pairs(pairs, 64), abs=0.3)
    assert rounded.fingerprint != toy_reranker.fingerprint


def saved(module, tokenizer, folder) -> str:
    module.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def test_what_is_no_reranker_is_refused_with_the_reason(toy_reranker, toy_reranker_folder, tmp_path):
    from transformers import BertForSequenceClassification

    module, tokenizer = toy_reranker.module, toy_reranker.tokenizer
    with pytest.raises(UserError, match=r"lacks 2 of the weights.*classifier"):
        load_reranker(saved(module.bert, tokenizer, tmp_path / "bare"))
    module.config.num_labels = 2
    with pytest.raises(UserError, match="gives 2 scores"):
        load_reranker(saved(BertForSequenceClassification(module.config), tokenizer, tmp_path / "two"))
    with pytest.raises(UserError, match=r"T5ForConditionalGeneration.*monoT5"):
        (tmp_path / "t5").mkdir()
        (tmp_path / "t5" / "config.json").write_text('{"architectures": ["T5ForConditionalGeneration"]}')
        load_reranker(str(tmp_path / "t5"))
    with pytest.raises(UserError, match="no model folder"):
        load_reranker(str(tmp_path / "nothing"))
    with pytest.raises(UserError, match=r"config\.json"):
        (tmp_path / "empty").mkdir()
        load_reranker(str(tmp_path / "empty"))
    with pytest.raises(UserError, match="4bit"):
        load_reranker(str(toy_reranker_folder), "4bit")


def test_a_cross_encoder_of_several_modules_is_refused(toy_reranker_folder, tmp_path):
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Dense
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    head = Dense(32, 1, module_input_name="sentence_embedding", module_output_name="scores")
    encoder = CrossEncoder(modules=[Transformer(str(toy_reranker_folder)), Pooling(32), head], device="cpu")
    encoder.save_pretrained(str(tmp_path / "several"))
    with pytest.raises(UserError, match=r"several modules \(Transformer, Pooling, Dense\)"):
        load_reranker(str(tmp_path / "several"))


TURNS = "{% for turn in messages %}[CLS] {{ turn['role'] }} {{ turn['content'] }} [SEP] {% endfor %}one two"


@pytest.mark.parametrize(("template", "prompt"), [(TURNS, None), (None, "red blue "), (TURNS, "red")])
def test_a_chat_template_and_a_saved_prompt_are_used_as_cross_encoder_uses_them(
    template, prompt, toy_reranker_folder, toy_reranker, tmp_path, pairs
):
    from sentence_transformers import CrossEncoder
    from transformers import AutoTokenizer

    made = {"prompts": {"web": prompt}, "default_prompt_name": "web"} if prompt else {}
    tokenizer = AutoTokenizer.from_pretrained(toy_reranker_folder)
    tokenizer.chat_template = template
    first = CrossEncoder(saved(toy_reranker.module, tokenizer, tmp_path / "plain"), device="cpu", **made)
    first.save_pretrained(str(tmp_path / "model"))
    theirs = CrossEncoder(str(tmp_path / "model"), device="cpu", max_length=40)
    wanted = theirs.predict(pairs, activation_fn=torch.nn.Identity()).tolist()
    model = load_reranker(str(tmp_path / "model"))
    assert model.score_pairs(pairs, 40) == pytest.approx(wanted, abs=1e-4)
    assert model.logits_in_parts(pairs, 40).tolist() == pytest.approx(wanted, abs=1e-4)
    assert wanted != pytest.approx(toy_reranker.score_pairs(pairs, 40), abs=1e-2)
    assert model.fingerprint != toy_reranker.fingerprint
    model.save(tmp_path / "tuned")
    assert load_reranker(str(tmp_path / "tuned")).fingerprint == model.fingerprint


def test_a_chat_template_that_leaves_the_pair_out_is_refused(toy_reranker, tmp_path):
    toy_reranker.tokenizer.chat_template = "[CLS] {{ messages[0]['role'] }}"
    with pytest.raises(UserError, match=r"makes no text of a pair.*\n.*chat_template\.jinja"):
        load_reranker(saved(toy_reranker.module, toy_reranker.tokenizer, tmp_path / "model"))


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """Puts a model into a hub's cache and gives its Hub id."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))

    def put(module, tokenizer) -> str:
        folder, commit = tmp_path / "hub" / "models--acme--model", "0123456789" * 4
        (folder / "refs").mkdir(parents=True)
        (folder / "refs" / "main").write_text(commit)
        saved(module, tokenizer, folder / "snapshots" / commit)
        return "acme/model"

    return put


def test_a_hub_id_of_an_encoder_without_a_head_is_refused(toy_reranker, hub_cache):
    spec = hub_cache(toy_reranker.module.bert, toy_reranker.tokenizer)
    with pytest.raises(UserError, match=r"'acme/model' lacks 2 of the weights.*classifier"):
        load_reranker(spec)


def test_a_hub_id_of_a_reranker_is_loaded(toy_reranker, hub_cache, pairs):
    scores = toy_reranker.score_pairs(pairs, 64)
    assert load_reranker(hub_cache(toy_reranker.module, toy_reranker.tokenizer)).score_pairs(pairs, 64) == scores
