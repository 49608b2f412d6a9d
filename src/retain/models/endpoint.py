"""A language model behind an OpenAI-compatible server (vLLM, llama.cpp, Ollama and others), measured as it serves."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar

from retain.errors import BrokenError, CannotMeasureError, UserError, nearest
from retain.folder import cache_folder
from retain.models.address import api_key, parse_address
from retain.models.answer_log import AnswerLog
from retain.models.base import Likelihood, Limits, Message, Prompt, Request
from retain.models.http_client import JsonClient, RefusedError, TooLongError, UnavailableError
from retain.models.in_parallel import in_parallel
from retain.models.prompt_logprobs import STYLES, ScoredToken, Style, after, read_tokens
from retain.records import Record, Response, content_hash

WORKERS = 8
"""Requests on their way at a time."""
BYTES_PER_TOKEN = 4
"""English text in usual vocabularies; for the length of an answer where a server does not report it."""
CANARIES = (
    "Write the first verse of a song about a lighthouse keeper and her dog.",
    "List seven uncommon fruits, one per line.",
    "Explain why the sky is dark at night, in two sentences.",
    "Continue: 3, 5, 8, 13, 21,",
)
"""Fixed questions. Whoever answers all of them with the same 32 tokens is taken for the same model."""
_ECHOED = "One two three four. What comes next? One two three four."
_SAME = ("id", "root", "parent", "owned_by", "max_model_len")
_SAME_META = ("n_params", "size", "n_vocab", "n_embd", "n_ctx_train", "ftype")
"""What ``/models`` says of a model and does not change between two requests (``created`` does: it is the time of the
request on llama.cpp and vLLM)."""
R = TypeVar("R", bound=Record)
T = TypeVar("T", bound=Hashable)


class EndpointModel:
    """A served model as a ``CausalModel``. The server's chat template, precision and defaults are part of it.

    Messages go to ``/chat/completions``; raw text and likelihoods to ``/completions``. Where a server has no chat
    template, ``chat`` is False. Answers are kept in the cache folder until :meth:`finish`, so that a killed
    measurement goes on.

    Requirements: greedy decoding at temperature 0. Likelihoods need a server that returns log-probabilities of the
    prompt (``echo`` with ``logprobs``: vLLM, SGLang; not llama.cpp or Ollama).

    Relations: to measure weights on this machine use ``load_causal``; it knows their precision and their tokenizer.

    Args:
        client: where requests go.
        model: the model's name on the server.
        listed: what ``/models`` says of it.
        workers: requests on their way at a time.
    """

    load_in = "endpoint"
    """Stands where other models name their precision: what a server loads its weights in is not known."""

    def __init__(
        self, client: JsonClient, model: str, listed: Mapping[str, Any] | None = None, workers: int = WORKERS
    ) -> None:
        self._client = client
        self._model = model
        self._listed = listed or {}
        self._workers = workers
        self.name = f"{client.url}#{_short(model)}"
        self.progress: Callable[[str, int, int], None] | None = None
        """Called with (what, done, total) while requests are worked off."""
        self.doing = ""
        """What the requests are for, such as a probe's name; shown with the progress."""
        self._estimated = False

    @property
    def context_length(self) -> int:
        """Longest sequence in tokens, where the server says it; 0 where not."""
        meta = self._listed.get("meta")
        found = self._listed.get("max_model_len") or (meta.get("n_ctx") if isinstance(meta, dict) else None)
        return found if isinstance(found, int) else 0

    @cached_property
    def chat(self) -> bool:
        """True when the server answers conversations.

        Raises:
            UserError: it answers neither conversations nor raw text.
        """
        try:
            self._converse((Message(role="user", content="Hello"),), Limits(max_tokens=1))
        except RefusedError as refused:
            if refused.status in (401, 403):
                raise
            try:
                self._complete("Hello", Limits(max_tokens=1))
            except RefusedError:
                raise refused from None
            return False
        return True

    @property
    def tokenizer(self) -> None:
        """None: a server does not give its tokenizer.

        Raises:
            CannotMeasureError: there is a chat template, which would be needed as text.
        """
        if self.chat:
            raise CannotMeasureError("it needs the chat template as text, which a server does not give")

    @cached_property
    def fingerprint(self) -> str:
        """Hash of address, name, what ``/models`` says of the model, and its answers to fixed questions."""
        return content_hash("endpoint", self._place, self._canaries(), length=24)

    @property
    def _place(self) -> str:
        meta = self._listed.get("meta")
        known = {key: self._listed[key] for key in _SAME if key in self._listed}
        more = {key: meta[key] for key in _SAME_META if key in meta} if isinstance(meta, dict) else {}
        return content_hash(self._client.url, self._model, known, more)

    def _canaries(self) -> list[str]:
        """The answers to the fixed questions, asked one at a time: what a busy server computes together may differ."""
        limits = Limits(max_tokens=32)
        if self.chat:
            return [self._converse((Message(role="user", content=text),), limits).text for text in CANARIES]
        return [self._complete(text, limits).text for text in CANARIES]

    @cached_property
    def _log(self) -> AnswerLog:
        return AnswerLog(cache_folder() / "endpoints" / self._place / f"{self.fingerprint}.jsonl")

    def finish(self) -> list[str]:
        """End a measurement: its answers are forgotten, since the server may have another model the next time.

        Returns:
            What a reader of its results must know.
        """
        notes = []
        if content_hash("endpoint", self._place, self._canaries(), length=24) != self.fingerprint:
            notes.append(
                f"{self.name} answered its fixed questions differently at the end of the measurement than at its "
                "beginning: either the model was exchanged, or greedy answers are not repeatable on this server."
            )
        if self._estimated:
            notes.append(
                f"{self.name} does not report the length of its answers: a token per {BYTES_PER_TOKEN} bytes is "
                "assumed."
            )
        self._log.discard()
        return notes

    @contextmanager
    def as_base(self) -> Iterator[None]:
        """A served model was not trained here: it answers as it does."""
        yield

    def generate(self, prompts: Sequence[Prompt], limits: Limits) -> list[Response]:
        """Continue each prompt.

        Raises:
            CannotMeasureError: a prompt does not fit into the server's context, or is raw text and the server has no
                ``/completions``.
            UserError: the server refuses a request for another reason.
            BrokenError: it does not answer; the answers so far are kept.
        """

        def ask(prompt: Prompt) -> Response:
            return self._complete(prompt, limits) if isinstance(prompt, str) else self._converse(prompt, limits)

        def key(prompt: Prompt) -> str:
            text = prompt if isinstance(prompt, str) else [turn.model_dump() for turn in prompt]
            return content_hash("generate", limits.model_dump(), text, length=32)

        try:
            return [one for one in self._answers("writing", prompts, key, ask, Response) if one is not None]
        except TooLongError as error:
            raise CannotMeasureError(f"{error}. Start the server with a longer context") from None
        except RefusedError as error:
            if error.status in (404, 405, 501) and self.chat and any(isinstance(prompt, str) for prompt in prompts):
                raise CannotMeasureError(f"it needs raw text to be continued: {error}") from None
            raise

    def loglikelihood(self, requests: Sequence[Request]) -> list[Likelihood | None]:
        """Score each continuation; None where it does not fit into the server's context.

        Raises:
            CannotMeasureError: the server does not return log-probabilities of the prompt, or not of its first token.
            UserError: the server refuses a request.
            BrokenError: it does not answer; the answers so far are kept.
        """
        if self._style is None:
            raise CannotMeasureError("the server returns no log-probabilities of a prompt")

        def ask(request: Request) -> Likelihood | None:
            try:
                return self._score(request)
            except TooLongError:
                return None

        def key(request: Request) -> str:
            return content_hash("loglikelihood", request.context, request.continuation, length=32)

        return self._answers("scoring", requests, key, ask, Likelihood)

    def _answers(
        self,
        what: str,
        asked: Sequence[T],
        key: Callable[[T], str],
        ask: Callable[[T], R | None],
        kind: type[R],
    ) -> list[R | None]:
        """The answers in order: from the log, or asked and written down there."""
        keys = [key(one) for one in asked]
        found = {one: self._log.find(one, kind) for one in dict.fromkeys(keys)}
        missing = list({one: place for place, one in enumerate(keys) if found[one] is None}.values())
        done, total = len(found) - len(missing), len(found)
        try:
            for place, answer in in_parallel(ask, [asked[place] for place in missing], self._workers):
                name = keys[missing[place]]
                found[name] = answer
                if answer is not None:
                    self._log.add(name, answer)
                done += 1
                if self.progress is not None:
                    self.progress(f"{self.doing}: {what}" if self.doing else what, done, total)
        except UnavailableError as error:
            self._client.stop()
            raise BrokenError(
                f"{error}\n  {len(self._log)} answers are kept: run the same command again to go on."
            ) from None
        return [found[one] for one in keys]

    def _converse(self, messages: Sequence[Message], limits: Limits) -> Response:
        turns = [message.model_dump() for message in messages]
        return self._written("/chat/completions", {"messages": turns}, limits)

    def _complete(self, prompt: str, limits: Limits) -> Response:
        return self._written("/completions", {"prompt": prompt}, limits)

    def _written(self, path: str, prompt: dict[str, Any], limits: Limits) -> Response:
        """What the server writes. ``content`` is None where a model only reasoned; then it has said nothing."""
        body = {"model": self._model, **prompt, "max_tokens": limits.max_tokens, "seed": limits.seed}
        body |= {"temperature": limits.temperature, "top_p": limits.top_p}
        if limits.stop:
            body["stop"] = list(limits.stop)
        answer = self._client.post(path, body)
        try:
            choice = answer["choices"][0]
            text = choice["text"] if path == "/completions" else choice["message"]["content"]
            reason = choice.get("finish_reason")
            text = (text or "").encode("utf-8", "replace").decode()
        except (KeyError, IndexError, TypeError, AttributeError):
            raise UserError(
                f"{self._client.url}{path} does not answer like an OpenAI-compatible server: "
                f"found the keys {sorted(answer)[:8]}, expected choices with a text"
            ) from None
        cut = min((text.find(stop) for stop in limits.stop if stop in text), default=-1)
        tokens = self._tokens(answer, text)
        return Response(text=text[:cut] if cut >= 0 else text, tokens=tokens, stopped=cut >= 0 or reason != "length")

    def _tokens(self, answer: Mapping[str, Any], text: str) -> int:
        usage = answer.get("usage")
        count = usage.get("completion_tokens") if isinstance(usage, dict) else None
        if isinstance(count, int):
            return count
        self._estimated = True
        return math.ceil(len(text.encode()) / BYTES_PER_TOKEN)

    @cached_property
    def _style(self) -> Style | None:
        """How to ask for log-probabilities of a prompt; None where no way gives those of a known text."""
        for style in STYLES:
            try:
                tokens = self._prompt_tokens(_ECHOED, style)
            except RefusedError as error:
                if error.status in (401, 403):
                    raise
                continue
            scored = after(tokens, "", _ECHOED) if tokens else None
            if scored and len(scored) > 3 and all(_possible(token) for token in scored[1:]):
                return style
        return None

    def _prompt_tokens(self, text: str, style: Style) -> list[ScoredToken] | None:
        body = {"model": self._model, "prompt": text, "temperature": 0.0, "seed": 0, **STYLES[style]}
        return read_tokens(self._client.post("/completions", body), style)

    def _score(self, request: Request) -> Likelihood | None:
        """The continuation's log-probability; the boundary's white space belongs to the continuation."""
        assert self._style is not None
        context, text = request.context.rstrip(), request.context + request.continuation
        if text == context:
            return None
        tokens = self._prompt_tokens(text, self._style)
        if tokens is None:
            raise CannotMeasureError("the server returned no log-probabilities of one of the prompts")
        scored = after(tokens, context, text)
        if scored is None:
            scored = self._counted(tokens, context, text)
        values = [token.logprob for token in scored if token.logprob is not None]
        if len(values) < len(scored) or not values:
            raise CannotMeasureError("the server does not say how likely the first token of a text is")
        return Likelihood(logprob=sum(values), tokens=len(values), greedy=all(token.greedy for token in scored))

    def _counted(self, tokens: list[ScoredToken], context: str, text: str) -> list[ScoredToken]:
        """The continuation's tokens where their texts do not add up: all but as many as the context has alone."""
        if context:
            assert self._style is not None
            return tokens[len(self._prompt_tokens(context, self._style) or []) :]
        before_text = tokens[0].logprob is None and bool(tokens[0].text) and not text.startswith(tokens[0].text)
        return tokens[1:] if before_text else tokens


