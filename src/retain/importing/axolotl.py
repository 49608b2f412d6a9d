"""Reads an Axolotl configuration. Names of keys: Axolotl's schemas (axolotl/utils/schemas), 0.21."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retain.importing import trainer_keys as keys
from retain.importing.trainer_keys import Foreign

_MEMORY = "it changes speed or memory, not what is learned; Retain picks its own kernels"
_TEMPLATE = "rows are written with the model's own chat template"
_MACHINES = "name it to accelerate launch or torchrun"
_HERE = "a run writes into its own folder"
_SAVING = "see training.checkpoints"
_EARLY = "the mitigation early_stop stops by what is forgotten: retain list mitigations"
_CODE = "code of others is never run"
REASONS = {
    "output_dir": f"{_HERE} (--folder)",
    "dataset_prepared_path": f"{keys.LEFT_ALONE}: rows are prepared anew",
    "hf_use_auth_token": "log in to the Hub, and write no token into a file",
    "hub_*": "nothing is uploaded; upload what a run made yourself",
    "push_*": "nothing is uploaded; upload what a run made yourself",
    "save_*": _SAVING,
    "saves_per_epoch": _SAVING,
    "eval*": "Retain measures before and after, and dev rows during training (training.watch)",
    "logging_steps": "Retain logs as often as fits the number of updates",
    "resume_from_checkpoint": "run the same command again: it goes on where it stopped",
    "auto_resume_from_checkpoints": "run the same command again: it goes on where it stopped",
    "chat_template*": _TEMPLATE,
    "default_system_message": _TEMPLATE,
    "special_tokens": "the tokenizer stays as the base has it",
    "tokens": "the tokenizer stays as the base has it",
    "eot_tokens": _TEMPLATE,
    "added_tokens_overrides": "the tokenizer stays as the base has it",
    "tokenizer_*": "the base's own tokenizer is used",
    "model_type": "read from the base's config",
    "base_model_config": "read from the base's config",
    "is_*": "read from the base's config",
    "cls_model_config": "read from the base's config",
    "overrides_of_model_*": "a model is loaded as its own config says",
    "type_of_model": "read from the base's config",
    "processor_type": "Retain reads text",
    "image_*": "Retain reads text",
    "resize_token_embeddings_to_32x": "the tokenizer stays as the base has it",
    "mean_resizing_embeddings": "the tokenizer stays as the base has it",
    "shrink_embeddings": "the tokenizer stays as the base has it",
    "fix_untrained_tokens": "the tokenizer stays as the base has it",
    "revision_of_model": "Retain takes the main revision; name a folder for another",
    "trust_remote_code": _CODE,
    "plugins": _CODE,
    "deepspeed": _MACHINES,
    "fsdp*": _MACHINES,
    "ddp*": _MACHINES,
    "context_parallel_size": _MACHINES,
    "tensor_parallel_size": _MACHINES,
    "sequence_parallel_degree": _MACHINES,
    "world_size": _MACHINES,
    "dp_*": _MACHINES,
    "expert_parallel_size": _MACHINES,
    "accelerator_config": _MACHINES,
    "ray_*": _MACHINES,
    "use_ray": _MACHINES,
    "device": "the model is put on the first accelerator",
    "device_map": "the model is put on the first accelerator",
    "flash_*": _MEMORY,
    "xformers_attention": _MEMORY,
    "sdp_attention": _MEMORY,
    "eager_attention": _MEMORY,
    "attn_implementation": _MEMORY,
    "flex_attention": _MEMORY,
    "liger_*": _MEMORY,
    "cut_cross_entropy": _MEMORY,
    "torch_compile*": _MEMORY,
    "unsloth_*": _MEMORY,
    "lora_mlp_kernel": _MEMORY,
    "lora_qkv_kernel": _MEMORY,
    "lora_o_kernel": _MEMORY,
    "gradient_checkpointing_kwargs": _MEMORY,
    "activation_offloading": _MEMORY,
    "tf32": _MEMORY,
    "float16": "Retain trains in bf16 or fp32",
    "fp8": "Retain trains in bf16 or fp32",
    "bfloat16": "weights that are trained stay in fp32",
    "float32": "write model.load_in: fp32",
    "gptq": "4-bit weights are bitsandbytes' NF4",
    "qat": "Retain trains no quantised weights; retain export --to gguf writes them",
    "quantization": "Retain trains no quantised weights; retain export --to gguf writes them",
    "dataset_processes": _MEMORY,
    "dataset_num_proc": _MEMORY,
    "dataset_keep_in_memory": _MEMORY,
    "skip_prepare_dataset": f"{keys.LEFT_ALONE}: rows are prepared anew",
    "dataset_shard_*": "see data.limit",
    "remove_unused_columns": keys.LEFT_ALONE,
    "low_cpu_mem_usage": _MEMORY,
    "max_memory": _MEMORY,
    "gpu_memory_limit": _MEMORY,
    "gc_steps": _MEMORY,
    "batch_flattening": _MEMORY,
    "tiled_mlp*": _MEMORY,
    "use_kernels": _MEMORY,
    "chunked_cross_entropy*": _MEMORY,
    "s2_attention": "Retain does not change how a model attends",
    "multipack_*": _MEMORY,
    "pretrain_multipack_*": "documents are packed into sequences of training.max_length tokens",
    "pretraining_sample_concatenation": "documents are packed into sequences of training.max_length tokens",
    "max_prompt_len": "rows longer than training.max_length are cut, and counted",
    "dataloader_*": _MEMORY,
    "pad_to_sequence_len": _MEMORY,
    "sample_packing_*": _MEMORY,
    "group_by_length": "rows come in an order drawn by the seed",
    "shuffle_merged_datasets": "rows come in an order drawn by the seed",
    "curriculum_sampling": "rows come in an order drawn by the seed",
    "lora_model_dir": "merge the adapter, and name the merged folder as model.base",
    "lora_modules_to_save": "an adapter changes linear layers only",
    "lora_target_parameters": "an adapter changes linear layers only",
    "lora_*": "Retain's lora has no such knob",
    "init_lora_weights": "see lora.variant: retain list mitigations",
    "lora_fan_in_fan_out": "PEFT sees it for itself",
    "peft_*": "Retain's lora has no such knob",
    "peft": "Retain's lora has no such knob",
    "loraplus_*": "one learning rate trains the whole adapter",
    "lr_groups": "one learning rate trains all weights",
    "embedding_lr*": "one learning rate trains all weights",
    "unfrozen_parameters": "see the mitigation freeze: retain list mitigations",
    "relora*": "Retain has no ReLoRA",
    "adam_beta3": "the optimizer has its own defaults",
    "adam_epsilon2": "the optimizer has its own defaults",
    "galore*": "Retain has no GaLore",
    "optim_*": "the optimizer has its own defaults",
    "lr_scheduler_kwargs": "see training.lowest_rate and training.decay",
    "metric_for_best_model": _EARLY,
    "greater_is_better": _EARLY,
    "load_best_model_at_end": _EARLY,
    "do_*": "Retain measures before and after: retain list suites",
    "bench_*": "Retain measures before and after: retain list suites",
    "profiler_steps*": "Retain writes no profile",
    "include_tkps": "Retain counts tokens",
    "include_tokens_per_second": "Retain counts tokens",
    "early_stopping_patience": _EARLY,
    "loss_watchdog_*": "overfitting alarms watch the training: retain list alarms",
    "strict": keys.LEFT_ALONE,
    "debug": keys.LEFT_ALONE,
    "local_rank": _MACHINES,
    "wandb_*": "set it in the environment (WANDB_PROJECT ...)",
    "mlflow_*": "set it in the environment (MLFLOW_TRACKING_URI ...)",
    "comet_*": "set it in the environment",
    "dataset_exact_deduplication": "retain lint names duplicates and --fix writes a file without them",
    "excess_length_strategy": "longer rows are cut, and counted",
    "sequence_len_overflow_handling": "longer rows are cut, and counted",
    "min_sample_len": "no row is dropped for being short",
    "roles_to_train": "the assistant's turns are trained; see data.loss_on",
    "train_on_eos": "the end of each answer is trained",
    "trl": "its keys go under training.extra where they are TRL's own",
    "dpo_use_weighting": "see training.preference",
    "dpo_loss_type": "see training.preference.loss",
    "dpo_*": "Retain's training on pairs has no such knob: see training.preference",
    "dpo_label_smoothing": "label_smoothing goes with other losses of training.preference, such as robust",
    "rl_beta": "see training.preference.beta",
    "auto_find_batch_size": "retain check estimates memory; a smaller batch with more accumulation learns the same",
    "streaming": "rows are read as a whole",
    "noisy_embedding_alpha": "see training.extra.neftune_noise_alpha",
}
"""Keys without a counterpart, and why."""
WARMUP = 0.03
"""Axolotl's own share of the updates; it stops at 100 of them."""
_OF_A_SET = ("type", "path", "name", "split", "data_files", "ds_type")
"""What is read of an entry of ``datasets``."""
_EXTRA = {
    "adam_beta1": keys.number(0, 1),
    "adam_beta2": keys.number(0, 1),
    "adam_epsilon": keys.number(0),
    "neftune_noise_alpha": keys.number(0),
    "max_steps": keys.whole,
}
"""Keys that transformers and TRL spell alike."""


