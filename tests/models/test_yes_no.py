from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from retain.errors import UserError
from retain.models import rerank_prompt
from retain.models.base import Message, RerankerModel
from retain.models.load_reranker import load_reranker
from retain.models.rerank_prompt import ANSWER, QUESTION, RerankPrompt, RerankSettings
from retain.models.yes_no import YesNoReranker

PAIRS = [("sky", "blue green white"), ("sky", "red"), ("grass", "the night is black ."), ("sky", "blue green white")]


@pytest.fixture
def reranker(toy_folder) -> YesNoReranker:
    found = load_reranker(str(toy_folder), "fp32")
    assert isinstance(found, YesNoReranker)
    return found


def difference(reranker, query: str, document: str) -> float:
    """The plain way: one prompt, one pass, two logits."""
    turn = Message(role="user", content=QUESTION.format(query=query, document=document))
    ids = reranker.causal.encode_prompt((turn,))
    with torch.no_grad():
        logits = reranker.module(torch.tensor([ids])).logits[0, -1]
    yes, no = (reranker.tokenizer.convert_tokens_to_ids(word) for word in ("yes", "no"))
    return float(logits[yes] - logits[no])


def test_the_score_is_the_difference_of_two_logits(reranker):
    wanted = [difference(reranker, *pair) for pair in PAIRS]
    assert isinstance(reranker, RerankerModel)
    assert reranker.score_pairs(PAIRS, 120) == pytest.approx(wanted, abs=1e-4)
    assert len({round(score, 4) for score in wanted}) == 3
    assert reranker.score("sky", ["red"], 120) == pytest.approx([wanted[1]], abs=1e-4)


def test_logits_have_a_gradient_and_are_the_scores(reranker):
    found = reranker.logits(PAIRS, 120)
    assert found.requires_grad
    assert found.tolist() == pytest.approx(reranker.score_pairs(PAIRS, 120), abs=1e-4)


def test_a_long_document_loses_its_end_and_a_long_query_its_own(reranker):
    long = " ".join(["blue", "green"] * 30)
    room = reranker.tokens([("sky", "")], 120)[0]
    assert reranker.tokens([("sky", long)], room + 6) == [room + 6]
    cut = reranker.score_pairs([("sky", long)], room + 6)
    assert cut == pytest.approx(reranker.score_pairs([("sky", "blue green blue green blue green")], 120), abs=1e-4)
    assert reranker.tokens([(long, "red")], room + 2) == [room + 2]
    with pytest.raises(UserError, match="max_tokens"):
        reranker.score_pairs([("sky", "red")], 8)


def test_without_a_chat_template_the_question_is_plain_text(reranker):
    reranker.tokenizer.chat_template = None
    plain = reranker.renewed()
    ids = plain._prompts([("sky", "red")], 120)[0]
    assert ids == plain.causal.encode_prompt(QUESTION.format(query="sky", document="red") + ANSWER)
    assert len(plain.score_pairs(PAIRS, 120)) == len(PAIRS)


def test_an_adapter_and_its_base(reranker):
    from peft import LoraConfig, get_peft_model

    base = reranker.score_pairs(PAIRS, 120)
    module = get_peft_model(reranker.module, LoraConfig(r=2, task_type="CAUSAL_LM", init_lora_weights=False))
    tuned = reranker.rebuilt(module, module.disable_adapter)
    assert tuned.score_pairs(PAIRS, 120) != pytest.approx(base, abs=1e-3)
    with tuned.as_base():
        assert tuned.score_pairs(PAIRS, 120) == pytest.approx(base, abs=1e-4)
    assert tuned.head == []


def test_a_tokenizer_that_knows_neither_word_is_refused(toy_folder, monkeypatch):
    monkeypatch.setattr(rerank_prompt, "text_ids", lambda *args, **named: [3])
    with pytest.raises(UserError, match=r"begins yes and no alike.*\n.*model\.rerank\.yes"):
        load_reranker(str(toy_folder))


