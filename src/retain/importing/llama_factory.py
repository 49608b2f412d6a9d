"""Reads a LLaMA-Factory configuration. Names of keys: its argument classes (llamafactory/hparams), 0.9.5."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retain.errors import UserError
from retain.importing import trainer_keys as keys
from retain.importing.trainer_keys import Foreign
from retain.record_files import read_json

INFO = "dataset_info.json"
_MEMORY = "it changes speed or memory, not what is learned; Retain picks its own kernels"
_TEMPLATE = "rows are written with the model's own chat template"
_MACHINES = "name it to accelerate launch or torchrun"
_SAVING = "see training.checkpoints"
REASONS = {
    "output_dir": "a run writes into its own folder (--folder)",
    "overwrite_output_dir": "a run goes on where it stopped, and refuses another run's folder",
    "overwrite_cache": f"{keys.LEFT_ALONE}: rows are prepared anew",
    "do_*": keys.LEFT_ALONE,
    "template": _TEMPLATE,
    "tool_format": _TEMPLATE,
    "default_system": _TEMPLATE,
    "enable_thinking": _TEMPLATE,
    "trust_remote_code": "code of others is never run",
    "adapter_name_or_path": "merge the adapter, and name the merged folder as model.base",
    "create_new_adapter": "an adapter always begins anew",
    "additional_target": "an adapter changes linear layers only",
    "lora_*": "Retain's lora has no such knob",
    "loraplus_*": "one learning rate trains the whole adapter",
    "pissa_*": "the start is computed exactly, and what is saved is plain LoRA",
    "freeze_*": "see the mitigation freeze: retain list mitigations",
    "oft_*": "Retain trains lora adapters or all weights",
    "use_galore": "Retain has no GaLore",
    "galore_*": "Retain has no GaLore",
    "use_apollo": "Retain has no APOLLO",
    "apollo_*": "Retain has no APOLLO",
    "use_badam": "Retain has no BAdam",
    "badam_*": "Retain has no BAdam",
    "use_llama_pro": "see the mitigation freeze: retain list mitigations",
    "mix_strategy": "Retain trains on one source: join the files in the proportion you want",
    "interleave_probs": "Retain trains on one source: join the files in the proportion you want",
    "streaming": "rows are read as a whole",
    "buffer_size": "rows are read as a whole",
    "mask_history": "every turn of the assistant is trained; keep the last turn alone in the rows",
    "tokenized_path": f"{keys.LEFT_ALONE}: rows are prepared anew",
    "media_dir": "Retain reads text",
    "image_*": "Retain reads text",
    "video_*": "Retain reads text",
    "freeze_vision_tower": "Retain reads text",
    "freeze_multi_modal_projector": "Retain reads text",
    "audio_*": "Retain reads text",
    "crop_ratio": "Retain reads text",
    "use_audio_in_video": "Retain reads text",
    "train_mm_proj_only": "Retain reads text",
    "preprocessing_*": _MEMORY,
    "dataset_num_proc": _MEMORY,
    "dataset_shards": _MEMORY,
    "data_shared_file_system": _MEMORY,
    "low_cpu_mem_usage": _MEMORY,
    "offload_folder": _MEMORY,
    "torch_compile*": _MEMORY,
    "tf32": _MEMORY,
    "use_kv_cache": _MEMORY,
    "use_fast_tokenizer": "the base's own tokenizer is used",
    "split_special_tokens": "the tokenizer stays as the base has it",
    "model_revision": "Retain takes the main revision; name a folder for another",
    "cache_dir": "set HF_HOME in the environment",
    "export_*": "see retain export",
    "infer_backend": keys.LEFT_ALONE,
    "vllm_*": keys.LEFT_ALONE,
    "max_new_tokens": keys.LEFT_ALONE,
    "temperature": keys.LEFT_ALONE,
    "top_p": keys.LEFT_ALONE,
    "top_k": keys.LEFT_ALONE,
    "print_param_status": keys.LEFT_ALONE,
    "remove_unused_columns": keys.LEFT_ALONE,
    "ignore_data_skip": keys.LEFT_ALONE,
    "ignore_pad_token_for_loss": "padding is never trained",
    "train_from_scratch": "Retain begins from the base's weights",
    "moe_aux_loss_coef": "Retain has no knob for the loss of experts' gates",
    "data_seed": "seed orders the rows too",
    "label_smoothing_factor": "write it under training.extra",
    "enable_fp8*": "Retain trains in bf16 or fp32",
    "fp8*": "Retain trains in bf16 or fp32",
    "bf16_full_eval": "Retain measures in model.load_in",
    "early_stopping_steps": "the mitigation early_stop stops by what is forgotten: retain list mitigations",
    "log_level*": keys.LEFT_ALONE,
    "optim_*": "the optimizer has its own defaults",
    "dataloader_*": _MEMORY,
    "flash_attn": _MEMORY,
    "enable_liger_kernel": _MEMORY,
    "use_unsloth*": _MEMORY,
    "shift_attn": "Retain does not change how a model attends",
    "rope_scaling": "Retain does not change how a model attends",
    "mixture_of_depths": "Retain does not change a model's layers",
    "resize_vocab": "the tokenizer stays as the base has it",
    "add_tokens": "the tokenizer stays as the base has it",
    "add_special_tokens": "the tokenizer stays as the base has it",
    "new_special_tokens_config": "the tokenizer stays as the base has it",
    "logging_*": "Retain logs as often as fits the number of updates",
    "logging_dir": "trackers write beside the run",
    "plot_loss": "the report draws the loss",
    "save_*": _SAVING,
    "resume_from_checkpoint": "run the same command again: it goes on where it stopped",
    "eval_*": "Retain measures before and after, and dev rows during training (training.watch)",
    "per_device_eval_batch_size": "Retain fills memory by itself when it measures",
    "predict_with_generate": "Retain measures before and after",
    "compute_accuracy": "Retain measures before and after",
    "metric_for_best_model": "the mitigation early_stop stops by what is forgotten: retain list mitigations",
    "load_best_model_at_end": "the mitigation early_stop stops by what is forgotten: retain list mitigations",
    "run_name": "a run is called by its folder",
    "ddp_*": _MACHINES,
    "local_rank": _MACHINES,
    "use_cpu": "the model is put on the first accelerator",
    "deepspeed": _MACHINES,
    "fsdp*": _MACHINES,
    "ray_*": "retain frontier --ray runs arms on several machines",
    "include_*": "Retain counts tokens",
    "ref_model*": "the base is the reference of pairs",
    "simpo_gamma": "Retain's losses hold the base as reference",
    "pref_bco_weight": "see training.preference.loss: bco_pair",
    "dpo_label_smoothing": "label_smoothing goes with other losses of training.preference, such as robust",
    "pure_bf16": "weights that are trained stay in fp32",
    "quantization_device_map": "the model is put on the first accelerator",
    "quantization_method": "4-bit weights are bitsandbytes' NF4",
    "quantization_type": "4-bit weights are bitsandbytes' NF4",
    "double_quantization": "4-bit weights are bitsandbytes' NF4",
    "hub_*": "nothing is uploaded; upload what a run made yourself",
    "hf_hub_token": "log in to the Hub, and write no token into a file",
    "push_to_hub": "nothing is uploaded; upload what a run made yourself",
    "use_swanlab": "transformers' trackers are offered: training.report_to",
    "swanlab_*": "transformers' trackers are offered: training.report_to",
    "group_by_length": "rows come in an order drawn by the seed",
    "disable_shuffling": "rows come in an order drawn by the seed",
    "upcast_*": "weights that are trained stay in fp32",
    "lr_scheduler_kwargs": "see training.lowest_rate and training.decay",
    "use_muon": "Retain has transformers' optimizers",
    "use_asft_loss": "see the token mitigations: retain list mitigations",
    "use_dft_loss": "see the token mitigations: retain list mitigations",
    "use_eaft_loss": "see the token mitigations: retain list mitigations",
}
"""Keys without a counterpart, and why."""
_EXTRA = {
    "adam_beta1": keys.number(0, 1),
    "adam_beta2": keys.number(0, 1),
    "adam_epsilon": keys.number(0),
    "neftune_noise_alpha": keys.number(0),
    "max_steps": keys.whole,
}
_STAGES = {"sft": "sft", "dpo": "dpo", "pt": "pretrain"}
_LOSSES = ("sigmoid", "hinge", "ipo")


def is_llama_factory(values: Mapping[str, Any]) -> bool:
    """Whether a configuration is one of LLaMA-Factory's, by its keys."""
    own = {"stage", "finetuning_type", "template", "cutoff_len", "dataset", "dataset_dir"}
    return "model_name_or_path" in values and bool(own & values.keys())


