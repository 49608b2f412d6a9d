"""What holds for every family of language models: scoring, writing and labelled logits are the model's own."""

import pytest
import torch
from toy_families import ALSO_SCORED, END, LANGUAGE, WINDOW, language_model

from retain.models.causal import TransformersCausal
from retain.models.logits import labelled_logits
from retain.models.unpadded import takes_unpadded, unpadded
from retain.scoring.generation import Sampling, generate
from retain.scoring.likelihood import LikelihoodEngine, Pair
from retain.scoring.plain import score_plain

VOCABULARY = 44
SCORED = {**LANGUAGE, **ALSO_SCORED}
WINDOWED = f"longer than the sliding window of {WINDOW} tokens"
RECURRENT = "recurrent state"
UNSHARED = {
    "gemma2": WINDOWED, "gemma3": WINDOWED, "mistral": WINDOWED, "gpt-oss": WINDOWED,
    "mamba": RECURRENT, "jamba": RECURRENT, "recurrent-gemma": RECURRENT, "rwkv": RECURRENT,
    "lfm2": "its cache has layers of kind LinearAttentionLayer", "llama4": "attention within chunks",
    "bloom": "the model takes no mask of ours", "mpt": "it scored otherwise than plainly in a check",
}  # fmt: skip
"""Why long requests do not share their beginnings; those of all other families do."""
WRITTEN_PLAINLY = {name: UNSHARED[name] for name in ("mamba", "jamba", "recurrent-gemma", "rwkv", "lfm2", "llama4")}
NOT_IN_A_LINE = {*UNSHARED, "gptj"}
"""Families whose rows are padded in training: the others stand in one line."""


@pytest.fixture(scope="module")
def made():
    """Each family's model, made once; no test here changes it."""
    known = {}

    def make(name):
        if name not in known:
            known[name] = language_model(name, VOCABULARY)
        return known[name]

    return make


def drawn(seed):
    draw = torch.Generator().manual_seed(seed)
    return lambda count: torch.randint(3, VOCABULARY, (count,), generator=draw).tolist()


def requests():
    """Some alone, some that share a beginning longer than the window."""
    tokens = drawn(1)
    beginning = tokens(WINDOW + 6)
    pairs = [Pair(tokens(3 + count), tokens(count)) for count in (1, 2, 3, 4)]
    for more in (4, 7):
        context = beginning + tokens(more)
        pairs += [Pair(context, tokens(count)) for count in (1, 2, 4)]
    return pairs


def alone(module, pair):
    """The log-likelihood from a plain pass over one request."""
    ids = torch.tensor([pair.context + pair.continuation])
    with torch.no_grad():
        logits = module(input_ids=ids, use_cache=False).logits[0, len(pair.context) - 1 : -1].float()
    return float(logits.log_softmax(-1).gather(-1, torch.tensor(pair.continuation)[:, None]).sum())


@pytest.mark.parametrize("name", SCORED)
def test_scores_are_those_of_plain_passes(name, made):
    module, pairs = made(name), requests()
    engine = LikelihoodEngine(module, END)
    found = [one.logprob for one in engine.score(pairs)]
    assert found == pytest.approx([alone(module, pair) for pair in pairs], abs=1e-4)
    assert engine.unshared.startswith(UNSHARED.get(name, "")) and bool(engine.unshared) == (name in UNSHARED)


def test_requests_within_a_window_share_their_beginnings(made):
    engine = LikelihoodEngine(made("mistral"), END)
    engine.score([pair for pair in requests() if len(pair.context) + len(pair.continuation) <= WINDOW])
    assert not engine.unshared


@pytest.mark.parametrize("name", SCORED)
def test_greedy_answers_are_those_of_transformers(name, made):
    module, tokens, notes = made(name), drawn(2), []
    beginning = tokens(12)
    prompts = [beginning + tokens(count) for count in (2, 9, 1, 15)] + [tokens(1), tokens(5)]
    written = generate(module, prompts, Sampling(8, 0.0, 1.0, 0), {END}, END, rows=3, note=notes.append)
    for prompt, one in zip(prompts, written, strict=True):
        ids = torch.tensor([prompt])
        expected = module.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False, eos_token_id=END
        )[0, len(prompt) :].tolist()
        assert one.ids == expected[: next((i for i, token in enumerate(expected) if token == END), len(expected))]
    assert notes == [f"plain: {WRITTEN_PLAINLY[name]}" if name in WRITTEN_PLAINLY else "continuous"]


@pytest.mark.parametrize("name", [name for name in LANGUAGE if name not in WRITTEN_PLAINLY])
def test_in_bf16_the_engine_stays_within_rounding(name):
    module, pairs = language_model(name, VOCABULARY).to(torch.bfloat16), requests()
    found = LikelihoodEngine(module, END).score(pairs)
    plain, _ = score_plain(module, pairs, END)
    apart = sum(abs(one.logprob - other.logprob) for one, other in zip(found, plain, strict=True))
    assert apart / sum(len(pair.continuation) for pair in pairs) < 0.03


@pytest.mark.parametrize("name", LANGUAGE)
def test_labelled_logits_are_the_models_own(name, made):
    """Soft capping and scales of logits included; the head sees labelled positions alone."""
    module, draw = made(name), torch.Generator().manual_seed(3)
    ids = torch.randint(3, VOCABULARY, (3, 20), generator=draw)
    labels = torch.where(torch.rand(3, 20, generator=draw) < 0.4, ids, -100)
    mask = torch.ones_like(ids)
    mask[1, 14:], labels[1, 14:] = 0, -100
    batch = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    wanted = labels[:, 1:] != -100
    seen = []
    hook = module.get_output_embeddings().register_forward_hook(lambda _, given, out: seen.append(given[0].shape[1]))
    with torch.no_grad():
        plain = module(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1][wanted]
        found = labelled_logits(module, batch)
        in_line = takes_unpadded(module, batch)
        if in_line:
            with unpadded(module, batch) as line:
                assert torch.allclose(labelled_logits(module, line), plain, atol=1e-4)
    hook.remove()
    assert torch.allclose(found, plain, atol=1e-5)
    assert seen[:2] == [20, int(wanted.sum())]
    assert in_line == (name not in NOT_IN_A_LINE)


STATED = {"mamba": None, "bloom": None, "mpt": 128}


@pytest.mark.parametrize("name", ["gpt2", "opt", "gptj", "mpt", "mamba", "bloom"])
def test_the_longest_sequence_is_what_the_positions_allow(name, toy_tokenizer):
    from transformers import AutoConfig, AutoModelForCausalLM

    kind, values = SCORED[name]
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4}
    sizes |= {} if name in STATED else {"max_position_embeddings": 128}
    module = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **{**sizes, "vocab_size": 44, **values}))
    model = TransformersCausal(module.eval(), toy_tokenizer, name, "fp32")
    assert model.stated_length == STATED.get(name, 128)
    if model.stated_length is None:
        assert model.context_length == 2048
        return
    ids = torch.randint(3, 44, (1, 129))
    with torch.no_grad():
        module(input_ids=ids[:, :128], use_cache=False)
        with pytest.raises((IndexError, RuntimeError)):
            module(input_ids=ids, use_cache=False)
