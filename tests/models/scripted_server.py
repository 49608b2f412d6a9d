"""An OpenAI-compatible server on loopback: answers from a toy model, and fails as a test says."""

from __future__ import annotations

import itertools
import json
import socket
import struct
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import torch

from retain.models.base import Limits, Message

LISTED = {"id": "toy", "object": "model", "owned_by": "tests", "created": 1, "meta": {"n_params": 7}}


class ScriptedServer:
    """What the server does; a test changes the attributes.

    ``troubles`` are taken one per request to a path that writes: an HTTP status, (status, headers), (status, message),
    ``hang``, ``cut``, ``garbage``, ``half`` or ``huge``; when none is left, requests are answered.
    """

    def __init__(self, model=None):
        self.model = model
        self.models = [LISTED]
        self.troubles: list = []
        self.requests: list[tuple[str, dict]] = []
        self.slow = 0.0
        self.most_at_once = self.at_once = 0
        self.key: str | None = None
        self.context = 128
        self.scoring: str | None = None  # echo, echo with BOS, prompt_logprobs
        self.shown_broken = False  # tokens of parts of characters
        self.has_chat = self.has_completions = True
        self.usage = True
        self.answer = None
        self.dies_after: int | None = None  # conversations
        self.lock = threading.Lock()
        self.model_lock = threading.Lock()  # tokenizers are not made for several threads

    def asked(self, path):
        return [body for where, body in self.requests if where == path]

    def reply(self, path, body):
        """(status, value) of a request."""
        if path == "/v1/models":
            return 200, {"object": "list", "data": [{**one, "created": time.time_ns()} for one in self.models]}
        if path == "/v1/chat/completions" and self.has_chat:
            prompt = tuple(Message(**turn) for turn in body["messages"])
        elif path == "/v1/completions" and self.has_completions:
            prompt = body["prompt"]
        else:
            return 404, {"error": {"message": "not found"}}
        if self.scoring and (body.get("echo") or "prompt_logprobs" in body):
            with self.model_lock:
                return self.scored(body)
        return self.written(prompt, body)

    def written(self, prompt, body):
        if self.dies_after is not None and len(self.asked("/v1/chat/completions")) > self.dies_after:
            raise ConnectionResetError
        if self.answer is not None:
            choice, tokens = self.answer(prompt, body), 3
        else:
            most = max(1, body["max_tokens"])  # as llama.cpp does
            with self.model_lock:
                if len(self.model.encode_prompt(prompt)) + most > self.context:
                    return 400, {"error": {"message": f"This model's maximum context length is {self.context} tokens."}}
                one = self.model.generate([prompt], Limits(max_tokens=most, stop=body.get("stop", ())))[0]
            text, tokens = one.text, one.tokens
            choice = {"text": text} if isinstance(prompt, str) else {"message": {"role": "assistant", "content": text}}
            choice["finish_reason"] = "stop" if one.stopped else "length"
        return 200, {"choices": [choice], **({"usage": {"completion_tokens": tokens}} if self.usage else {})}

    def scored(self, body):
        """The prompt's tokens with log-probabilities, computed in one plain pass."""
        text, tokenizer = body["prompt"], self.model.tokenizer
        found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids, ends = found["input_ids"], [0, *(end for _, end in found["offset_mapping"])]
        pieces = [text[a:b] for a, b in itertools.pairwise(ends)]
        if "BOS" in self.scoring or self.scoring == "prompt_logprobs":
            ids, pieces = [tokenizer.bos_token_id, *ids], ["<|start|>", *pieces]
        if len(ids) >= self.context:
            return 400, {"error": {"type": "exceed_context_size_error", "message": "exceeds the context size"}}
        with torch.inference_mode():
            logits = self.model.module(torch.tensor([ids])).logits[0].log_softmax(-1)
        following = zip(logits, ids[1:], strict=False)
        rows = [(float(row[own]), int(row.argmax()), float(row.max())) for row, own in following]
        if self.shown_broken:
            pieces = ["\ufffd" if not piece.isascii() else piece for piece in pieces]
        choice = {"text": text, "finish_reason": "length"}
        if self.scoring == "prompt_logprobs":
            if "prompt_logprobs" not in body:
                return 400, {"object": "error", "message": "echo is not supported"}
            entries = [None]
            for i, (own, best, most) in enumerate(rows):
                entry = {str(best): {"logprob": most, "rank": 1, "decoded_token": "?"}}
                rank = int((logits[i] > own).sum()) + 1
                entry[str(ids[i + 1])] = {"logprob": own, "rank": rank, "decoded_token": pieces[i + 1]}
                entries.append(entry)
            choice["prompt_logprobs"] = entries
        else:
            tops = [None, *({str(best): most, pieces[i + 1]: own} for i, (own, best, most) in enumerate(rows))]
            logprobs = [None, *(own for own, _, _ in rows)]
            if body["max_tokens"]:
                pieces, logprobs, tops = [*pieces, " more"], [*logprobs, -1.0], [*tops, {" more": -1.0}]
            choice["logprobs"] = {"tokens": pieces, "token_logprobs": logprobs, "top_logprobs": tops}
        return 200, {"choices": [choice], "usage": {"prompt_tokens": len(ids), "completion_tokens": 0}}


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        """Nothing on standard error."""

    @property
    def script(self):
        return self.server.script

    def do_GET(self):
        self.handle_one(None)

    def do_POST(self):
        self.handle_one(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def handle_one(self, body):
        script = self.script
        with script.lock:
            script.requests.append((self.path, body))
            script.at_once += 1
            script.most_at_once = max(script.most_at_once, script.at_once)
            trouble = script.troubles.pop(0) if body is not None and script.troubles else None
        try:
            time.sleep(script.slow)
            reply = self.answer(body) if trouble is None else None
        finally:
            with script.lock:
                script.at_once -= 1  # before it is sent: the client may ask again as soon as it has read
        self.send(*reply) if reply else self.make(trouble)

    def answer(self, body):
        key = self.script.key
        if key and self.headers.get("Authorization") != f"Bearer {key}":
            return 401, {"error": {"message": f"wrong key {self.headers.get('Authorization')}"}}
        return self.script.reply(self.path, body)

    def make(self, trouble):
        if isinstance(trouble, str):
            {
                "hang": lambda: time.sleep(1.0),
                "cut": self.cut,
                "garbage": lambda: self.raw(200, b"<html>busy</html>"),
                "half": lambda: self.raw(200, b'{"choices": [', length=500),
                "huge": lambda: self.raw(200, b'{"a": "' + b"x" * 3_000_000 + b'"}'),
            }[trouble]()
            return
        status, more = trouble if isinstance(trouble, tuple) else (trouble, "trouble")
        headers, message = (more, "trouble") if isinstance(more, dict) else ({}, more)
        self.send(status, {"error": {"message": message}}, headers)

    def cut(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def send(self, status, value, headers=None):
        self.raw(status, json.dumps(value).encode(), headers)

    def raw(self, status, data, headers=None, length=None):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length or len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, script):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script

    def handle_error(self, request, client_address):
        """A client that went away is part of the script."""


@contextmanager
def serving(script):
    """The address of a running server."""
    server = QuietServer(script)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