def read_llama_factory(foreign: Foreign) -> None:
    """Take over what a LLaMA-Factory configuration says, and leave the rest with reasons.

    Raises:
        UserError: it trains in a way that Retain does not.
    """
    foreign.set("model.base", foreign.place(keys.text(foreign.read("model_name_or_path"))), "model_name_or_path")
    foreign.take("seed", "seed", keys.seed, 42)
    for key, convert in _EXTRA.items():
        if not keys.is_off(foreign.keys.get(key)) and foreign.keys.get(key) != -1:  # max_steps: -1 means none
            foreign.take(key, f"training.extra.{key}", convert)
        else:
            foreign.read(key)
    _method(foreign)
    _adapter(foreign)
    _rows(foreign)
    _steps(foreign)
    trackers = foreign.read("report_to")
    if not keys.is_off(trackers) and trackers != ["none"]:
        foreign.keys["report_to"] = trackers
        foreign.take("report_to", "training.report_to", keys.names)
    foreign.finish(REASONS)


def _method(foreign: Foreign) -> None:
    stage = str(foreign.read("stage") or "sft")
    loss = foreign.read("pref_loss") or "sigmoid"
    trained = "sft, dpo and pt with this base as reference"
    if stage not in _STAGES:
        raise keys.refuse_method("LLaMA-Factory", "stage", stage, trained)
    foreign.set("training.method", _STAGES[stage], f"stage: {stage}")
    preference = {
        "pref_beta": ("beta", keys.number(0, above=True)),
        "pref_ftx": ("nll", keys.number(0)),
        "ld_alpha": ("tail_weight", keys.number(0, 1)),
    }
    if stage != "dpo":
        for key in preference:
            foreign.read(key)
        return
    if loss not in _LOSSES:
        raise keys.refuse_method("LLaMA-Factory", "pref_loss", loss, trained)
    if loss != "sigmoid":
        foreign.set("training.preference.loss", loss, "pref_loss")
    for key, (knob, convert) in preference.items():
        foreign.take(key, f"training.preference.{knob}", convert)


