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
from retain.mitigations.base import GeneralSet, Mitigation, Setup
from retain.models.base import Limits
from retain.models.causal import TransformersCausal
from retain.models.freed_memory import keep_freed_memory
from retain.models.kernel_cache import keep_few_kernels
from retain.models.mid_training import as_it_would_ship
from retain.models.transformers_model import TransformersModel
from retain.probes.suites import Suite
from retain.recipe import GeneralSettings, Recipe, parse_recipe
from retain.record_files import read_record, write_record
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
EXTRA = ("loss_type", "label_smoothing_factor", "max_steps")
"""Arguments of a trainer that change its loss, or how long it trains."""


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
    adapter: Mapping[str, Any] | None = None,
) -> Recipe:
    """A recipe that says what a script said, so that the same words are checked in the same way.

    Args:
        mitigations: kinds, a recipe's entries, or mitigations.
        general: general text.
        suite: what is measured.
        limit: test items a probe; dev items are 3/7 as many.
        gate: the margins.
        args: the trainer's, where they are known.
        adapter: the trainer's own, as an entry; it is the first of the recipe's mitigations then.

    Raises:
        UserError: everything that is wrong with it, all at once.
    """
    entries = [
        one.model_dump() if isinstance(one, Mitigation) else {"kind": one} if isinstance(one, str) else dict(one)
        for one in mitigations
    ]
    where = "with_mitigations"
    if adapter is not None:
        entries = [dict(adapter), *entries]
        where = "with_mitigations, the trainer's adapter counted as mitigations.0,"
    sets: list[dict[str, Any]] = []
    if isinstance(general, Mapping):
        sets = [{**general, "name": GENERAL}]
    elif general is not None:
        sets = [{"name": GENERAL, "source": str(general) if isinstance(general, str | Path) else ROWS}]
    training = {} if args is None else _training(args)
    values = {
        "model": {"base": "the trainer's model"},
        "data": {"train": "the trainer's rows", "general": sets},
        "training": training,
        "mitigations": entries,
        "measure": {"suite": str(suite or "quick"), "limit": limit},
        "gate": gate.model_dump() if isinstance(gate, Gate) else dict(gate or {}),
    }
    return parse_recipe(values, where)


def _training(args: Any) -> dict[str, Any]:
    return {
        "packing": bool(getattr(args, "packing", False)),
        "epochs": args.num_train_epochs,
        "batch_size": args.train_batch_size * args.world_size,
        "gradient_accumulation": args.gradient_accumulation_steps,
        "weight_decay": args.weight_decay,
        "learning_rate": args.learning_rate,
        "extra": {name: getattr(args, name) for name in EXTRA if hasattr(args, name)},
    }


def check_words(
    mitigations: Sequence[str | Mapping[str, Any] | Mitigation],
    general: General | None,
    suite: str | Path | None,
    limit: int | None,
    gate: Gate | Mapping[str, Any] | None,
) -> None:
    """Refuse what no trainer makes right; an adapter that is missing may come with the trainer.

    Raises:
        UserError: as :func:`own_recipe`.
    """
    try:
        own_recipe(mitigations, general, suite, limit, gate)
    except UserError:
        try:
            own_recipe(mitigations, general, suite, limit, gate, adapter={"kind": "lora"})
        except UserError:
            pass
        else:
            return
        raise


def own_setup(
    trainer: Any,
    model: TransformersCausal,
    recipe: Recipe,
    general: General | None,
    probes: Suite | None,
    length: int | None = None,
    name: str = FOLDER,
) -> Setup:
    """The view that a recipe's run would give, from a trainer whose model still is the base.

    Args:
        trainer: with its arguments and its state.
        model: its model.
        recipe: what the script said.
        general: the general text that it gave.
        probes: what is measured.
        length: longest row of general text in tokens; longer ones are cut.
        name: of the folder within ``output_dir`` for everything that is written down.

    Raises:
        UserError: the general text cannot be read, or holds a probe's items.
    """
    folder = Path(trainer.args.output_dir) / name

    def encoded(example: Example) -> Encoded | None:
        return encode(example, model.tokenizer, length)

    def measure_dev(measured: TransformersModel) -> list[Measurement]:
        with as_it_would_ship(measured) as shipped:
            return measure_probes(shipped, _needed(probes).probes, "dev", folder / "dev" / shipped.fingerprint)

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
        encode=encoded,
        measure_dev=measure_dev,
        base_dev=base_scores(trainer, model, probes, folder),
        task_probes=frozenset(),
        note=trainer.retention_notes.append,
    )


def base_scores(
    trainer: Any, model: TransformersCausal, probes: Suite | None, folder: Path
) -> Callable[[], list[Measurement]]:
    """A function that gives the base's scores on dev items: measured once, before training, and written down.

    Args:
        trainer: with its state, which says whether it goes on from a checkpoint.
        model: what will be trained, its adapter in place; still the base when the function is first called.
        probes: what is measured.
        folder: where the scores are written down.

    Returns:
        The function. It raises UserError where nobody said what to measure, and where a training goes on and the
        scores are gone.
    """

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

    return cache(base_dev)


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
