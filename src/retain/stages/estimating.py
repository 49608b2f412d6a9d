"""How much memory a training will need, from the model's config and the rows, before anything is loaded."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retain.data.documents import document_files
from retain.data.encoding import encode
from retain.data.example import Example
from retain.data.preference_rows import as_conversations
from retain.data.splits import sample
from retain.folder import in_bytes
from retain.models.outline import Outline, config_here, outline
from retain.models.tokenizer import tokenizer_here
from retain.recipe import GeneralSettings, Recipe
from retain.records import Record
from retain.scoring.room import CPU_TOKENS, LOGIT_VALUES
from retain.stages.prepare import OWN

PROGRAM = 1020 * 2**20
"""Bytes of the program itself with torch, transformers, PEFT, TRL and datasets imported (benchmarks/estimates)."""
LOGIT_BYTES = 16
"""Of one logit of a labelled token: bf16, fp32, its log-probability, and the gradients of both (2 + 4 + 4 + 4 + 2)."""
STORED_BYTES = 8
"""Of one of the base's stored log-probabilities: token id and value."""
SCORE_BYTES = 6
"""Of one logit while a model is measured: bf16 and fp32."""
MOST_ROWS = 256
"""Training rows that are encoded to know how long rows are."""
LABELLED = 0.6
"""Share of the tokens of general text that is labelled; of documents all are."""
USED = 0.8
"""Share of a general set that mitigations use; the KL meter reads the rest."""
BYTES_OF_A_TOKEN = 3
"""Of text in a file, about: fewer than a token has in English, so that a file is not taken for smaller than it is."""
PACKED, UNPACKED = (".gz", ".parquet"), 4
"""Files whose text is larger than they are, and how many times, about."""
DRAWN = 200
"""Batches that are drawn to know how long the longest is."""
COUNTED = frozenset({"lora", "kl_to_base", "rehearsal", "strength", "early_stop"})
"""Mitigations whose memory is known here, or that need none."""


class MemoryEstimate(Record):
    """Bytes at the peak of a run, by what they are for."""

    program: int
    weights: int
    adapter: int
    """LoRA: its weights, in fp32."""
    gradients: int
    optimizer: int
    activations: int
    """Kept for the backward pass, task and general rows."""
    logits: int
    """fp32 scores of the labelled tokens over the vocabulary, and what is computed from them."""
    stored: int
    """kl_to_base: the base's log-probabilities on general text."""
    measuring: int
    """What measuring needs on a CPU on top of training, whose memory stays with the process: the model once more as it
    is read from its file, and the scores of a batch."""
    training: int
    """At the peak of training, the program included: activations and gradients are not at their largest at once."""
    total: int
    """Of the whole run: training and measuring."""
    tokens: int
    """Of the longest batch."""
    notes: list[str]


def estimate_memory(recipe: Recipe, rows: Sequence[Example]) -> MemoryEstimate | None:
    """The memory that training and measuring a language model need at the peak.

    Weights, gradients and AdamW's two moments in fp32 (trained ones; frozen ones as they are loaded), a bf16 copy of
    the weights that autocast keeps, what autograd saves of the longest batch that is likely to be drawn, and 16 bytes
    for each labelled token and word of the vocabulary. Measured against real runs in benchmarks/estimates.

    Args:
        recipe: whose training it is.
        rows: the training rows; their lengths are known where the tokenizer is here.

    Returns:
        None where the model's config is not on this machine, cannot be read, or is a reranker's, and for gradient
        checkpointing of a model that has none.
    """
    config = config_here(recipe.model.base) if recipe.training.method != "rank" else None
    if config is None:
        return None
    notes: list[str] = []
    lengths = _lengths(recipe, rows, notes)
    longest, labelled, mean = _longest_batch(recipe, lengths)
    size = recipe.training.batch_size * (2 if recipe.training.method == "dpo" else 1)
    per_row = max(8, round(longest / size))
    lora = next((one for one in recipe.mitigations if one.kind == "lora"), None)  # type: ignore[attr-defined]
    found = outline(config, size, per_row, low=lora is not None and recipe.model.load_in != "fp32")
    if found is None or (recipe.training.gradient_checkpointing and not found.recomputes):
        return None
    uncounted = sorted({str(getattr(one, "kind", "")) for one in recipe.mitigations} - COUNTED)
    notes += [f"not counted: what {', '.join(uncounted)} keeps"] if uncounted else []
    drawn = _task_tokens(recipe, rows, lengths) * recipe.training.epochs if rows else float("inf")
    return _summed(recipe, found, lora, (longest, labelled, mean), drawn, notes)


