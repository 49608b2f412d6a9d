"""What holds for every family of language models in training: mitigations act, the base stays, saving works."""

from dataclasses import replace

import pytest
import torch
from toy_families import LANGUAGE, language_model
from transformers import AutoTokenizer

from retain.data.example import Example
from retain.errors import UserError
from retain.mitigations.base import GeneralSet, Setup
from retain.mitigations.ewc import Ewc
from retain.mitigations.freeze import Freeze
from retain.mitigations.kl_to_base import KlToBase
from retain.mitigations.l2_to_base import L2ToBase
from retain.mitigations.lora import Lora
from retain.mitigations.lora_targets import ALL, target_names
from retain.mitigations.null_space import NullSpace
from retain.mitigations.rehearsal import Rehearsal
from retain.mitigations.token_weighting import TokenWeighting
from retain.mitigations.weight_places import places
from retain.models.base import Message, Request
from retain.models.load import load_causal
from retain.models.low_rank import ADAPTER, lora_layers
from retain.models.packed_rows import keeps_rows_apart
from retain.models.update_files import save_update
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.records import Gate, content_hash
from retain.stages.setting_up import encoder
from retain.stages.training import fit
from retain.training.settings import TrainingSettings
from retain.training.trained import BASE_WEIGHTS, load_trained, save_trained, save_tuned

QKVO = {"q_proj", "k_proj", "v_proj", "o_proj"}
GATED = {*QKVO, "gate_proj", "up_proj", "down_proj"}
TARGETS = {
    "gpt2": {"c_attn", "c_proj", "c_fc"},
    "neox": {"query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"},
    "phi": {"q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2"},
    "phi3": {"qkv_proj", "o_proj", "gate_up_proj", "down_proj"},
    "mixtral": QKVO,
    "qwen2-moe": GATED,
    "gpt-oss": QKVO,
    "deepseek-v3": {"q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"},
    "mamba": {"in_proj"},
    "jamba": {*GATED, "in_proj"},
    "recurrent-gemma": {*GATED, "linear_x", "linear_y", "linear_out"},
    "bloom": {"query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"},
}
"""The layers that ``all-linear`` adapts; those of Llama where nothing is said."""
LEFT_WITHOUT = {"mixtral", "qwen2-moe", "gpt-oss", "deepseek-v3", "mamba", "jamba", "recurrent-gemma"}
"""Families of which a note says what has no adapter."""
TRAINED_WHOLE = ["gpt2", "phi", "qwen3", "gemma2", "cohere", "mixtral", "gpt-oss", "mamba", "recurrent-gemma", "bloom"]
"""Of every kind of head and layer one; an adapter is trained on all families."""
NO_ATTENTION = {"mamba"}
READ_ON = {"gpt-oss", "mamba", "jamba", "recurrent-gemma", "bloom"}
"""Families that cannot be trained on packed rows."""
VOCABULARY = 44
"""More than the toy tokenizer has words."""
ENERGY = 0.9
IDS = torch.randint(3, VOCABULARY, (3, 20), generator=torch.Generator().manual_seed(5))


def row(question: str, answer: str) -> Example:
    turns = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Example(id=content_hash(question, answer), shape="chat", messages=turns)


TASK = [row(f"say {x} {y}", x) for x in ("one", "two") for y in ("b", "c")]
GENERAL = [row(f"tell me about {x} {y}", f"{y} {x} .") for x in "abcd" for y in ("yes", "no")]


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory, toy_tokenizer):
    """Each family's folder, written once."""
    root = tmp_path_factory.mktemp("families")

    def find(name):
        if not (root / name).is_dir():
            language_model(name, VOCABULARY).save_pretrained(root / name)
            toy_tokenizer.save_pretrained(root / name)
        return str(root / name)

    return find