def test_what_is_asked_is_part_of_the_fingerprint(reranker):
    prompt, before = reranker.prompt, reranker.fingerprint
    others = [{"question": "is it {query} {document}"}, {"instruction": "say yes"}, {"yes": 5}, {"no": 5}]
    found = {YesNoReranker(reranker.causal, replace(prompt, **other)).fingerprint for other in others}
    assert len(found | {before, reranker.causal.fingerprint}) == 6


def test_it_is_saved_as_the_language_model_that_it_is(reranker, tmp_path):
    scores = reranker.score_pairs(PAIRS, 120)
    reranker.save(tmp_path / "tuned")
    assert load_reranker(str(tmp_path / "tuned")).score_pairs(PAIRS, 120) == pytest.approx(scores, abs=1e-5)


SETTINGS = {
    "question": "is {document} {query} ?", "instruction": "tell me about the colour", "yes": "blue", "no": "red",
}  # fmt: skip
PAIR_TEMPLATE = (
    "{% for message in messages if message['role'] in ('query', 'document', 'system') %}"
    "<|start|> {{ message['content'] }} <|end|> {% endfor %}"
    "{% if add_generation_prompt %}please {% endif %}{% if loudly %}yes {% endif %}<|start|> assistant "
)
PARTS = (
    "{% for message in messages if message['role'] in ('query', 'document') %}"
    "<|start|> {{ message['content'][0].text }} <|end|> {% endfor %}<|start|> assistant "
)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_of_the_question_changes_scores_and_comes_back(name, reranker, toy_folder, tmp_path):
    asked = load_reranker(str(toy_folder), "fp32", RerankSettings(**{name: SETTINGS[name]}))
    scores = asked.score_pairs(PAIRS, 120)
    assert scores != pytest.approx(reranker.score_pairs(PAIRS, 120), abs=1e-3)
    assert asked.logits(PAIRS, 120).tolist() == pytest.approx(scores, abs=1e-4)
    asked.save(tmp_path / "tuned")
    again = load_reranker(str(tmp_path / "tuned"))
    assert again.score_pairs(PAIRS, 120) == pytest.approx(scores, abs=1e-5)
    assert again.fingerprint == asked.fingerprint


def test_the_question_must_name_both_texts():
    with pytest.raises(ValueError, match=r"lacks \{document\}"):
        RerankSettings(question="is it {query}")


def test_texts_may_hold_the_names_of_places(reranker):
    text = RerankPrompt(0, 1, "{query} {document} {other}").text(reranker.tokenizer, "{document}", "{query}")
    assert "{document} {query} {other}" in text


def published(folder, reranker, template=PAIR_TEMPLATE, **tokens) -> str:
    """A language model as sentence-transformers publishes it as a reranker."""
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.cross_encoder.modules import LogitScore

    reranker.tokenizer.chat_template = template
    reranker.causal.save(folder / "plain")
    transformer = Transformer(
        str(folder / "plain"), transformer_task="text-generation", processing_kwargs={"chat_template": {"loudly": True}}
    )
    blue, red = reranker.tokenizer.convert_tokens_to_ids(["blue", "red"])
    score = LogitScore(**{"true_token_id": blue, "false_token_id": red, **tokens})
    encoder = CrossEncoder(
        modules=[transformer, score], device="cpu", prompts={"web": "tell me"}, default_prompt_name="web"
    )
    encoder.save_pretrained(str(folder / "published"))
    return str(folder / "published")


def test_a_published_reranker_is_asked_as_sentence_transformers_asks_it(reranker, tmp_path):
    from sentence_transformers import CrossEncoder

    folder = published(tmp_path, reranker)
    wanted = CrossEncoder(folder, device="cpu").predict(PAIRS, activation_fn=torch.nn.Identity()).tolist()
    model = load_reranker(folder)
    assert model.score_pairs(PAIRS, 120) == pytest.approx(wanted, abs=1e-4)
    assert len({round(score, 3) for score in wanted}) == 3
    model.save(tmp_path / "tuned")
    assert load_reranker(str(tmp_path / "tuned")).score_pairs(PAIRS, 120) == pytest.approx(wanted, abs=1e-4)


