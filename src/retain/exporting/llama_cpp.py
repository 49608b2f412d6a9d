"""llama.cpp, where its package is installed: packs weights into blocks, and answers with a GGUF file."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from retain.errors import BrokenError, MissingExtraError, UserError, install_extra

if TYPE_CHECKING:
    import numpy

PACKAGE = "xllamacpp"
INSTALL = install_extra("gguf")
START_SECONDS = 600.0
"""A large file is read from the disk before the server answers."""
MOST_LIKELY = 5
"""Tokens whose log-probabilities are asked for at each place."""
_SERVE = """
import sys
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.hostnames, params.port = sys.argv[1], ["127.0.0.1"], int(sys.argv[2])
params.n_ctx, params.n_parallel, params.warmup = int(sys.argv[3]), 1, False
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(sys.argv[4])
server = xllamacpp.Server(params)
sys.stdin.read()
"""


def here() -> bool:
    """True where the package is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


def check_here(what: str) -> None:
    """Refuse what takes llama.cpp where it is not installed.

    Raises:
        MissingExtraError: its package is not there.
    """
    if not here():
        raise MissingExtraError(f"{what} is packed by llama.cpp, whose package {PACKAGE}", INSTALL)


@cache
def _library() -> Any:
    """The package's shared library, of which one function is called that the package itself does not offer.

    Raises:
        UserError: this build of the package keeps it to itself.
    """
    import xllamacpp.xllamacpp as package

    library = ctypes.CDLL(str(package.__file__))
    try:
        function = library.ggml_quantize_chunk
    except AttributeError:
        raise UserError(
            f"--type: this build of {PACKAGE} offers no ggml_quantize_chunk. Export with --type f16, run llama.cpp's "
            "llama-quantize on that file, and compare the result: retain compare RUN FILE.gguf"
        ) from None
    pointer, long = ctypes.c_void_p, ctypes.c_int64
    function.argtypes = [ctypes.c_int, pointer, pointer, long, long, long, pointer]
    function.restype = ctypes.c_size_t
    return library


def packed(weight: numpy.ndarray[Any, Any], kind: int, row_bytes: int) -> numpy.ndarray[Any, Any]:
    """Rows of weights in blocks of a type, by llama.cpp's own ``ggml_quantize_chunk``.

    Args:
        weight: (rows, columns) in fp32, all of them finite; a row is a whole number of blocks.
        kind: the type's number in ggml.
        row_bytes: bytes of a packed row.

    Returns:
        (rows, row_bytes) of bytes.
    """
    import numpy

    whole = numpy.ascontiguousarray(weight, dtype=numpy.float32)
    rows, columns = whole.shape
    found = numpy.empty((rows, row_bytes), dtype=numpy.uint8)
    library = _library()

    def pack(part: range) -> None:
        begin = part.start * columns  # from which the function itself finds the first row that it writes
        library.ggml_quantize_chunk(kind, whole.ctypes.data, found.ctypes.data, begin, len(part), columns, None)

    step = -(-rows // threads())
    with ThreadPoolExecutor(threads()) as pool:
        list(pool.map(pack, (range(start, min(start + step, rows)) for start in range(0, rows, step))))
    return found


def threads() -> int:
    """As many as torch would be given."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


class Served:
    """A running server's answers.

    Args:
        url: where it listens, without a path.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    @cached_property
    def _letter(self) -> int:
        return self.cut("a")[-1]

    def cut(self, text: str) -> list[int]:
        """A text's tokens, special ones as they are configured."""
        found = self._ask("tokenize", {"content": text, "add_special": True, "parse_special": True})
        return [int(token) for token in found["tokens"]]

    def next_tokens(self, ids: Sequence[int]) -> dict[int, float]:
        """The most likely next tokens after these, with their log-probabilities in nats, the likeliest first.

        The probabilities are those before sampling. What is then sampled is made a letter: the server tells none beside
        a token that is half a character.
        """
        asked: dict[str, Any] = {
            "prompt": list(ids),
            "n_predict": 1,
            "n_probs": MOST_LIKELY,
            "temperature": 0,
            "cache_prompt": False,
        }
        asked["logit_bias"] = [[self._letter, 1e4]]
        found = self._ask("completion", asked)["completion_probabilities"][0]["top_logprobs"]
        return {int(one["id"]): float(one["logprob"]) for one in found}

    def _ask(self, what: str, asked: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}/{what}", json.dumps(asked).encode(), {"Content-Type": "application/json"}
        )
        try:
            with _opener().open(request, timeout=START_SECONDS) as answer:
                return dict(json.load(answer))
        except (OSError, ValueError) as error:
            raise BrokenError(f"llama.cpp's server did not answer: {error}") from error


@contextmanager
def served(file: Path, context: int) -> Iterator[Served]:
    """A server of a GGUF file on this machine alone, as long as it is needed.

    It is a process of its own: llama.cpp ends the one it runs in where it finds a fault.

    Args:
        file: the file.
        context: tokens that a request may have.

    Raises:
        BrokenError: it does not start; says what llama.cpp said last.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [str(file), str(port), str(context), str(threads())]
    with TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, *words], stdin=subprocess.PIPE, stdout=said, stderr=said
        )
        try:
            url = f"http://127.0.0.1:{port}"
            if not _answers(url, process):
                said.seek(0)
                lines = said.read().decode("utf-8", "replace").split("\n")
                last = next((line for line in reversed(lines) if line.strip()), "nothing was said")
                raise BrokenError(f"llama.cpp could not serve {file}: {last.strip()}")
            yield Served(url)
        finally:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Wait until the server is ready; False where it ended."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with _opener().open(f"{url}/health", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False


def _opener() -> urllib.request.OpenerDirector:
    """Requests go to this machine, whatever proxy is set."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))
