"""Shared scoring gives what each request alone gives, for every kind of attention that can share."""

import random

import pytest
import torch
import toys
from peft import LoraConfig, get_peft_model
from transformers import Gemma2Config, Gemma2ForCausalLM, Qwen2Config, Qwen2ForCausalLM

from retain.scoring import head, likelihood_check
from retain.scoring.likelihood import LikelihoodEngine, Pair
from retain.scoring.likelihood_check import SMALL, deep_pairs, sharing_of, wide_pairs
from retain.scoring.packing import SIZES, Sizes, pack
from retain.scoring.plain import score_plain
from retain.scoring.prefix_tree import prefix_tree
from retain.scoring.shared import score_shared

VOCABULARY = toys.VOCABULARY
SMALL_MODEL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.3,
}
WINDOW = 48
KINDS = {
    "qwen": lambda: Qwen2ForCausalLM(Qwen2Config(**SMALL_MODEL)),
    "gpt2": toys.gpt2,
    "bloom": toys.bloom,
    "mamba": toys.mamba,
    "neo": toys.gpt_neo,
    "mistral": lambda: toys.mistral(WINDOW),
    "gemma": lambda: Gemma2ForCausalLM(
        Gemma2Config(**SMALL_MODEL, head_dim=8, sliding_window=WINDOW, final_logit_softcapping=5.0)
    ),
}


def made(kind):
    torch.manual_seed(0)
    return KINDS[kind]().eval()


def alone(module, pairs):
    """Each request by a plain forward pass of its own."""
    found = []
    for pair in pairs:
        ids = torch.tensor([pair.context + pair.continuation])
        with torch.no_grad():
            logits = module(input_ids=ids).logits[0, len(pair.context) - 1 : -1].float()
        targets = torch.tensor(pair.continuation)
        picked = logits.log_softmax(-1).gather(-1, targets[:, None])
        found.append((float(picked.sum()), bool((logits.argmax(-1) == targets).all())))
    return found


def requests(seed=0, beginning=30, questions=12, longest=9):
    draw = random.Random(seed)

    def tokens(count):
        return [draw.randrange(VOCABULARY) for _ in range(count)]

    head = tokens(beginning)
    pairs = [Pair(tokens(draw.randint(1, 12)), tokens(draw.randint(1, longest))) for _ in range(6)]
    for _ in range(questions):
        asked = head + tokens(draw.randint(1, 8))
        pairs += [Pair(asked, tokens(draw.randint(1, longest))) for _ in range(4)]
    pairs += [pairs[3], Pair(pairs[-1].context, pairs[-1].continuation[:1])]  # one twice, and one's beginning
    draw.shuffle(pairs)
    return pairs


def same(found, expected):
    assert [one.logprob for one in found] == pytest.approx([total for total, _ in expected], abs=2e-4)
    assert [one.greedy for one in found] == [greedy for _, greedy in expected]


@pytest.mark.parametrize(
    ("sizes", "batch_tokens"),
    [(Sizes(), 4096), (Sizes(), 16), (SMALL, 128), (Sizes(12, 20, trunk=4), 128), (Sizes(4, 4, trunk=1), 64)],
)
def test_the_same_as_each_alone_however_it_is_cut(toy, sizes, batch_tokens):
    pairs = requests()
    pairs.append(Pair(pairs[0].context, greedy_next(toy.module, pairs[0].context, 4)))
    found, computed = score_shared(toy.module, pairs, batch_tokens, 2**20, sizes=sizes)
    same(found, alone(toy.module, pairs))
    assert found[-1].greedy
    assert computed >= distinct_prefixes(pairs)


def distinct_prefixes(pairs):
    whole = [pair.context + pair.continuation for pair in pairs]
    return len({tuple(one[:length]) for one in whole for length in range(1, len(one))})


