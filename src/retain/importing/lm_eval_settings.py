"""What lm-eval's results file says about how a task was run: all that changes a score, and a little that does not."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from retain.records import content_hash

KIND = "lm_eval_log"
PRECISIONS = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}
_MODEL = {"pretrained", "model", "path", "engine", "peft", "delta", "revision", "subfolder", "tokenizer", "base_url"}
_PRECISION = {"dtype", "load_in_4bit"}
_WORK = {
    *("parallelize", "device", "device_map", "device_map_option", "max_memory_per_gpu", "max_cpu_memory"),
    *("offload_folder", "low_cpu_mem_usage", "gpu_memory_utilization", "swap_space", "batch_size", "max_batch_size"),
    *("tensor_parallel_size", "data_parallel_size", "pipeline_parallel_size"),
    *("num_concurrent", "max_retries", "timeout", "trust_remote_code"),
}
_NAMES = frozenset(_MODEL | _PRECISION | _WORK)
"""Keys of ``model_args`` that name the model (it may differ), are told as the precision, or only place the work."""
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def settings_of(results: Mapping[str, Any], task: str) -> dict[str, Any]:
    """The settings of one task's run; what the results file does not tell is left away."""
    config, run = results["configs"][task], mapping(results.get("config"))
    shots = mapping(results.get("n-shot")).get(task, config.get("num_fewshot"))
    template, system = results.get("chat_template"), results.get("system_instruction")
    found = {
        "kind": KIND,
        "lm_eval": results.get("lm_eval_version"),
        "transformers": results.get("transformers_version"),
        "version": _text(mapping(results.get("versions")).get(task)),
        "scoring": _scoring(config),
        "shots": shots,
        "shots_seed": run.get("fewshot_seed") if shots else None,
        "multiturn_shots": results.get("fewshot_as_multiturn") if shots and template else None,
        "template": "chat" if template else "raw",
        "chat_template": content_hash(str(template), length=8) if template else None,
        "system_prompt": content_hash(str(system), length=8) if system else None,
        "engine": run.get("model"),
        "precision": _precision(run),
        "max_length": results.get("max_length"),
        "limit": run.get("limit"),
        "batch_size": run.get("batch_size"),
        "device": run.get("device"),
        **_generation(config, run),
        **{f"model_args.{key}": value for key, value in sorted(model_args(run).items()) if key not in _NAMES},
    }
    return {key: value for key, value in found.items() if value is not None}


def model_args(run: Mapping[str, Any]) -> dict[str, str]:
    """lm-eval's ``a=b,c=d`` (or a mapping) as plain texts."""
    given = run.get("model_args") or {}
    if isinstance(given, Mapping):
        return {str(key): str(value) for key, value in given.items()}
    pairs = (part.partition("=") for part in str(given).split(","))
    return {key.strip(): value.strip() for key, _, value in pairs if key.strip()}


def model_name(results: Mapping[str, Any]) -> str:
    """What lm-eval calls the model."""
    return str(results.get("model_name") or "") or str(mapping(results.get("config")).get("model") or "")


def _precision(run: Mapping[str, Any]) -> str | None:
    given = model_args(run)
    if given.get("load_in_4bit", "").lower() == "true":
        return "4bit"
    name = str(run.get("model_dtype") or given.get("dtype") or "").removeprefix("torch.")
    return PRECISIONS.get(name, name) or None


def _generation(config: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """Limits and sampling of a task that generates; seeds only where answers are drawn."""
    if config.get("output_type") != "generate_until":
        return {}
    limits = mapping(config.get("generation_kwargs"))
    repeats = config.get("repeats")
    found: dict[str, Any] = {"generation": dict(limits), "repeats": repeats if repeats not in (None, 1) else None}
    if limits.get("do_sample"):
        found |= {key: run.get(key) for key in ("random_seed", "numpy_seed", "torch_seed")}
    return found


def _scoring(config: Mapping[str, Any]) -> str:
    """A hash of how answers become scores, in which no place in memory is left."""
    parts = [config.get(key) for key in ("output_type", "metric_list", "filter_list", "process_results")]
    return content_hash(_ADDRESS.sub("", json.dumps(parts, sort_keys=True, default=str)), length=8)


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is a mapping, else an empty one: older versions lack some parts."""
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
