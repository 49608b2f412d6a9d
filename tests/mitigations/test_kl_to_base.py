from dataclasses import replace

import pytest
import torch
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from retain.errors import BrokenError, UserError
from retain.mitigations.base import GeneralBatch, Step
from retain.mitigations.distributions import (
    as_batch,
    divergence,
    divergence_of_logits,
    encoded_rows,
    store_base,
    without,
)
from retain.mitigations.kl_to_base import KlToBase
from retain.mitigations.lora import Lora
from retain.models.load import load_causal
from retain.models.logits import labelled_logits
from retain.recipe import parse_recipe
from retain.training.precision import prepare_precision
from retain.training.stream import GeneralStream
from retain.training.trainer import with_penalties


def full_kl(base_logits, tuned_logits):
    base, tuned = base_logits.log_softmax(-1), tuned_logits.log_softmax(-1)
    return (base.exp() * (base - tuned)).sum(-1)


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    return [3 * torch.randn(7, 50, generator=generator) for _ in range(2)]


def test_the_whole_vocabulary_gives_the_exact_divergence(logits):
    base, tuned = logits
    stored = base.log_softmax(-1).topk(50, dim=-1)
    found = divergence(tuned, stored.indices, stored.values)
    assert torch.allclose(found, full_kl(base, tuned), atol=1e-5)


def test_fewer_tokens_give_a_lower_bound_that_rises_to_it(logits):
    base, tuned = logits
    exact = full_kl(base, tuned)
    last = torch.zeros(7)
    for k in (1, 5, 20, 49):
        stored = base.log_softmax(-1).topk(k, dim=-1)
        found = divergence(tuned, stored.indices, stored.values)
        assert (found <= exact + 1e-5).all()
        assert (found >= last - 1e-5).all()
        last = found
    assert torch.allclose(last, exact, atol=1e-3)


def test_it_is_zero_for_the_base_itself_and_its_gradient_too(logits):
    base = logits[0].clone().requires_grad_()
    stored = logits[0].log_softmax(-1).topk(10, dim=-1)
    loss = divergence(base, stored.indices, stored.values).mean()
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert base.grad.abs().max() < 1e-6


def test_the_penalty_is_weighted_and_has_a_gradient(make_setup, toy):
    setup = make_setup()
    penalties = {w: KlToBase(weight=w, top_k=None).penalty(toy, setup) for w in (1.0, 3.0)}
    with torch.no_grad():
        for parameter in toy.module.parameters():
            parameter += 0.1
    stream = GeneralStream(encoded_rows(setup, "own"), 4, seed=0)
    values = {}
    for weight, penalty in penalties.items():
        step = Step(toy.module, {}, lambda name: stream.batch(0, 2, "cpu"))
        values[weight] = penalty(step)
    assert values[3.0].item() == pytest.approx(3 * values[1.0].item(), rel=1e-5)
    values[1.0].backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in toy.module.parameters())


def test_batched_rows_meet_their_own_stored_distributions(make_setup, toy):
    """Padding and order must not mix rows up: an untouched model has no divergence in any batch."""
    setup = make_setup()
    penalty = KlToBase(top_k=None).penalty(toy, setup)
    stream = GeneralStream(encoded_rows(setup, "own"), 5, seed=3)
    for number in range(3):
        step = Step(toy.module, {}, lambda name, number=number: stream.batch(number, 2, "cpu"))
        assert penalty(step).item() == pytest.approx(0, abs=1e-5)


def test_several_penalties_share_one_forward_pass(make_setup, toy, monkeypatch):
    setup = make_setup()
    first, second = KlToBase().penalty(toy, setup), KlToBase(weight=2).penalty(toy, setup)
    stream = GeneralStream(encoded_rows(setup, "own"), 4, seed=0)
    step = Step(toy.module, {}, lambda name: batch)
    batch = stream.batch(0, 2, "cpu")
    calls = []
    monkeypatch.setattr(
        "retain.mitigations.base.labelled_logits", lambda m, b: calls.append(1) or labelled_logits(m, b)
    )
    first(step)
    second(step)
    assert len(calls) == 1