def _adapter(foreign: Foreign) -> None:
    kind, bits = foreign.read("finetuning_type") or "lora", foreign.read("quantization_bit")
    if bits not in (None, 4, "4"):
        foreign.leave("quantization_bit", bits, "Retain loads fp32, bf16 or 4bit; bf16 is written")
    keys.precision(foreign, "quantization_bit" if bits in (4, "4") and kind == "lora" else None)
    if kind in ("freeze", "oft"):
        foreign.leave("finetuning_type", kind, "lora is written; see the mitigation freeze: retain list mitigations")
    if kind == "full":
        for key in [one for one in foreign.keys if one.startswith(("lora_", "pissa_"))]:
            foreign.read(key)
        return
    foreign.take("lora_rank", "lora.rank", keys.whole, 8)
    foreign.take("lora_alpha", "lora.alpha", keys.number(0, above=True))
    if foreign.value("training.method") != "dpo":
        foreign.take("lora_dropout", "lora.dropout", keys.number(0, 0.999))
    elif not keys.is_off(dropout := foreign.read("lora_dropout")):
        foreign.leave("lora_dropout", dropout, "pairs are trained without dropout")
    targets = foreign.read("lora_target")
    if targets not in (None, "all", ["all"]):
        foreign.keys["lora_target"] = targets
        foreign.take("lora_target", "lora.target_modules", keys.layers)
    keys.lora_variant(foreign, {"use_dora": "dora", "use_rslora": "rslora", "pissa_init": "pissa"})


