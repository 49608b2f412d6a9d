import inspect

import pytest
import torch
import toys

from retain.scoring import continuous
from retain.scoring.continuous import write_continuously
from retain.scoring.generation import Sampling, Stops, generate
from retain.scoring.plain_generation import write_plainly
from retain.scoring.writing import Order

LENGTHS = (9, 30, 1, 4, 17, 2, 8, 23, 5, 12)


def greedy(max_tokens):
    return Sampling(max_tokens, 0.0, 1.0, 0)


def write(module, prompts, max_tokens=12, ends=(toys.END,), **options):
    """The answers' ids and the engine that wrote them."""
    notes = []
    sampling = options.pop("sampling", greedy(max_tokens))
    written = generate(module, prompts, sampling, set(ends), 0, note=notes.append, **options)
    return [one.ids for one in written], notes[0]


@pytest.fixture(scope="module")
def llama():
    return toys.llama()


@pytest.fixture(scope="module")
def often(llama):
    """End tokens that the toy writes often, so that answers end at uneven lengths."""
    ends = {
        toys.alone(llama, prompt, 12, ends=())[place]
        for prompt, place in zip(toys.prompts(LENGTHS[:3]), (8, 5, 3), strict=True)
    }
    lengths = {len(toys.alone(llama, prompt, 12, tuple(ends))) for prompt in toys.prompts(LENGTHS)}
    assert len(lengths) > 3 and 12 in lengths
    return ends


@pytest.mark.parametrize("rows", [1, 3, 4, 10, None])
def test_answers_of_uneven_length_are_those_of_plain_generate(llama, often, rows):
    prompts = toys.prompts(LENGTHS)
    answers, engine = write(llama, prompts, ends=often, rows=rows)
    assert engine == "continuous"
    assert answers == [toys.alone(llama, prompt, 12, tuple(often)) for prompt in prompts]


@pytest.mark.parametrize("make", [toys.gpt2, toys.bloom, lambda: toys.mistral(6), lambda: toys.mistral(512)])
def test_other_kinds_of_models_are_written_with_alike(make):
    module = make()
    prompts = toys.prompts(LENGTHS, prefix=[5, 6, 7] * 4)
    answers, engine = write(module, prompts, max_tokens=20, rows=4)
    assert engine == "continuous"
    assert answers == [toys.alone(module, prompt, 20) for prompt in prompts]


def test_a_model_with_recurrent_state_is_written_with_plainly():
    module = toys.mamba()
    prompts = toys.prompts((6, 6, 6))
    answers, engine = write(module, prompts)
    assert engine == "plain: recurrent state"
    assert answers == [toys.alone(module, prompt, 12) for prompt in prompts]


def test_a_model_that_answers_otherwise_with_our_cache_is_written_with_plainly(monkeypatch):
    module = toys.llama()
    forward = type(module).forward

    def wrong(self, *args, **values):
        output = forward(self, *args, **values)
        if type(values.get("past_key_values")).__name__ == "RowCache":
            output.logits = output.logits.flip(-1)
        return output

    wrong.__signature__ = inspect.signature(forward)
    monkeypatch.setattr(type(module), "forward", wrong)
    prompts = toys.prompts(LENGTHS)
    answers, engine = write(module, prompts)
    assert engine.startswith("plain: its answers differ")
    assert answers == [toys.alone(module, prompt, 12) for prompt in prompts]


def test_rows_are_used_again_and_the_batch_never_grows_beyond_them(llama, often, monkeypatch):
    sizes = []
    step = continuous.forward

    def watched(module, ids, mask, positions, cache):
        sizes.append(len(ids))
        return step(module, ids, mask, positions, cache)

    monkeypatch.setattr(continuous, "forward", watched)
    prompts = toys.prompts(LENGTHS * 3)
    answers, _ = write(llama, prompts, ends=often, rows=8)
    assert max(sizes) == 8
    tokens = sum(len(answer) + (len(answer) < 12) for answer in answers)
    assert sum(sizes) == tokens  # no row is computed for a finished answer
    assert len(sizes) < tokens / 4


def test_a_shared_prefix_is_computed_once(llama, monkeypatch):
    from retain.scoring import prefill

    computed = []
    step = prefill.forward

    def watched(module, ids, mask, positions, cache):
        computed.append(ids.numel())
        return step(module, ids, mask, positions, cache)

    prompts = toys.prompts((4,) * 12, prefix=toys.prompts((60,))[0])
    answers = [toys.alone(llama, prompt, 12) for prompt in prompts]
    write(llama, prompts)  # the model's check
    monkeypatch.setattr(prefill, "forward", watched)
    assert write(llama, prompts, rows=5)[0] == answers
    assert sum(computed) == 60 + 12 * 3


