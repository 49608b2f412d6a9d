"""What a language model and a reranker have in common: a transformers module with its tokenizer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from retain.models.fingerprint import config_values, tokenizer_hash, weights_hash
from retain.models.update import Update
from retain.records import content_hash
from retain.scoring.forward import bare

LENGTHS = ("max_position_embeddings", "max_seq_len")
"""What configurations call the longest sequence; the second one MPT's."""
UNSTATED_LENGTH = 2048


class TransformersModel(ABC):
    """A transformers module, measured and trained; a PEFT model too.

    Args:
        module: the model, in the precision in which it is measured.
        tokenizer: its fast tokenizer.
        name: what a person calls it.
        load_in: ``fp32``, ``bf16`` or ``4bit``; part of the fingerprint.
        base: a context manager within which ``module`` answers as the base; nothing to do when None.
        update: what training learned, where it can be scaled.
    """

    def __init__(
        self,
        module: Any,
        tokenizer: Any,
        name: str,
        load_in: str,
        base: Callable[[], Any] | None = None,
        update: Update | None = None,
    ) -> None:
        self.module = module
        self.tokenizer = tokenizer
        self.name = name
        self.load_in = load_in
        self.base = base
        self.update = update
        self.progress: Callable[[str, int, int], None] | None = None
        """Called with (what, done, total) while requests are worked off."""
        self.whole: Any = None
        """A ``WholeCopy`` while the module's weights are dealt over processes."""
        self.doing = ""
        """What the requests are for, such as a probe's name; shown with the progress."""

    @abstractmethod
    def rebuilt(self, module: Any, base: Callable[[], Any] | None = None, update: Update | None = None) -> Self:
        """The same model around another module, such as one that carries an adapter now; the same progress.

        Args:
            module: takes the place of this model's.
            base: as for the model itself.
            update: as for the model itself.
        """

    def renewed(self) -> Self:
        """The same model after its weights were changed: a new fingerprint, the same progress."""
        return self.rebuilt(self.module, self.base, self.update)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that decides what the model answers: weights, configuration, tokenizer, precision.

        Of the moment it is first asked for: training makes a new one.
        """
        weights = content_hash(weights_hash(self.module), adapter_scaling(self.module))
        config = content_hash(config_values(self.module.config), *self.habits)
        return content_hash(weights, config, tokenizer_hash(self.tokenizer), self.load_in, length=24)

    @property
    @abstractmethod
    def habits(self) -> tuple[Any, ...]:
        """What else decides its answers, as plain values."""

    @property
    def device(self) -> str:
        """Where it runs."""
        return str(self.module.device)

    @property
    def context_length(self) -> int:
        """Longest sequence in tokens that the model was made for; 2,048 where its configuration states none."""
        return self.stated_length or UNSTATED_LENGTH

    @property
    def stated_length(self) -> int | None:
        """Longest sequence in tokens that the configuration states; None where it states none (Mamba, BLOOM).

        A model with learned positions has no more of them, less those that its padding takes (RoBERTa, XLM-R).
        """
        config = self.module.config.get_text_config()
        stated = next((found for name in LENGTHS if (found := getattr(config, name, None))), None)
        return int(stated) - self._positions_of_padding() if stated else None

    def within(self, max_length: int) -> int:
        """A length in tokens, or the longest sequence that the model's configuration states where that is less."""
        return min(max_length, self.stated_length or max_length)

    def _positions_of_padding(self) -> int:
        """Learned positions before the first token's, in models that count from behind the padding's."""
        embeddings = getattr(bare(self.module).base_model, "embeddings", None)
        positions = getattr(embeddings, "position_embeddings", None)
        padding = getattr(positions, "padding_idx", None)
        return 0 if padding is None else int(padding) + 1

    @property
    def pad(self) -> int:
        """A token id for padding; which one does not matter to a language model, whose padding is masked."""
        return next(int(i) for i in (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id, 0) if i is not None)

    @contextmanager
    def as_base(self) -> Iterator[None]:
        """Within it, the model answers as before training (adapter off, or the frozen weights put back)."""
        if self.base is None:
            yield
        else:
            with self.base():
                yield

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        training = self.module.training
        self.module.eval()
        try:
            yield
        finally:
            self.module.train(training)

    @abstractmethod
    def in_small_batches(self, tokens: int, rows: int) -> None:
        """Work requests off in other batches than by default: ``tokens`` scored and ``rows`` answers at a time."""

    def save(self, folder: Path) -> None:
        """Write the model and its tokenizer, as safetensors, ready to load anywhere."""
        self.module.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def take_plain_reasons(self) -> list[str]:
        """Why requests since the last call were worked off without sharing; empty when the engines did all of them."""
        return []

    def take_cuts(self) -> int:
        """How many prompts lost their beginning since the last call."""
        return 0

    def _tick(self, what: str, total: int) -> Callable[[int], None]:
        def tick(done: int) -> None:
            if self.progress is not None:
                self.progress(f"{self.doing}: {what}" if self.doing else what, done, total)

        return tick


def adapter_scaling(module: Any) -> list[tuple[str, float]]:
    """The factors of an adapter's layers: they change what a model does and are no weights."""
    layers = [(name, getattr(layer, "scaling", None)) for name, layer in module.named_modules()]
    return [(name, float(value)) for name, found in layers if isinstance(found, dict) for value in found.values()]