def _possible(token: ScoredToken) -> bool:
    return token.logprob is not None and math.isfinite(token.logprob) and token.logprob <= 0


def _short(name: str) -> str:
    """A model's name for people: of a file on the server (llama.cpp names those by their paths) the file's name."""
    return name.rsplit("/", 1)[-1] if name.startswith("/") else name


def open_endpoint(spec: str) -> EndpointModel:
    """The served model at ``http(s)://host/v1#model``; without ``#model``, the only one there is.

    Raises:
        UserError: the address is wrong, no server answers, it wants another key, or it has no such model.
        BrokenError: it does not answer after several attempts.
    """
    address = parse_address(spec)
    client = JsonClient(address.url, api_key(address.url))
    rows = client.get("/models").get("data")
    listed = {str(row["id"]): row for row in rows if isinstance(row, dict) and "id" in row} if rows else {}
    if not isinstance(rows, list) or not listed:
        raise UserError(f"{address.url}/models lists no model. Load one, or check the address: it usually ends in /v1.")
    if address.model is None:
        if len(listed) > 1:
            raise UserError(
                f"{address.url} has several models; name one as {address.url}#MODEL: {', '.join(sorted(listed))}"
            )
        return EndpointModel(client, *next(iter(listed.items())))
    for name, row in listed.items():
        if address.model in (name, _short(name), name.removesuffix(":latest"), *(row.get("aliases") or ())):
            return EndpointModel(client, name, row)
    raise UserError(f'{address.url} has no model "{address.model}"; {nearest(address.model, listed)}')
