import pytest
import torch

from retain.errors import UserError
from retain.models.base import Limits, Message, Request
from retain.models.load import load_causal


def ask(text):
    return (Message(role="user", content=text),)


def test_a_batch_writes_what_each_prompt_alone_gives(toy):
    prompts = [ask("say one"), ask("what is the colour of the sky ?"), "a b", ask("yes")]
    together = toy.generate(prompts, Limits(max_tokens=8))
    alone = [toy.generate([prompt], Limits(max_tokens=8))[0] for prompt in prompts]
    assert together == alone


def test_greedy_text_is_that_of_plain_generate(toy):
    ids = toy.encode_prompt(ask("say one"))
    plain = toy.module.generate(torch.tensor([ids]), max_new_tokens=8, do_sample=False)[0, len(ids) :]
    text = toy.tokenizer.decode(plain, skip_special_tokens=True)
    assert toy.generate([ask("say one")], Limits(max_tokens=8))[0].text == text


def test_sampling_depends_on_the_seed_and_repeats_with_it(toy):
    limits = Limits(max_tokens=16, temperature=1.5, seed=1)
    first = toy.generate([ask("say one")] * 3, limits)
    assert first == toy.generate([ask("say one")] * 3, limits)
    assert first != toy.generate([ask("say one")] * 3, limits.model_copy(update={"seed": 2}))


def test_sampling_leaves_the_callers_random_state_alone(toy):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    toy.generate([ask("say one")], Limits(max_tokens=4, temperature=1.0))
    assert torch.rand(1) == expected


def test_a_stop_string_ends_the_answer(toy):
    whole = toy.generate([ask("say one")], Limits(max_tokens=8))[0].text
    second = whole.split()[1]
    cut = toy.generate([ask("say one")], Limits(max_tokens=8, stop=(second,)))[0]
    assert cut.text == whole[: whole.find(second)]
    assert cut.stopped


def test_loglikelihood_is_that_of_a_plain_forward_pass(toy):
    requests = [
        Request(context="what is the", continuation=" colour of the sky"),
        Request(context="a", continuation=" b c d e"),
        Request(context="please tell me", continuation=" no"),
    ]
    for request, found in zip(requests, toy.loglikelihood(requests), strict=True):
        context = toy.tokenizer(request.context)["input_ids"]
        whole = toy.tokenizer(request.context + request.continuation)["input_ids"]
        with torch.no_grad():
            logprobs = toy.module(torch.tensor([whole])).logits[0].log_softmax(-1)
        expected = sum(logprobs[i - 1, whole[i]].item() for i in range(len(context), len(whole)))
        assert found.logprob == pytest.approx(expected, abs=1e-4)
        assert found.tokens == len(whole) - len(context)


def test_greedy_is_true_only_for_the_most_likely_token(toy):
    words = ["blue", "green", "white", "yellow", "black", "red", "say", "one", "no"]
    with torch.no_grad():
        ids = torch.tensor([toy.tokenizer("what is the")["input_ids"]])
        best = toy.tokenizer.decode([int(toy.module(ids).logits[0, -1].argmax())])
    found = toy.loglikelihood([Request(context="what is the", continuation=f" {w}") for w in {*words, best}])
    assert [one.greedy for one in found].count(True) == 1


def test_a_text_is_scored_from_its_start(toy):
    whole = toy.loglikelihood([Request(context="", continuation="a b c")])[0]
    assert whole.tokens == 3


def test_white_space_between_context_and_continuation_counts_once(toy):
    inside, outside = toy.loglikelihood(
        [Request(context="a b ", continuation="c"), Request(context="a b", continuation=" c")]
    )
    assert inside == outside


def test_a_request_longer_than_the_context_is_not_scored(toy):
    assert toy.loglikelihood([Request(context="a " * 200, continuation=" b")]) == [None]


def test_the_fingerprint_follows_weights_and_precision(toy_folder):
    first, again = load_causal(str(toy_folder), "fp32"), load_causal(str(toy_folder), "fp32")
    assert first.fingerprint == again.fingerprint
    assert first.fingerprint != load_causal(str(toy_folder), "bf16").fingerprint
    with torch.no_grad():
        next(iter(again.module.parameters())).view(-1)[0] += 1e-3
    assert again.renewed().fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("builtin:smolm2-135m", 'did you mean "builtin:smollm2-135m"'),
        ("/no/such/folder", "there is no model folder"),
        ("nobody/no-such-model", "could not be loaded"),
    ],
)
def test_an_unknown_model_is_a_clear_mistake(name, message):
    with pytest.raises(UserError, match=message):
        load_causal(name)


def test_a_folder_without_safetensors_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(UserError, match="safetensors only"):
        load_causal(str(tmp_path))


def test_a_file_that_is_no_gguf_is_refused(tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"nope")
    with pytest.raises(UserError, match="not a GGUF file"):
        load_causal(str(path))


def test_a_prompt_keeps_at_least_half_of_the_context(toy):
    """With answers as long as the context, prompts used to become their last token."""
    words = "one two three a b c d e".split()
    prompts = [(Message(role="user", content=f"say {word}"),) for word in words]
    usual = toy.generate(prompts, Limits(max_tokens=8))
    assert toy.take_cuts() == 0
    long = toy.generate(prompts, Limits(max_tokens=toy.context_length))
    assert toy.take_cuts() == 0
    assert [one.text.split()[:3] for one in long] == [one.text.split()[:3] for one in usual]
    assert all(one.tokens <= toy.context_length // 2 for one in long)
    toy.generate([(Message(role="user", content="say " * 200),)], Limits(max_tokens=4))
    assert toy.take_cuts() == 1
    assert toy.take_cuts() == 0
