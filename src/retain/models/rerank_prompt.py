"""How a language model is asked whether a document answers a query: the recipe's words, or what its folder says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from pydantic import TypeAdapter, ValidationError, field_validator

from retain.errors import UserError
from retain.models.chat import ChatTemplateError, text_ids
from retain.models.model_files import model_file, model_json, module_folders
from retain.settings import Settings

QUESTION = "Does the document answer the query? Say yes or no.\n\nQuery: {query}\n\nDocument: {document}"
"""What a model is asked of which neither the recipe nor its folder says it."""
ANSWER = "\n\nAnswer:"
"""What a model without a chat template reads after the question."""
FILE = "rerank.json"
"""Where a saved model's folder says how it is asked, when that is not how any language model is."""
ROLES = ("query", "document")
"""Turns in which published rerankers' chat templates take a pair (sentence-transformers 6)."""
PROBES = (("one", "two"), ("three", "two"), ("one", "three"))
"""Pairs of which each must be asked in other words."""


class RerankSettings(Settings):
    """What a language model is asked about each pair."""

    question: str | None = None
    """The question, with ``{query}`` and ``{document}`` in it."""
    instruction: str | None = None
    """What stands before it, as a system turn."""
    yes: str | None = None
    """The answer that means relevant; its first token is what is read."""
    no: str | None = None
    """The answer that means not relevant."""

    @field_validator("question")
    @classmethod
    def _names_both(cls, question: str | None) -> str | None:
        missing = [f"{{{role}}}" for role in ROLES if question is not None and f"{{{role}}}" not in question]
        if missing:
            raise ValueError(f"it lacks {' and '.join(missing)}, where the texts go")
        return question


@dataclass(frozen=True)
class RerankPrompt:
    """A prompt of which every part is decided.

    Args:
        yes: the token that means relevant.
        no: the token that means not relevant.
        question: the user's turn; None where the pair is two turns, ``query`` and ``document``.
        instruction: the system's turn; None for none.
        template: settings of the chat template, beside the turns.
        structured: the two turns' contents are lists of parts, as models of several modalities take them.
    """

    yes: int
    no: int
    question: str | None = QUESTION
    instruction: str | None = None
    template: Mapping[str, Any] = field(default_factory=dict)
    structured: bool = False

    @property
    def habits(self) -> list[Any]:
        """What decides the answers, as plain values."""
        more = [self.instruction, dict(self.template)] if self.instruction or self.template else []
        return [self.question, ANSWER, [self.yes, self.no], *more]

    def text(self, tokenizer: Any, query: str, document: str) -> str:
        """The whole prompt.

        Raises:
            UserError: the chat template refuses it.
        """
        if not tokenizer.chat_template:
            opening = f"{self.instruction}\n\n" if self.instruction else ""
            return opening + self._asked(query, document) + ANSWER
        try:
            return str(tokenizer.apply_chat_template(self._turns(query, document), **self._settings()))
        except (TemplateError, TypeError) as error:
            raise ChatTemplateError(f"the model's chat template refuses the question of a reranker: {error}") from error

    def _asked(self, query: str, document: str) -> str:
        texts = {"query": query, "document": document}
        return re.sub(r"\{(query|document)\}", lambda found: texts[found[1]], self.question or QUESTION)

    def _settings(self) -> dict[str, Any]:
        return {"add_generation_prompt": self.question is not None, **self.template, "tokenize": False}

    def _turns(self, query: str, document: str) -> list[dict[str, Any]]:
        opening = [("system", self.instruction)] if self.instruction else []
        if self.question is not None:
            return turns([*opening, ("user", self._asked(query, document))])
        return turns([*opening, ("query", query), ("document", document)], self.structured)

    def save(self, folder: Path) -> None:
        """Write it beside a saved model."""
        parts = {
            "question": self.question, "instruction": self.instruction, "yes": self.yes, "no": self.no,
            "template": dict(self.template), "structured": self.structured,
        }  # fmt: skip
        (folder / FILE).write_text(json.dumps(parts, indent=2, ensure_ascii=False) + "\n", "utf-8")


def asked_in(folder: Path) -> str:
    """What a folder says of how its model is asked, as JSON; empty where it says nothing."""
    path = folder / FILE
    return path.read_text("utf-8", errors="replace").strip() if path.is_file() else ""


def rerank_prompt(spec: str, tokenizer: Any, settings: RerankSettings | None = None) -> RerankPrompt:
    """How a model is asked: what the recipe sets, else what its folder says, else :data:`QUESTION`.

    Args:
        spec: a folder or a Hub id.
        tokenizer: the model's.
        settings: the recipe's.

    Raises:
        UserError: yes and no begin alike, or the prompt does not depend on the query and the document.
    """
    given = settings or RerankSettings()
    prompt = _of_folder(spec, tokenizer, given)
    if given.question is not None:
        prompt = replace(prompt, question=given.question)
    if given.instruction is not None:
        prompt = replace(prompt, instruction=given.instruction)
    if given.yes is not None:
        prompt = replace(prompt, yes=_first_token(tokenizer, given.yes))
    if given.no is not None:
        prompt = replace(prompt, no=_first_token(tokenizer, given.no))
    if prompt.question is None:
        prompt = replace(prompt, structured=not takes_turns(tokenizer, ROLES, prompt.template))
    for name, token in (("yes", prompt.yes), ("no", prompt.no)):
        if not 0 <= token < len(tokenizer):
            raise UserError(
                f"model: the word for {name} of {spec!r} is no token of its tokenizer "
                f"(found {token}, of {len(tokenizer)})\n"
                f"  Set model.rerank.{name} to a word."
            )
    if prompt.yes == prompt.no:
        raise UserError(
            f"model: the tokenizer of {spec!r} begins yes and no alike: it cannot rerank\n"
            "  Set model.rerank.yes and model.rerank.no to words that begin with different tokens."
        )
    _refuse_deaf(spec, tokenizer, prompt)
    return prompt


