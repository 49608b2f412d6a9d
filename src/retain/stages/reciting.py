"""Whether the tuned model knows training rows by heart: both models continue them, and held-out rows like them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retain.comparison.symptoms.examples import pair_lines
from retain.data.encoding import encode
from retain.data.example import Example
from retain.data.recital_rows import MOST, SHORTEST, RecitalRow, cut_in_two, longest_run, twins
from retain.data.splits import sample
from retain.models.base import Limits
from retain.models.causal import TransformersCausal
from retain.models.chat import text_ids
from retain.models.load import device, load_causal
from retain.provenance import versions
from retain.records import Recital, Recitation, Record, content_hash
from retain.scoring import ENGINE_VERSION
from retain.stages.kept_measurements import LIBRARIES
from retain.stages.prepare import Prepared
from retain.stages.run_folder import RunFolder
from retain.stages.setting_up import Workbench
from retain.store import Store
from retain.training.trained import TUNED

LOOKED_AT = 8
"""Rows that are looked at for each that is wanted: for answers that are long enough, and for twins of their length."""


class Continued(Record):
    """What one model wrote after the beginnings of rows."""

    texts: list[str]


def try_recitation(run: RunFolder, bench: Workbench, data: Prepared, base: str) -> Recitation | None:
    """Continuations of training rows and of held-out ones by both models; None where the recipe asks for none.

    Models are loaded only where some row has an answer that is long enough to be recited. What the base writes is kept
    for later runs.

    Args:
        run: the run's folder.
        bench: gives the base.
        data: the rows.
        base: the base's fingerprint, as it was measured.
    """
    count = run.recipe.measure.recitation
    if not count:
        return None

    def make() -> Recitation:
        looked_at = sample(bench.train_rows, LOOKED_AT * count, run.recipe.seed)
        rows = _cut(looked_at, run)
        if not rows:
            return Recitation(too_short=len(looked_at))
        others = _cut(sample([*data.splits.test, *data.splits.dev], LOOKED_AT * count, run.recipe.seed), run)
        found = _compared(rows[:count], twins(rows[:count], others), base, run, bench)
        return found.model_copy(update={"too_short": len(looked_at) - len(rows)})

    return run.once("recitation", Recitation, make, "Trying recitation")


def _cut(examples: Sequence[Example], run: RunFolder) -> list[RecitalRow]:
    """The rows whose answers are long enough, in the tokens of the tuned model; no weights are loaded."""
    from transformers import AutoTokenizer

    examples = [one for one in examples if len(one.target) >= SHORTEST]  # a token has at least one character
    if not examples:
        return []
    tokenizer = AutoTokenizer.from_pretrained(str(run.path / TUNED), local_files_only=True)
    recipe, ends = run.recipe, frozenset(tokenizer.all_special_ids)
    encoded = [(one.id, encode(one, tokenizer, recipe.training.max_length, recipe.data.loss_on)) for one in examples]
    rows = [cut_in_two(item, row, ends) for item, row in encoded if row is not None]
    return [row for row in rows if row is not None]


def _compared(
    rows: Sequence[RecitalRow], held_out: Sequence[RecitalRow], base: str, run: RunFolder, bench: Workbench
) -> Recitation:
    """Both models' continuations against what really follows; one model in memory at a time."""
    everything = [*rows, *held_out]
    tuned = load_causal(str(run.path / TUNED), run.recipe.model.load_in)
    tuned.progress = run.progress.update
    new, cutter = continued(tuned, everything), Cutter(tuned.tokenizer)
    del tuned
    old = _by_base(everything, base, bench)
    recitals = [recital(*one, cutter) for one in zip(everything, old, new, strict=True)]
    first = range(len(rows))
    worst = max(first, key=lambda place: (recitals[place].tuned_run - recitals[place].base_run, rows[place].item))
    shown = pair_lines(cutter.text(rows[worst].given[-MOST:]), old[worst], new[worst])
    return Recitation(
        training=recitals[: len(rows)],
        held_out=recitals[len(rows) :],
        evidence=[*shown, f"The row: {cutter.text(rows[worst].rest)}"],
    )


class Cutter:
    """Text and tokens of one tokenizer; all texts are cut into tokens in the same way."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def text(self, ids: list[int]) -> str:
        """What tokens stand for."""
        return str(self.tokenizer.decode(ids, skip_special_tokens=True))

    def tokens(self, text: str) -> list[int]:
        """Tokens of a text."""
        return text_ids(self.tokenizer, text, special=False)


def continued(model: TransformersCausal, rows: Sequence[RecitalRow]) -> list[str]:
    """What a model writes after each row's beginning, greedily, 50 tokens at most."""
    room = model.context_length - MOST
    return [one.text for one in model.generate_ids([row.given[-room:] for row in rows], Limits(max_tokens=MOST))]


def _by_base(rows: Sequence[RecitalRow], fingerprint: str, bench: Workbench) -> list[str]:
    """The base's continuations, from the store or asked now."""
    installed = versions()
    place = (device(), ENGINE_VERSION, {name: installed.get(name) for name in LIBRARIES})
    key = content_hash(fingerprint, [row.given for row in rows], MOST, *place, length=32)
    store = Store("recitations")
    found = store.read(key, Continued)
    if found is None or len(found.texts) != len(rows):
        found = Continued(texts=continued(bench.base(), rows))
        bench.give_up_base()
        store.write(key, found)
    return found.texts


def recital(row: RecitalRow, base: str, tuned: str, cutter: Cutter) -> Recital:
    """How much of a row's rest both models' continuations hold."""
    rest = cutter.tokens(cutter.text(row.rest))
    before, after = cutter.tokens(base), cutter.tokens(tuned)
    return Recital(
        item=row.item,
        tokens=len(row.rest),
        base_run=min(longest_run(before, rest), len(row.rest)),
        tuned_run=min(longest_run(after, rest), len(row.rest)),
        base_verbatim=before[: len(rest)] == rest,
        tuned_verbatim=after[: len(rest)] == rest,
        group=row.group,
    )
