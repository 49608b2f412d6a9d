"""Mitigations for people who have a training script of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from retain.data.encoding import Encoded
from retain.data.example import Example
from retain.errors import UserError
from retain.mitigations.base import Mitigation, Setup
from retain.mitigations.known_rows import RowIndex
from retain.models.causal import TransformersCausal
from retain.models.update import BASE_WEIGHTS, WEIGHTS, WeightUpdate, adapter_update, save_weights
from retain.models.update_files import is_adapter
from retain.own_trainer.adapters import as_mitigation, check_adapter
from retain.own_trainer.retention_callback import READINGS, RetentionCallback
from retain.own_trainer.setup import (
    General,
    base_scores,
    check_words,
    forget_earlier,
    own_model,
    own_recipe,
    own_setup,
)
from retain.own_trainer.watching import updates_of, watch_of
from retain.probes.suites import load_suite
from retain.recipe import Recipe
from retain.recipe_rules import recipe_warnings
from retain.records import Alarm, Choice, Gate
from retain.training import hooks
from retain.training.trainer import has_plain_loss, with_penalties
from retain.training.watch_loss import WatchLoss

GENERAL_TOKENS = 1024
"""Tokens to which a row of general text is cut where the trainer has no ``max_length`` and no longer rows."""

LENGTHS = "seq_lengths"
"""Column in which TRL keeps the lengths of the rows that it packed into one."""


def with_mitigations(
    trainer_class: type[Any],
    mitigations: Sequence[str | Mapping[str, Any] | Mitigation],
    general: General | None = None,
    suite: str | Path | None = None,
    limit: int | None = None,
    gate: Gate | Mapping[str, Any] | None = None,
    watch: int = 4,
) -> type[Any]:
    """A subclass of a Trainer class that forgets less: use it where the script used the class itself.

    ``Trainer = retain.with_mitigations(SFTTrainer, ["kl_to_base"], general={"source": "base_model", "count": 200})``

    The trainer's own arguments stay what they are, its loss too; terms are added to it, rows to ``train_dataset``.
    What must be asked of the base is asked when ``train()`` begins, before the first step. After it the attributes
    ``retention_choices`` (checkpoint and strength, chosen on dev items) and ``retention_notes`` say what was done; the
    model is at what was chosen. Everything that mitigations write down lies in ``output_dir/retain``.
    ``retention_alarms`` holds what the losses say of overfitting; raised alarms are also warnings of the logger
    ``retain``. Most need held-out rows: give the trainer an ``eval_dataset``.

    Use ``retain run`` instead where the script does nothing of its own: a recipe also splits the data, measures before
    and after on test items and judges. To be told whether a trained model forgot: ``retain compare BASE TUNED``.

    Args:
        trainer_class: ``trl.SFTTrainer``, ``transformers.Trainer``, or a subclass of one, for a causal model. With
            ``transformers.Trainer`` the rows hold ``input_ids`` and, where not all is trained, ``labels``.
        mitigations: kinds (``"ewc"``), entries as in a recipe (``{"kind": "ewc", "weight": 1.0}``), or objects.
            Instead of ``lora`` the trainer can be given a ``peft_config`` whose adapter begins at the base.
        general: general text: a file, a Hub set, ``"base_model"`` (the model writes it), a recipe's keys, or rows.
        suite: what ``early_stop`` and ``strength`` measure, on dev items: a suite's name or file.
        limit: at most this many test items a probe, and 3/7 as many dev items.
        gate: the margins that they choose by, as in a recipe.
        watch: how often the loss of some rows of ``eval_dataset`` is read for the overfitting alarms; 0 = never.

    Raises:
        UserError: the mitigations do not go together, lack something, or the class computes a loss of its own that
            they would replace.
    """
    check_words(mitigations, general, suite, limit, gate)
    kinds = _kinds(mitigations)
    choosing = [kind for kind in kinds if kind in ("early_stop", "strength")]
    if choosing and suite is None:
        raise UserError(f"with_mitigations: {choosing[0]} chooses by measuring; say what it measures: suite='quick'")
    if "token_weighting" in kinds and not has_plain_loss(trainer_class):
        raise UserError(
            f"with_mitigations: token_weighting replaces the loss, and {trainer_class.__name__} computes its own"
        )
    given = {"_given": (tuple(mitigations), general, suite, limit, gate), "_watched": watch}
    return type(f"Retaining{trainer_class.__name__}", (RetainingMixin, with_penalties(trainer_class, {})), given)


class RetainingMixin:
    """Goes before a class that :func:`~retain.training.trainer.with_penalties` made; see :func:`with_mitigations`."""

    _given: ClassVar[tuple[Any, ...]]
    _watched: ClassVar[int]

    def __init__(self: Any, model: Any = None, args: Any = None, *positional: Any, **named: Any) -> None:
        self.retention_notes: list[str] = []
        self.retention_choices: list[Choice] = []
        self._watch: WatchLoss | None = None
        self._begun = False
        self._finished = False
        mitigations, general, suite, limit, gate = self._given
        kinds = _kinds(mitigations)
        if "lora" in kinds and named.get("peft_config") is not None:
            raise UserError("with_mitigations: lora makes an adapter, and peft_config another; leave one out")
        super().__init__(model, args, *positional, **named)  # type: ignore[call-arg]
        adapter = None if "lora" in kinds else as_mitigation(self.accelerator.unwrap_model(self.model))
        self._recipe: Recipe = own_recipe(mitigations, general, suite, limit, gate, self.args, adapter)
        self._mitigations: Sequence[Mitigation] = self._recipe.mitigations[adapter is not None :]
        if "token_weighting" in kinds and self.compute_loss_func is not None:
            raise UserError(
                "with_mitigations: token_weighting weighs the tokens' cross-entropy, and compute_loss_func is another "
                "loss; leave one of the two out"
            )
        self._probes = None if suite is None else load_suite(str(suite), limit)

    @property
    def retention_alarms(self: Any) -> list[Alarm]:
        """Each overfitting alarm, as the training decides it so far."""
        return self._watch.alarms if self._watch is not None else []

    def train(self: Any, *args: Any, **named: Any) -> Any:
        """Set the mitigations up while the model still is the base, train, and let them finish the model.

        Raises:
            UserError: the mitigations cannot be set up on this model, these rows or this optimizer, or they have
                finished the model before.
        """
        if self._finished:
            raise UserError(
                "with_mitigations: this trainer has trained, and its model is at what was chosen then; make another "
                "trainer to train it further"
            )
        if not self._begun:
            self._begin(goes_on=bool(named.get("resume_from_checkpoint") or any(args[:1])))
        result = super().train(*args, **named)  # type: ignore[misc]
        self._finish()
        return result

    def _begin(self: Any, goes_on: bool) -> None:
        rows = _rows(self.train_dataset)
        own = {f"row {place}": row for place, row in enumerate(rows)}
        task = [Example(id=name, shape="text", text=name) for name in own]
        base = own_model(self, self.accelerator.unwrap_model(self.model))
        if self._mitigations and is_adapter(base.module) and "lora" not in _kinds(self._mitigations):
            check_adapter(base.module, _kinds(self._mitigations))
        longest = max([GENERAL_TOKENS, *(len(row.input_ids) for row in rows)])
        length = getattr(self.args, "max_length", None) or min(longest, base.context_length)
        setup = own_setup(self, base, self._recipe, self._given[1], self._probes, length)
        if not goes_on:
            forget_earlier(setup)
        encode = setup.encode
        setup = replace(setup, encode=lambda one: own[one.id] if one.id in own else encode(one))
        model = base
        for mitigation in self._mitigations:
            model = mitigation.wrap_model(model, setup)
        if model is not base:
            self.model = self.model_wrapped = self.callback_handler.model = model.module
            setup = replace(setup, base_dev=base_scores(self, model, self._probes, setup.folder))
        if self.optimizer is not None:
            _check_optimizer(self.optimizer, model.module)
        mixed: Sequence[Example] = task
        for mitigation in self._mitigations:
            mixed = mitigation.mix_data(mixed, setup)
        if mixed is not task:
            encoded = [(one.id, row) for one in mixed if (row := setup.encode(one)) is not None]
            self.train_dataset = _dataset(encoded, self.train_dataset, list(own))
            _check_collator(self.data_collator, self.train_dataset)
        tokens = sum(len(row.input_ids) for row in rows)
        self._start(model, replace(setup, rows=_rows(self.train_dataset), task_tokens=tokens), rows)

    def _start(self: Any, model: TransformersCausal, setup: Setup, task_rows: list[Encoded]) -> None:
        """What the mitigations add to training."""
        used = self._mitigations
        if _finishing(used):
            setup.base_dev()
            if not is_adapter(model.module):
                save_weights(model.module, setup.kept / BASE_WEIGHTS)
        self.weights = hooks.token_weights(used, model, setup)
        for callback in hooks.callbacks(used, model, setup):
            self.add_callback(callback)
        batches = self.get_train_dataloader()
        passes, (_, updates) = len(batches), updates_of(self.args, len(batches))
        hooks.add_penalties(self, used, model, setup, passes * self.accelerator.num_processes, updates)
        self.task_rows = RowIndex(task_rows) if len(setup.rows) > len(task_rows) else None
        self._watch_losses(batches, task_rows)
        weights = sum(parameter.numel() for parameter in model.module.parameters())
        self.retention_notes += recipe_warnings(self._recipe, weights, self.args.learning_rate, len(self.train_dataset))
        self._retained, self._setup, self._begun = model, setup, True

    def _watch_losses(self: Any, batches: Any, task_rows: list[Encoded]) -> None:
        """Raise alarms, once: a ``RetentionCallback`` among the callbacks has the same ones."""
        others = [one for one in self.callback_handler.callbacks if isinstance(one, RetentionCallback)]
        given = [one.held_out for one in others if one.held_out is not None]
        held_out, times = self.eval_dataset, self._watched
        if given and (held_out is None or not times):
            held_out, times = given[0], READINGS
        self._watch = watch_of(self.args, batches, task_rows, held_out, times, self.loss_is_the_tasks)
        self.add_callback(self._watch)
        for one in others:
            one.share(self._watch)

    def _finish(self: Any) -> None:
        """Let each mitigation finish the model, as ``retain run`` does after training."""
        finishing = _finishing(self._mitigations)
        if finishing and self.accelerator.is_main_process:
            self._choose(finishing)
        self._finished = bool(finishing)
        if self.accelerator.is_main_process:
            for folder in (self._setup.folder, self._setup.kept):
                (folder / BASE_WEIGHTS).unlink(missing_ok=True)
            (self._setup.kept / WEIGHTS).unlink(missing_ok=True)

    def _choose(self: Any, finishing: Sequence[Mitigation]) -> None:
        module, kept = self._retained.module, self._setup.kept
        trained = self._retained.renewed()
        if is_adapter(module):
            trained.update = adapter_update(module)
        else:
            save_weights(module, kept / WEIGHTS)
            trained.update = WeightUpdate(module, kept / BASE_WEIGHTS, kept / WEIGHTS)
        module.eval()
        for mitigation in sorted(finishing, key=lambda one: one.finish_order):
            trained, choice = mitigation.finish_model(trained, self._setup)
            self.retention_choices += [choice] if choice else []


def _kinds(mitigations: Sequence[str | Mapping[str, Any] | Mitigation]) -> list[str]:
    return [
        one if isinstance(one, str) else one.get("kind", "") if isinstance(one, Mapping) else getattr(one, "kind", "")
        for one in mitigations
    ]


def _finishing(mitigations: Sequence[Mitigation]) -> list[Mitigation]:
    return [one for one in mitigations if type(one).finish_model is not Mitigation.finish_model]


def _check_optimizer(optimizer: Any, module: Any) -> None:
    """Refuse an optimizer that was made without some of the weights that are trained.

    Raises:
        UserError: says which.
    """
    held = {id(one) for group in optimizer.param_groups for one in group["params"]}
    missing = [name for name, one in module.named_parameters() if one.requires_grad and id(one) not in held]
    if missing:
        raise UserError(
            f"with_mitigations: the optimizer in optimizers does not hold {missing[0]} ({len(missing)} such weights), "
            "so that it would never be trained. An adapter of lora is made when train() begins: leave optimizers out "
            "and set optim and learning_rate in args, give optimizer_cls_and_kwargs, or give the trainer a model that "
            "carries its adapter and an optimizer of its weights"
        )


def _check_collator(collator: Any, dataset: Any) -> None:
    """Refuse a data collator that cannot put rows of different lengths together, as rehearsed ones are.

    Raises:
        UserError: it cannot.
    """
    by_length = sorted(range(len(dataset)), key=lambda place: len(dataset[place]["input_ids"]))
    try:
        collator([dataset[by_length[0]], dataset[by_length[-1]]])
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise UserError(
            "with_mitigations: the trainer's data_collator cannot make a batch of rows with input_ids and labels of "
            f"different lengths, as rehearsed rows are ({type(error).__name__}).\n  Give it "
            "data_collator=transformers.DataCollatorForSeq2Seq(tokenizer), which pads both"
        ) from None


def _rows(dataset: Any) -> list[Encoded]:
    """A trainer's rows.

    Raises:
        UserError: they are not tokens, or nobody knows how many there are.
    """
    if dataset is None or not hasattr(dataset, "__len__"):
        raise UserError(
            "with_mitigations: shares are counted in tokens, so train_dataset must hold all its rows; "
            "a streamed one does not"
        )
    rows = []
    for place in range(len(dataset)):
        row = dataset[place]
        if not isinstance(row, Mapping) or "input_ids" not in row:
            keys = ", ".join(map(str, row)) if isinstance(row, Mapping) else type(row).__name__
            raise UserError(f"with_mitigations: rows need input_ids (and labels); row {place} of train_dataset: {keys}")
        ids = [int(one) for one in row["input_ids"]]
        labels = row.get("labels")
        rows.append(Encoded(input_ids=ids, labels=ids if labels is None else [int(one) for one in labels]))
    return rows


def _dataset(rows: Sequence[tuple[str, Encoded]], given: Any, own: Sequence[str]) -> Any:
    """The trainer's own rows and others among them; packed rows still say how long each row in them is.

    Args:
        rows: each with its name.
        given: the trainer's own rows.
        own: their names, in order.
    """
    from datasets import Dataset

    found: list[dict[str, list[int]]] = [{"input_ids": row.input_ids, "labels": row.labels} for _, row in rows]
    if LENGTHS in given[0]:
        packed = {name: given[place][LENGTHS] for place, name in enumerate(own)}
        for (name, row), entry in zip(rows, found, strict=True):
            entry[LENGTHS] = packed.get(name, [len(row.input_ids)])
    return Dataset.from_list(found)
