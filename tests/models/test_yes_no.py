from __future__ import annotations

import pytest
import torch

from retain.errors import UserError
from retain.models import yes_no
from retain.models.base import Message, RerankerModel
from retain.models.load_reranker import load_reranker
from retain.models.yes_no import ANSWER, QUESTION, YesNoReranker

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
    plain = YesNoReranker(reranker.causal)
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


def test_a_tokenizer_that_knows_neither_word_is_refused(reranker, monkeypatch):
    monkeypatch.setattr(yes_no, "text_ids", lambda *args, **named: [3])
    with pytest.raises(UserError, match="begins yes and no alike"):
        YesNoReranker(reranker.causal)


def test_the_question_is_part_of_the_fingerprint(reranker, monkeypatch):
    before = reranker.fingerprint
    monkeypatch.setattr(yes_no, "QUESTION", "Is it? {query} {document}")
    assert reranker.renewed().fingerprint != before
    assert reranker.causal.fingerprint != before


def test_it_is_saved_as_the_language_model_that_it_is(reranker, tmp_path):
    scores = reranker.score_pairs(PAIRS, 120)
    reranker.save(tmp_path / "tuned")
    assert load_reranker(str(tmp_path / "tuned")).score_pairs(PAIRS, 120) == pytest.approx(scores, abs=1e-5)
