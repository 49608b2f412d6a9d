"""What a request can go wrong with before it is sent."""

import pytest

from retain.errors import UserError
from retain.models.http_client import JsonClient


@pytest.mark.parametrize(
    "url",
    ["http://a..b/v1", f"http://{'a' * 70}.example/v1", "http://127.0.0.1:9/v\u00e91"],
    ids=["empty", "long", "path"],
)
def test_an_address_that_cannot_be_sent_is_refused_at_once(url, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(UserError, match=r"is no address that can be asked: .*/v1#model"):
        JsonClient(url, attempts=1).get("/models")
