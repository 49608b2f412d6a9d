"""Run as a process of its own by ``llama_cpp``: quantises a file, or answers with it. Imports nothing of Retain."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

FILE_TYPES = {
    "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10, "Q3_K_S": 11, "Q3_K_M": 12, "Q3_K_L": 13,
    "Q4_K_S": 14, "Q4_K_M": 15, "Q5_K_S": 16, "Q5_K_M": 17, "Q6_K": 18, "IQ4_NL": 25, "IQ4_XS": 30,
}  # fmt: skip
"""Numbers of ``enum llama_ftype`` in llama.h."""


def quantise(lib: Any, ffi: Any, source: str, target: str, kind: str) -> None:
    """Quantise one file."""
    params = ffi.new("llama_model_quantize_params *", lib.llama_model_quantize_default_params())
    params.ftype = FILE_TYPES[kind]
    params.nthread = threads()
    failed = lib.llama_model_quantize(source.encode(), target.encode(), params)
    if failed:
        raise SystemExit(f"llama_model_quantize gave {failed}")


def threads() -> int:
    """As many as torch would be given."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


def answer(lib: Any, ffi: Any, file: str, output: str) -> None:
    """Read texts and token ids, write logits to a file and the texts' tokens to standard output."""
    import numpy

    asked = json.loads(sys.stdin.read())
    options = lib.llama_model_default_params()
    options.n_gpu_layers = 0
    model = lib.llama_model_load_from_file(file.encode(), options)
    if model == ffi.NULL:
        raise SystemExit("the file could not be loaded")
    vocabulary = lib.llama_model_get_vocab(model)
    size = lib.llama_vocab_n_tokens(vocabulary)
    longest = max(len(one) for one in asked["ids"])
    found = [logits(lib, ffi, model, one, longest, size) for one in asked["ids"]]
    numpy.save(output, numpy.concatenate(found))
    tokens = [cut(lib, ffi, vocabulary, text) for text in asked["texts"]]
    sys.stdout.write(json.dumps({"tokens": tokens}))


def logits(lib: Any, ffi: Any, model: Any, ids: list[int], longest: int, size: int) -> Any:
    """The logits after each token of one sequence, (tokens, vocabulary)."""
    import numpy

    options = lib.llama_context_default_params()
    options.n_ctx = options.n_batch = options.n_ubatch = max(longest, 32)
    options.n_threads = options.n_threads_batch = threads()
    context = lib.llama_init_from_model(model, options)
    batch = lib.llama_batch_init(len(ids), 0, 1)
    batch.n_tokens = len(ids)
    for place, token in enumerate(ids):
        batch.token[place], batch.pos[place], batch.n_seq_id[place] = token, place, 1
        batch.seq_id[place][0], batch.logits[place] = 0, 1
    if lib.llama_decode(context, batch):
        raise SystemExit("llama_decode failed")
    rows = [ffi.buffer(lib.llama_get_logits_ith(context, place), 4 * size) for place in range(len(ids))]
    found = numpy.stack([numpy.frombuffer(row, dtype=numpy.float32).copy() for row in rows])
    lib.llama_batch_free(batch)
    lib.llama_free(context)
    return found


def cut(lib: Any, ffi: Any, vocabulary: Any, text: str) -> list[int]:
    """A text's tokens, special ones as they are configured."""
    raw = text.encode()
    room = ffi.new("llama_token[]", len(raw) + 8)
    count = lib.llama_tokenize(vocabulary, raw, len(raw), room, len(raw) + 8, True, False)
    return [int(room[place]) for place in range(count)]


def main() -> None:
    """``quantise SOURCE TARGET TYPE`` or ``logits FILE OUTPUT``."""
    from llama_cpp_py_sync._cffi_bindings import get_ffi, get_lib

    lib, ffi = get_lib(), get_ffi()
    lib.llama_backend_init()
    what, *words = sys.argv[1:]
    if what == "quantise":
        quantise(lib, ffi, *words)
    else:
        answer(lib, ffi, *words)


if __name__ == "__main__":
    main()
