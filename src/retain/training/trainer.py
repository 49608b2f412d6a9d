"""Any transformers Trainer with Retain's penalties: its own loss stays as it is, terms are added to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch

from retain.errors import BrokenError
from retain.mitigations.base import GeneralBatch, Penalty, Step
from retain.training.stream import GeneralStream


def with_penalties(
    trainer_class: type[Any], penalties: Mapping[str, Penalty], streams: Mapping[str, GeneralStream]
) -> type[Any]:
    """A subclass of a Trainer class that adds penalties to its loss and refuses to go on from a broken number.

    Args:
        trainer_class: ``transformers.Trainer``, ``trl.SFTTrainer`` or any class with their ``compute_loss``.
        penalties: name -> function of a step; the names appear in the log.
        streams: general set -> the rows each forward pass sees.
    """

    class PenalisedTrainer(trainer_class):  # type: ignore[misc]
        """Adds penalties; see :func:`with_penalties`."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._penalty_sums: dict[str, list[float]] = defaultdict(list)
            self._pass_of_step = (-1, 0)

        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            result = super().compute_loss(
                model, inputs, return_outputs=return_outputs, num_items_in_batch=num_items_in_batch
            )
            if not model.training:
                return result
            loss, outputs = result if return_outputs else (result, None)
            loss = loss + self._penalties(model, inputs, num_items_in_batch)
            if not torch.isfinite(loss):
                raise BrokenError(f"The loss became {loss.item()} in step {self.state.global_step + 1}.")
            return (loss, outputs) if return_outputs else loss

        def _penalties(self, model: Any, inputs: Any, num_items_in_batch: Any) -> Any:
            if not penalties:
                return 0.0
            number = self._next_pass()
            drawn: dict[str, GeneralBatch | None] = {}

            def general(name: str) -> GeneralBatch | None:
                if name not in drawn:
                    pad = self.processing_class.pad_token_id or 0
                    drawn[name] = streams[name].batch(number, pad, inputs["input_ids"].device)
                return drawn[name]

            step = Step(model, inputs, general)
            total: Any = 0.0
            with self.compute_loss_context_manager():
                for name, penalty in penalties.items():
                    value = penalty(step)
                    if value is not None:
                        total = total + value
                        self._penalty_sums[name].append(float(value.detach()))
            # For language models transformers sums the losses of accumulated passes and does not average them.
            averaged = num_items_in_batch is None
            return total / (1 if averaged else self.current_gradient_accumulation_steps)

        def _next_pass(self) -> int:
            """The number of this forward pass over the whole training, on every process another one."""
            step, passed = self._pass_of_step
            passed = passed + 1 if step == self.state.global_step else 0
            self._pass_of_step = (self.state.global_step, passed)
            number = self.state.global_step * self.args.gradient_accumulation_steps + passed
            return number * self.accelerator.num_processes + self.accelerator.process_index

        def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
            for name, values in self._penalty_sums.items():
                logs[name] = sum(values) / len(values)
            self._penalty_sums.clear()
            super().log(logs, *args, **kwargs)

    return PenalisedTrainer
