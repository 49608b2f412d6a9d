"""Fixtures of the probes' tests: the public data samples, and no network."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def shared() -> Path:
    """The folder with samples of public data sets."""
    if not SHARED.is_dir():
        pytest.skip(f"the public data samples are not at {SHARED}")
    return SHARED


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may reach the network."""
    import socket

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("a test tried to reach the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