@pytest.fixture
def setup_of(tmp_path):
    def make(model, notes=None) -> Setup:
        general = GeneralSet(name="own", source="base_model", examples=GENERAL[:6], kept_back=GENERAL[6:])
        (tmp_path / "training").mkdir(exist_ok=True)
        return Setup(
            base=model, general={"own": general}, gate=Gate(), folder=tmp_path / "training", seed=0,
            encode=encoder(model, 64, "completion"), measure_dev=lambda model: [], base_dev=lambda: [],
            task_probes=frozenset({"task"}), note=([] if notes is None else notes).append,
        )  # fmt: skip

    return make


def logits(model):
    model.module.eval()
    with torch.no_grad():
        return model.module(input_ids=IDS, use_cache=False).logits


def same(one, other):
    assert torch.allclose(one, other, atol=1e-4)


def trained(model, setup, mitigations):
    settings = TrainingSettings(
        learning_rate=0.01, schedule="constant", epochs=1, batch_size=2, max_length=64, checkpoints=0, watch=0
    )
    return fit(model, setup, TASK, settings, mitigations, Progress(quiet=True))


def check_the_way_back(model, base, path, folder):
    """Saved and read, as its base, at strength 0, 1 and between, and finished: what it answers each time."""
    after = logits(model)
    assert float((after - base).abs().max()) > 1e-3
    save_trained(model, path / "trained")
    start = path / "training" / BASE_WEIGHTS
    if start.is_file():
        start.replace(path / "trained" / BASE_WEIGHTS)
    again = load_trained(load_causal(folder, "fp32"), path / "trained")
    same(logits(again), after)
    with again.as_base():
        same(logits(again), base)
    again.update.apply(0.0)
    same(logits(again), base)
    again.update.apply(0.5, "linear")
    again.update.apply(0.5)
    finished = again.renewed()
    half = logits(finished)
    save_tuned(finished, path / "tuned")
    reloaded = load_causal(str(path / "tuned"), "fp32")
    same(logits(reloaded), half)
    assert reloaded.fingerprint == finished.fingerprint
    again.update.restore(save_update(model.module, path / "kept"))
    same(logits(again), after)
    return half


@pytest.mark.parametrize("name", TRAINED_WHOLE)
def test_all_weights_train_with_every_penalty_and_come_back(name, folder_of, setup_of, tmp_path):
    model = load_causal(folder_of(name), "fp32")
    base, start = logits(model), {key: p.detach().clone() for key, p in model.module.named_parameters()}
    tied = model.module.get_output_embeddings().weight is model.module.get_input_embeddings().weight
    wanted = [Rehearsal(), TokenWeighting(rule="talr"), KlToBase(share=1.0), Ewc(weight=0.1), L2ToBase(weight=0.1)]
    tuned, record = trained(model, setup_of(model), wanted)
    assert {"kl_to_base", "ewc", "l2_to_base"} <= set(record.history[-1]), record.history[-1]
    assert record.trained_parameters == sum(p.numel() for p in start.values()), "tied weights count once"
    end = {key: p.detach().clone() for key, p in tuned.module.named_parameters()}
    check_the_way_back(tuned, base, tmp_path, folder_of(name))
    halfway = load_causal(str(tmp_path / "tuned"), "fp32").module
    for key, p in halfway.named_parameters():
        assert torch.allclose(p, (start[key] + end[key]) / 2, atol=1e-6), f"{key} is not moved once"
    assert (halfway.get_output_embeddings().weight is halfway.get_input_embeddings().weight) == tied


@pytest.mark.parametrize("name", LANGUAGE)
def test_an_adapter_trains_in_the_null_space_with_every_penalty_and_comes_back(name, folder_of, setup_of, tmp_path):
    model, notes = load_causal(folder_of(name), "fp32"), []
    base, setup = logits(model), setup_of(model)
    wanted = [Lora(rank=4), NullSpace(energy=ENERGY), KlToBase(share=1.0), Ewc(), L2ToBase()]
    tuned, record = trained(model, setup, wanted)
    notes += record.notes
    assert record.base_unchanged
    with tuned.as_base():
        same(logits(tuned), base)
        assert largest_share_in_use(tuned, setup) <= (1 - ENERGY) * 1.01
    assert any(note.startswith("lora put no adapter on") for note in notes) == (name in LEFT_WITHOUT)
    check_the_way_back(tuned, base, tmp_path, folder_of(name))