def is_axolotl(values: Mapping[str, Any]) -> bool:
    """Whether a configuration is one of Axolotl's, by its keys."""
    return "base_model" in values and bool({"datasets", "pretraining_dataset", "sequence_len"} & values.keys())


def read_axolotl(foreign: Foreign) -> None:
    """Take over what an Axolotl configuration says, and leave the rest with reasons.

    Raises:
        UserError: it trains in a way that Retain does not.
    """
    foreign.set("model.base", foreign.place(keys.text(foreign.read("base_model"))), "base_model")
    foreign.take("seed", "seed", keys.seed, 42)
    for key, convert in _EXTRA.items():
        foreign.take(key, f"training.extra.{key}", convert)
    _method(foreign)
    _adapter(foreign)
    _rows(foreign)
    _steps(foreign)
    _trackers(foreign)
    foreign.finish(REASONS)


def _method(foreign: Foreign) -> None:
    rl = foreign.read("rl")
    for switch in ("reward_model", "process_reward_model"):
        if not keys.is_off(foreign.keys.get(switch)):
            raise keys.refuse_method("Axolotl", switch, "true", "sft, dpo and pretrain")
    if rl not in (None, "dpo", "ipo"):
        raise keys.refuse_method("Axolotl", "rl", rl, "sft, dpo and pretrain")
    if rl is not None:
        foreign.set("training.method", "dpo", "rl")
        if rl == "ipo":
            foreign.set("training.preference.loss", "ipo", "rl")
        for key in ("dpo_beta", "rl_beta"):
            foreign.take(key, "training.preference.beta", keys.number(0, above=True))
        foreign.take("rpo_alpha", "training.preference.nll", keys.number(0))
    elif "pretraining_dataset" in foreign.keys or _first(foreign.keys.get("datasets")).get("type") == "completion":
        key = "pretraining_dataset" if "pretraining_dataset" in foreign.keys else "datasets: type: completion"
        foreign.set("training.method", "pretrain", key)
    else:
        foreign.set("training.method", "sft", "rows with answers, and no rl")


