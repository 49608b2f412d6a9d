"""How a server and one of its models are named: ``http://127.0.0.1:8080/v1#model``."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import unquote, urlsplit

from retain.errors import UserError
from retain.records import Record

KEYS = ("RETAIN_API_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the key, the first that is set."""


class Address(Record):
    """Where a server's API begins and which of its models is meant."""

    url: str
    """Without the last slash; usually ends in ``/v1``."""
    model: str | None
    """None: the only one that the server lists."""


def is_endpoint(spec: str) -> bool:
    """True when a model's name is the address of a server."""
    return spec.lower().startswith(("http://", "https://"))


def parse_address(spec: str) -> Address:
    """The address that ``http(s)://host[:port]/path[#model]`` says.

    Raises:
        UserError: it holds a password or a query (a key would end up in records), or names no host.
    """
    try:
        parts = urlsplit(spec.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UserError(f"model: not an address: {error}. Give it as http://127.0.0.1:8080/v1#model") from None
    if parts.username is not None or parts.password is not None or parts.query:
        place = f"{parts.scheme}://{host}"
        raise UserError(
            f"model: the address of {place} holds a password or a query. Addresses are written into records, so leave "
            f"it out and put the key into the environment variable {KEYS[0]}."
        )
    if not host or any(letter.isspace() or not letter.isprintable() for letter in spec.strip()):
        raise UserError(f"model: {spec!r} is not an address. Give it as http://127.0.0.1:8080/v1#model")
    name = f"[{host}]" if ":" in host else host
    url = f"{parts.scheme.lower()}://{name}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
    return Address(url=url, model=unquote(parts.fragment) or None)


def is_loopback(url: str) -> bool:
    """True when a server runs on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def api_key(url: str) -> str | None:
    """The key to send to a server, or None.

    ``RETAIN_API_KEY`` goes wherever the user points Retain. ``OPENAI_API_KEY`` was set for other programs: it is
    sent over https and on this machine only.

    Raises:
        UserError: the key holds white space, such as the line break of a file it was read from.
    """
    safe = url.startswith("https://") or is_loopback(url)
    for name in KEYS if safe else KEYS[:1]:
        key = os.environ.get(name, "").strip()
        if key and not (key.isascii() and key.isprintable() and " " not in key):
            raise UserError(f"{name} holds characters that no key has (its value is not shown). Set it again.")
        if key:
            return key
    return None