def test_long_answers_outgrow_the_buffers(llama):
    prompts = toys.prompts((3, 40, 11))
    answers, _ = write(llama, prompts, max_tokens=150, ends=(), rows=2)
    assert answers == [toys.alone(llama, prompt, 150, ()) for prompt in prompts]


def test_equal_prompts_get_equal_answers(llama):
    prompts = toys.prompts((70,)) * 5
    answers, _ = write(llama, prompts, rows=3)
    assert answers == [toys.alone(llama, prompts[0], 12)] * 5


def test_one_token_each(llama):
    prompts = toys.prompts((1, 1, 5, 1))
    answers, _ = write(llama, prompts, max_tokens=1, rows=2)
    assert answers == [toys.alone(llama, prompt, 1) for prompt in prompts]


def test_prompts_of_one_token_only(llama):
    prompts = [[token] for token in range(5, 12)]
    answers, _ = write(llama, prompts, rows=3)
    assert answers == [toys.alone(llama, prompt, 12) for prompt in prompts]


def test_nothing_is_asked():
    assert generate(None, [], greedy(3), set(), 0) == []


def test_an_end_token_and_the_limit_are_told_apart(llama, often):
    written = generate(llama, toys.prompts(LENGTHS), greedy(12), often, 0)
    assert {one.stopped for one in written} == {True, False}
    assert all(one.stopped == (len(one.ids) < 12) for one in written)
    assert not any(token in often for one in written for token in one.ids)


def test_tick_counts_finished_prompts(llama, often):
    ticks = []
    generate(llama, toys.prompts(LENGTHS), greedy(12), often, 0, ticks.append, rows=3)
    assert ticks == list(range(1, len(LENGTHS) + 1))


def letters(ids):
    """One letter for each of the first 26 tokens, nothing for the others."""
    return "".join(chr(ord("a") + token) for token in ids if token < 26)


@pytest.mark.parametrize("engine", [write_continuously, write_plainly])
def test_a_stop_string_ends_an_answer_at_its_last_token(llama, engine):
    prompts = toys.prompts(LENGTHS)
    free = [toys.alone(llama, prompt, 20, ()) for prompt in prompts]
    texts = [letters(answer) for answer in free]
    stop = next(text[2:4] for text in texts if len(text) > 6)
    steps = []
    order = Order(prompts, greedy(20), set(), 0, Stops((stop, "never"), letters))
    found = {}
    hook = llama.register_forward_pre_hook(lambda *_: steps.append(1))
    with torch.inference_mode():
        engine(llama, order, range(len(prompts)), 10, found.__setitem__)
    hook.remove()
    assert any(one.stopped for one in found.values())
    for index, answer in enumerate(free):
        cut = next((n for n in range(1, 21) if stop in letters(answer[:n])), None)
        assert found[index].ids == (answer[:cut] if cut else answer)
        assert found[index].stopped == (cut is not None)


def test_a_stopped_answer_costs_no_further_steps(llama):
    prompt = toys.prompts((9,))
    answer = toys.alone(llama, prompt[0], 40, ())
    stop = letters(answer)[1]
    passes = []
    generate(llama, prompt, greedy(2), set(), 0)  # the model's check
    hook = llama.register_forward_pre_hook(lambda *_: passes.append(1))
    [one] = generate(llama, prompt, greedy(40), set(), 0, stops=Stops((stop,), letters))
    hook.remove()
    assert len(passes) == len(one.ids) + 1 < 20


def sampled(seed=0, **values):
    return Sampling(**{"max_tokens": 10, "temperature": 1.3, "top_p": 0.9, "seed": seed, **values})


def test_sampled_answers_depend_on_seed_and_prompt_alone(llama):
    prompts = toys.prompts(LENGTHS)
    first, _ = write(llama, prompts, sampling=sampled())
    assert first == write(llama, prompts, sampling=sampled(), rows=3)[0]
    assert first[::-1] == write(llama, prompts[::-1], sampling=sampled(), rows=4)[0]
    assert first[2:5] == write(llama, prompts[2:5], sampling=sampled())[0]
    assert first != write(llama, prompts, sampling=sampled(seed=1))[0]
    assert first != write(llama, prompts, sampling=sampled(top_p=0.3))[0]
    assert first != write(llama, prompts, sampling=sampled(temperature=0.5))[0]