def memory_lines(estimate: MemoryEstimate) -> list[str]:
    """The estimate for a person: the sum, what it is made of, and what it leaves out."""
    names = {
        "program": "the program",
        "weights": "weights",
        "adapter": "adapter",
        "gradients": "gradients",
        "optimizer": "optimizer",
        "activations": "activations",
        "logits": "scores of tokens",
        "stored": "stored base",
        "measuring": "measuring",
    }
    sizes = {names[key]: getattr(estimate, key) for key in names if getattr(estimate, key)}
    parts = ", ".join(f"{name} {in_bytes(size)}" for name, size in sizes.items())
    head = f"memory: about {in_bytes(estimate.total)} at the peak, with {estimate.tokens:,} tokens a pass"
    return [head, f"  {parts}", *(f"  {note}" for note in estimate.notes)]


def _summed(
    recipe: Recipe, found: Outline, lora: Any | None, batch: tuple[int, int, float], tokens: float, notes: list[str]
) -> MemoryEstimate:
    """All parts; ``tokens`` of the task that training goes through."""
    longest, labelled, mean = batch
    adapter = sum(lora.rank * (inputs + outputs) for _, inputs, outputs in _adapted(found, lora)) if lora else 0
    trained = adapter if lora else found.weights
    frozen = {"fp32": 4.0, "bf16": 2.0, "4bit": 0.56}[recipe.model.load_in]  # NF4 with one scale for 64 weights
    weights = round(found.weights * (frozen if lora else 4))
    # Under autocast weights in fp32 have a copy in bf16 for as long as a pass lasts.
    copies = 2 * trained if recipe.model.load_in != "fp32" else 0
    optimizer = _moments(recipe.training.optimizer) * trained
    general = _general(recipe, tokens)
    share = 1 + general[0] * mean / max(longest, 1)
    activations = found.saved
    if lora:  # each linear layer keeps its own input and the rank's
        activations += sum(2 * inputs + 4 * lora.rank for _, inputs, _ in _adapted(found, lora)) * longest
    if recipe.training.gradient_checkpointing:  # the inputs of all layers, and one layer in full
        width = max((inputs for _, inputs, _ in found.linear), default=0)
        activations = activations // max(found.layers, 1) + 2 * width * longest * found.layers
    activations = round(activations * share)
    logits = round(LOGIT_BYTES * found.vocabulary * (labelled + general[0] * mean * general[1]))
    gradients = 4 * trained
    stored = STORED_BYTES * general[2]
    if recipe.training.gradient_accumulation > 1:
        moving = gradients + activations + logits
    else:
        moving = max(gradients, activations + logits)
    training = PROGRAM + weights + copies + 4 * adapter + optimizer + stored + moving
    scores = SCORE_BYTES * min(CPU_TOKENS * found.vocabulary, LOGIT_VALUES)
    measuring = round(2 * frozen * found.weights) + scores  # the pages of the file and what is read from it
    return MemoryEstimate(
        program=PROGRAM,
        weights=weights + copies,
        adapter=4 * adapter,
        gradients=gradients,
        optimizer=optimizer,
        activations=activations,
        logits=logits,
        stored=stored,
        measuring=measuring,
        training=training,
        total=training + measuring,
        tokens=longest,
        notes=notes,
    )


def _adapted(found: Outline, lora: Any) -> list[tuple[str, int, int]]:
    wanted = lora.target_modules
    if isinstance(wanted, list):
        return [one for one in found.linear if one[0].endswith(tuple(wanted))]
    return found.linear


def _moments(optimizer: str) -> int:
    """Bytes of an optimizer's state for each weight: AdamW keeps two numbers in fp32."""
    if "8bit" in optimizer:
        return 2
    return 4 if optimizer.startswith(("sgd", "adafactor", "lion", "rmsprop")) else 8


