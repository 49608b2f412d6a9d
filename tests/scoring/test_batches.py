"""How requests are put into batches, and that nothing but the request decides an answer."""

import logging
import random

import pytest

from retain.models.base import Limits
from retain.scoring.pair import Pair
from retain.scoring.plain import batches

TOKENS, LOGIT_ROWS = 8192, 2700


def pairs(count, seed=0):
    draw = random.Random(seed)
    return [Pair([1] * draw.randint(1, 900), [1] * draw.randint(1, 400)) for _ in range(count)]


def length(pair):
    return len(pair.context) + len(pair.continuation)


def test_every_pair_is_in_one_batch():
    found = batches(pairs(200), TOKENS, LOGIT_ROWS)
    assert sorted(index for batch in found for index in batch) == list(range(200))


def test_a_batch_of_several_pairs_keeps_both_limits():
    requests = pairs(200)
    several = [batch for batch in batches(requests, TOKENS, LOGIT_ROWS) if len(batch) > 1]
    assert several
    for batch in several:
        rows = [requests[i] for i in batch]
        assert len(rows) * max(map(length, rows)) <= TOKENS
        assert len(rows) * max(len(row.continuation) for row in rows) <= LOGIT_ROWS


def test_a_pair_above_the_limits_is_a_batch_of_its_own():
    requests = [Pair([1] * 20_000, [1]), Pair([1], [1] * 4000), Pair([1], [1])]
    assert [0] in batches(requests, TOKENS, LOGIT_ROWS)
    assert [1] in batches(requests, TOKENS, LOGIT_ROWS)


def test_no_pairs_make_no_batch():
    assert batches([], TOKENS, LOGIT_ROWS) == []


PROMPTS = ["say one two three a b c d e", "yes", "what is the colour of the sky ?"]


@pytest.fixture
def sampled(toy):
    """The toy model as many chat models come: made to sample, and to repeat nothing."""
    config = toy.module.generation_config
    config.do_sample, config.temperature, config.top_p = True, 0.6, 0.9
    config.repetition_penalty, config.no_repeat_ngram_size = 1.8, 2
    return toy


def test_greedy_stays_greedy_whatever_the_models_own_settings_say(toy_folder, sampled, caplog):
    from retain.models.load import load_causal

    plain = load_causal(str(toy_folder), "fp32").generate(PROMPTS, Limits(max_tokens=20))
    with caplog.at_level(logging.WARNING):
        assert sampled.generate(PROMPTS, Limits(max_tokens=20)) == plain
    assert not [record for record in caplog.records if "generation" in record.getMessage()]
    assert sampled.module.generation_config.repetition_penalty == 1.8, "they are put back"


def test_the_same_for_an_adapter(toy_folder, sampled):
    from peft import LoraConfig, get_peft_model

    from retain.models.causal import TransformersCausal
    from retain.models.load import load_causal

    plain = load_causal(str(toy_folder), "fp32").generate(PROMPTS, Limits(max_tokens=20))
    module = get_peft_model(sampled.module, LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
    model = TransformersCausal(module, sampled.tokenizer, "toy", "fp32")
    assert model.generate(PROMPTS, Limits(max_tokens=20)) == plain
    assert module.generation_config.repetition_penalty == 1.8


def test_all_rows_may_end_at_once(toy):
    first = toy.generate(["yes"], Limits(max_tokens=1))[0].text
    toy.module.generation_config.eos_token_id = [2, toy.tokenizer.convert_tokens_to_ids(first.strip())]
    answers = toy.generate(["yes"] * 3, Limits(max_tokens=8))
    assert {(one.text, one.tokens, one.stopped) for one in answers} == {("", 0, True)}


def test_a_prompt_longer_than_the_context_loses_its_beginning(toy):
    long = toy.generate(["a " * 300 + "say one"], Limits(max_tokens=8))[0]
    assert long.tokens <= 8
    assert long == toy.generate(["a " * 118 + "say one"], Limits(max_tokens=8))[0]
