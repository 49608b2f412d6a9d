"""Any transformers Trainer with Retain's penalties: its own loss stays as it is, terms are added to it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch

from retain import processes
from retain.data.encoding import IGNORED
from retain.errors import BrokenError
from retain.mitigations.base import GeneralBatch, Penalty, Step, Weights
from retain.mitigations.known_rows import RowIndex
from retain.models.logits import labelled_logits
from retain.models.unpadded import KEYS, padded_on_the_right, takes_unpadded
from retain.training.alarms.history import TASK_LOSS
from retain.training.dealing import deal, share_of
from retain.training.engines import allow_fsdp_on_cpu, check_engine, fsdp_asked
from retain.training.flattened import in_rows
from retain.training.router import router_losses, trains_routers
from retain.training.schedules import in_updates
from retain.training.stream import GeneralStream
from retain.training.task_loss import Share, is_cross_entropy, mean_of, of_task_rows

PLAIN = ("transformers.trainer", "trl.trainer.sft_trainer")
"""Modules whose ``compute_loss`` is cross-entropy over the labelled tokens, unless settings say otherwise."""


def with_penalties(
    trainer_class: type[Any],
    penalties: Mapping[str, Penalty],
    streams: Mapping[str, GeneralStream] | None = None,
    weights: Sequence[Weights] = (),
) -> type[Any]:
    """A subclass of a Trainer class that adds penalties to its loss and refuses to go on from a broken number.

    Args:
        trainer_class: ``transformers.Trainer``, ``trl.SFTTrainer`` or any class with their ``compute_loss``.
        penalties: name -> function of a step; the names appear in the log.
        streams: general set -> the rows each forward pass sees; may be set on the trainer before it trains.
        weights: functions of a step that give a weight for each labelled token of the task; they multiply.
    """
    own = {
        "has_plain_loss": has_plain_loss(trainer_class),
        "penalties": dict(penalties),
        "streams": dict(streams or {}),
        "weights": list(weights),
        "task_rows": None,
        "deals_rows": False,
        "_sums": defaultdict(list),
        "_task_shares": [],
        "_pass": (-1, 0),
        "_in_line": None,
    }
    return type(f"Penalised{trainer_class.__name__}", (PenaltyMixin, trainer_class), own)


def has_plain_loss(trainer_class: type[Any]) -> bool:
    """Whether a class computes the usual loss of a language model, and not one of its own."""
    return getattr(trainer_class.compute_loss, "__module__", "") in PLAIN


class PenaltyMixin:
    """Goes before a Trainer class; see :func:`with_penalties`."""

    has_plain_loss: ClassVar[bool]
    penalties: dict[str, Penalty]
    streams: dict[str, GeneralStream]
    weights: list[Weights]
    task_rows: RowIndex | None
    """The task's rows, where others are trained on too; may be set before the trainer trains."""
    deals_rows: bool
    """An update sees the same rows on any number of processes; may be set before the trainer trains."""
    _sums: dict[str, list[float | None]]
    """Penalty -> its value in each forward pass since the last log entry; None where it had nothing to look at."""
    _task_shares: list[Share]
    """The task's own loss in each forward pass since the last log entry, where the loss holds more."""
    _pass: tuple[int, int]
    """(update, forward pass within it), counted from 0."""
    _in_line: bool | None
    """Whether the model takes rows without padding; None until it was tried."""

    @property
    def loss_is_the_tasks(self: Any) -> bool:
        """Whether ``loss`` in the log is the task's cross-entropy. Where it holds more, ``task_loss`` is, if known."""
        return is_cross_entropy(self) and not (self.penalties or self.weights or self.task_rows is not None)

    def train(self: Any, *args: Any, **named: Any) -> Any:
        """As the trainer does.

        Raises:
            UserError: a penalty does not go with the engine that trains.
        """
        check_engine(self, self.penalties)
        return super().train(*args, **named)  # type: ignore[misc]

    def create_scheduler(self: Any, num_training_steps: int, *args: Any, **named: Any) -> Any:
        """As the trainer does; a decay that is a share of the updates is counted."""
        if self.args.lr_scheduler_kwargs:
            self.args.lr_scheduler_kwargs = in_updates(self.args.lr_scheduler_kwargs, num_training_steps)
        return super().create_scheduler(num_training_steps, *args, **named)  # type: ignore[misc]

    def compute_loss(
        self: Any, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The trainer's loss plus the penalties.

        Raises:
            BrokenError: the loss is NaN or infinite.
        """
        if not model.training:
            return super().compute_loss(  # type: ignore[misc]
                model, inputs, return_outputs=return_outputs, num_items_in_batch=num_items_in_batch
            )
        step, outputs = None, None
        self._count_pass()
        # For language models transformers sums the losses of accumulated passes and does not average them.
        passes = 1 if num_items_in_batch is None else self.current_gradient_accumulation_steps
        if self._scores_labelled_only(inputs):
            step = self._step(model, inputs, num_items_in_batch)
            with router_losses(self, model) as routers:
                loss = self._labelled_loss(step, num_items_in_batch)
            loss = loss + sum(routers) / passes
        else:
            result = super().compute_loss(  # type: ignore[misc]
                model, inputs, return_outputs=return_outputs, num_items_in_batch=num_items_in_batch
            )
            loss, outputs = result if return_outputs else (result, None)
            if num_items_in_batch is None:
                loss = loss * self._share()
            if self.penalties and self.task_rows is None and is_cross_entropy(self):
                self._task_shares.append((loss.detach(), 1 / passes))
        if self.penalties:
            loss = loss + self._penalise(step or self._step(model, inputs, num_items_in_batch)) / passes
        if self._is_broken(loss):
            raise BrokenError(f"The loss became {loss.item()} in step {self.state.global_step + 1}.")
        return (loss, outputs) if return_outputs else loss

    def create_accelerator_and_postprocess(self: Any) -> None:
        """As the trainer does; FSDP2 on CPUs too."""
        if fsdp_asked(self.args):
            allow_fsdp_on_cpu()
        super().create_accelerator_and_postprocess()  # type: ignore[misc]

    def get_train_dataloader(self: Any) -> Any:
        """The trainer's, with our parts of each pass where rows are dealt."""
        loader = super().get_train_dataloader()  # type: ignore[misc]
        if not self.deals_rows:
            return loader
        return deal(loader, self.accelerator.num_processes, self.accelerator.process_index)

    def _get_num_items_in_batch(self: Any, batch_samples: list[Any], device: Any) -> Any:
        """The trainer's; rows that stand in for missing ones count nothing."""
        for number, batch in enumerate(batch_samples):
            if "labels" in batch and not self._share(number):
                batch["labels"] = torch.full_like(batch["labels"], IGNORED)
        return super()._get_num_items_in_batch(batch_samples, device)  # type: ignore[misc]

    def _share(self: Any, passed: int | None = None) -> float:
        """This process's rows over the mean of all processes, in a forward pass of this update; this one if None."""
        if not self.deals_rows:
            return 1.0
        together = self.args.train_batch_size * self.accelerator.num_processes
        rows, accumulated = len(self.train_dataset), self.args.gradient_accumulation_steps
        passes = -(-rows // together)
        number = self.state.global_step % -(-passes // accumulated) * accumulated
        number += self._pass[1] if passed is None else passed
        here = min(together, rows - number * together)
        return share_of(here, self.accelerator.num_processes, self.accelerator.process_index)

    def _is_broken(self: Any, loss: torch.Tensor) -> bool:
        """Whether the loss is NaN or infinite, on any of the processes that work together."""
        broken = ~torch.isfinite(loss.detach())
        if processes.size() == 1:
            return bool(broken)
        return bool(self.accelerator.reduce(broken.float(), reduction="sum") > 0)

    def _scores_labelled_only(self: Any, inputs: Any) -> bool:
        """Whether the plain loss is computed here: off CUDA, TRL pushes every position through the output head.

        The trainer keeps what it alone does: fused kernels on CUDA, losses of its own, rows that run into each other,
        routers. Rows in one line are told apart by their positions. Weighted tokens are always ours.
        """
        if self.weights:
            return True
        plain = getattr(self.args, "loss_type", "nll") == "nll" and self.label_smoother is None
        special = trains_routers(self) or self.compute_loss_func is not None
        packing = getattr(self.args, "packing", False)
        rows = {"attention_mask", "labels"} <= set(inputs) and not packing
        line = {"position_ids", "labels"} <= set(inputs) and "attention_mask" not in inputs
        return (
            self.has_plain_loss
            and plain
            and not special
            and (rows or line)
            and inputs["input_ids"].device.type not in ("cuda", "xpu")
        )

    def _labelled_loss(self: Any, step: Step, num_items_in_batch: Any) -> Any:
        """Cross-entropy over the labelled tokens, averaged over the update's labelled tokens on all processes."""
        with self.compute_loss_context_manager():
            targets = step.task["labels"][:, 1:]
            targets = targets[targets != -100]
            losses = torch.nn.functional.cross_entropy(step.task_logits, targets, reduction="none")
            if not self.loss_is_the_tasks:
                self._task_shares.append(of_task_rows(losses.detach(), step.task, self.task_rows))
            for weigh in self.weights if len(losses) else ():
                losses = losses * weigh(step)
            total = losses.sum()
        tokens = targets.numel() if num_items_in_batch is None else num_items_in_batch
        if num_items_in_batch is None and self.deals_rows:
            tokens = self.accelerator.reduce(torch.tensor(float(tokens), device=total.device), reduction="mean")
        loss = total / torch.as_tensor(tokens, device=total.device).clamp(min=1)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes
        return loss

    def _step(self: Any, model: Any, inputs: Any, num_items_in_batch: Any) -> Step:
        """This forward pass as penalties see it: the task's rows and the general rows of its number."""
        number = self._number
        pad = self.processing_class.pad_token_id or 0
        inputs = in_rows(inputs, pad)
        if not self._share():
            inputs = {**inputs, "labels": torch.full_like(inputs["labels"], IGNORED)} if "labels" in inputs else inputs
        drawn: dict[str, GeneralBatch | None] = {}

        def general(name: str) -> GeneralBatch | None:
            if name not in drawn:
                drawn[name] = self.streams[name].batch(number, pad, self.args.device)
            return drawn[name]

        return Step(
            model, inputs, general, self._task_share(inputs, num_items_in_batch), self._takes_lines(model, inputs)
        )

    def _takes_lines(self: Any, model: Any, inputs: Any) -> bool:
        """Whether this pass's rows can go through the model without padding; the model is tried once."""
        if not set(KEYS) <= set(inputs) or not padded_on_the_right(inputs["attention_mask"]):
            return False
        if self._in_line is None:
            with self.compute_loss_context_manager():
                self._in_line = takes_unpadded(model, inputs)
        return bool(self._in_line)

    def _task_share(self: Any, inputs: Any, num_items_in_batch: Any) -> float:
        """This pass's labelled tokens over the mean of the update's passes, on all processes together."""
        if num_items_in_batch is None or "labels" not in inputs:
            return 1.0
        shared = self.args.average_tokens_across_devices
        passes = self.current_gradient_accumulation_steps * (self.accelerator.num_processes if shared else 1)
        return float((inputs["labels"][:, 1:] != -100).sum() * passes / max(float(num_items_in_batch), 1.0))

    def _penalise(self: Any, step: Step) -> Any:
        """The sum of all penalties on this forward pass."""
        total: Any = 0.0
        with self.compute_loss_context_manager():
            for name, penalty in self.penalties.items():
                value = penalty(step)
                if value is not None:
                    total = total + value
                self._sums[name].append(None if value is None else float(value.detach()))
            if self.is_fsdp_enabled:
                total = total + self._for_the_others(step)
        return total

    def _for_the_others(self: Any, step: Step) -> Any:
        """Zero, by forward passes that other processes do on general rows and this one has none for.

        Processes that share weights gather them in each pass, so that all must do as many.
        """
        count, process = self.accelerator.num_processes, self.accelerator.process_index
        first, pad = self._number - process, self.processing_class.pad_token_id or 0
        total: Any = 0.0
        for stream in self.streams.values():
            if not stream.indices(first + process) and any(stream.indices(first + one) for one in range(count)):
                total = total + 0.0 * labelled_logits(step.module, stream.blank(pad, self.args.device)).sum()
        return total

    def _count_pass(self: Any) -> None:
        """Note that a forward pass of training begins."""
        step, passed = self._pass
        passed = passed + 1 if step == self.state.global_step else 0
        self._pass = (self.state.global_step, passed)

    @property
    def _number(self: Any) -> int:
        """The number of this forward pass over the whole training, on every process another one."""
        step, passed = self._pass
        number = step * self.args.gradient_accumulation_steps + passed
        return int(number * self.accelerator.num_processes + self.accelerator.process_index)

    def _get_grad_norm(self: Any, model: Any, grad_norm: Any = None) -> Any:
        """The gradient's norm, known before the update: a broken one must not reach the weights.

        With fp16 a norm that overflows is usual: the scaler then leaves the update out and lowers its scale.

        Raises:
            BrokenError: it is NaN or infinite.
        """
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)  # type: ignore[misc]
        scaler = self.accelerator.scaler
        scaled = scaler is not None and scaler.is_enabled()
        if not scaled and norm is not None and not math.isfinite(norm):
            raise BrokenError(f"The gradient became NaN or infinite in step {self.state.global_step + 1}.")
        return norm

    def get_decay_parameter_names(self: Any, model: Any) -> list[str]:
        """Names of the weights that weight decay acts on: of an adapter A and B, not DoRA's row lengths.

        Those begin at the base's, and decay would pull them to zero, away from it.
        """
        names: list[str] = super().get_decay_parameter_names(model)  # type: ignore[misc]
        return [name for name in names if "lora_magnitude_vector" not in name]

    def log(self: Any, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """The trainer's log entry with the mean of each penalty since the last one, and the task's own loss."""
        everywhere = processes.gather({name: list(values) for name, values in self._sums.items()})
        for name in self._sums:
            if (value := mean_value([one[name] for one in everywhere])) is not None:
                logs[name] = value
        self._sums.clear()
        if "loss" in logs:
            shares = [(float(loss), float(part)) for loss, part in self._task_shares]
            own = mean_of([one for found in processes.gather(shares) for one in found])
            self._task_shares.clear()
            if own is not None:
                logs[TASK_LOSS] = own
        super().log(logs, *args, **kwargs)  # type: ignore[misc]


def mean_value(values: Sequence[Sequence[float | None]]) -> float | None:
    """The mean over forward passes of a penalty's mean over processes; passes with nothing to look at are left out.

    Args:
        values: of each process, a value for each pass; None where that process had nothing to look at.
    """
    passes = [[one for one in pass_ if one is not None] for pass_ in zip(*values, strict=True)]
    means = [sum(found) / len(values) for found in passes if found]
    return sum(means) / len(means) if means else None
