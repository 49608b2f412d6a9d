"""One JSON request to one server: time limits, retries, and an error for each way it can go wrong."""

from __future__ import annotations

import email.utils
import http.client
import json
import random
import re
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from retain.errors import BrokenError, UserError
from retain.models.address import KEYS, is_loopback

MAX_BYTES = 64 * 2**20
"""A longer answer is refused: no answer to our requests is near it."""
LONGEST_PAUSE = 300.0
"""Seconds; a server that asks for a longer pause waits this long."""
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
"""Status codes of servers that are busy or restarting. Others say that the same request will fail again."""
_TOO_LONG = re.compile(r"context[ _](size|length|window)|prompt is too long|max_model_len", re.I)
"""What vLLM, llama.cpp, Ollama and OpenAI say of a prompt that does not fit."""


class RefusedError(UserError):
    """The server understands the request and does not want it (HTTP 4xx or 501)."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class TooLongError(RefusedError):
    """A prompt does not fit into the server's context."""


class UnavailableError(BrokenError):
    """The server did not answer although it was asked several times."""


class _Passing(Exception):
    """A failure that may pass; ``pause`` is what the server asked for, in seconds."""

    def __init__(self, what: str, pause: float = 0.0) -> None:
        super().__init__(what)
        self.pause = pause


