"""Token weighting: each rule's weights are its formula's, and they meet their own tokens in any batch."""

import math
from dataclasses import replace

import pytest
import torch

from retain.errors import UserError
from retain.mitigations.asked_base import target_logprobs
from retain.mitigations.base import Step
from retain.mitigations.token_weighting import TokenWeighting, median_loss
from retain.models.logits import labelled_logits
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.training.stream import GeneralStream


@pytest.fixture
def said():
    return []


@pytest.fixture
def setting(make_setup, task_rows, said):
    setup = make_setup()
    return replace(setup, rows=[setup.encode(one) for one in task_rows], note=said.append)


def step(toy, setup, places):
    rows = [setup.rows[i] for i in places]
    stream = GeneralStream(rows, len(rows), 0)
    batch = stream.batch(0, 2, "cpu")
    return Step(toy.module, batch.tensors, lambda name: None), [places[i] for i in batch.rows]


def by_definition(toy, row):
    """log p of each labelled token, from the plain logits of the row alone."""
    with torch.no_grad():
        logprobs = toy.module(torch.tensor([row.input_ids])).logits[0].log_softmax(-1)
    return torch.tensor([logprobs[i, label].item() for i, label in enumerate(row.labels[1:]) if label != -100])


def test_the_bases_log_probabilities_are_those_of_the_labelled_tokens(toy, setting):
    for row, found in zip(setting.rows, target_logprobs(toy, setting, setting.rows), strict=True):
        assert torch.allclose(found, by_definition(toy, row), atol=1e-5)


def test_stm_drops_what_is_above_the_threshold_and_keeps_the_mean(toy, setting, said):
    losses = torch.cat([-by_definition(toy, row) for row in setting.rows])
    threshold = math.exp(losses.median().item() + 1e-4)
    weigh = TokenWeighting(threshold=threshold).weigh_tokens(toy, setting)
    one, places = step(toy, setting, [4, 11, 2])
    expected = torch.cat([(-by_definition(toy, setting.rows[i]) <= math.log(threshold)).float() for i in places])
    kept = (losses <= math.log(threshold)).sum().item()
    assert torch.allclose(weigh(one), expected * len(losses) / kept)
    everything, _ = step(toy, setting, list(range(len(setting.rows))))
    assert weigh(everything).mean().item() == pytest.approx(1.0, rel=1e-5)
    empty = sum((-by_definition(toy, row) > math.log(threshold)).all().item() for row in setting.rows)
    assert f"dropped {len(losses) - kept} of {len(losses)}" in said[0] and f"{empty} of 20 rows lost all" in said[0]


def test_stm_that_would_drop_everything_is_refused(toy, setting):
    with pytest.raises(UserError, match="nothing is left to train"):
        TokenWeighting(threshold=1.0000001).weigh_tokens(toy, setting)


def test_talr_weighs_by_the_model_of_the_moment_without_gradient(toy, setting):
    weigh = TokenWeighting(rule="talr", tau=2.0, floor=0.2).weigh_tokens(toy, setting)
    with torch.no_grad():
        for parameter in toy.module.parameters():
            parameter += 0.1
    one, places = step(toy, setting, [0, 19, 7])
    expected = torch.cat([by_definition(toy, setting.rows[i]) for i in places])
    found = weigh(one)
    assert torch.allclose(found, (expected / 2).exp().clamp(min=0.2), atol=1e-5) and not found.requires_grad
    assert found.min() == pytest.approx(0.2) and found.max() > 0.2


def test_flow_weighs_whole_rows_by_their_loss_under_the_base(toy, setting):
    losses = [-by_definition(toy, row).mean() for row in setting.rows]
    median = torch.stack(losses).median()
    for knobs, tau in (({}, median), ({"tau": 0.7}, 0.7)):
        weigh = TokenWeighting(rule="flow", **knobs).weigh_tokens(toy, setting)
        one, places = step(toy, setting, [8, 1])
        expected = torch.cat(
            [torch.exp(-losses[i] / tau).expand(len(by_definition(toy, setting.rows[i]))) for i in places]
        )
        assert torch.allclose(weigh(one), expected, atol=1e-5)
    assert torch.isclose(torch.tensor(median_loss(target_logprobs(toy, setting, setting.rows))), median)


def test_the_median_rows_weight_is_1_over_e(toy, setting):
    weigh = TokenWeighting(rule="flow").weigh_tokens(toy, setting)
    everything, _ = step(toy, setting, list(range(20)))
    assert torch.isclose(weigh(everything), torch.tensor(math.exp(-1)), atol=1e-5).any()


