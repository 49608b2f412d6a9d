"""What a mitigation is: it overrides only the hooks it needs; each returns a value and changes nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from retain.data.encoding import Encoded
from retain.data.example import Example
from retain.errors import UserError, nearest
from retain.models.logits import labelled_logits
from retain.models.transformers_model import TransformersModel
from retain.models.unpadded import unpadded
from retain.records import Choice, Gate, Measurement
from retain.settings import Settings

if TYPE_CHECKING:
    import torch
    from transformers import TrainerCallback

KEPT = "kept"
"""Name of the folder of files that outlast training, within ``Setup.folder``."""


@dataclass(frozen=True)
class GeneralSet:
    """One set of general text: what mitigations use, and the 20% that is kept back for the KL meter."""

    name: str
    source: str
    examples: Sequence[Example]
    kept_back: Sequence[Example]
    rejected: Mapping[str, int] = field(default_factory=dict)
    """Reason -> rows that were left out."""


@dataclass(frozen=True)
class Setup:
    """Everything a mitigation may look at. Read-only; dev items only."""

    base: TransformersModel
    general: Mapping[str, GeneralSet]
    gate: Gate
    folder: Path
    """Where a mitigation may keep files while training lasts."""
    seed: int
    encode: Callable[[Example], Encoded | None]
    """Tokens and labels of a row, as training sees them; None for a row with nothing to train."""
    measure_dev: Callable[[TransformersModel], list[Measurement]]
    """Measures the task and the suite on dev items."""
    base_dev: Callable[[], list[Measurement]]
    """The base's scores on the same dev items."""
    task_probes: frozenset[str]
    rows: Sequence[Encoded] = ()
    """What is trained on, rehearsed text included; known from the moment when training is set up."""
    task_tokens: int = 0
    """Tokens that shares of general text are counted against: of all tasks' rows, those of earlier ones too, prompts
    included; of preference pairs both answers. Known from the moment when training is set up."""
    drawn: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """General set -> which of its trainable rows penalties will see, in the order in which these first come; all rows
    of a set that is not named. Known when :meth:`Mitigation.penalty` is called."""
    note: Callable[[str], None] = lambda text: None
    """Says what a reader of the report must know about the training."""
    watching: Sequence[Any] = ()
    """Callbacks of the run itself, which look on while training lasts."""
    pieces: Callable[[Example], Sequence[Encoded]] | None = None
    """``method: pretrain``: the rows that a document goes on in; None where a row is encoded as one."""

    @property
    def kept(self) -> Path:
        """Where a mitigation keeps files that its ``finish_model`` needs; they stay with the run."""
        return self.folder / KEPT

    def general_set(self, name: str | None) -> GeneralSet:
        """The named set, or the first one.

        Raises:
            UserError: there is none, or none of that name.
        """
        if not self.general:
            raise UserError(
                "mitigations: general text is needed, and the recipe has none.\n"
                "  Add it under data, for example: general: [{name: own, source: base_model, count: 400}]"
            )
        if name is None:
            return next(iter(self.general.values()))
        if name not in self.general:
            raise UserError(f'mitigations: there is no general set "{name}"; {nearest(name, self.general)}')
        return self.general[name]

    def encoded(self, example: Example) -> Sequence[Encoded]:
        """A row as training sees it: one, none where nothing can be trained, or those that a document goes on in."""
        if self.pieces is not None:
            return self.pieces(example)
        row = self.encode(example)
        return [] if row is None else [row]

    def tokens(self, example: Example) -> int:
        """Tokens of a row as training sees it, prompt included."""
        return sum(len(row.input_ids) for row in self.encoded(example))