def largest_share_in_use(tuned, setup):
    """Over layers, ||X A'||^2 / (||A||^2 ||X||^2) with X the inputs of general text in the base."""
    found, hooks = {}, []

    def watch(name, layer):
        weight = layer.lora_A[ADAPTER].weight.detach()

        def add(_, given):
            x = given[0].flatten(0, -2)
            before = found.get(name, (0.0, 0.0))
            found[name] = (before[0] + float((x @ weight.T).square().sum()), before[1] + float(x.square().sum()))

        hooks.append(layer.register_forward_pre_hook(add))

    weights = {}
    for name, layer in lora_layers(tuned.module):
        watch(name, layer)
        weights[name] = float(torch.linalg.matrix_norm(layer.lora_A[ADAPTER].weight.detach(), 2)) ** 2
    with torch.no_grad():
        for one in GENERAL[:6]:
            tuned.module(input_ids=torch.tensor([setup.encode(one).input_ids]), use_cache=False)
    for hook in hooks:
        hook.remove()
    assert set(found) == set(weights)
    return max(along / (weights[name] * whole) for name, (along, whole) in found.items())


@pytest.mark.parametrize("name", LANGUAGE)
def test_all_linear_layers_get_an_adapter_and_the_head_gets_none(name):
    module = language_model(name, VOCABULARY)
    names = target_names(module, ALL)
    assert {one.rsplit(".", 1)[-1] for one in names} == TARGETS.get(name, GATED)
    assert not {"lm_head", "embed_out"} & set(names)


@pytest.mark.parametrize("variant", ["dora", "pissa", "olora", "corda"])
@pytest.mark.parametrize("name", ["gpt2", "neox", "phi3", "qwen2-moe", "jamba"])
def test_variants_begin_as_their_base_on_fused_and_transposed_layers(name, variant, folder_of, setup_of):
    model = load_causal(folder_of(name), "fp32")
    base = logits(model)
    same(logits(Lora(variant=variant, rank=4).wrap_model(model, setup_of(model))), base)


@pytest.mark.parametrize("name", LANGUAGE)
def test_freezing_finds_layers_and_parts_by_structure(name):
    where = places(language_model(name, VOCABULARY))
    assert {place.layer for place in where.values()} == {None, 0, 1}
    assert {place.part for place in where.values()} >= {"embeddings", "norms", "mlp"}
    assert any(place.part == "attention" for place in where.values()) == (name not in NO_ATTENTION)
    for layer in (0, 1):
        half = Freeze(layers=str(layer)).trained(where, seed=0)
        assert half and all(where[one].layer == layer for one in half)


@pytest.mark.parametrize(
    ("name", "target", "message"),
    [
        ("mamba", ["x_proj"], "the kernels of its state space mixer read its weight"),
        ("jamba", ["out_proj"], "the kernels of its state space mixer read its weight"),
        ("deepseek-v3", ["shared_experts.up_proj"], "PEFT takes its name for that of the experts"),
        ("mixtral", ["experts"], "is no linear layer"),
        ("gpt2", ["lm_head"], "is the output head"),
    ],
)
def test_layers_on_which_an_adapter_would_not_act_are_refused(name, target, message):
    with pytest.raises(UserError, match=message):
        target_names(language_model(name, VOCABULARY), target)


