"""A tokenizer as GGUF holds it: copied from the base's own file, or written from a byte-level BPE's tokenizer.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from retain.exporting.gguf_families import refuse
from retain.models.builtin import PREFIX, packaged_file

BYTES = "ByteLevel"
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
_QWEN2 = _LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
KNOWN = {
    json.dumps([{"type": BYTES, "use_regex": True}]): "gpt-2",
    json.dumps([{"type": "Digits", "individual_digits": True}, {"type": BYTES, "use_regex": True}]): "smollm",
    json.dumps([{"type": "Split", "pattern": _LLAMA3}, {"type": BYTES, "use_regex": False}]): "llama-bpe",
    json.dumps([{"type": "Split", "pattern": _QWEN2}, {"type": BYTES, "use_regex": False}]): "qwen2",
}
"""How text is cut before merging -> llama.cpp's name for it."""


def add_vocabulary(writer: Any, tokenizer: Any, base: str | None, size: int) -> str:
    """Write tokens, merges, special tokens and chat template.

    Args:
        writer: a ``GGUFWriter``.
        tokenizer: the tuned model's, a fast one.
        base: the base, whose own GGUF file is copied from where it is one.
        size: rows of the embeddings; tokens that nothing names fill up.

    Returns:
        Where the tokens are from, in words.

    Raises:
        UserError: it is no byte-level BPE that llama.cpp knows.
    """
    file = gguf_of(base)
    if file is not None and _copy(writer, file, size):
        origin = f"copied from {file.name}"
    else:
        _write(writer, tokenizer, size)
        origin = "written from tokenizer.json"
    for key, token in (
        ("bos", tokenizer.bos_token_id),
        ("eos", tokenizer.eos_token_id),
        ("unk", tokenizer.unk_token_id),
    ):
        if token is not None:
            getattr(writer, f"add_{key}_token_id")(token)
    if tokenizer.pad_token_id is not None:
        writer.add_pad_token_id(tokenizer.pad_token_id)
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)
    return origin


def gguf_of(base: str | None) -> Path | None:
    """The base's own GGUF file; None where it is of another form."""
    if base is None:
        return None
    if base.startswith(PREFIX):
        return packaged_file(base.removeprefix(PREFIX))
    path = Path(base).expanduser()
    return path if path.suffix == ".gguf" and path.is_file() else None


IDS = ("bos", "eos", "unknown", "padding")


def _copy(writer: Any, file: Path, size: int) -> bool:
    """Copy the file's tokens; nothing is copied where it has another number of them."""
    import gguf

    fields = gguf.GGUFReader(file).fields
    if len(fields["tokenizer.ggml.tokens"].data) != size:
        return False
    own = {f"tokenizer.ggml.{name}_token_id" for name in IDS}
    for name, field in fields.items():
        if name.startswith("tokenizer.ggml.") and name not in own:
            inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(name, field.contents(), field.types[0], inner)
    return True


def _write(writer: Any, tokenizer: Any, size: int) -> None:
    import gguf

    plain = json.loads(tokenizer.backend_tokenizer.to_str())
    model = plain["model"]
    if model["type"] != "BPE" or model.get("byte_fallback"):
        raise refuse(f"its tokenizer is a {model['type']} one, and only byte-level BPE is written here")
    cut = _cut(plain.get("pre_tokenizer"))
    if cut not in KNOWN or plain.get("normalizer") not in (None, {"type": "NFC"}):
        raise refuse(
            "its tokenizer cuts text in a way that is none of those written here (gpt-2, llama 3, qwen 2, smollm)"
        )
    tokens = {number: text for text, number in model["vocab"].items()}
    kinds = dict.fromkeys(tokens, gguf.TokenType.NORMAL)
    for added in plain.get("added_tokens", []):
        tokens[added["id"]] = added["content"]
        kinds[added["id"]] = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
    if max(tokens) >= size:
        raise refuse(f"its tokenizer has the token {max(tokens)}, and its embeddings {size} rows")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(KNOWN[cut])
    writer.add_token_list([tokens.get(number, f"[PAD{number}]") for number in range(size)])
    writer.add_token_types([kinds.get(number, gguf.TokenType.UNUSED) for number in range(size)])
    writer.add_token_merges([one if isinstance(one, str) else " ".join(one) for one in model["merges"]])
    writer.add_add_space_prefix(False)
    writer.add_add_bos_token(_begins(tokenizer))


def _begins(tokenizer: Any) -> bool:
    """Whether the tokenizer itself puts a first token before a text."""
    return bool(tokenizer.bos_token_id is not None and tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id])


def _cut(pre: Any) -> str:
    """How text is cut before merging, without what makes no difference."""
    parts = pre["pretokenizers"] if pre and pre["type"] == "Sequence" else [pre] if pre else []
    found = []
    for part in parts:
        if part["type"] == BYTES and not part.get("add_prefix_space"):
            found.append({"type": BYTES, "use_regex": bool(part.get("use_regex", True))})
        elif part["type"] == "Digits":
            found.append({"type": "Digits", "individual_digits": bool(part["individual_digits"])})
        elif part["type"] == "Split" and part["behavior"] == "Isolated" and not part.get("invert"):
            found.append({"type": "Split", "pattern": part["pattern"].get("Regex", "")})
        else:
            found.append({"type": "other"})
    return json.dumps(found)