def test_equal_prompts_get_samples_of_their_own(llama):
    answers, _ = write(llama, toys.prompts((5,)) * 4, sampling=sampled())
    assert len({tuple(answer) for answer in answers}) == 4


def test_plain_generation_draws_the_same_samples(llama):
    prompts = toys.prompts(LENGTHS)
    order = Order(prompts, sampled(), {toys.END}, 0)
    found = {}
    write_plainly(llama, order, range(len(prompts)), 4, found.__setitem__)
    assert [found[i].ids for i in range(len(prompts))] == write(llama, prompts, sampling=sampled())[0]


def test_sampling_leaves_the_callers_random_state_alone(llama):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    write(llama, toys.prompts(LENGTHS), sampling=sampled())
    assert torch.rand(1) == expected


def test_when_memory_runs_out_the_rest_is_written_in_smaller_batches(llama, often, monkeypatch):
    step, sizes = continuous.forward, []

    def short_of_memory(module, ids, mask, positions, cache):
        if len(ids) > 2 and mask.shape[1] > 34:
            raise torch.OutOfMemoryError
        sizes.append(len(ids))
        return step(module, ids, mask, positions, cache)

    prompts = toys.prompts(LENGTHS)
    answers = write(llama, prompts, ends=often)[0]
    monkeypatch.setattr(continuous, "forward", short_of_memory)
    assert write(llama, prompts, ends=often, rows=8)[0] == answers
    assert max(sizes) == 8 and sizes[-1] <= 2


def test_when_not_even_one_sequence_fits_the_error_is_the_callers(llama, monkeypatch):
    def short_of_memory(*args):
        raise torch.OutOfMemoryError

    write(llama, toys.prompts((3,)))
    monkeypatch.setattr(continuous, "forward", short_of_memory)
    with pytest.raises(torch.OutOfMemoryError):
        write(llama, toys.prompts((3, 4)))


def test_a_peft_model_is_written_with_alike(often):
    from peft import LoraConfig, get_peft_model

    module = get_peft_model(toys.llama(), LoraConfig(r=2, target_modules=["q_proj", "v_proj"])).eval()
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if "lora_B" in name:
                weight.normal_()
    prompts = toys.prompts(LENGTHS)
    answers, engine = write(module, prompts, ends=often, rows=4)
    assert engine == "continuous"
    assert answers == [toys.alone(module, prompt, 12, tuple(often)) for prompt in prompts]


def test_a_models_own_generation_settings_are_not_used(often):
    module = toys.llama()
    prompts = toys.prompts(LENGTHS)
    before = [toys.alone(module, prompt, 12, tuple(often)) for prompt in prompts]
    module.generation_config.repetition_penalty = 5.0
    assert write(module, prompts, ends=often)[0] == before


@pytest.mark.real
@pytest.mark.parametrize("load_in", ["fp32", "bf16"])
def test_the_embedded_model_writes_what_plain_generate_writes(load_in):
    from retain.models.base import Message
    from retain.models.load import load_causal
    from retain.scoring.divergence import logit_gap, rounding_gap

    model = load_causal("builtin:smollm2-135m", load_in)
    asked = ("Say hello.", "Name three colours of the rainbow and one animal that has each of them.", "What is 2 + 2?")
    prompts = [model.encode_prompt((Message(role="user", content=text),)) for text in asked]
    answers, engine = write(model.module, prompts, max_tokens=16, ends=model.ends, rows=2)
    assert engine == "continuous"
    for prompt, answer in zip(prompts, answers, strict=True):
        plain = toys.alone(model.module, prompt, 16, tuple(model.ends))
        end = [min(model.ends)]
        assert logit_gap(model.module, prompt, answer + end, plain + end) <= rounding_gap(model.module)
        assert load_in == "bf16" or answer == plain


def test_a_loaded_model_stops_at_once_and_says_which_engine_wrote(toy):
    from retain.models.base import Limits

    whole = toy.generate(["say one"], Limits(max_tokens=40))[0]
    second = whole.text.split()[1]
    passes = []
    hook = toy.module.register_forward_pre_hook(lambda *_: passes.append(1))
    cut = toy.generate(["say one"], Limits(max_tokens=40, stop=(second,)))[0]
    hook.remove()
    assert toy.take_plain_reasons() == []
    assert cut.text == whole.text[: whole.text.find(second)]
    assert len(passes) == cut.tokens + 1 < 10