def test_a_step_without_general_rows_has_no_penalty(make_setup, toy):
    penalty = KlToBase().penalty(toy, make_setup())
    assert penalty(Step(toy.module, {}, lambda name: None)) is None


def test_what_is_stored_is_the_base_also_for_an_adapter(make_setup, toy):
    setup = make_setup()
    rows = encoded_rows(setup, "own")[:2]
    plain = store_base(toy, rows, None)
    adapted = Lora(rank=2).wrap_model(toy, setup)
    with torch.no_grad():
        for name, parameter in adapted.module.named_parameters():
            if "lora_B" in name:
                parameter += 1
    for (ids, values), (ids2, values2) in zip(plain, store_base(adapted, rows, None), strict=True):
        assert torch.equal(ids, ids2)
        assert torch.allclose(values, values2, atol=1e-5)


def test_general_batch_counts_tokens_without_padding(make_setup):
    rows = encoded_rows(make_setup(), "own")
    batch = GeneralStream(rows, 3, seed=0).batch(0, 2, "cpu")
    assert isinstance(batch, GeneralBatch)
    assert batch.tokens == sum(len(rows[i].input_ids) for i in batch.rows)


def test_what_the_bucket_hides_is_the_rest_times_the_divergence_within_it(logits):
    """The bound that the docstring states is an equality: the chain rule of the divergence."""
    base, tuned = (one.double() for one in logits)
    for k in (1, 5, 20):
        stored = base.log_softmax(-1).topk(k, dim=-1)
        rest = 1 - stored.values.exp().sum(-1)
        keep = torch.ones_like(base, dtype=torch.bool).scatter(-1, stored.indices, False)
        within = full_kl(*(one[keep].view(7, -1) for one in (base, tuned)))
        hidden = full_kl(base, tuned) - divergence(tuned, stored.indices, stored.values)
        assert torch.allclose(hidden, rest * within, atol=1e-6)


def test_the_target_is_deleted_from_both_before_they_are_compared(logits):
    base, tuned = logits
    target = torch.arange(7)
    keep = torch.ones_like(base, dtype=torch.bool).scatter(-1, target[:, None], False)
    expected = full_kl(base[keep].view(7, -1), tuned[keep].view(7, -1))
    stored = without(base, target).log_softmax(-1).topk(49, dim=-1)
    assert torch.allclose(divergence(tuned, stored.indices, stored.values, target), expected, atol=1e-5)
    assert torch.allclose(divergence_of_logits(tuned, base, target), expected, atol=1e-5)
    raised = tuned.scatter_add(-1, target[:, None], torch.full((7, 1), 5.0))
    assert torch.allclose(divergence_of_logits(raised, base, target), expected, atol=1e-5), "the target is free to rise"
    assert not torch.allclose(divergence_of_logits(raised, base), divergence_of_logits(tuned, base), atol=0.1)


def test_no_gradient_pushes_the_deleted_target(logits):
    base, tuned = logits[0], logits[1].clone().requires_grad_()
    target = torch.arange(7)
    stored = without(base, target).log_softmax(-1).topk(10, dim=-1)
    divergence(tuned, stored.indices, stored.values, target).sum().backward()
    assert tuned.grad.isfinite().all() and tuned.grad.abs().sum() > 0
    assert (tuned.grad.gather(-1, target[:, None]) == 0).all()


@pytest.fixture
def setting(make_setup, toy, task_rows):
    """A setup that is about to train on twenty task rows and, of other lengths, four rehearsed ones."""
    setup = make_setup()
    return replace(setup, rows=[setup.encode(one) for one in task_rows] + encoded_rows(setup, "own")[:4])