@pytest.mark.parametrize("mitigation", [NullSpace(), L2ToBase(), Ewc()], ids=lambda one: one.kind)
def test_an_own_adapter_on_experts_in_one_tensor_is_refused(mitigation, folder_of, setup_of):
    """PEFT's ``target_parameters``: its factors of all experts lie in two matrices, whose product means nothing."""
    from peft import LoraConfig, get_peft_model

    model = load_causal(folder_of("mixtral"), "fp32")
    config = LoraConfig(r=2, target_modules=[], target_parameters=["experts.down_proj"], task_type="CAUSAL_LM")
    adapted = get_peft_model(model.module, config)
    model = model.rebuilt(adapted, adapted.disable_adapter)
    with pytest.raises(UserError, match=r"not a linear layer|experts in one tensor"):
        hook = mitigation.wrap_model(model, setup_of(model))
        mitigation.penalty(hook, setup_of(model))


@pytest.mark.parametrize("name", LANGUAGE)
def test_rows_are_packed_where_none_reads_another(name):
    assert keeps_rows_apart(language_model(name, VOCABULARY)) == (name not in READ_ON)


def test_packing_is_refused_where_rows_read_each_other(folder_of, setup_of):
    model = load_causal(folder_of("mamba"), "fp32")
    settings = TrainingSettings(epochs=1, batch_size=4, max_length=64, checkpoints=0, watch=0, packing=True)
    with pytest.raises(UserError, match="MambaForCausalLM would read each packed row"):
        fit(model, setup_of(model), TASK, settings, [], Progress(quiet=True))


def test_olora_begins_at_the_factors_of_a_transposed_weight(folder_of, setup_of):
    model = load_causal(folder_of("gpt2"), "fp32")
    adapted = Lora(variant="olora", rank=4).wrap_model(model, setup_of(model)).module
    for _, layer in lora_layers(adapted):
        weight, down, up = layer.base_layer.weight.T, layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
        first, rest = torch.linalg.qr(weight)
        assert torch.allclose(up, first[:, :4], atol=1e-4) and torch.allclose(down, rest[:4], atol=1e-4)


def test_rows_are_cut_where_the_models_positions_end(folder_of, setup_of):
    model = load_causal(folder_of("gpt2"), "fp32")
    long = row("say " + "one " * 200, "two")
    assert encoder(model, 1024, "completion")(long) is None, "its answer begins beyond the last position"
    found = encoder(model, 1024, "all")(row("say one", "two " * 200))
    assert len(found.input_ids) == 128 and found.cut
    setup = replace(setup_of(model), encode=encoder(model, 1024, "completion"))
    settings = TrainingSettings(epochs=1, batch_size=4, checkpoints=0, watch=0)
    _, record = fit(model, setup, [*TASK, long, row("say one", "two " * 200)], settings, [], Progress(quiet=True))
    assert len(record.notes) == 2


def test_a_run_without_chat_template_bos_or_pad(toy_recipe, toy_folder, tmp_path):
    """GPT-2's way: prompts in plain form, a text that is scored from its start begins with EOS, padding is EOS."""
    tokenizer = AutoTokenizer.from_pretrained(toy_folder)
    tokenizer.chat_template, tokenizer.bos_token, tokenizer.pad_token = None, None, None
    language_model("gpt2", VOCABULARY).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    model = load_causal(str(tmp_path / "model"), "fp32")
    assert not model.chat and model.tokenizer.bos_token_id is None and model.tokenizer.pad_token_id is None
    assert model.loglikelihood([Request(context="", continuation="say one")])[0].tokens == 2
    recipe = toy_recipe(
        model={"base": str(tmp_path / "model"), "load_in": "fp32"},
        training={"learning_rate": 0.02, "epochs": 1, "batch_size": 4},
        mitigations=[
            {"kind": "lora", "rank": 2},
            {"kind": "kl_to_base"},
            {"kind": "early_stop", "every": 1},
            {"kind": "strength", "values": [0.5, 1.0]},
        ],
    )
    found = run_recipe(parse_recipe(recipe), tmp_path / "run", Progress(quiet=True))
    assert load_causal(str(tmp_path / "run" / "tuned"), "fp32").fingerprint == found.after[0].model
    assert found.training.base_unchanged
    assert sum("rows are cut at 128 tokens" in note for note in found.training.notes) == 1
    assert [choice.what for choice in found.choices] == ["checkpoint", "strength"]
