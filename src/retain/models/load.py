"""From a name to a model: ``builtin:``, a Hub id, a folder (adapters too) or a .gguf file."""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import Any, Literal

from retain.errors import MissingExtraError, UserError, install_extra
from retain.models.builtin import PREFIX, builtin_folder
from retain.models.causal import TransformersCausal
from retain.models.complete import check_complete
from retain.models.freed_memory import keep_freed_memory
from retain.models.gguf import load_gguf
from retain.models.kernel_cache import keep_few_kernels

Precision = Literal["fp32", "bf16", "4bit"]
CLASSIFIER = "ForSequenceClassification"
"""How the architecture's name of a cross-encoder ends."""


def load_causal(spec: str, load_in: Precision = "bf16") -> TransformersCausal:
    """Load a language model for measuring or training.

    Args:
        spec: ``builtin:NAME``, a folder with config.json (or adapter_config.json), a .gguf file, or a Hub id.
        load_in: precision of the weights. ``4bit`` is bitsandbytes NF4 with bf16 arithmetic.

    Raises:
        UserError: there is no such model, it holds no safetensors, or its kind cannot be loaded.
        MissingExtraError: the embedded model's package or bitsandbytes is not installed.
    """
    if device() == "cpu":
        keep_freed_memory()
        keep_few_kernels()
    place = builtin_folder(spec) if spec.startswith(PREFIX) else Path(os.path.expanduser(spec))
    if place.suffix == ".gguf":
        module, tokenizer = load_gguf(place)
        module = _with_precision(module, load_in, place)
    elif (place / "adapter_config.json").is_file():
        module, tokenizer = _load_adapter(place, load_in)
    else:
        module, tokenizer = _load_pretrained(spec, place, load_in)
    module.to(device()) if load_in != "4bit" else None
    module.eval()
    _make_saveable(module.generation_config)
    _keep_weights_as_they_are(module)
    return TransformersCausal(module, tokenizer, spec, load_in)


def device() -> str:
    """``cuda``, ``mps`` or ``cpu``: the accelerator that torch offers."""
    import torch

    if torch.accelerator.is_available():
        return str(torch.accelerator.current_accelerator())
    return "cpu"


def hub_reachable() -> bool:
    """False when the hub's name does not even resolve, so that a typo is answered at once and not after retries."""
    import socket

    from huggingface_hub import constants

    try:
        socket.getaddrinfo(constants.ENDPOINT.split("//")[-1].split("/")[0].split(":")[0], 443)
    except OSError:
        return False
    return not constants.HF_HUB_OFFLINE


def _load_pretrained(spec: str, place: Path, load_in: Precision) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = str(place) if place.exists() else spec
    check_place(spec)
    try:
        local = place.exists() or not hub_reachable()
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local, trust_remote_code=False)
        module, found = AutoModelForCausalLM.from_pretrained(
            source,
            use_safetensors=True,
            local_files_only=local,
            trust_remote_code=False,
            output_loading_info=True,
            **_precision(load_in),
        )
    except MissingExtraError:
        raise
    except Exception as error:  # a damaged folder can make transformers raise anything
        raise UserError(
            f"model: {spec!r} could not be loaded{near(place)}: {first_line(error)}\n"
            f"{_no_folder(place)}  Allowed: builtin:NAME (see 'retain list builtin'), a folder with config.json and "
            "safetensors, a .gguf file, or a Hub id that this machine can reach.\n"
            "  Models that need their own code are not run."
        ) from error
    if found["missing_keys"]:
        _refuse_classifier(spec, place)
    check_complete(spec, found, "its config.json")
    return module, tokenizer


def check_place(spec: str) -> None:
    """Refuse at once what no loader could open, as far as that shows without loading: a folder or a path, not a Hub id.

    Raises:
        UserError: there is no such folder or file, or the folder holds no model.
    """
    place = Path(os.path.expanduser(spec))
    if spec.startswith(PREFIX) or (place / "adapter_config.json").is_file():
        return
    if place.suffix == ".gguf":
        if not place.is_file():
            raise UserError(f"model: there is no file {spec}{near(place)}")
    elif place.is_dir():
        check_folder(place)
    elif place.exists() or spec.startswith(("/", ".", "~")) or spec.count("/") > 1:
        raise UserError(f"model: there is no model folder {spec}{near(place)}")


def _make_saveable(generation: Any) -> None:
    """Sampling values mean sampling: without ``do_sample`` transformers reads them, but refuses to save them."""
    try:
        generation.validate(strict=True)
    except ValueError:
        generation.do_sample = True


def _keep_weights_as_they_are(module: Any) -> None:
    """No repacking of 4-bit weights for a CPU at the first pass: bitsandbytes rounds their scales anew in doing so."""
    for layer in module.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False


def _refuse_classifier(spec: str, place: Path) -> None:
    """Refuse what has a head that scores in the place of one that writes.

    Raises:
        UserError: the folder's config.json says so.
    """
    if CLASSIFIER in str(architectures(place)):
        raise UserError(
            f"model: {spec!r} is a reranker or a classifier, which writes no text. Rerankers are measured with probes "
            "of the kind ranking and trained with training.method: rank."
        )


