"""What goes with several processes, as a recipe says it."""

import json
from pathlib import Path

import pytest

from retain.errors import UserError
from retain.process_rules import abilities, ability_table, check_processes, engine_of, process_problems, refusal
from retain.recipe import parse_recipe
from retain.registry import units

LORA = {"kind": "lora"}
GENERAL = [{"name": "own", "source": "base_model", "count": 10}]


def recipe(training=None, mitigations=(), **sections):
    data = {"train": "rows.jsonl", "general": GENERAL}
    model = {"base": "builtin:smollm2-135m"}
    return parse_recipe(
        {"model": model, "data": data, "training": training or {}, "mitigations": list(mitigations), **sections}
    )


def test_one_process_is_never_refused():
    check_processes(recipe({"batch_size": 3, "extra": {"fsdp": True}}, [{"kind": "l2_to_base"}]), 1)


def test_the_engine_is_what_the_recipe_or_the_launcher_asks_for(monkeypatch, tmp_path):
    assert engine_of(recipe()) == "DDP"
    assert engine_of(recipe({"extra": {"fsdp": True}})) == "FSDP2"
    assert engine_of(recipe({"extra": {"deepspeed": {"zero_optimization": {"stage": 2}}}})) == "DeepSpeed"
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(UserError, match="--fsdp_version 2"):
        engine_of(recipe())
    monkeypatch.setenv("FSDP_VERSION", "2")
    assert engine_of(recipe()) == "FSDP2"
    with pytest.raises(UserError, match="first version"):
        engine_of(recipe({"extra": {"fsdp": True, "fsdp_config": {"version": 1}}}))
    config = tmp_path / "zero.json"
    config.write_text(json.dumps({"zero_optimization": {"stage": 3}}))
    with pytest.raises(UserError, match="ZeRO stage 3"):
        engine_of(recipe({"extra": {"deepspeed": str(config)}}))


def test_rows_that_cannot_be_dealt_evenly_are_refused_with_what_can():
    with pytest.raises(UserError, match="use 6 or 9"):
        check_processes(recipe({"batch_size": 8}), 3)
    check_processes(recipe({"batch_size": 9}), 3)


@pytest.mark.parametrize(
    ("training", "found"),
    [
        ({"extra": {"train_sampling_strategy": "batch_rebalance"}}, "train_sampling_strategy"),
        ({"extra": {"average_tokens_across_devices": False}}, "average_tokens_across_devices"),
        ({"method": "dpo", "preference": {"nll": 0.5}}, "training.preference.nll"),
        ({"method": "dpo", "extra": {"fsdp": True}}, "training.method: dpo"),
    ],
)
def test_settings_that_would_give_another_curve_are_refused(training, found):
    with pytest.raises(UserError, match=found):
        check_processes(recipe(training), 2)


@pytest.mark.parametrize(
    ("mitigations", "refused"),
    [
        ([{"kind": "l2_to_base"}], ["FSDP2", "DeepSpeed"]),
        ([LORA, {"kind": "l2_to_base"}], ["FSDP2"]),
        ([{"kind": "ewc"}], ["FSDP2", "DeepSpeed"]),
        ([LORA, {"kind": "kl_to_base", "base": "adapter_off"}], ["FSDP2"]),
        ([LORA, {"kind": "kl_to_base"}, {"kind": "early_stop"}, {"kind": "strength"}], []),
        ([{"kind": "rehearsal"}, {"kind": "freeze"}, {"kind": "token_weighting"}], []),
    ],
)
def test_each_mitigation_says_itself_what_it_does_not_go_with(mitigations, refused):
    found = abilities(recipe(mitigations=mitigations))
    assert [engine for engine, reasons in found.items() if reasons] == refused
    for engine in refused:
        assert mitigations[-1]["kind"] in found[engine][0] and len(found[engine][0]) > 60


def test_every_mitigation_goes_with_ddp():
    for kind, unit in units("mitigations").items():
        assert refusal(unit(), "DDP") == "", kind


def test_problems_without_a_number_of_processes_leave_the_batch_out():
    assert process_problems(recipe({"batch_size": 7}), "DDP") == []


def test_the_guide_has_the_table_that_the_code_gives():
    guide = Path(__file__).parents[1] / "docs" / "guides" / "several_processes.md"
    table = "\n".join(ability_table())
    assert table in guide.read_text(), f"put this into {guide.name}:\n{table}"
    assert table.count("refused") >= 5
