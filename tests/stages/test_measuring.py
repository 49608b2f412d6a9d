"""What is measured once and found again, and what must not be."""

import json

import pytest
import torch
from peft import LoraConfig, get_peft_model

from retain.commands.compare import compare
from retain.errors import UserError
from retain.models.load import load_causal
from retain.pipeline import run_recipe
from retain.probes.suites import load_suite
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.stages.measuring import measure_probes


@pytest.fixture
def probe(toy_suite):
    return load_suite(toy_suite).probes[0]


def run(recipe, folder):
    return run_recipe(parse_recipe(recipe), folder, Progress(quiet=True))


def test_a_file_of_another_model_in_the_folder_is_not_taken(toy, probe, tmp_path):
    measure_probes(toy, [probe], "test", tmp_path)
    with torch.no_grad():
        toy.module.model.embed_tokens.weight.mul_(1.5)
    changed = toy.renewed()
    assert measure_probes(changed, [probe], "test", tmp_path)[0].model == changed.fingerprint


def test_a_measurement_says_why_requests_could_not_share_their_work(toy, tmp_path, monkeypatch):
    """And only then: the scores are the same, so that a comparison notes it and goes on."""
    from retain.comparison.compare import compare as compare_measurements
    from retain.probes.multiple_choice import MultipleChoice

    items = [{"query": f"say {one}", "choices": ["blue", "green"], "gold": 0} for one in "a b c d e".split()]
    probe = MultipleChoice(name="choice", capability="choice", items=tuple(items))
    shared = measure_probes(toy, [probe], "test", None)
    assert "unshared" not in shared[0].settings

    def refusing(*args, attention_mask=None, **kwargs):
        if attention_mask is not None and attention_mask.dim() == 4:
            raise ValueError("masks have two dimensions")
        return plain(*args, attention_mask=attention_mask, **kwargs)

    other = load_causal(toy.name, "fp32")
    plain = other.module.forward
    monkeypatch.setattr(other.module, "forward", refusing)
    single = measure_probes(other, [probe], "test", None)
    assert "masks have two dimensions" in single[0].settings["unshared"]
    assert single[0].scores == shared[0].scores
    assert any("did not share their work" in note for note in compare_measurements(shared, single).notes)


def test_a_run_does_not_go_on_with_another_suite(toy_recipe, tmp_path, toy_suite):
    run(toy_recipe(), tmp_path / "run")
    (tmp_path / "run" / "after.json").unlink()
    lines = (toy_suite.parent / "say.jsonl").read_text().splitlines()
    (toy_suite.parent / "say.jsonl").write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(UserError, match=r"suite .* has changed since this run began"):
        run(toy_recipe(), tmp_path / "run")


def test_a_run_does_not_go_on_with_another_base(toy, toy_recipe, tmp_path, toy_folder):
    import shutil

    base = tmp_path / "base"
    shutil.copytree(toy_folder, base)
    recipe = toy_recipe(model={"base": str(base), "load_in": "fp32"})
    run(recipe, tmp_path / "run")
    (tmp_path / "run" / "training.json").unlink()
    with torch.no_grad():
        toy.module.model.embed_tokens.weight.mul_(1.5)
    toy.module.save_pretrained(base)
    with pytest.raises(UserError, match="not the model that was measured when this run began"):
        run(recipe, tmp_path / "run")


def test_an_adapter_is_no_base_to_train(toy, toy_recipe, tmp_path, toy_folder):
    module = get_peft_model(toy.module, LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
    module.peft_config["default"].base_model_name_or_path = str(toy_folder)
    module.save_pretrained(tmp_path / "adapter")
    with pytest.raises(UserError, match=r"is an adapter\. Merge it"):
        run(toy_recipe(model={"base": str(tmp_path / "adapter"), "load_in": "fp32"}), tmp_path / "run")


def test_compare_finds_what_the_run_found(toy_recipe, tmp_path, toy_folder, toy_suite):
    """Two ways to one measurement: a run's own, and comparing its two models afterwards."""
    record = run(toy_recipe(mitigations=[{"kind": "lora", "rank": 4}]), tmp_path / "run")
    tuned = str(tmp_path / "run" / "tuned")
    again = compare(str(toy_folder), tuned, str(toy_suite), "fp32", progress=Progress(quiet=True))
    for side in ("before", "after"):
        own = {one.probe: one for one in getattr(record, side) if one.probe != "task"}
        assert {one.probe: one for one in getattr(again, side)} == own
    assert [one.delta for one in again.comparison.losses] == [one.delta for one in record.comparison.losses]


def test_an_adapters_own_chat_template_is_used(toy, toy_folder, tmp_path):
    module = get_peft_model(toy.module, LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
    module.peft_config["default"].base_model_name_or_path = str(toy_folder)
    module.save_pretrained(tmp_path / "adapter")
    assert load_causal(str(tmp_path / "adapter"), "fp32").tokenizer.chat_template == toy.tokenizer.chat_template
    toy.tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }} . {% endfor %}"
    toy.tokenizer.save_pretrained(tmp_path / "adapter")
    assert load_causal(str(tmp_path / "adapter"), "fp32").tokenizer.chat_template == toy.tokenizer.chat_template


def test_a_model_with_sampling_values_but_no_do_sample_can_be_trained_and_saved(toy_recipe, tmp_path, toy_folder):
    import shutil

    base = tmp_path / "base"
    shutil.copytree(toy_folder, base)
    settings = json.loads((base / "generation_config.json").read_text())
    (base / "generation_config.json").write_text(json.dumps({**settings, "temperature": 0.6, "top_p": 0.9}))
    training = {"learning_rate": 0.01, "epochs": 1, "batch_size": 8, "max_length": 64}
    record = run(toy_recipe(model={"base": str(base), "load_in": "fp32"}, training=training), tmp_path / "run")
    assert load_causal(str(tmp_path / "run" / "tuned"), "fp32").fingerprint == record.after[0].model