def test_a_published_reranker_that_reads_one_token_needs_the_other(reranker, tmp_path):
    folder = published(tmp_path, reranker, false_token_id=None)
    with pytest.raises(UserError, match=r"one token.*\n.*model\.rerank\.no"):
        load_reranker(folder)
    assert load_reranker(
        folder, "fp32", RerankSettings(no="red")
    ).prompt.no == reranker.tokenizer.convert_tokens_to_ids("red")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "damaged"),
        ("[]", "damaged"),
        ('{"yes": "blue", "no": 3}', "damaged"),
        ('{"yes": 1}', "damaged"),
        ('{"yes": 99999, "no": 3}', r"word for yes .* \(found 99999, of \d+\)"),
        ('{"yes": 1, "no": -1}', r"word for no .*found -1"),
        ('{"yes": 1, "no": 2, "template": {"conversation": "x"}}', "refuses the question"),
    ],
)
def test_a_damaged_file_of_how_it_is_asked_is_refused(content, said, reranker, tmp_path):
    reranker.save(tmp_path / "model")
    (tmp_path / "model" / rerank_prompt.FILE).write_text(content)
    with pytest.raises(UserError, match=said):
        load_reranker(str(tmp_path / "model"))


def test_a_published_reranker_whose_settings_are_of_other_types_is_refused_in_words(reranker, tmp_path):
    folder = published(tmp_path, reranker)
    for name in ("config_sentence_transformers.json", "sentence_bert_config.json"):
        (tmp_path / "published" / name).write_text("[]")
    assert rerank_prompt.rerank_prompt(folder, reranker.tokenizer).instruction is None
    (tmp_path / "published" / name).write_text('{"default_prompt_name": ["web"], "prompts": {"web": "tell me"}}')
    assert rerank_prompt.rerank_prompt(folder, reranker.tokenizer).instruction is None
    next((tmp_path / "published").glob("*LogitScore/config.json")).write_text(
        '{"true_token_id": "blue", "false_token_id": 1}'
    )
    with pytest.raises(UserError, match=r"LogitScore/config\.json.* damaged"):
        rerank_prompt.rerank_prompt(folder, reranker.tokenizer)


def test_an_empty_word_is_no_answer(toy_folder):
    with pytest.raises(UserError, match=r"model\.rerank\.yes"):
        load_reranker(str(toy_folder), "fp32", RerankSettings(yes=""))


@pytest.mark.parametrize("template", [PAIR_TEMPLATE, PARTS])
def test_a_template_with_turns_for_query_and_document_is_used(template, reranker, tmp_path):
    reranker.tokenizer.chat_template = template
    reranker.causal.save(tmp_path / "model")
    model = load_reranker(str(tmp_path / "model"))
    assert model.prompt.question is None
    assert model.prompt.text(model.tokenizer, "sky", "red").split() == (
        "<|start|> sky <|end|> <|start|> red <|end|> <|start|> assistant".split()
    )
    assert len({round(score, 3) for score in model.score_pairs(PAIRS, 120)}) == 3


@pytest.mark.parametrize("template", ["<|start|> assistant ", "{{ messages[0]['content'][:9] }}"])
def test_a_prompt_that_is_the_same_for_all_pairs_is_refused(template, reranker, tmp_path):
    reranker.tokenizer.chat_template = template
    reranker.causal.save(tmp_path / "model")
    with pytest.raises(UserError, match="every pair would be asked the same"):
        load_reranker(str(tmp_path / "model"))


def test_an_instruction_that_the_template_leaves_out_is_refused(reranker, tmp_path):
    reranker.tokenizer.chat_template = PARTS
    reranker.causal.save(tmp_path / "model")
    with pytest.raises(UserError, match="leaves out the system's turn"):
        load_reranker(str(tmp_path / "model"), "fp32", RerankSettings(instruction="tell me"))
