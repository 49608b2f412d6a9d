import random

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from retain.mitigations.candidates import candidate_on_dev
from retain.mitigations.lora import Lora
from retain.mitigations.strength import choose, significantly_worse
from retain.models.load import load_causal
from retain.models.low_rank import lora_layers
from retain.records import Candidate, Measurement
from retain.training.trained import load_trained, save_trained, save_tuned


def always(one, least):
    return True


def candidate(value, gain, loss, passing):
    return Candidate(
        label=str(value), value=value, gain=gain, mean_loss=loss, worst="x", worst_loss=loss, passing=passing
    )


def test_the_passing_one_with_the_greatest_gain_is_taken():
    taken, _ = choose([candidate(0.2, 5, 0, True), candidate(0.6, 9, 1, True), candidate(1.0, 12, 8, False)], always)
    assert taken.value == 0.6


def test_a_tie_goes_to_the_smaller_strength():
    taken, _ = choose([candidate(0.2, 5, 0, True), candidate(0.4, 9, 1, True), candidate(0.6, 9, 1, True)], always)
    assert taken.value == 0.4


def test_where_none_passes_the_smallest_loss_is_taken_and_said():
    taken, why = choose([candidate(0.5, 9, 7, False), candidate(1.0, 12, 30, False)], always)
    assert taken.value == 0.5
    assert "no strength passed" in why


def test_where_none_passes_gain_is_not_given_away_for_a_loss_that_cannot_be_shown():
    measured = [candidate(0.6, 5, 6.5, False), candidate(0.8, 9, 7, False), candidate(1.0, 12, 30, False)]
    taken, why = choose(measured, lambda one, least: one.mean_loss > least.mean_loss + 2)
    assert taken.value == 0.8
    assert "2 of 3 strengths whose mean loss is not significantly above the smallest, that of 0.6" in why


def in_bits(value, gain, worst, passing=False):
    """Measured with nothing but bits per byte: no loss is pooled."""
    made = candidate(value, gain, None, passing)
    return made.model_copy(update={"worst_loss": worst, "worst_unit": "percent"})


def test_where_no_loss_is_pooled_the_worst_capability_decides():
    measured = [in_bits(0.2, 3, 2.5), in_bits(0.6, 9, 3.0), in_bits(1.0, 12, 40.0)]
    taken, why = choose(measured, always)
    assert taken.value == 0.2
    assert "of which no capability loses significantly more than at 0.2, whose worst one loses least" in why
    taken, why = choose(measured, lambda one, least: one.loss > least.loss + 2)
    assert taken.value == 0.6 and "2 of 3 strengths of which no capability" in why


def test_where_no_loss_is_known_the_smallest_strength_is_taken():
    unknown = [in_bits(0.2, 3, None), in_bits(1.0, 12, None)]
    taken, why = choose(unknown, lambda one, least: False)
    assert taken.value == 0.2
    assert why == "no strength passed the margins on dev items; no loss is known, and the smallest was taken"


def test_a_gain_that_is_not_known_is_not_taken_for_nothing():
    measured = [candidate(0.5, -4, 0, True), candidate(1.0, None, 0, True)]
    assert choose(measured, always)[0].value == 0.5


def noisy(name, chance, seed, items=60):
    """A probe of right and wrong answers."""
    generator = random.Random(seed)
    scores = {f"{name} {i}": float(generator.random() < chance) for i in range(items)}
    return Measurement(
        probe=name,
        capability=name,
        metric="exact match",
        value=sum(scores.values()) / items,
        higher_is_better=True,
        unit="share",
        split="dev",
        scores=scores,
        model="fingerprint",
    )


def test_significance_is_paired_by_item(make_setup):
    base = [noisy("p", 0.9, 0), noisy("q", 0.9, 1)]
    worse = [one.model_copy(update={"scores": dropped(one, 12)}) for one in base]
    little = [one.model_copy(update={"scores": dropped(one, 1)}) for one in base]
    setup = make_setup(task_probes=frozenset())
    assert significantly_worse(worse, base, setup)
    assert not significantly_worse(little, base, setup)
    assert not significantly_worse(base, base, setup)
    assert not significantly_worse(base, worse, setup)


