"""A way to ask: what stands around a question, such as an instruction, solved examples and passages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

from retain.advice.retrievers.base import Retriever
from retain.advice_settings import Pick
from retain.data.example import Example
from retain.data.lint.masking import masked
from retain.data.splits import sample
from retain.models.base import Message
from retain.records import content_hash

Turns = tuple[Message, ...]
Place = Literal["system", "after"]
PASSAGES = "Use these passages where they help:\n{passages}\n\n"
BEGUN = 6
"""Words of an instruction that its label shows."""
_WHERE = {"system": "before", "after": "after"}
FORMAT = 2
"""Version of how prompts are put together; raised whenever the same plan would ask in other words."""


class Solved(NamedTuple):
    """A training row as a solved example, with the passages it is shown with."""

    row: Example
    passages: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Examples:
    """Solved examples for any question.

    Attributes:
        rows: training rows, each once.
        count: how many are shown.
        pick: ``similar`` to the question, or ``fixed``: the same for all.
        retriever: over the rows' questions.
        seed: draws the fixed ones.
    """

    rows: Sequence[Example]
    count: int
    pick: Pick
    retriever: Retriever
    seed: int

    @property
    def label(self) -> str:
        """``4 similar examples``."""
        return f"{self.count} {self.pick} example{'s' * (self.count > 1)}"

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides which examples a question gets."""
        chosen = self.retriever.fingerprint if self.pick == "similar" else str(self.seed)
        return content_hash([row.id for row in self.rows], self.count, self.pick, chosen)

    @cached_property
    def _fixed(self) -> list[Example]:
        return sample(self.rows, self.count, self.seed)

    def of(self, question: str) -> list[Example]:
        """The examples for a question, the one most like it last."""
        if self.pick == "fixed":
            return self._fixed
        return [self.rows[place] for place in reversed(self.retriever.top(question, self.count))]


@dataclass(frozen=True, eq=False)
class Passages:
    """Passages for any question.

    Attributes:
        texts: all passages.
        count: how many are put before a question.
        retriever: over the texts.
    """

    texts: Sequence[str]
    count: int
    retriever: Retriever

    @property
    def label(self) -> str:
        """``3 passages``."""
        return f"{self.count} passage{'s' * (self.count > 1)}"

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides which passages a question gets."""
        return content_hash(list(self.texts), self.count, self.retriever.fingerprint)

    def of(self, question: str, count: int | None = None) -> list[str]:
        """The passages for a question, the one most like it first."""
        return [self.texts[place] for place in self.retriever.top(question, count or self.count)]


class Asked(NamedTuple):
    """A question with what stands around it."""

    turns: Turns
    passages: Sequence[str]
    """Those put before the question."""
    left_out: int
    """Examples and passages that were left out to make it fit."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A way to ask. Without anything it asks the question as it is.

    Attributes:
        instruction: what is added in words.
        place: as a system turn, or after the question.
        examples: solved examples, as turns before the question.
        passages: put before the question; each example is shown with the passage most like it.
        opening: what all questions begin with; where examples come first it is said once.
        end: text that ends an answer of a model without a chat template, which else writes the next question too.
    """

    instruction: str = ""
    place: Place = "system"
    examples: Examples | None = None
    passages: Passages | None = None
    opening: str = ""
    end: str = ""

    @property
    def bare(self) -> bool:
        """Nothing is added to a question."""
        return not self.instruction and self.examples is None and self.passages is None

    @property
    def label(self) -> str:
        """What a person calls it."""
        parts = [f'"{_begun(self.instruction)}" {_WHERE[self.place]} the question'] * bool(self.instruction)
        parts += [one.label for one in (self.examples, self.passages) if one is not None]
        return ", ".join(parts) or "as given"

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides how a question is asked; empty for a bare plan."""
        if self.bare:
            return ""
        parts = [one.fingerprint if one is not None else "" for one in (self.examples, self.passages)]
        return content_hash(FORMAT, PASSAGES, self.instruction, self.place, self.opening, self.end, *parts)

    def with_instruction(self, instruction: str, place: Place) -> Plan:
        """The same plan with another instruction."""
        return replace(self, instruction=instruction, place=place)

    def question_of(self, turns: Turns) -> str:
        """The part of a question that tells it apart from others: what is searched with."""
        return "\n".join(turn.content for turn in turns if turn.role != "system").removeprefix(self.opening)

    def ask(self, turns: Turns, tokens: Callable[[Turns], int], room: int) -> Asked:
        """A question with what belongs around it.

        Where that is longer than ``room``, examples are left out, the one least like the question first, then passages
        in the same order. A bare question that is too long stays as it is: the model's own rule cuts it.

        Args:
            turns: the question.
            tokens: length of a prompt.
            room: tokens that a prompt may have.
        """
        question = self.question_of(turns)
        examples = self._solved(question)
        passages = self.passages.of(question) if self.passages else []
        left_out = 0
        while True:
            asked = self._put(turns, examples, passages)
            if not (examples or passages) or tokens(asked) <= room:
                return Asked(asked, passages, left_out)
            examples, passages = (examples[1:], passages) if examples else ([], passages[:-1])
            left_out += 1

    def _solved(self, question: str) -> list[Solved]:
        if self.examples is None:
            return []
        rows = self.examples.of(question)
        if self.passages is None:
            return [Solved(row) for row in rows]
        return [Solved(row, tuple(self.passages.of(self.question_of(row.prompt), 1))) for row in rows]

    def _put(self, turns: Turns, examples: Sequence[Solved], passages: Sequence[str]) -> Turns:
        system = [turn.content for turn in turns if turn.role == "system"]
        system += [self.instruction] if self.instruction and self.place == "system" else []
        found = [Message(role="system", content="\n\n".join(system))] if system else []
        for number, (row, own) in enumerate(examples):
            found += self._question(row.prompt, own, again=number > 0)
            found.append(Message(role="assistant", content=row.target))
        last = self._question(turns, passages, again=bool(examples))
        if self.instruction and self.place == "after":
            last[-1] = Message(role=last[-1].role, content=f"{last[-1].content}\n\n{self.instruction}")
        return (*found, *last)

    def _question(self, turns: Turns, passages: Sequence[str], again: bool) -> list[Message]:
        """The turns of a question without system turns; passages stand in the last one, behind the opening."""
        said = [turn for turn in turns if turn.role != "system"]
        content = said[-1].content
        opening = self.opening if len(said) == 1 and content.startswith(self.opening) else ""
        listed = PASSAGES.format(passages="\n".join(f"- {one}" for one in passages)) if passages else ""
        text = ("" if again else opening) + listed + content.removeprefix(opening)
        return [*said[:-1], Message(role=said[-1].role, content=text)]


def _begun(text: str) -> str:
    words = masked(text).split()
    return " ".join(words[:BEGUN]) + " ..." * (len(words) > BEGUN)