def greedy_next(module, context, count):
    ids = list(context)
    for _ in range(count):
        with torch.no_grad():
            ids.append(int(module(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[len(context) :]


@pytest.mark.parametrize("kind", ["qwen", "gpt2"])
def test_other_architectures_share_too(kind):
    module = made(kind)
    pairs = requests(1)
    engine = LikelihoodEngine(module, pad=0)
    same(engine.score(pairs), alone(module, pairs))
    assert engine.unshared == ""


@pytest.mark.parametrize("kind", ["mistral", "gemma"])
def test_what_fits_into_a_sliding_window_is_shared_and_the_rest_is_not(kind):
    module = made(kind)
    pairs = requests(2, beginning=40)
    engine = LikelihoodEngine(module, pad=0)
    same(engine.score(pairs), alone(module, pairs))
    assert engine.unshared == f"longer than the sliding window of {WINDOW} tokens"
    short = [pair for pair in pairs if len(pair.context) + len(pair.continuation) <= WINDOW]
    assert 0 < len(short) < len(pairs)
    again = LikelihoodEngine(module, pad=0)
    same(again.score(short), alone(module, short))
    assert again.unshared == ""


def test_the_check_fills_the_longest_row():
    root, _ = prefix_tree([(pair.context + pair.continuation)[:-1] for pair in wide_pairs(1000)])
    (row,) = pack(root).rows
    assert 0.9 * SIZES.branch < row.length <= SIZES.branch


def test_attention_that_looks_back_by_places_in_the_row_is_not_shared(monkeypatch):
    """Known by its configuration, and found by the check where it is not."""
    module = made("neo")
    pairs = [Pair(list(range(20)) * 7, [ending] * 90) for ending in range(5)]
    expected = alone(module, pairs)
    engine = LikelihoodEngine(module, pad=0)
    same(engine.score(pairs), expected)
    assert engine.unshared == "local attention by place in the row"
    monkeypatch.setattr(likelihood_check, "_by_place", lambda module: "")
    again = made("neo")
    engine = LikelihoodEngine(again, pad=0)
    same(engine.score(pairs), expected)
    assert "otherwise than plainly" in engine.unshared


@pytest.mark.parametrize(("kind", "why"), [("mamba", "recurrent"), ("bloom", "mask of ours")])
def test_a_model_that_cannot_share_is_scored_plainly_and_it_is_said(kind, why):
    module = made(kind)
    pairs = requests(3)[:10]
    engine = LikelihoodEngine(module, pad=0)
    found = engine.score(pairs)
    assert why in engine.unshared
    plain, _ = score_plain(module, pairs, pad=0)
    assert found == plain


def test_an_adapter_is_scored_with_its_update(toy):
    module = get_peft_model(
        toy.module, LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    ).eval()
    pairs = requests(4)
    found = LikelihoodEngine(module, pad=2).score(pairs)
    same(found, alone(module, pairs))
    with module.disable_adapter():
        assert found != LikelihoodEngine(module, pad=2).score(pairs)


def test_half_precision_differs_by_rounding_only(toy):
    pairs = requests(5)
    exact = alone(toy.module, pairs)
    found = LikelihoodEngine(toy.module.to(torch.bfloat16), pad=2).score(pairs)
    tokens = sum(len(pair.continuation) for pair in pairs)
    apart = sum(abs(one.logprob - total) for one, (total, _) in zip(found, exact, strict=True))
    assert apart / tokens < 0.1


def test_a_model_that_lets_tokens_see_what_they_must_not_is_found_out(toy, monkeypatch):
    """A model that ignores a 4-D mask would score every ending with the other endings before it."""
    plain = toy.module.forward

    def deaf(*args, attention_mask=None, **kwargs):
        ignored = attention_mask is not None and attention_mask.dim() == 4
        return plain(*args, attention_mask=None if ignored else attention_mask, **kwargs)

    monkeypatch.setattr(toy.module, "forward", deaf)
    pairs = requests(6)[:8]
    engine = LikelihoodEngine(toy.module, pad=2)
    same(engine.score(pairs), alone(toy.module, pairs))
    assert "otherwise than plainly" in engine.unshared


def test_a_model_that_refuses_the_mask_is_scored_plainly(toy, monkeypatch):
    plain = toy.module.forward

    def refusing(*args, attention_mask=None, **kwargs):
        if attention_mask is not None and attention_mask.dim() == 4:
            raise ValueError("masks have two dimensions")
        return plain(*args, attention_mask=attention_mask, **kwargs)

    monkeypatch.setattr(toy.module, "forward", refusing)
    engine = LikelihoodEngine(toy.module, pad=2)
    pairs = requests(7)[:8]
    same(engine.score(pairs), alone(toy.module, pairs))
    assert "masks have two dimensions" in engine.unshared


def test_the_check_uses_rows_leads_and_trunks():
    root, _ = prefix_tree([(pair.context + pair.continuation)[:-1] for pair in deep_pairs(1000)])
    trunks = list(pack(root, SMALL).all())
    assert len(trunks) == 2
    assert any(len(row.nodes) > 1 for row in trunks[1].rows)


def test_when_memory_runs_out_the_batch_is_halved(toy, monkeypatch):
    pairs = requests(8, beginning=10, questions=40)
    expected = alone(toy.module, pairs)
    sharing_of(toy.module, 2)
    plain = toy.module.forward
    sizes = []

    def small(*args, input_ids, **kwargs):
        sizes.append(input_ids.numel())
        if input_ids.numel() > 400:
            raise torch.OutOfMemoryError("out of memory")
        return plain(*args, input_ids=input_ids, **kwargs)

    monkeypatch.setattr(toy.module, "forward", small)
    same(LikelihoodEngine(toy.module, pad=2, batch_tokens=1024).score(pairs), expected)
    assert max(sizes) > 400


def test_memory_that_never_suffices_is_said_and_not_tried_forever(toy, monkeypatch):
    sharing_of(toy.module, 2)

    def never(*args, **kwargs):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(toy.module, "forward", never)
    with pytest.raises(torch.OutOfMemoryError):
        LikelihoodEngine(toy.module, pad=2).score(requests(9))


def test_logits_are_bounded_and_progress_ends_at_all(toy):
    pairs = requests(10)
    sharing_of(toy.module, 2)
    seen, shapes = [], []
    toy.module.lm_head.register_forward_hook(lambda head, inputs, output: shapes.append(output.shape[-2]))
    limit = 40
    score_shared(toy.module, pairs, 4096, limit * toy.module.config.vocab_size, seen.append, Sizes(16, 16, trunk=4))
    assert max(shapes[1:]) <= limit
    assert len(shapes) > sum(len(pair.continuation) for pair in pairs) / limit / 2
    assert seen == sorted(seen)
    assert seen[-1] == len(pairs)


def test_few_positions_go_through_the_head_at_a_time(toy, monkeypatch):
    monkeypatch.setattr(head, "PART_ROWS", 7)
    pairs = requests(12)
    expected = alone(toy.module, pairs)
    sharing_of(toy.module, 2)
    shapes = []
    toy.module.lm_head.register_forward_hook(lambda head, inputs, output: shapes.append(output.shape[-2]))
    same(LikelihoodEngine(toy.module, pad=2).score(pairs), expected)
    assert max(shapes) == 7


def test_logits_that_are_capped_after_the_head_are_scored_capped():
    module = made("gemma")
    pairs = requests(13, beginning=4)
    same(LikelihoodEngine(module, pad=0).score(pairs), alone(module, pairs))


def test_tokens_computed_are_counted(toy):
    engine = LikelihoodEngine(toy.module, pad=2)
    pairs = requests(11)
    engine.score(pairs)
    least = distinct_prefixes(pairs)
    assert least <= engine.computed <= 1.5 * least


def test_no_requests_need_no_model():
    assert LikelihoodEngine(None, pad=0).score([]) == []
