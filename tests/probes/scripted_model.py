"""A model without weights: the test says what it answers and how likely it finds a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from retain.models.base import Likelihood, Limits, Prompt, Request
from retain.records import Response, content_hash


class FakeModel:
    """Answers from a dict or a function; likelihoods from a function, by default a hash of the text."""

    name = "fake"
    fingerprint = "fake-1"
    context_length = 2048

    def __init__(
        self,
        answers: dict[str, str | Response] | Callable[[str], str] | None = None,
        likelihood: Callable[[str, str], float | None] | None = None,
        greedy: Callable[[str, str], bool] | None = None,
        chat: bool = True,
    ) -> None:
        self.answers = answers if answers is not None else (lambda text: "It is 4, I think. Yes, it is.")
        self.likelihood = likelihood or (lambda context, text: -1.0 - int(content_hash(context, text), 16) % 97)
        self.greedy = greedy or (lambda context, text: len(text) % 2 == 0)
        self.chat = chat
        self.generate_calls: list[tuple[Sequence[Prompt], Limits]] = []
        self.likelihood_calls: list[Sequence[Request]] = []

    @contextmanager
    def as_base(self) -> Iterator[None]:
        yield

    def generate(self, prompts: Sequence[Prompt], limits: Limits) -> list[Response]:
        self.generate_calls.append((prompts, limits))
        return [self._answer(prompt) for prompt in prompts]

    def _answer(self, prompt: Prompt) -> Response:
        text = prompt.strip() if isinstance(prompt, str) else prompt[-1].content
        answer = self.answers[text] if isinstance(self.answers, dict) else self.answers(text)
        if isinstance(answer, Response):
            return answer
        return Response(text=answer, tokens=len(answer.split()), stopped=True)

    def loglikelihood(self, requests: Sequence[Request]) -> list[Likelihood | None]:
        self.likelihood_calls.append(requests)
        return [self._score(request) for request in requests]

    def _score(self, request: Request) -> Likelihood | None:
        value = self.likelihood(request.context, request.continuation)
        if value is None:
            return None
        greedy = self.greedy(request.context, request.continuation)
        return Likelihood(logprob=value, tokens=max(1, len(request.continuation.split())), greedy=greedy)