def _general(recipe: Recipe, tokens: float) -> tuple[float, float, int]:
    """Of kl_to_base: (general tokens per task token, share of them that is labelled, stored log-probabilities).

    Args:
        recipe: whose mitigation it is.
        tokens: of the task that training goes through; infinite where they are not known.
    """
    kl = next((one for one in recipe.mitigations if getattr(one, "kind", "") == "kl_to_base"), None)
    if kl is None or getattr(kl, "on", "") == "task" or not recipe.data.general:
        return 0.0, 0.0, 0
    named = getattr(kl, "general", None)
    one = next((one for one in recipe.data.general if named in (None, one.name)), recipe.data.general[0])
    share = float(getattr(kl, "share", 0.0))
    labelled = 1.0 if recipe.training.method == "pretrain" and one.source != OWN else LABELLED
    answers = min(USED * _most_labelled(recipe, one, labelled), labelled * share * tokens)
    top = getattr(kl, "top_k", None) if getattr(kl, "base", "stored") == "stored" else 0
    return share, labelled, round(answers) * (top or 0)


def _most_labelled(recipe: Recipe, general: GeneralSettings, labelled: float) -> float:
    """Labelled tokens of a general set, at most; ``labelled`` is the share of its tokens that is."""
    if general.source == OWN:
        return general.count * general.max_tokens
    rows = general.count * recipe.training.max_length
    size = sum(_text_bytes(file) for file in document_files(general.source))
    if not size:  # a Hub data set
        return labelled * rows
    cut = recipe.training.method != "pretrain"
    return labelled * min(size / BYTES_OF_A_TOKEN, rows if cut else size)


def _text_bytes(file: Path) -> int:
    """Bytes of a file's text, about."""
    return file.stat().st_size * (UNPACKED if file.suffix in PACKED else 1)


def _task_tokens(recipe: Recipe, rows: Sequence[Example], lengths: Sequence[tuple[int, int]]) -> float:
    """Tokens of all training rows, from the lengths of some; of a preference pair both answers'."""
    if recipe.training.method == "pretrain":
        return sum(len(row.text.encode("utf-8", "surrogatepass")) for row in rows) / BYTES_OF_A_TOKEN
    answers = 2 if recipe.training.method == "dpo" else 1
    return answers * len(rows) * sum(tokens for tokens, _ in lengths) / len(lengths)


def _lengths(recipe: Recipe, rows: Sequence[Example], notes: list[str]) -> list[tuple[int, int]]:
    """(tokens, labelled tokens) of some rows; of a preference pair both answers'."""
    most = recipe.training.max_length
    if recipe.training.method == "pretrain":
        return [(most, most)]
    tokenizer = tokenizer_here(recipe.model.base)
    if tokenizer is None or not rows:
        notes.append(f"every row is taken for {most} tokens long, since the tokenizer is not here")
        return [(most, most)]
    chosen = sample(rows, MOST_ROWS, recipe.seed)
    if recipe.training.method == "dpo":
        chosen = [one for row in chosen for one in as_conversations([row])]
    encoded = [encode(row, tokenizer, most, recipe.data.loss_on) for row in chosen]
    found = [(len(one.input_ids), sum(label != -100 for label in one.labels)) for one in encoded if one is not None]
    return found or [(most, most)]


def _longest_batch(recipe: Recipe, lengths: Sequence[tuple[int, int]]) -> tuple[int, int, float]:
    """Tokens of the longest batch that is likely to be drawn, labelled tokens of the one with most, and the mean.

    Rows stand in one line without padding; where activations are recomputed, or rows are packed, they do not.
    """
    training = recipe.training
    size = training.batch_size * (2 if training.method == "dpo" else 1)
    most = training.max_length
    if training.packed:
        share = sum(one for _, one in lengths) / sum(one for one, _ in lengths)
        return size * most, round(size * most * share), float(size * most)
    draw = random.Random(recipe.seed)
    batches = [[draw.choice(lengths) for _ in range(size)] for _ in range(DRAWN)]
    totals = [sum(tokens for tokens, _ in batch) for batch in batches]
    if training.gradient_checkpointing:
        totals = [size * max(tokens for tokens, _ in batch) for batch in batches]
    labelled = max(sum(one for _, one in batch) for batch in batches)
    return max(totals), labelled, sum(totals) / len(totals)