def test_the_base_is_asked_once(toy, setting, monkeypatch):
    first = target_logprobs(toy, setting, setting.rows)
    monkeypatch.setattr("retain.mitigations.asked_base.labelled_logits", lambda *args: 1 / 0)
    again = target_logprobs(toy, setting, setting.rows)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


def test_a_run_that_was_killed_asks_only_for_what_is_missing(toy, setting, monkeypatch):
    monkeypatch.setattr("retain.mitigations.asked_base.PART", 8)
    asked = []

    def dies(module, batch):
        asked.append(1)
        if len(asked) == 12:
            raise KeyboardInterrupt
        return labelled_logits(module, batch)

    monkeypatch.setattr("retain.mitigations.asked_base.labelled_logits", dies)
    with pytest.raises(KeyboardInterrupt):
        target_logprobs(toy, setting, setting.rows)
    found = target_logprobs(toy, setting, setting.rows)
    assert len(asked) == 12 + 12, "the first part of eight was kept"
    for row, one in zip(setting.rows, found, strict=True):
        assert torch.allclose(one, by_definition(toy, row), atol=1e-5)


@pytest.mark.parametrize(
    ("rule", "knob"),
    [("stm", "tau"), ("stm", "floor"), ("talr", "threshold"), ("flow", "threshold"), ("flow", "floor")],
)
def test_a_knob_that_the_rule_does_not_read_is_refused(toy_recipe, rule, knob):
    value = 0.5 if knob == "floor" else 2.0
    with pytest.raises(UserError, match=f"{knob} has no effect with rule: {rule}"):
        parse_recipe(toy_recipe(mitigations=[{"kind": "token_weighting", "rule": rule, knob: value}]))


@pytest.mark.parametrize(
    ("extra", "refused"),
    [
        ({"label_smoothing_factor": 0.1}, "label_smoothing_factor: 0.1 would have no effect"),
        ({"loss_type": "dft"}, "loss_type: dft would have no effect"),
        ({"loss_type": "nll", "label_smoothing_factor": 0.0, "adam_beta1": 0.8}, None),
        ({"router_aux_loss_coef": 0.01}, None),
    ],
    ids=str,
)
def test_another_loss_is_refused(toy_recipe, extra, refused):
    recipe = toy_recipe(training={"extra": extra}, mitigations=[{"kind": "token_weighting"}])
    if refused is None:
        parse_recipe(recipe)
    else:
        with pytest.raises(UserError, match=f"token_weighting.*{refused}"):
            parse_recipe(recipe)


@pytest.mark.parametrize("knobs", [{"threshold": 30.0}, {"rule": "talr"}, {"rule": "flow"}], ids=str)
def test_a_row_without_a_labelled_token_changes_no_weight(toy, setting, said, knobs):
    row = setting.rows[0]
    more = replace(setting, rows=[*setting.rows, row.model_copy(update={"labels": [-100] * len(row.labels)})])
    one, _ = step(toy, setting, [4, 11, 2])
    usual = TokenWeighting(**knobs).weigh_tokens(toy, setting)(one)
    weigh = TokenWeighting(**knobs).weigh_tokens(toy, more)
    assert torch.isfinite(usual).all() and torch.equal(weigh(one), usual)
    alone, _ = step(toy, more, [len(setting.rows)])
    assert weigh(alone).shape == (0,)
    lost = [note.split("; ")[1].split(" of ")[0] for note in said]
    assert len(set(lost)) <= 1, "it is not counted as a row that lost its tokens"


def test_rows_without_any_labelled_token_are_refused(toy, setting):
    rows = [row.model_copy(update={"labels": [-100] * len(row.labels)}) for row in setting.rows]
    with pytest.raises(UserError, match="no training row has a labelled token"):
        TokenWeighting(rule="flow").weigh_tokens(toy, replace(setting, rows=rows))


def test_packed_rows_are_refused(toy_recipe):
    recipe = toy_recipe(training={"packing": True}, mitigations=[{"kind": "token_weighting"}])
    with pytest.raises(UserError, match="rows cannot be packed"):
        parse_recipe(recipe)


def test_the_report_says_what_was_dropped(toy_recipe, tmp_path):
    recipe = toy_recipe(
        training={"learning_rate": 0.02, "epochs": 1, "batch_size": 4, "max_length": 64, "checkpoints": 0},
        mitigations=[{"kind": "lora", "rank": 2}, {"kind": "token_weighting", "threshold": 30}],
    )
    record = run_recipe(parse_recipe(recipe), tmp_path / "run", Progress(quiet=True))
    assert any("token_weighting (stm) dropped" in note for note in record.training.notes)