def task_batch(setup, places):
    """Task rows as a trainer batches them: shuffled and padded on the right."""
    return GeneralStream([setup.rows[i] for i in places], len(places), 0).batch(0, 2, "cpu").tensors


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("base", ["stored", "adapter_off"])
def test_on_task_rows_it_begins_at_zero_and_both_ways_of_asking_agree(setting, toy, mask, base):
    model = Lora(rank=4).wrap_model(toy, setting)
    top_k = None if base == "stored" else 256
    penalty = KlToBase(on="task", mask_target=mask, base=base, top_k=top_k).penalty(model, setting)
    batch = task_batch(setting, [3, 17, 5, 0])
    assert penalty(Step(model.module, batch, lambda name: None)).item() == pytest.approx(0, abs=1e-6)
    with torch.no_grad():
        for name, parameter in model.module.named_parameters():
            if "lora_B" in name:
                parameter += 0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(name)))
    value = penalty(Step(model.module, batch, lambda name: None))
    with torch.no_grad():
        tuned = labelled_logits(model.module, batch)
        with model.as_base():
            start = labelled_logits(model.module, batch)
        labels = batch["labels"][:, 1:]
        target = labels[labels != -100] if mask else None
    assert value.item() == pytest.approx(divergence_of_logits(tuned, start, target).mean().item(), rel=1e-4)
    assert value.item() > 1e-3
    value.backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.module.parameters())


def test_on_both_it_is_the_sum(setting, toy):
    kinds = {on: KlToBase(on=on, top_k=None).penalty(toy, setting) for on in ("general", "task", "both")}
    with torch.no_grad():
        for parameter in toy.module.parameters():
            parameter += 0.1
    stream = GeneralStream(encoded_rows(setting, "own"), 4, seed=0)
    batch = task_batch(setting, [1, 2])
    values = {
        on: penalty(Step(toy.module, batch, lambda name: stream.batch(0, 2, "cpu"))).item()
        for on, penalty in kinds.items()
    }
    assert values["both"] == pytest.approx(values["general"] + values["task"], rel=1e-5)
    nothing = Step(toy.module, batch, lambda name: None)
    assert kinds["both"](nothing).item() == pytest.approx(values["task"], rel=1e-5), "a step without general rows"


def gradients(setting, folder, tmp_path, batch, accumulation, load_in="fp32"):
    """Gradients of the first update's penalty alone, on task rows and general text, and the logged penalty."""
    model = load_causal(str(folder), load_in)
    prepare_precision(model)
    penalty = KlToBase(on="both").penalty(model, setting)
    shift = 0.05 if load_in == "fp32" else 0.0
    with torch.no_grad():
        for parameter in model.module.parameters():
            parameter += shift
    streams = {"own": GeneralStream(encoded_rows(setting, "own"), 1.5 * batch / 2, 0)}
    arguments = SFTConfig(
        output_dir=str(tmp_path / "out"), per_device_train_batch_size=batch, gradient_accumulation_steps=accumulation,
        use_cpu=True, bf16=load_in != "fp32", report_to="none", disable_tqdm=True, max_length=64, eos_token=None,
        max_steps=1, learning_rate=0.0, logging_steps=1, save_strategy="no",
    )  # fmt: skip
    found = {}

    def nothing_of_the_task(step):
        return torch.zeros(len(step.task_logits))

    class Watched(with_penalties(SFTTrainer, {"kl": penalty}, streams, [nothing_of_the_task])):
        def training_step(self, *args, **kwargs):
            loss = super().training_step(*args, **kwargs)
            found.update({n: p.grad.clone() for n, p in self.model.named_parameters() if p.grad is not None})
            return loss

    rows = [{"input_ids": row.input_ids, "labels": row.labels} for row in setting.rows[16:24]]
    trainer = Watched(
        model=model.module, args=arguments, train_dataset=Dataset.from_list(rows), processing_class=model.tokenizer
    )
    trainer.train()
    return found, next(entry["kl"] for entry in trainer.state.log_history if "kl" in entry)


def test_its_gradient_is_the_same_however_an_update_is_cut_into_passes(setting, toy_folder, tmp_path):
    whole, _ = gradients(setting, toy_folder, tmp_path, 8, 1)
    parts, _ = gradients(setting, toy_folder, tmp_path, 2, 4)
    assert whole.keys() == parts.keys() and any(grad.abs().max() > 1e-3 for grad in whole.values())
    for name in whole:
        assert torch.allclose(whole[name], parts[name], atol=1e-5), name


