"""Freezing: which weights are named, that the others stay bit for bit, and what is refused."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from retain.errors import UserError
from retain.mitigations.freeze import Freeze
from retain.mitigations.lora import Lora
from retain.mitigations.weight_places import Place, places
from retain.models.load import load_causal
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.training.settings import TrainingSettings
from retain.training.sft import train_sft

LAYER = {
    "self_attn.q_proj": "attention", "self_attn.k_proj": "attention", "self_attn.v_proj": "attention",
    "self_attn.o_proj": "attention", "self_attn.q_norm": "norms", "mlp.gate_proj": "mlp", "mlp.up_proj": "mlp",
    "mlp.down_proj": "mlp", "input_layernorm": "norms",
}  # fmt: skip
WHERE = {
    "model.embed_tokens.weight": Place(None, "embeddings"),
    **{f"model.layers.{n}.{name}.weight": Place(n, part) for n in range(6) for name, part in LAYER.items()},
    "model.norm.weight": Place(None, "norms"),
    "lm_head.weight": Place(None, "head"),
}


def numbers(trained):
    return {WHERE[name].layer for name in trained}


def parts(trained):
    return {WHERE[name].part for name in trained}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [("last 2", {4, 5}), ("first 1", {0}), ("1-3", {1, 2, 3}), ("5", {5}), ("0-1, last 1", {0, 1, 5})],
)
def test_layers_name_whole_layers_and_nothing_outside(layers, expected):
    trained = Freeze(layers=layers).trained(WHERE, 0)
    assert numbers(trained) == expected
    assert len(trained) == len(LAYER) * len(expected)


def test_parts_name_parts_of_the_chosen_layers_and_what_lies_outside():
    assert parts(Freeze(parts=["mlp"]).trained(WHERE, 0)) == {"mlp"}
    trained = Freeze(layers="last 2", parts=["attention", "embeddings", "head"]).trained(WHERE, 0)
    assert numbers(trained) == {None, 4, 5}
    assert parts(trained) == {"attention", "embeddings", "head"}
    assert len(trained) == 2 * 4 + 2


def test_by_default_a_random_half_of_every_part_is_trained():
    trained = Freeze().trained(WHERE, 0)
    inside = [name for name in trained if WHERE[name].layer is not None]
    for part, there in {"attention": 24, "mlp": 18, "norms": 12}.items():
        assert sum(WHERE[name].part == part for name in inside) == there / 2
    assert {"model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"} <= trained
    assert trained == Freeze().trained(WHERE, 0)
    assert trained != Freeze().trained(WHERE, 1), "the seed draws"
    assert len(Freeze(random_share=1.0).trained(WHERE, 0)) == len(WHERE)
    assert len(Freeze(random_share=0.25, layers="last 4", parts=["mlp"]).trained(WHERE, 0)) == 3


def test_every_weight_of_a_model_has_a_place(toy):
    found = places(toy.module)
    assert found.keys() == {name for name, _ in toy.module.named_parameters()}
    assert found["model.embed_tokens.weight"] == Place(None, "embeddings"), "the tied output head too"
    assert found["model.norm.weight"] == Place(None, "norms")
    assert found["model.layers.0.self_attn.k_proj.weight"] == Place(0, "attention")
    assert found["model.layers.0.mlp.down_proj.weight"] == Place(0, "mlp")
    assert found["model.layers.0.post_attention_layernorm.weight"] == Place(0, "norms")


def test_gpt2_has_places_too():
    found = places(GPT2LMHeadModel(GPT2Config(vocab_size=20, n_embd=8, n_layer=2, n_head=2, tie_word_embeddings=False)))
    assert found["transformer.h.1.attn.c_attn.weight"] == Place(1, "attention")
    assert found["transformer.h.0.mlp.c_fc.bias"] == Place(0, "mlp")
    assert found["transformer.h.0.ln_1.weight"] == Place(0, "norms")
    assert found["transformer.wpe.weight"] == Place(None, "embeddings")
    assert found["transformer.ln_f.weight"] == Place(None, "norms")
    assert found["lm_head.weight"] == Place(None, "head")


@pytest.mark.parametrize("load_in", ["fp32", "bf16"])
def test_frozen_weights_stay_bit_for_bit_and_the_others_move(toy_recipe, toy_folder, tmp_path, load_in):
    recipe = toy_recipe(
        model={"base": str(toy_folder), "load_in": load_in},
        training={"learning_rate": 0.02, "epochs": 1, "batch_size": 4, "max_length": 64, "weight_decay": 0.1},
        mitigations=[
            {"kind": "freeze", "parts": ["attention"]},
            {"kind": "l2_to_base"},
            {"kind": "strength", "values": [0.3, 0.7]},
        ],
    )
    record = run_recipe(parse_recipe(recipe), tmp_path / "run", Progress(quiet=True))
    base = dict(load_causal(str(toy_folder), load_in).module.named_parameters())
    tuned = dict(load_causal(str(tmp_path / "run" / "tuned"), load_in).module.named_parameters())
    for name, parameter in tuned.items():
        assert torch.equal(parameter, base[name]) == ("self_attn" not in name), name
    assert record.training.trained_parameters == sum(p.numel() for n, p in base.items() if "self_attn" in n)
    assert "l2_to_base" in record.training.history[-1]


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"layers": "7-9"}, 'layers: "7-9" is not within the model\'s 1 layers'),
        ({"layers": "last 2"}, "is not within"),
        ({"layers": "first 8"}, "is not within"),
        ({"parts": ["attention", "mlp", "norms", "embeddings"]}, "and none frozen"),
        ({"parts": ["head"]}, r"no head of its own \(its output head is tied"),
    ],
)
def test_layers_and_parts_that_are_not_there_are_refused(toy, make_setup, knobs, message):
    with pytest.raises(UserError, match=message):
        Freeze(**knobs).wrap_model(toy, make_setup())


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"layers": "5-2, 0"}, 'layers: .*"5-2" ends before it begins; write 2-5'),
        ({"layers": "0-3, last 0"}, 'layers: .*"last 0" names no layer'),
        (
            {"parts": ["embeddings"], "random_share": 0.1},
            r"random_share has no effect, since no layer .*\(embeddings\)",
        ),
        ({"parts": ["embeddings", "head"], "layers": "last 2"}, "layers has no effect, since no layer"),
        ({"random_share": 1.0}, "trains every weight and freezes nothing"),
    ],
    ids=str,
)
def test_knobs_that_do_nothing_are_refused(toy_recipe, knobs, message):
    with pytest.raises(UserError, match=message):
        parse_recipe(toy_recipe(mitigations=[{"kind": "freeze", **knobs}]))


@pytest.mark.parametrize(
    "knobs",
    [{"layers": "2-2, 0"}, {"parts": ["embeddings", "norms"], "random_share": 0.1}, {"layers": "0", "random_share": 1}],
    ids=str,
)
def test_knobs_that_do_something_are_not(toy_recipe, knobs):
    parse_recipe(toy_recipe(mitigations=[{"kind": "freeze", **knobs}]))


def test_frozen_layer_norms_meet_the_activations_of_trained_weights(toy_tokenizer, make_setup, task_rows, tmp_path):
    """GPT-2 in bf16: torch's LayerNorm refuses fp32 activations where its own weights are bf16."""
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=len(toy_tokenizer), n_positions=64, n_embd=32, n_layer=2, n_head=2)
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "base")
    toy_tokenizer.save_pretrained(tmp_path / "base")
    model = load_causal(str(tmp_path / "base"), "bf16")
    setup = make_setup(model)
    before = {name: one.detach().clone() for name, one in model.module.named_parameters()}
    model = Freeze(parts=["mlp", "embeddings"]).wrap_model(model, setup)
    rows = [setup.encode(one) for one in task_rows[:8]]
    settings = TrainingSettings(learning_rate=0.02, batch_size=4, checkpoints=0)
    record = train_sft(model, rows, rows, settings, [], setup, Progress(quiet=True))
    assert record.steps == 2
    for name, parameter in model.module.named_parameters():
        frozen = places(model.module)[name].part not in ("mlp", "embeddings")
        assert torch.equal(parameter, before[name].to(parameter.dtype)) == frozen, name


def test_with_an_adapter_it_is_refused(toy, make_setup, toy_recipe):
    with pytest.raises(UserError, match=r"freeze\): lora already leaves every weight"):
        parse_recipe(toy_recipe(mitigations=[{"kind": "freeze"}, {"kind": "lora"}]))
    with pytest.raises(UserError, match=r"mitigations.0.layers: .*write all"):
        parse_recipe(toy_recipe(mitigations=[{"kind": "freeze", "layers": "top 4"}]))
    setup = make_setup()
    with pytest.raises(UserError, match="carries an adapter"):
        Freeze().wrap_model(Lora(rank=2).wrap_model(toy, setup), setup)
