"""What mitigations need to know, told from somebody else's Trainer."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from retain.data.encoding import Encoded, encode
from retain.data.example import Example
from retain.data.formats import examples_of
from retain.data.general import GeneralRows, keep_back, write_general
from retain.data.overlap import overlap_finder, refuse_overlaps
from retain.data.splits import sample
from retain.errors import UserError
from retain.folder import read_record, write_record
from retain.mitigations.base import GeneralSet, Mitigation, Setup
from retain.models.base import Limits
from retain.models.causal import TransformersCausal
from retain.models.freed_memory import keep_freed_memory
from retain.models.kernel_cache import keep_few_kernels
from retain.models.mid_training import as_it_would_ship
from retain.probes.suites import Suite
from retain.recipe import GeneralSettings, Recipe, parse_recipe
from retain.records import Gate, Measurement
from retain.stages.measurements import Measurements
from retain.stages.measuring import measure_probes
from retain.stages.prepare import OWN, read_general
from retain.store import Store

General = str | Path | Mapping[str, Any] | Sequence[dict[str, Any] | str]
"""A file, a Hub set, ``base_model`` (self-written), the keys of a recipe's general set, or rows."""

FOLDER = "retain"
"""Name of the folder, within the trainer's ``output_dir``, that holds what mitigations write down."""
GENERAL = "general"
"""Name of a script's one general set."""
ROWS = "rows"
BASE = "base.json"


def own_model(trainer: Any, module: Any) -> TransformersCausal:
    """A trainer's module with its tokenizer, as the rest of Retain sees a model.

    Raises:
        UserError: the trainer has no tokenizer.
    """
    tokenizer = trainer.processing_class
    if getattr(tokenizer, "eos_token_id", None) is None:
        raise UserError(
            "with_mitigations: the trainer needs a tokenizer with an end token; give it as processing_class"
        )
    if trainer.args.device.type == "cpu":
        keep_freed_memory()
        keep_few_kernels()
    half = trainer.args.bf16 or str(next(iter(module.parameters())).dtype) == "torch.bfloat16"
    name = str(getattr(module.config, "_name_or_path", "") or "the trainer's model")
    base = getattr(module, "disable_adapter", None)
    model = TransformersCausal(module, tokenizer, name, "bf16" if half else "fp32", base=base)
    model.rows = trainer.args.per_device_eval_batch_size
    return model


def own_recipe(
    mitigations: Sequence[str | Mapping[str, Any] | Mitigation],
    general: General | None,
    suite: str | Path | None,
    limit: int | None,
    gate: Gate | Mapping[str, Any] | None,
    args: Any = None,
) -> Recipe:
    """A recipe that says what a script said, so that the same words are checked in the same way.

    Args:
        mitigations: kinds, a recipe's entries, or mitigations.
        general: general text.
        suite: what is measured.
        limit: test items a probe; dev items are 3/7 as many.
        gate: the margins.
        args: the trainer's, where they are known.

    Raises:
        UserError: everything that is wrong with it, all at once.
    """
    entries = [
        one.model_dump() if isinstance(one, Mitigation) else {"kind": one} if isinstance(one, str) else dict(one)
        for one in mitigations
    ]
    sets: list[dict[str, Any]] = []
    if isinstance(general, Mapping):
        sets = [{**general, "name": GENERAL}]
    elif general is not None:
        sets = [{"name": GENERAL, "source": str(general) if isinstance(general, str | Path) else ROWS}]
    training = (
        {} if args is None else {"packing": bool(getattr(args, "packing", False)), "epochs": args.num_train_epochs}
    )
    if args is not None:
        training |= {"weight_decay": args.weight_decay, "learning_rate": args.learning_rate}
    values = {
        "model": {"base": "the trainer's model"},
        "data": {"train": "the trainer's rows", "general": sets},
        "training": training,
        "mitigations": entries,
        "measure": {"suite": str(suite or "quick"), "limit": limit},
        "gate": gate.model_dump() if isinstance(gate, Gate) else dict(gate or {}),
    }
    return parse_recipe(values, "with_mitigations")