def test_the_base_is_stored_in_the_precision_of_training(setting, toy_folder, tmp_path):
    """fp32 weights under bf16 arithmetic, on both sides: nothing has moved before the first step."""
    _, value = gradients(setting, toy_folder, tmp_path, 8, 1, "bf16")
    assert value == pytest.approx(0, abs=1e-6)


def test_what_was_stored_is_read_again(setting, toy, monkeypatch):
    KlToBase(on="both", top_k=8).penalty(toy, setting)
    asked = []
    monkeypatch.setattr("retain.mitigations.asked_base.store_base", lambda *args: asked.append(1) or store_base(*args))
    KlToBase(on="both", top_k=8, weight=3).penalty(toy, setting)
    assert not asked
    KlToBase(on="both", top_k=9).penalty(toy, setting)
    assert asked


def test_adapter_off_stores_nothing_and_asks_the_base_in_each_step(setting, toy, monkeypatch):
    model = Lora(rank=2).wrap_model(toy, setting)
    monkeypatch.setattr("retain.mitigations.asked_base.store_base", lambda *args: 1 / 0)
    penalty = KlToBase(on="task", base="adapter_off").penalty(model, setting)
    with pytest.raises(ZeroDivisionError):
        KlToBase(on="task").penalty(model, setting)
    asked = []

    def counted(module, batch):
        asked.append(torch.is_grad_enabled())
        return labelled_logits(module, batch)

    monkeypatch.setattr("retain.mitigations.kl_to_base.labelled_logits", counted)
    model.module.train()
    penalty(Step(model.module, task_batch(setting, [0, 1]), lambda name: None))
    assert asked == [False] and model.module.training


def test_adapter_off_needs_an_adapter(make_setup, toy):
    with pytest.raises(UserError, match="needs an adapter"):
        KlToBase(base="adapter_off").penalty(toy, make_setup())


@pytest.mark.parametrize("base", ["stored", "adapter_off"])
def test_a_row_without_a_labelled_token_adds_nothing(setting, toy, base):
    row = setting.rows[0]
    setup = replace(setting, rows=[*setting.rows, row.model_copy(update={"labels": [-100] * len(row.labels)})])
    model = Lora(rank=2).wrap_model(toy, setup)
    penalty = KlToBase(on="task", base=base).penalty(model, setup)
    with torch.no_grad():
        for name, parameter in model.module.named_parameters():
            if "lora_B" in name:
                parameter += 0.3

    def value(places):
        return penalty(Step(model.module, task_batch(setup, places), lambda name: None, task_share=1.0))

    last = len(setting.rows)
    assert value([last]) is None
    assert value([3, last]).item() == pytest.approx(value([3]).item(), rel=1e-4)


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"on": "task", "share": 0.5}, "share has no effect"),
        ({"on": "task", "general": "own"}, "general has no effect"),
        ({"mask_target": False}, "mask_target has no effect"),
        ({"base": "adapter_off"}, "needs an adapter"),
        ({"base": "adapter_off", "top_k": 3}, "top_k has no effect"),
    ],
)
def test_knobs_without_effect_are_refused(toy_recipe, knobs, said):
    with pytest.raises(UserError, match=said):
        parse_recipe(toy_recipe(mitigations=[{"kind": "kl_to_base", **knobs}]))


def test_on_the_task_it_needs_no_general_text(toy_recipe, colour_file):
    recipe = toy_recipe(
        data={"train": str(colour_file), "held_out": 0.3}, mitigations=[{"kind": "kl_to_base", "on": "task"}]
    )
    assert parse_recipe(recipe).mitigations[0].on == "task"


def test_rows_that_are_not_trained_are_told_apart(setting, toy):
    penalty = KlToBase(on="task").penalty(toy, setting)
    stranger = as_batch(encoded_rows(setting, "own")[10], "cpu")
    with pytest.raises(BrokenError, match="none of the training rows"):
        penalty(Step(toy.module, stranger, lambda name: None))