class JsonClient:
    """Sends JSON to a server and gets JSON back. Safe to use from several threads.

    Redirects are not followed, since a key would go with them. A server on this machine is asked directly; for others
    the environment's proxy settings hold.

    Args:
        url: where the server's API begins, such as ``http://127.0.0.1:8080/v1``.
        key: sent as a bearer token; never part of a message.
        timeout: seconds until one answer must be there, its last byte included.
        attempts: how often a request is sent before it is given up, at most.
        pause: seconds before the second attempt; each further one waits twice as long, give or take half.
    """

    def __init__(
        self, url: str, key: str | None = None, timeout: float = 300.0, attempts: int = 7, pause: float = 1.0
    ) -> None:
        self.url = url
        self._key = key
        self._timeout = timeout
        self._attempts = attempts
        self._pause = pause
        self._stopped = threading.Event()
        self._answered = False
        proxies = [urllib.request.ProxyHandler({})] if is_loopback(url) else []
        self._opener = urllib.request.build_opener(_NoRedirects, *proxies)

    def stop(self) -> None:
        """Give up what is being asked or waited for in other threads."""
        self._stopped.set()

    def get(self, path: str) -> dict[str, Any]:
        """The answer to ``GET url/path``; errors as for :meth:`post`."""
        return self._asked(path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to ``POST url/path``.

        Raises:
            TooLongError: the prompt does not fit into the server's context.
            RefusedError: the server does not want the request; the message says what to do.
            UserError: there is no server at this address.
            UnavailableError: every attempt failed, or three times ``timeout`` passed.
        """
        return self._asked(path, json.dumps(body).encode())

    def _asked(self, path: str, body: bytes | None) -> dict[str, Any]:
        begun = time.monotonic()
        for attempt in range(1, self._attempts + 1):
            try:
                answer = self._once(path, body)
            except _Passing as failure:
                late = time.monotonic() - begun > 3 * self._timeout
                if attempt == self._attempts or late or self._stopped.is_set():
                    raise UnavailableError(
                        f"{self.url}{path} could not be asked (attempts: {attempt}): {failure}"
                    ) from None
                self._stopped.wait(self._wait(attempt, failure.pause))
            else:
                self._answered = True
                return answer
        raise AssertionError("attempts is at least 1")

    def _wait(self, attempt: int, asked: float) -> float:
        """Seconds until the next attempt: longer each time, never alike for all threads, at least what was asked."""
        own = min(60.0, self._pause * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.5)
        return max(own, min(asked, LONGEST_PAUSE))

    def _once(self, path: str, body: bytes | None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "retain"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(self.url + path, body, headers)
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                return self._read(response)
        except urllib.error.HTTPError as error:
            with error:
                raise self._failure(error, path) from None
        except urllib.error.URLError as error:
            raise self._unreachable(error.reason) from None
        except TimeoutError:
            raise _Passing(f"no answer within {self._timeout:g} s") from None
        except (http.client.HTTPException, OSError) as error:
            raise _Passing(f"the connection broke ({type(error).__name__})") from None
        except UnicodeError as error:  # a host's name with an empty or endless part, a path that is not ASCII
            raise UserError(f"{self.url}{path} is no address that can be asked: {error}. {_FORM}") from None

    def _read(self, response: Any) -> dict[str, Any]:
        """The JSON object of an answer, within the limits of time and size."""
        data, end = bytearray(), time.monotonic() + self._timeout
        while block := response.read1(2**16):
            data += block
            if len(data) > MAX_BYTES:
                raise UserError(f"{self.url} answered with more than {MAX_BYTES // 2**20} MB; is it the right address?")
            if time.monotonic() > end:
                raise _Passing(f"the answer was not complete within {self._timeout:g} s")
        if (length := response.headers.get("Content-Length")) and length.isdigit() and len(data) < int(length):
            raise _Passing("the connection broke in the middle of an answer")
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError):
            raise _Passing("the answer was not JSON") from None
        if not isinstance(answer, dict):
            raise _Passing("the answer was not a JSON object")
        return answer

    def _unreachable(self, reason: Any) -> Exception:
        """What a connection that was never made means: a wrong address before the first answer, a restart after it."""
        if isinstance(reason, ssl.SSLCertVerificationError):
            return UserError(f"{self.url}: the server's certificate is not trusted: {reason.verify_message}")
        if isinstance(reason, TimeoutError):
            return _Passing(f"no connection within {self._timeout:g} s")
        text = getattr(reason, "strerror", None) or type(reason).__name__
        if isinstance(reason, socket.gaierror | ConnectionRefusedError) and not self._answered:
            return UserError(f"No server answers at {self.url} ({text}). Start it, or check the address.")
        return _Passing(f"no connection ({text})")

    def _failure(self, error: urllib.error.HTTPError, path: str) -> Exception:
        """What an HTTP status that is no success means."""
        status, where = error.code, f"{self.url}{path}"
        said = self._message(error)
        if 300 <= status < 400:
            return RefusedError(f"{where} sends us elsewhere (HTTP {status}), which is not followed. {_FORM}", status)
        if status in (401, 403):
            have = "does not accept the key" if self._key else "wants a key"
            return RefusedError(f"{where} {have} (HTTP {status}): {said}. Put the key into {KEYS[0]}.", status)
        if status in RETRIED and not (status == 500 and _TOO_LONG.search(said)):
            return _Passing(f"HTTP {status}: {said}", _retry_after(error.headers.get("Retry-After")))
        if status in (400, 413, 422, 500) and _TOO_LONG.search(said):
            return TooLongError(f"a prompt is longer than the server's context: {said}", status)
        if status == 404:
            return RefusedError(f"{where} is not there (HTTP 404): {said}. {_FORM}", status)
        if 400 <= status < 500 or status == 501:
            return RefusedError(f"{where} refuses a request (HTTP {status}): {said}", status)
        return _Passing(f"HTTP {status}: {said}")

    def _message(self, error: urllib.error.HTTPError) -> str:
        """What the server says about a failure, in a line of at most 300 characters and without the key."""
        try:
            text = error.read(2**16).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException):
            text = ""
        try:
            found = json.loads(text)
            for key in ("error", "message", "detail"):
                found = found.get(key, found) if isinstance(found, dict) else found
            text = found if isinstance(found, str) else json.dumps(found)
        except (ValueError, RecursionError):
            pass
        if self._key:
            text = text.replace(self._key, "***")
        line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
        return (line[:300] + ("..." if len(line) > 300 else "")).rstrip(".") or "no reason given"


_FORM = "The address usually ends in /v1, as in http://127.0.0.1:8080/v1#model"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other."""

    def redirect_request(self, *_: Any) -> None:
        """No new request."""
        return None


def _retry_after(value: str | None) -> float:
    """Seconds that a ``Retry-After`` header asks for (a number or a date); 0 where it asks for nothing readable."""
    if not value:
        return 0.0
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0