class Step:
    """One training step as penalties see it. Logits are computed lazily, once, with gradient.

    TRL's own outputs carry logits without gradient, so penalties must take them from here.
    """

    def __init__(
        self,
        module: Any,
        task: Mapping[str, torch.Tensor],
        general: Callable[[str], GeneralBatch | None],
        task_share: float = 1.0,
        in_line: bool = False,
    ) -> None:
        self.module = module
        self.in_line = in_line
        """Rows go through the model without padding (``retain.models.unpadded``)."""
        self.task = task
        self.task_share = task_share
        """This pass's labelled task tokens over the mean of the update's passes. A mean over this pass's tokens times
        this becomes a mean over the update's tokens, however many passes they come in."""
        self._general = general
        self._logits: dict[str, torch.Tensor] = {}

    def general(self, name: str) -> GeneralBatch | None:
        """This step's rows of a general set, or None when the step has none."""
        return self._general(name)

    @cached_property
    def task_logits(self) -> torch.Tensor:
        """Logits at the positions that predict a labelled token of the task rows, (positions, vocabulary)."""
        return self._labelled(self.task)

    def general_logits(self, name: str) -> torch.Tensor:
        """The same for this step's general rows; one forward pass however many penalties ask."""
        if name not in self._logits:
            batch = self.general(name)
            assert batch is not None
            self._logits[name] = self._labelled(batch.tensors)
        return self._logits[name]

    def _labelled(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        if not self.in_line:
            return labelled_logits(self.module, batch)
        with unpadded(self.module, batch) as line:
            return labelled_logits(self.module, line)


@dataclass(frozen=True)
class GeneralBatch:
    """Some rows of a general set, padded on the right, and which rows they are."""

    rows: tuple[int, ...]
    tensors: Mapping[str, torch.Tensor]
    tokens: int
    usual: float
    """Labelled tokens that a forward pass has on average, those without rows counted too. A sum over this pass's tokens
    divided by this is, on average, a mean over the training's tokens, however the rows fall into passes. Of rerankers:
    queries, and ``tensors`` is empty."""


Penalty = Callable[[Step], "torch.Tensor | None"]
Weights = Callable[[Step], "torch.Tensor"]


class Mitigation(Settings):
    """One way to forget less. Override only the hooks it needs."""

    finish_order: ClassVar[int] = 0
    """:meth:`finish_model` is called in this order, and in the recipe's among equals."""
    mixes_tasks: ClassVar[bool] = False
    """:meth:`mix_data` adds rows of tasks, which count as such. It then comes before others that add rows."""
    not_for_rerankers: ClassVar[str] = ""
    """Why it does not go with ``training.method: rank``; empty where it does."""
    not_for_language_models: ClassVar[str] = ""
    """Why it does not go with the other methods; empty where it does."""
    not_for_preferences: ClassVar[str] = ""
    """Why it does not go with ``training.method: dpo``; empty where it does."""
    not_for_dealt: ClassVar[str] = ""
    """Why it does not go with weights that are dealt over processes (FSDP2); empty where it does."""

    def conflicts(self, recipe: Any) -> list[str]:
        """What in a recipe (``retain.recipe.Recipe``) does not go with this mitigation, each with its reason.

        Knobs of its own that the others leave without effect too.
        """
        return []

    def not_dealt(self, adapter: bool) -> str:
        """Why, as it is set, it does not go with weights that are dealt over processes; beside an adapter or not."""
        return self.not_for_dealt

    def not_with_own_gradients(self, adapter: bool) -> str:
        """Why it does not go with an engine that takes gradients while the backward pass runs (DeepSpeed)."""
        return ""

    def wants_general(self) -> bool:
        """Whether general text is needed."""
        return "general" in type(self).model_fields

    def general_share(self, setup: Setup) -> tuple[str, float] | None:
        """(general set, general tokens per task token) that :meth:`penalty` wants beside the task rows."""
        return None

    def mix_data(self, examples: Sequence[Example], setup: Setup) -> Sequence[Example]:
        """The rows to train on."""
        return examples

    def wrap_model(self, model: TransformersModel, setup: Setup) -> TransformersModel:
        """The model to train, for example with an adapter."""
        return model

    def weigh_tokens(self, model: TransformersModel, setup: Setup) -> Weights | None:
        """Weights of the task's loss, (positions,): one for each labelled position, in the order of ``task_logits``."""
        return None

    def penalty(self, model: TransformersModel, setup: Setup) -> Penalty | None:
        """A term added to the loss. Called before the first step, while the model still is the base."""
        return None

    def callback(self, model: TransformersModel, setup: Setup) -> TrainerCallback | None:
        """Something that watches training."""
        return None

    def finish_model(self, model: TransformersModel, setup: Setup) -> tuple[TransformersModel, Choice | None]:
        """The model after training, and the choice that was made on dev items, if one was."""
        return model, None
