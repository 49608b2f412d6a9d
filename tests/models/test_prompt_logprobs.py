"""Where a continuation begins among a prompt's tokens, as servers show them."""

import pytest

from retain.models.base import Request
from retain.models.endpoint import EndpointModel
from retain.models.prompt_logprobs import ScoredToken, after

PART, LAST = -5.0, -0.5


class Server:
    """Scores each byte of a character apart and shows the character at its last byte, as vLLM does."""

    url = "http://127.0.0.1/v1"

    def __init__(self, start):
        self.start = start

    def post(self, path, body):
        tokens, logprobs = [self.start], [None]
        for letter in body["prompt"]:
            parts = len(letter.encode()) - 1
            tokens += [""] * parts + [letter]
            logprobs += [PART] * parts + [LAST]
        tops = [None, *({"x": -0.1} for _ in tokens[1:])]
        logprobs = {"tokens": tokens, "token_logprobs": logprobs, "top_logprobs": tops}
        return {"choices": [{"logprobs": logprobs}], "usage": {"prompt_tokens": len(tokens)}}


@pytest.mark.parametrize("start", ["<s>", ""])
@pytest.mark.parametrize("context", ["", "A:", "A:é"])
def test_parts_of_the_first_character_belong_to_the_continuation(start, context):
    found = EndpointModel(Server(start), "m")._score(Request(context=context, continuation="日本"))
    assert (found.logprob, found.tokens) == (4 * PART + 2 * LAST, 6)


def test_tokens_that_show_nothing_inside_either_side_need_no_counting():
    tokens = [ScoredToken(text, -1.0, True) for text in ("", "é", ":", " a", "", "é")]
    assert after(tokens, "é:", "é: aé") == tokens[3:]