def _rows(foreign: Foreign) -> None:
    folder = foreign.read("dataset_dir") or "data"
    sets = _names(foreign.read("dataset"))
    if sets:
        foreign.set("data.train", _source(foreign, str(folder), sets[0]), "dataset")
    for one in sets[1:]:
        foreign.leave("dataset", one, keys.ONE_SOURCE)
    tests = _names(foreign.read("eval_dataset"))
    keys.held_out(foreign, "val_size", ("eval_dataset", _source(foreign, str(folder), tests[0])) if tests else None)
    foreign.take("max_samples", "data.limit", keys.whole)
    everything = foreign.read("train_on_prompt")
    if not keys.is_off(everything) and foreign.value("training.method") == "sft":
        foreign.set("data.loss_on", "all", "train_on_prompt")
    foreign.take("cutoff_len", "training.max_length", keys.whole, 2048)
    packed = [foreign.read(key) for key in ("packing", "neat_packing")]
    if any(not keys.is_off(one) for one in packed) and foreign.value("training.method") == "sft":
        foreign.set("training.packing", True, "packing")


def _steps(foreign: Foreign) -> None:
    foreign.take("num_train_epochs", "training.epochs", keys.number(0, above=True), 3.0)
    keys.batch_size(foreign, "per_device_train_batch_size", 8)
    foreign.take("gradient_accumulation_steps", "training.gradient_accumulation", keys.whole)
    foreign.take("learning_rate", "training.learning_rate", keys.number(0, above=True), 5e-5)
    keys.schedule(foreign, "lr_scheduler_type", "linear")
    keys.warmup(foreign, 0.0)
    foreign.take("weight_decay", "training.weight_decay", keys.number(0))
    foreign.take("max_grad_norm", "training.max_grad_norm", keys.number(0, above=True))
    keys.optimizer(foreign, "optim")
    for key in ("gradient_checkpointing", "use_reentrant_gc"):
        foreign.read(key)
    if keys.is_off(foreign.read("disable_gradient_checkpointing")):
        foreign.set("training.gradient_checkpointing", True, "on unless disable_gradient_checkpointing")


def _names(value: Any) -> list[str]:
    try:
        return keys.names(value) if value is not None else []
    except ValueError:
        return []


def _source(foreign: Foreign, folder: str, name: str) -> str:
    """Where a data set lies that ``dataset_info.json`` names; without that file the place where it usually lies."""
    entry = _entry(foreign, folder, name)
    file, hub = entry.get("file_name"), entry.get("hf_hub_url")
    for key in ("columns", "tags", "num_samples"):
        if key in entry:
            why = "see data.limit" if key == "num_samples" else keys.FIELDS
            foreign.leave(f"{INFO}: {name}.{key}", json.dumps(entry[key], ensure_ascii=False), why)
    if isinstance(hub, str) and not isinstance(file, str):
        config, split = entry.get("subset"), entry.get("split")
        parts = [hub, *([str(config or "")] if config or split else []), *([str(split)] if split else [])]
        return ":".join(parts)
    return foreign.place(str(Path(folder) / (file if isinstance(file, str) else f"{name}.json")))


def _entry(foreign: Foreign, folder: str, name: str) -> Mapping[str, Any]:
    info = Path(foreign.place(str(Path(folder) / INFO)))
    if not info.is_file():
        foreign.leave(INFO, str(Path(folder) / INFO), f'it is not here, so that "{name}" is taken for {name}.json')
        return {}
    try:
        entry = read_json(info).get(name)
    except UserError as error:
        foreign.leave(INFO, str(info), str(error))
        return {}
    if not isinstance(entry, dict):
        foreign.leave(INFO, name, f'it names no "{name}"; {name}.json is written')
        return {}
    return entry
