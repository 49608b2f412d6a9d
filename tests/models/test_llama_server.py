"""A served model against llama.cpp's own server, with the embedded model behind it."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from retain.commands.measure import measure
from retain.models.base import Limits, Message, Request
from retain.models.builtin import BUILTINS
from retain.models.endpoint import open_endpoint
from retain.progress import Progress

pytestmark = pytest.mark.real
QUIET = Progress(quiet=True)
IN_PYTHON = """
import sys
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.hostnames, params.port = sys.argv[1], ["127.0.0.1"], int(sys.argv[2])
params.n_ctx, params.n_parallel, params.warmup = 1024, 2, False
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
sys.stdin.read()
"""


def command(port: int) -> list[str]:
    """Starts the server: $RETAIN_LLAMA_SERVER, llama-server on the path, or the package xllamacpp."""
    builtin = BUILTINS["smollm2-135m"]
    spec = importlib.util.find_spec(builtin.package)
    if spec is None:
        pytest.skip(f"the package {builtin.package} is not installed")
    gguf = str(Path(next(iter(spec.submodule_search_locations))) / builtin.file)
    binary = os.environ.get("RETAIN_LLAMA_SERVER") or shutil.which("llama-server")
    if binary:
        return [binary, *f"--host 127.0.0.1 --port {port} -c 1024 -np 2 -t 1 --no-warmup -m".split(), gguf]
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("no llama.cpp server: pip install xllamacpp, or name a llama-server in RETAIN_LLAMA_SERVER")
    return [sys.executable, "-c", IN_PYTHON, gguf, str(port)]


@pytest.fixture(scope="module")
def url():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        command(port), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


def wait(url: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended by itself"
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("the server did not start within a minute")


def test_the_real_server_is_measured(url, tmp_path):
    model = open_endpoint(url)
    assert model.chat
    assert model.context_length == 512
    assert model.fingerprint == open_endpoint(url).fingerprint
    (answer,) = model.generate(["The capital of France is"], Limits(max_tokens=4, stop=("\n",)))
    assert (answer.text.startswith(" Paris"), answer.stopped, answer.tokens) == (True, True, 3)
    question = (Message(role="user", content="Count from one to a thousand."),)
    assert not model.generate([question], Limits(max_tokens=4))[0].stopped


def test_what_the_real_server_cannot_do_is_said(url, tmp_path):
    model = open_endpoint(url)
    with pytest.raises(Exception, match="returns no log-probabilities of a prompt"):
        model.loglikelihood([Request(context="The capital of France is", continuation=" Paris")])
    with pytest.raises(Exception, match="exceeds the available context size"):
        model.generate([(Message(role="user", content="word " * 2000),)], Limits(max_tokens=4))
    found = measure(url, "quick", limit=3, output=tmp_path / "served.json", progress=QUIET)
    assert set(found.not_measured.values()) == {"the server returns no log-probabilities of a prompt"}
    assert found.measurements
    assert all(one.generates and len(one.scores) == 3 for one in found.measurements)
    assert found.notes == []
