"""What a recipe can say about training."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from retain.errors import nearest
from retain.settings import Settings
from retain.training.preference_settings import PreferenceSettings
from retain.training.ranking_settings import RankingSettings
from retain.training.schedules import Schedule, schedule_problem

WARMUP = 0.05
ELSEWHERE = ("push_to_hub", "hub_", "logging_dir", "output_dir", "resume_from_checkpoint", "overwrite_output_dir")
"""How keys of ``extra`` begin that write outside of the run's folder, send the model away or read another's state."""


TRACKERS = (
    "tensorboard",
    "wandb",
    "mlflow",
    "trackio",
    "azure_ml",
    "clearml",
    "codecarbon",
    "comet_ml",
    "dagshub",
    "dvclive",
    "flyte",
    "neptune",
    "swanlab",
)
"""Trackers by transformers' names. The first four are told of the verdict too, and have an extra each."""


class RateScan(Settings):
    """Find the learning rate by short runs, on dev items."""

    scan: list[Annotated[float, Field(gt=0)]] = []
    """Rates to try, at least two; when empty four that suit the model's size and what is trained. Where the best lies
    at an end, up to three more are tried beyond it."""
    share: float = Field(0.25, gt=0, le=1)
    """Share of the training rows that each short run sees."""

    @field_validator("scan")
    @classmethod
    def _several(cls, rates: list[float]) -> list[float]:
        if rates and len(set(rates)) < 2:
            raise ValueError("a scan needs at least two different rates; for one rate write learning_rate: RATE")
        return sorted(set(rates))


def _rate(value: Any) -> Any:
    """What ``learning_rate`` means; says all it can be where it is nothing of it.

    Raises:
        ValueError: it is no rate and no scan.
    """
    if value == "scan":
        return RateScan()
    if isinstance(value, dict | RateScan):
        return value
    try:
        rate = float(value)
    except (TypeError, ValueError):
        raise ValueError("allowed are a rate such as 2.0e-4, scan, or {scan: [1.0e-4, 5.0e-4], share: 0.25}") from None
    if isinstance(value, bool):
        raise ValueError("a learning rate is a number above 0")
    return rate


def _also_scan(schema: dict[str, Any]) -> None:
    """``scan`` alone is allowed too; editors read it here."""
    schema.get("oneOf", schema.get("anyOf", [])).append({"const": "scan"})


LearningRate = Annotated[
    Annotated[float, Field(gt=0), Tag("rate")] | Annotated[RateScan, Tag("RateScan")],
    Discriminator(lambda value: "RateScan" if isinstance(value, dict | RateScan) else "rate"),
    BeforeValidator(_rate),
]