def _adapter(foreign: Foreign) -> None:
    kind, eight, four = foreign.read("adapter"), foreign.read("load_in_8bit"), foreign.read("load_in_4bit")
    if not keys.is_off(eight):
        foreign.leave("load_in_8bit", eight, "Retain loads fp32, bf16 or 4bit; bf16 is written")
    quantised = "adapter: qlora" if kind == "qlora" else "load_in_4bit" if not keys.is_off(four) and kind else None
    keys.precision(foreign, quantised)
    if kind not in (None, "lora", "qlora"):
        foreign.leave("adapter", kind, "Retain trains lora adapters or all weights; lora is written")
    if kind is None:
        for key in [one for one in foreign.keys if one.startswith(("lora_", "peft_"))]:
            foreign.read(key)  # without an adapter Axolotl reads none of them
        return
    foreign.take("lora_r", "lora.rank", keys.whole, 8)
    foreign.take("lora_alpha", "lora.alpha", keys.number(0, above=True))
    if foreign.value("training.method") != "dpo":
        foreign.take("lora_dropout", "lora.dropout", keys.number(0, 0.999))
    elif not keys.is_off(dropout := foreign.read("lora_dropout")):
        foreign.leave("lora_dropout", dropout, "pairs are trained without dropout")
    all_linear, targets = foreign.read("lora_target_linear"), foreign.keys.get("lora_target_modules")
    if not keys.is_off(all_linear) or targets == "all-linear":
        foreign.read("lora_target_modules")
        foreign.set("lora.target_modules", "all-linear", "lora_target_linear")
    else:
        foreign.take("lora_target_modules", "lora.target_modules", keys.layers)
    keys.lora_variant(foreign, {"peft_use_dora": "dora", "peft_use_rslora": "rslora"})


