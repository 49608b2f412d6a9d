import toys
from peft import PromptTuningConfig, get_peft_model

from retain.scoring import engine_check
from retain.scoring.engine_check import ability, unsuited


def test_what_speaks_against_a_model_is_said():
    scaled = toys.llama(rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0})
    tuned = get_peft_model(toys.llama(), PromptTuningConfig(num_virtual_tokens=2, task_type="CAUSAL_LM"))
    assert unsuited(toys.llama()) is None
    assert unsuited(toys.mistral(6)) is None
    assert unsuited(toys.mamba()) == "recurrent state"
    assert "longest sequence of a batch" in unsuited(scaled)
    assert unsuited(tuned) == "a learned prompt is put before every input"


def test_a_model_is_tried_once(monkeypatch):
    module = toys.llama()
    passes = []
    module.register_forward_pre_hook(lambda *_: passes.append(1))
    first = ability(module, toys.prompts((9,))[0], 0)
    tried = len(passes)
    assert ability(module, toys.prompts((30,))[0], 0) == first
    assert tried == len(passes) > 0
    assert first.reason is None
    assert first.bytes_per_token == 2 * 2 * 2 * 8 * 4  # layers, keys and values, heads, size, bytes


def test_a_model_that_does_not_take_the_cache_is_told(monkeypatch):
    def refuse(*args, **values):
        raise TypeError("no such cache")

    monkeypatch.setattr(engine_check, "write_continuously", refuse)
    assert ability(toys.llama(), [5, 6, 7], 0).reason == "it does not take our cache (TypeError: no such cache)"