def own_setup(
    trainer: Any,
    model: TransformersCausal,
    recipe: Recipe,
    general: General | None,
    probes: Suite | None,
    encode_row: Callable[[Example], Encoded | None] | None = None,
) -> Setup:
    """The view that a recipe's run would give, from a trainer whose model still is the base.

    Raises:
        UserError: the general text cannot be read, or holds a probe's items.
    """
    folder = Path(trainer.args.output_dir) / FOLDER
    length = getattr(trainer.args, "max_length", None)

    def encoded(example: Example) -> Encoded | None:
        return encode(example, model.tokenizer, length)

    def measure_dev(measured: TransformersCausal) -> list[Measurement]:
        return measure_probes(measured, _needed(probes).probes, "dev", folder / "dev" / measured.fingerprint)

    def base_dev() -> list[Measurement]:
        path = folder / BASE
        known = _needed(probes).fingerprint()
        goes_on = trainer.state.global_step > 0
        found = read_record(path, Measurements) if path.is_file() else None
        if goes_on and (found is None or found.name != known):
            raise UserError(f"This training goes on from a checkpoint, and {path} with the base's scores is gone.")
        with as_it_would_ship(model) as base:
            if found is not None and (
                goes_on or (found.name, found.measurements[0].model) == (known, base.fingerprint)
            ):
                return found.measurements
            measured = measure_probes(base, _needed(probes).probes, "dev", None)
        write_record(path, Measurements(measurements=measured, name=known))
        return measured

    sets = {}
    if general is not None:
        rows = None if isinstance(general, str | Path | Mapping) else general
        sets = {GENERAL: _general_set(recipe.data.general[0], rows, model, probes, trainer.args.seed)}
    return Setup(
        base=model,
        general=sets,
        gate=recipe.gate,
        folder=folder,
        seed=trainer.args.seed,
        encode=encode_row or encoded,
        epochs=trainer.args.num_train_epochs,
        measure_dev=measure_dev,
        base_dev=cache(base_dev),
        task_probes=frozenset(),
        note=trainer.retention_notes.append,
    )


def forget_earlier(setup: Setup) -> None:
    """Remove what an earlier training in the same folder found; one that goes on needs it."""
    shutil.rmtree(setup.kept, ignore_errors=True)


def _needed(probes: Suite | None) -> Suite:
    if probes is None:
        raise UserError(
            "These mitigations choose by measuring, and were not told what to measure: add suite='quick', or another"
        )
    return probes


def _general_set(
    wanted: GeneralSettings,
    rows: Sequence[dict[str, Any] | str] | None,
    model: TransformersCausal,
    probes: Suite | None,
    seed: int,
) -> GeneralSet:
    texts = {probe.name: list(probe.texts()) for probe in (probes.probes if probes else ())}
    rejected: dict[str, int] = {}
    if wanted.source == OWN:
        written = _self_written(wanted, model, overlap_finder(texts), seed)
        examples, rejected = list(written.rows), dict(written.rejected)
    else:
        examples = (
            sample(read_general(wanted.source), wanted.count, seed) if rows is None else examples_of(rows, GENERAL)
        )
        refuse_overlaps(examples, texts)
    used, back = keep_back(examples)
    return GeneralSet(name=GENERAL, source=wanted.source, examples=used, kept_back=back, rejected=rejected)


def _self_written(
    wanted: GeneralSettings, model: TransformersCausal, overlap: Callable[[Example], Any], seed: int
) -> GeneralRows:
    limits = Limits(max_tokens=wanted.max_tokens, temperature=wanted.temperature, top_p=wanted.top_p, seed=seed)

    def refuse(example: Example) -> str | None:
        return "contains a probe's item" if overlap(example) else None

    with as_it_would_ship(model) as base:
        return write_general(base, wanted.count, limits, Store("general"), refuse)