def _of_folder(spec: str, tokenizer: Any, given: RerankSettings) -> RerankPrompt:
    saved = model_file(spec, FILE)
    if saved is not None:
        return _saved(spec, saved)
    modules = module_folders(spec)
    if "LogitScore" in modules:
        return _published(spec, f"{modules['LogitScore']}/config.json".lstrip("/"), given)
    yes, no = (_first_token(tokenizer, word) for word in ("yes", "no"))
    return RerankPrompt(yes, no, None if _has_roles(tokenizer) else QUESTION)


def _saved(spec: str, path: Path) -> RerankPrompt:
    try:
        return TypeAdapter(RerankPrompt).validate_json(path.read_bytes(), strict=True)
    except (OSError, ValidationError) as error:
        raise _damaged(spec, FILE, error) from error


def _damaged(spec: str, name: str, error: Exception) -> UserError:
    problem = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
    return UserError(
        f"model: {name} of {spec!r}, which says how it is asked, is damaged: {problem}\n"
        "  Save the model again, or fetch it anew."
    )


def _published(spec: str, place: str, given: RerankSettings) -> RerankPrompt:
    """What a folder of sentence-transformers says: its two tokens, its saved prompt, its template's settings."""
    tokens = _mapping(model_json(spec, place))
    yes, no = tokens.get("true_token_id"), tokens.get("false_token_id")
    if (yes is None and given.yes is None) or (no is None and given.no is None):
        raise UserError(
            f"model: {spec!r} reads its score off one token ({place}: true_token_id {yes}, false_token_id {no}), and "
            "two are compared here\n  Set model.rerank.yes and model.rerank.no."
        )
    own = _mapping(model_json(spec, "config_sentence_transformers.json"))
    instruction = _mapping(own.get("prompts")).get(str(own.get("default_prompt_name"))) or None
    calling = _mapping(_mapping(model_json(spec, "sentence_bert_config.json")).get("processing_kwargs"))
    template = _mapping(calling.get("chat_template"))
    said = {
        "yes": -1 if yes is None else yes, "no": -1 if no is None else no, "question": None, "instruction": instruction,
        "template": {name: value for name, value in template.items() if name != "restore_suffix"},
    }  # fmt: skip
    try:
        return TypeAdapter(RerankPrompt).validate_json(json.dumps(said), strict=True)
    except ValidationError as error:
        raise _damaged(spec, place, error) from error


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}


def _first_token(tokenizer: Any, word: str) -> int:
    ids = text_ids(tokenizer, word if tokenizer.chat_template else f" {word}", special=False)
    return ids[0] if ids else -1


def _has_roles(tokenizer: Any) -> bool:
    """Whether a chat template has turns for query and document, and does not just print the role of any turn."""
    return _takes_pair(tokenizer, ROLES) and not _takes_pair(tokenizer, ("alpha", "beta"))


def _takes_pair(tokenizer: Any, roles: tuple[str, str]) -> bool:
    return takes_turns(tokenizer, roles, {}) or takes_turns(tokenizer, roles, {}, structured=True)


def takes_turns(tokenizer: Any, roles: tuple[str, str], template: Mapping[str, Any], structured: bool = False) -> bool:
    """Whether what two turns say reaches the text that a chat template makes of them.

    Args:
        tokenizer: has the chat template.
        roles: of the two turns.
        template: settings of the chat template.
        structured: as for :func:`turns`.
    """
    if not tokenizer.chat_template:
        return False
    texts = set()
    for pair in PROBES:
        given = turns(list(zip(roles, pair, strict=True)), structured)
        try:
            texts.add(str(tokenizer.apply_chat_template(given, **{**template, "tokenize": False})))
        except (TemplateError, TypeError):
            return False
    return len(texts) == len(PROBES)


def turns(said: Sequence[tuple[str, str]], structured: bool = False) -> list[dict[str, Any]]:
    """Roles and texts as a chat template takes them.

    Args:
        said: role and text of each turn.
        structured: the content is a list of parts.
    """
    return [{"role": role, "content": [{"type": "text", "text": text}] if structured else text} for role, text in said]


def _refuse_deaf(spec: str, tokenizer: Any, prompt: RerankPrompt) -> None:
    """Refuse a prompt that is the same for two pairs, or with and without the instruction."""
    if prompt.question is None and not tokenizer.chat_template:
        raise UserError(
            f"model: {spec!r} is a published reranker without a chat template that says how it is asked\n"
            "  Give it its template, or set model.rerank.question."
        )
    if len({prompt.text(tokenizer, *pair) for pair in PROBES}) < len(PROBES):
        said = "turns named query and document" if prompt.question is None else "the user's turn"
        raise UserError(
            f"model: the chat template of {spec!r} leaves out what {said} say: every pair would be asked the same\n"
            "  Give the model a template that prints them, or set model.rerank.question if it prints the user's turn."
        )
    plain = replace(prompt, instruction=None)
    if prompt.instruction and plain.text(tokenizer, *PROBES[0]) == prompt.text(tokenizer, *PROBES[0]):
        raise UserError(
            f"model.rerank.instruction: the chat template of {spec!r} leaves out the system's turn\n"
            "  Put the instruction into model.rerank.question."
        )