class TrainingSettings(Settings):
    """How the model is trained. Defaults suit LoRA on models of billions of weights."""

    method: Literal["sft", "dpo", "pretrain", "rank"] = "sft"
    """``sft``: supervised fine-tuning of a language model on the answers. ``dpo``: on pairs of a chosen and a rejected
    answer. ``pretrain``: continued pretraining on plain text, whole and packed. ``rank``: a reranker on queries with
    relevant documents."""
    preference: PreferenceSettings | None = None
    """``method: dpo``: the loss and how strongly the base holds; its defaults when empty."""
    ranking: RankingSettings | None = None
    """``method: rank``: loss, groups and negatives; their defaults when empty."""
    learning_rate: LearningRate = Field(2e-4, json_schema_extra=_also_scan)
    """Peak rate, or ``scan``. Customary: 2e-4 for LoRA, a tenth of it for full fine-tuning; higher under 1B weights;
    with ``method: dpo`` about 5e-6 for all weights and up to 5e-5 for LoRA.
    ``scan`` finds the largest rate below the cliff of forgetting that reaches the gain, by short runs; ``{scan: [..],
    share: ..}`` says which rates and on how much of the data."""
    epochs: float = Field(1.0, gt=0)
    """Passes over the training rows; more than 3 invites forgetting."""
    batch_size: int = Field(8, ge=1)
    """Rows of a forward pass, which several processes share; with ``method: pretrain`` sequences of ``max_length``
    tokens; with ``method: rank`` groups of a query and its documents."""
    gradient_accumulation: int = Field(1, ge=1)
    """Forward passes per update."""
    max_length: int = Field(1024, ge=8)
    """Longest row in tokens; longer ones are cut, and counted. With ``method: pretrain`` the length of the sequences
    that documents are packed into; longer documents go on in the next. With ``method: rank`` a query with one
    document."""
    schedule: Schedule = "linear"
    """How the rate falls after the warmup: to nothing (``linear``, ``cosine``), to ``lowest_rate``
    (``cosine_with_min_lr``), there in the last updates only (``warmup_stable_decay``), or not at all."""
    lowest_rate: float | None = Field(None, ge=0, lt=1)
    """``cosine_with_min_lr`` and ``warmup_stable_decay``: where the rate ends, a share of its peak; when empty 0.1."""
    decay: float | None = Field(None, gt=0, le=1)
    """``warmup_stable_decay``: share of the updates in which the rate falls; when empty 0.2."""
    warmup: float | None = Field(None, ge=0, lt=1)
    """Share of the updates in which the rate rises; when empty 0.05, and none with ``schedule: constant``."""
    weight_decay: float = Field(0.0, ge=0)
    """AdamW's weight decay."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Gradients are clipped to this norm."""
    optimizer: str = "adamw_torch_fused"
    """Any optimizer name that transformers knows; some need a package of their own."""
    packing: bool = False
    """Pack several rows into one sequence; ``method: pretrain`` always does."""
    fit_memory: bool = True
    """Where a batch would not fit into the memory that is free, compute it in parts, and if need be with gradient
    checkpointing; an update sees as many rows as before. ``false``: batches as they are asked for. Rerankers: no
    effect, since nothing is known of what they need; lower ``batch_size`` or ``group_size``."""
    gradient_checkpointing: bool = False
    """Less memory for more time."""
    checkpoints: int = Field(4, ge=0)
    """How often training saves its state, to go on from there when it is interrupted; 0 = never."""
    watch: int = Field(4, ge=0)
    """How often the loss of dev rows is read during training, for the overfitting alarms (at most 128 rows, a twentieth
    of training's time); 0 = never, and the alarms have the training loss alone."""
    report_to: list[str] = []
    """Trackers: tensorboard (writes into the run's folder), wandb, mlflow, trackio, and others that transformers knows.
    They get the log, what guards measure, and at the end the verdict with its numbers."""
    extra: dict[str, Any] = {}
    """TRL's own keys (SFTConfig, with ``method: dpo`` DPOConfig), passed as they are; with ``method: rank`` those of
    sentence-transformers (CrossEncoderTrainingArguments)."""

    @property
    def pairs(self) -> PreferenceSettings:
        """``preference``, or its defaults."""
        return self.preference or PreferenceSettings()

    @model_validator(mode="after")
    def _schedule_fits(self) -> Self:
        if problem := schedule_problem(self.schedule, self.warmup_share, self.lowest_rate, self.decay):
            raise ValueError(problem)
        return self

    @field_validator("report_to")
    @classmethod
    def _known_trackers(cls, names: list[str]) -> list[str]:
        if wrong := [name for name in names if name not in TRACKERS]:
            raise ValueError(f'there is no tracker "{wrong[0]}"; {nearest(wrong[0], TRACKERS)}')
        return list(dict.fromkeys(names))

    @field_validator("extra")
    @classmethod
    def _stays_here(cls, extra: dict[str, Any]) -> dict[str, Any]:
        if found := [key for key in extra if key.startswith(ELSEWHERE)]:
            raise ValueError(
                f"{', '.join(found)} would write or send outside of the run's folder, or read another run's state; "
                "leave it out, and copy or upload what a run made yourself"
            )
        return extra

    @property
    def groups(self) -> RankingSettings:
        """``ranking``, or its defaults."""
        return self.ranking or RankingSettings()

    @property
    def warmup_share(self) -> float:
        """Share of the updates in which the rate rises."""
        if self.warmup is None:
            return 0.0 if self.schedule == "constant" else WARMUP
        return self.warmup

    @property
    def packed(self) -> bool:
        """Whether several rows share a sequence."""
        return self.packing or self.method == "pretrain"

    @property
    def scheduler(self) -> str:
        """The schedule by transformers' name: its ``constant`` reads no warmup."""
        return "constant_with_warmup" if self.schedule == "constant" and self.warmup_share else self.schedule

    def at_rate(self, rate: float) -> TrainingSettings:
        """These settings with a rate in place of a scan."""
        return self.model_copy(update={"learning_rate": rate})