def architectures(place: Path) -> Any:
    """What a model folder's config.json says that the model is; None where it says nothing."""
    try:
        config = json.loads((place / "config.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return config.get("architectures") if isinstance(config, dict) else None


def first_line(error: Exception) -> str:
    """What a library's error says first."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def check_folder(place: Path) -> None:
    """Refuse a folder that holds no model which can be loaded without running code.

    Raises:
        UserError: says what is missing.
    """
    if not (place / "config.json").is_file():
        raise UserError(f"model: {place} holds no config.json or adapter_config.json: it is not a model folder")
    if not any(place.glob("*.safetensors")):
        raise UserError(
            f"model: {place} holds no *.safetensors file. Retain reads safetensors only, since other formats can "
            "run code when they are opened. Convert the model first (save_pretrained writes safetensors)."
        )


def _load_adapter(place: Path, load_in: Precision) -> tuple[Any, Any]:
    own = own_tokenizer(place)  # training tools save a changed chat template beside the adapter
    base = load_causal(adapter_base(place), load_in)
    module = on_its_base(base.module, place, base.name)
    return module, base.tokenizer if own is None else own


def own_tokenizer(place: Path) -> Any | None:
    """The tokenizer that lies in a model's or an adapter's folder; None where none does.

    Raises:
        UserError: it is damaged, or needs code of its own.
    """
    from transformers import AutoTokenizer

    if not (place / "tokenizer_config.json").is_file():
        return None
    try:
        return AutoTokenizer.from_pretrained(str(place), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a damaged folder can make transformers raise anything
        raise UserError(
            f"model: the tokenizer of {place} could not be loaded: {first_line(error)}\n"
            "  Save it again with save_pretrained. Tokenizers that need their own code are not run."
        ) from error


def adapter_base(place: Path) -> str:
    """The base that an adapter's folder names.

    Raises:
        UserError: it names none, or another adapter, or holds no weights.
    """
    try:
        config = json.loads((place / "adapter_config.json").read_text("utf-8"))
        base_spec = config["base_model_name_or_path"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"model: {place}/adapter_config.json does not name its base model: {error}") from error
    if not isinstance(base_spec, str) or not base_spec:
        raise UserError(f"model: {place}/adapter_config.json does not name its base model: found {base_spec!r}")
    if (Path(base_spec) / "adapter_config.json").is_file():
        raise UserError(
            f"model: the base of the adapter {place} is an adapter itself, {base_spec}; merge that one first"
        )
    if not (place / "adapter_model.safetensors").is_file():
        raise UserError(f"model: {place} holds no adapter_model.safetensors")
    return base_spec


def on_its_base(module: Any, place: Path, base: str) -> Any:
    """A base's module with the adapter of a folder on it.

    Raises:
        UserError: the adapter's files are damaged, or are of another base.
    """
    from peft import PeftModel

    try:
        adapted = PeftModel.from_pretrained(module, str(place), use_safetensors=True)
        strangers = _strangers(adapted, place)
    except Exception as error:  # a damaged adapter can make peft raise anything
        raise UserError(
            f"model: the adapter {place} cannot be put on its base {base}: {first_line(error)}\n"
            "  Either its files are damaged or the base is another one than it was trained on."
        ) from error
    if strangers:
        raise UserError(
            f"model: the adapter {place} does not fit its base {base}: {len(strangers)} tensors are in only "
            f"one of them, such as {strangers[0]}"
        )
    adapted.eval()
    return adapted


def _strangers(module: Any, place: Path) -> list[str]:
    """Tensors that only the adapter's file has, or only the model: peft passes over both with a warning.

    LoRA's, and those of parts that were trained as a whole, such as a reranker's head.
    """
    from peft import get_peft_model_state_dict
    from safetensors import safe_open

    parts = [f".{part}." for part in module.peft_config["default"].modules_to_save or []]
    with safe_open(str(place / "adapter_model.safetensors"), framework="pt") as file:
        saved = set(file.keys())
    wanted = get_peft_model_state_dict(module)
    missing = {name for name in wanted if ".lora_" in name or any(part in name for part in parts)} - saved
    return sorted(missing | {name for name in saved if ".lora_" in name} - set(wanted))


def _precision(load_in: Precision) -> dict[str, Any]:
    import torch

    if load_in != "4bit":
        return {"dtype": torch.float32 if load_in == "fp32" else torch.bfloat16}
    return {"dtype": torch.bfloat16, "quantization_config": _nf4(), "device_map": {"": device()}}


def _nf4() -> Any:
    import importlib.util

    import torch
    from transformers import BitsAndBytesConfig

    if importlib.util.find_spec("bitsandbytes") is None:
        raise MissingExtraError("load_in: 4bit needs bitsandbytes, which", install_extra("quantized"))
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch.bfloat16,
        bnb_4bit_use_double_quant=True,
    )


def _with_precision(module: Any, load_in: Precision, place: Path) -> Any:
    import torch

    if load_in == "4bit":
        raise UserError(
            f"model: {place} is a GGUF file, and load_in: 4bit quantises safetensors only. "
            "Choose load_in: bf16, or save the model as safetensors first."
        )
    return module.to(torch.float32 if load_in == "fp32" else torch.bfloat16)


def _no_folder(place: Path) -> str:
    """That a name was taken for a Hub id because nothing lies there; nothing where something does."""
    return "" if place.exists() else f"  There is no folder {place}, so that it was looked for on the Hub.\n"


def near(place: Path) -> str:
    """A file or folder with a name like that of one that does not exist, as a question; nothing for one that does."""
    if place.exists():
        return ""
    parent = place.parent
    names = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    close = difflib.get_close_matches(place.name, names, n=1)
    return f"; did you mean {parent / close[0]}?" if close else ""
