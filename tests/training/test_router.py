"""A mixture-of-experts model's routers are trained beside every loss of ours as beside the trainer's own."""

import functools

import pytest
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import (
    DataCollatorForSeq2Seq,
    MixtralConfig,
    MixtralForCausalLM,
    OlmoeConfig,
    OlmoeForCausalLM,
    Qwen2MoeConfig,
    Qwen2MoeForCausalLM,
    Trainer,
    TrainingArguments,
)
from trl import SFTConfig, SFTTrainer

from retain.errors import UserError
from retain.training.trainer import with_penalties

ROWS = [[4 + (i * 7 + j) % 30 for j in range(4 + i % 5)] for i in range(8)]
DATA = [{"input_ids": row, "labels": [-100, -100, *row[2:]]} for row in ROWS]
FAMILIES = {
    "mixtral": (MixtralForCausalLM, MixtralConfig, {"num_local_experts": 4, "sliding_window": None}),
    "qwen2_moe": (
        Qwen2MoeForCausalLM,
        Qwen2MoeConfig,
        {"num_experts": 4, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16},
    ),
    "olmoe": (OlmoeForCausalLM, OlmoeConfig, {"num_experts": 4}),
}


def experts(family="mixtral", router=True, lora=False):
    """A model of one layer and four experts, of which each token takes two."""
    kind, config, own = FAMILIES[family]
    torch.manual_seed(0)
    model = kind(
        config(
            vocab_size=41, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
            num_key_value_heads=2, num_experts_per_tok=2, max_position_embeddings=64, bos_token_id=1, eos_token_id=2,
            pad_token_id=2, initializer_range=0.2, output_router_logits=router, router_aux_loss_coef=0.5, **own,
        )
    )  # fmt: skip
    return get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")) if lora else model


def ones(step):
    return torch.ones(len(step.task_logits))


def first_update(tmp_path, tokenizer, base, model, own=True, weights=(), accumulation=1, **extra):
    """The logged loss of an update of eight rows, and the gradients that it took."""
    given = {
        "output_dir": str(tmp_path / "out"), "per_device_train_batch_size": 8 // accumulation, "use_cpu": True,
        "gradient_accumulation_steps": accumulation, "report_to": "none", "disable_tqdm": True, "max_steps": 1,
        "logging_steps": 1, "save_strategy": "no", "max_grad_norm": 1e9,
    }  # fmt: skip
    more = {}
    if base is Trainer:
        arguments, more["data_collator"] = TrainingArguments(**given, **extra), DataCollatorForSeq2Seq(tokenizer)
    else:
        arguments = SFTConfig(**given, bf16=False, max_length=64, eos_token=None, **extra)
    found = {}

    class Watched(with_penalties(base, {}, weights=weights) if own else base):
        def _get_grad_norm(self, *args, **kwargs):
            found.update({n: p.grad.clone() for n, p in self.model.named_parameters() if p.grad is not None})
            return super()._get_grad_norm(*args, **kwargs)

    trainer = Watched(
        model=model, args=arguments, train_dataset=Dataset.from_list(DATA), processing_class=tokenizer, **more
    )
    trainer.train()
    return trainer.state.log_history[0]["loss"], found


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("base", [Trainer, SFTTrainer])
@pytest.mark.parametrize("weights", [(), (ones,)], ids=["plain", "weighted"])
def test_the_loss_is_the_trainers_own_with_the_routers_in_it(family, base, weights, toy_tokenizer, tmp_path):
    theirs, wanted = first_update(tmp_path, toy_tokenizer, base, experts(family), own=False)
    loss, found = first_update(tmp_path, toy_tokenizer, base, experts(family), weights=weights)
    assert loss == pytest.approx(theirs, rel=1e-5)
    assert found.keys() == wanted.keys()
    for name in wanted:
        assert torch.allclose(found[name], wanted[name], atol=1e-5), name
    off = {"router_aux_loss_coef": 0.0} if base is SFTTrainer else {}
    without, _ = first_update(tmp_path, toy_tokenizer, base, experts(family, router=False), weights=weights, **off)
    assert loss > without + 0.5


def test_trl_trains_routers_whatever_the_configuration_says_and_so_do_weighted_tokens(toy_tokenizer, tmp_path):
    theirs, _ = first_update(tmp_path, toy_tokenizer, SFTTrainer, experts(router=False), own=False)
    loss, _ = first_update(tmp_path, toy_tokenizer, SFTTrainer, experts(router=False), weights=[ones])
    assert loss == pytest.approx(theirs, rel=1e-5)
    other, _ = first_update(tmp_path, toy_tokenizer, SFTTrainer, experts(), weights=[ones], router_aux_loss_coef=0.25)
    off, _ = first_update(tmp_path, toy_tokenizer, SFTTrainer, experts(), weights=[ones], router_aux_loss_coef=0.0)
    assert other - off == pytest.approx((loss - off) / 2, rel=1e-4), "half the factor"


def test_it_is_a_mean_over_the_updates_passes_as_with_trl(toy_tokenizer, tmp_path):
    theirs, _ = first_update(tmp_path, toy_tokenizer, SFTTrainer, experts(), own=False, accumulation=4)
    for base in (SFTTrainer, Trainer):
        loss, _ = first_update(tmp_path, toy_tokenizer, base, experts(), weights=[ones], accumulation=4)
        assert loss == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("base", [Trainer, SFTTrainer])
def test_under_an_adapter_too(base, toy_tokenizer, tmp_path):
    theirs, _ = first_update(tmp_path, toy_tokenizer, base, experts(lora=True), own=False)
    loss, found = first_update(tmp_path, toy_tokenizer, base, experts(lora=True), weights=[ones])
    assert loss == pytest.approx(theirs, rel=1e-5)
    assert found and all("lora_" in name for name in found)


def test_a_factor_or_a_loss_that_is_not_known_is_refused(toy_tokenizer, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("retain.training.router.COEFFICIENT", "another_name")
        with pytest.raises(UserError, match="MixtralForCausalLM trains its routers, but has no another_name"):
            first_update(tmp_path, toy_tokenizer, Trainer, experts(), weights=[ones])
    plain = MixtralForCausalLM.forward

    @functools.wraps(plain)
    def forward(self, *args, output_router_logits=None, **kwargs):
        return plain(self, *args, output_router_logits=False, **kwargs)

    monkeypatch.setattr(MixtralForCausalLM, "forward", forward)
    with pytest.raises(UserError, match=r"gives no loss of theirs.*router_aux_loss_coef: 0"):
        first_update(tmp_path, toy_tokenizer, SFTTrainer, experts(), weights=[ones])
    without, _ = first_update(tmp_path, toy_tokenizer, Trainer, experts(), weights=[ones])
    theirs, _ = first_update(tmp_path, toy_tokenizer, Trainer, experts(), own=False)
    assert without == pytest.approx(theirs, rel=1e-5), "a model that has none trains as with transformers"