def test_bits_per_byte_are_told_apart_by_capability(make_setup):
    def text(name, level, spread=0.0):
        return noisy(name, 0.5, 0).model_copy(
            update={
                "scores": {f"{name} {i}": level + spread * (i % 5) for i in range(60)},
                "unit": "bits per byte",
                "higher_is_better": False,
            }
        )

    base = [text("p", 1.0, 0.1), text("q", 1.0, 0.1)]
    worse = [text("p", 1.0, 0.1), text("q", 1.3, 0.1)]
    setup = make_setup(task_probes=frozenset(), base_dev=lambda: base, measure_dev=lambda model: worse)
    assert significantly_worse(worse, base, setup)
    assert not significantly_worse(base, worse, setup) and not significantly_worse(base, base, setup)
    found = candidate_on_dev(None, setup, "1", 1.0)
    assert (found.mean_loss, found.worst, found.worst_unit, found.passing) == (None, "q", "percent", False)
    assert found.loss == found.worst_loss == pytest.approx(25)


def dropped(one, count):
    """Its scores with the first right answers turned wrong."""
    right = [item for item, score in one.scores.items() if score][:count]
    return one.scores | dict.fromkeys(right, 0.0)


@pytest.mark.parametrize("kind", ["lora", "dora", "full"])
def test_strength_0_is_the_base_bit_for_bit(kind, toy_folder, tmp_path, make_setup):
    row = torch.tensor([[1, 4, 9, 14, 20, 2]])
    start = load_causal(str(toy_folder), "bf16").module(row).logits
    model = learned(kind, toy_folder, tmp_path, make_setup, "bf16")
    assert not torch.equal(model.module(row).logits, start)
    for per_layer in ("uniform", "linear"):
        model.update.apply(0.0, per_layer)
        assert torch.equal(model.module(row).logits, start)


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_linear_grows_with_depth(kind, tmp_path, make_setup, toy_folder, toy_tokenizer):
    folder = tmp_path / "deep"
    torch.manual_seed(0)
    config = AutoConfig.from_pretrained(toy_folder, num_hidden_layers=3)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    toy_tokenizer.save_pretrained(folder)
    base = dict(load_causal(str(folder), "fp32").module.named_parameters())
    model = learned(kind, folder, tmp_path, make_setup, "fp32")
    whole = deltas(model, base)
    model.update.apply(0.8, "linear")
    scaled = deltas(model, base)
    factors = {"layers.0.": 0.0, "layers.1.": 0.4, "layers.2.": 0.8, "model.norm": 0.8, "embed_tokens": 0.0}
    seen = set()
    for name, delta in whole.items():
        part, factor = next((part, factor) for part, factor in factors.items() if part in name)
        assert torch.allclose(scaled[name], factor * delta, atol=1e-5), name
        seen.add(part)
    assert len(seen) == (3 if kind == "lora" else 5)
    save_tuned(model, tmp_path / "tuned")
    row = torch.tensor([[1, 4, 9, 14, 20, 2]])
    again = load_causal(str(tmp_path / "tuned"), "fp32")
    assert torch.allclose(again.module(row).logits, model.module(row).logits, atol=1e-5), "what is saved carries it"
    assert again.fingerprint == model.renewed().fingerprint
    model.update.apply(1.0)
    assert all(torch.allclose(delta, whole[name], atol=1e-6) for name, delta in deltas(model, base).items())
    if kind == "lora":
        assert not model.module.peft_config["default"].alpha_pattern, "uniform again"


def learned(kind, folder, tmp_path, make_setup, load_in):
    """A model that learned something, as it is after training."""
    base = load_causal(str(folder), load_in)
    model = base if kind == "full" else Lora(rank=2, variant=kind).wrap_model(base, make_setup())
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.module.parameters():
            if parameter.requires_grad:
                parameter += 0.2 * torch.randn_like(parameter)
    save_trained(model, tmp_path / "trained")
    return load_trained(load_causal(str(folder), load_in), tmp_path / "trained")


def deltas(model, base):
    """The update of each weight."""
    if hasattr(model.module, "peft_config"):
        return {name: layer.get_delta_weight("default").detach().clone() for name, layer in lora_layers(model.module)}
    return {name: (p - base[name]).detach().clone() for name, p in model.module.named_parameters()}