def _rows(foreign: Foreign) -> None:
    key = "pretraining_dataset" if "pretraining_dataset" in foreign.keys else "datasets"
    sets = _listed(foreign.read(key))
    if sets:
        foreign.set("data.train", _source(foreign, sets[0]), f"{key}.0")
        _leave_fields(foreign, f"{key}.0", sets[0])
    for place, one in enumerate(sets[1:], start=1):
        foreign.leave(f"{key}.{place}", one.get("path", ""), keys.ONE_SOURCE)
    tests = _listed(foreign.read("test_datasets"))
    keys.held_out(foreign, "val_set_size", ("test_datasets.0", _source(foreign, tests[0])) if tests else None)
    everything = foreign.read("train_on_inputs")
    if not keys.is_off(everything) and foreign.value("training.method") == "sft":
        foreign.set("data.loss_on", "all", "train_on_inputs")
    foreign.take("sequence_len", "training.max_length", keys.whole, 512)
    packed = foreign.read("sample_packing")
    if not keys.is_off(packed) and foreign.value("training.method") == "dpo":
        foreign.leave("sample_packing", packed, "pairs are not packed")
    elif not keys.is_off(packed) and foreign.value("training.method") == "sft":
        foreign.set("training.packing", True, "sample_packing")


def _leave_fields(foreign: Foreign, key: str, one: Mapping[str, Any]) -> None:
    """What an entry of ``datasets`` says of its rows' fields; a type by name is detected."""
    for name, value in one.items():
        if name not in _OF_A_SET or isinstance(value, dict):
            foreign.leave(f"{key}.{name}", value, keys.FIELDS)


def _steps(foreign: Foreign) -> None:
    foreign.take("num_epochs", "training.epochs", keys.number(0, above=True), 1.0)
    rows = keys.batch_size(foreign, "micro_batch_size", 1) or 1
    total = foreign.read("batch_size")
    passes = foreign.take("gradient_accumulation_steps", "training.gradient_accumulation", keys.whole)
    if passes is None and isinstance(total, int) and total >= rows:
        foreign.set("training.gradient_accumulation", total // rows, "batch_size / micro_batch_size")
    foreign.take("learning_rate", "training.learning_rate", keys.number(0, above=True))
    lowest = foreign.read("cosine_min_lr_ratio")
    keys.schedule(foreign, "lr_scheduler", "cosine")
    if lowest is not None and foreign.value("training.schedule") == "cosine":
        foreign.set("training.schedule", "cosine_with_min_lr", "lr_scheduler with cosine_min_lr_ratio")
        foreign.keys["cosine_min_lr_ratio"] = lowest
        foreign.take("cosine_min_lr_ratio", "training.lowest_rate", keys.number(0, 0.999))
    keys.warmup(foreign, WARMUP)
    foreign.take("weight_decay", "training.weight_decay", keys.number(0))
    foreign.take("max_grad_norm", "training.max_grad_norm", keys.number(0, above=True))
    keys.optimizer(foreign, "optimizer")
    checkpointing = foreign.read("gradient_checkpointing")
    if not keys.is_off(checkpointing):
        foreign.set("training.gradient_checkpointing", True, "gradient_checkpointing")


def _trackers(foreign: Foreign) -> None:
    """A tracker is on where its project or its address is named."""
    signs = {
        "wandb": ("use_wandb", "wandb_project"),
        "mlflow": ("use_mlflow", "mlflow_tracking_uri"),
        "tensorboard": ("use_tensorboard",),
        "trackio": ("use_trackio", "trackio_project_name"),
    }
    on = [name for name, asked in signs.items() if any(not keys.is_off(foreign.keys.get(one)) for one in asked)]
    for name in ("wandb", "mlflow", "tensorboard", "trackio"):
        foreign.read(f"use_{name}")
    if on:
        foreign.set("training.report_to", on, " and ".join(signs[name][-1] for name in on))


def _source(foreign: Foreign, one: Mapping[str, Any]) -> str:
    """A data set as a recipe names it: a file, or ``owner/name:config:split``."""
    files = one.get("data_files")
    file = files[0] if isinstance(files, list) and files else files
    path = str(one.get("path", ""))
    if isinstance(file, str):
        return foreign.place(file)
    found = foreign.place(path)
    if found != path or path.endswith(keys.DATA) or "/" not in path:
        return found
    config, split = (one.get(key) for key in ("name", "split"))
    return ":".join([path, *([str(config or "")] if config or split else []), *([str(split)] if split else [])])


def _listed(value: Any) -> list[Mapping[str, Any]]:
    sets = value if isinstance(value, list) else [value]
    return [one if isinstance(one, dict) else {"path": str(one)} for one in sets if one]


def _first(value: Any) -> Mapping[str, Any]:
    return next(iter(_listed(value)), {})
