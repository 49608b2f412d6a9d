"""Whether a model knows training rows by heart: it continues their beginnings, and those of held-out rows like them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from retain.comparison.symptoms.examples import example_pair
from retain.data.encoding import encode
from retain.data.lint.masking import passage
from retain.data.preference_rows import as_conversations
from retain.data.recital_rows import MOST, RecitalRow, RecitalRows, longest_run, rows_to_recite
from retain.models.base import Limits
from retain.models.causal import TransformersCausal, as_language_model
from retain.models.chat import text_ids
from retain.models.load import device, load_causal, own_tokenizer
from retain.provenance import versions
from retain.records import Alarm, ExamplePair, Recital, Recitation, Record, Training, content_hash
from retain.scoring import ENGINE_VERSION
from retain.stages.kept_measurements import LIBRARIES
from retain.stages.prepare import Prepared
from retain.stages.run_folder import RunFolder
from retain.stages.setting_up import Workbench
from retain.store import Store
from retain.training.trained import tuned_folder

ROWS = 64
"""Training rows that an alarm asks for."""
Writer = Callable[[Sequence[RecitalRow]], list[str]]
"""What a model writes after each row's beginning."""


class Continued(Record):
    """What one model wrote after the beginnings of rows."""

    texts: list[str]


def try_recitation(
    run: RunFolder, bench: Workbench, data: Prepared, training: Training, base: str
) -> Recitation | None:
    """Continuations of training rows and of held-out ones by both models; None where nothing asks for them.

    The recipe asks, or where it says nothing an overfitting alarm.

    Weights are loaded only where some row has an answer that is long enough to be recited, one model at a time. What
    the base writes is kept for later runs.

    Args:
        run: the run's folder.
        bench: gives the base.
        data: the rows.
        training: what training did, and which alarms it raised.
        base: the base's fingerprint, as it was measured.
    """
    recipe = run.recipe
    if recipe.training.method == "rank":  # a reranker writes nothing
        return None
    count = rows_wanted(recipe.measure.recitation, training.alarms)
    if not count:
        return None

    def make() -> Recitation:
        tokenizer = _tokenizer(run)
        rows = rows_to_recite(
            as_conversations(bench.train_rows),
            as_conversations([*data.splits.test, *data.splits.dev]),
            tokenizer,
            partial(encode, tokenizer=tokenizer, max_length=recipe.training.max_length, on=recipe.data.loss_on),
            count,
            recipe.seed,
        )
        return recitation_of(
            rows, tokenizer, partial(_by_tuned, run=run), partial(_by_base, fingerprint=base, bench=bench)
        )

    return run.once("recitation", Recitation, make, "Trying recitation")


def rows_wanted(asked: int | None, alarms: Sequence[Alarm]) -> int:
    """How many rows are tried: as many as a recipe asks for; else 64 after an alarm, or where none could be judged."""
    if asked is not None:
        return asked
    told = [one.raised for one in alarms if one.raised is not None]
    return ROWS if any(told) or not told else 0


def recitation_of(rows: RecitalRows, tokenizer: Any, tuned: Writer, base: Writer) -> Recitation:
    """How much of training rows and of held-out ones a trained model and its base write from memory.

    Args:
        rows: what is tried.
        tokenizer: cuts what both write into tokens.
        tuned: asks the trained model, such as ``partial(continued, model)``; not called where no row is long enough.
        base: asks the base; called after ``tuned``, so that both need not be in memory.
    """
    if not rows.training:
        return Recitation(too_short=rows.too_short)
    everything = [*rows.training, *rows.held_out]
    new = tuned(everything)
    old = base(everything)
    recitals = [recital(*one, tokenizer) for one in zip(everything, old, new, strict=True)]
    first = range(len(rows.training))
    worst = max(first, key=lambda place: (recitals[place].tuned_run - recitals[place].base_run, everything[place].item))
    return Recitation(
        training=recitals[: len(rows.training)],
        held_out=recitals[len(rows.training) :],
        too_short=rows.too_short,
        example=_example(everything[worst], old[worst], new[worst], tokenizer),
    )


def _example(row: RecitalRow, base: str, tuned: str, tokenizer: Any) -> ExamplePair:
    """A row and what both models made of it, without secrets and personal data, also such as begin in what is given."""
    given = _text(tokenizer, row.given)
    whole = given + _text(tokenizer, row.rest)
    begins = len(_text(tokenizer, row.given[:-MOST]))
    old, new, rest = (passage(text, len(given), len(text)) for text in (given + base, given + tuned, whole))
    return example_pair(passage(whole, begins, len(given)), old, new, rest)


def recital(row: RecitalRow, base: str, tuned: str, tokenizer: Any) -> Recital:
    """How much of a row's rest both models' continuations hold; each is cut into tokens in the same way."""
    rest = _tokens(tokenizer, _text(tokenizer, row.rest))
    before, after = (_tokens(tokenizer, text)[: len(rest)] for text in (base, tuned))
    return Recital(
        item=row.item,
        tokens=len(row.rest),
        base_run=min(longest_run(before, rest), len(row.rest)),
        tuned_run=min(longest_run(after, rest), len(row.rest)),
        base_verbatim=before == rest,
        tuned_verbatim=after == rest,
        group=row.group,
    )


def continued(model: TransformersCausal, rows: Sequence[RecitalRow]) -> list[str]:
    """What a model writes after each row's beginning, greedily, 50 tokens at most."""
    room = model.context_length - MOST
    return [one.text for one in model.generate_ids([row.given[-room:] for row in rows], Limits(max_tokens=MOST))]


def kept_by_base(rows: Sequence[RecitalRow], fingerprint: str, load: Callable[[], TransformersCausal]) -> list[str]:
    """:func:`continued` by a base, from the store or asked now.

    Args:
        rows: what is continued.
        fingerprint: the base's.
        load: gives the base; called only where the store does not know the answer.
    """
    installed = versions()
    place = (device(), ENGINE_VERSION, {name: installed.get(name) for name in LIBRARIES})
    key = content_hash(fingerprint, [row.given for row in rows], MOST, *place, length=32)
    store = Store("recitations")
    found = store.read(key, Continued)
    if found is None or len(found.texts) != len(rows):
        found = Continued(texts=continued(load(), rows))
        store.write(key, found)
    return found.texts


def _tokenizer(run: RunFolder) -> Any:
    return own_tokenizer(Path(tuned_folder(run.path)))


def _by_tuned(rows: Sequence[RecitalRow], run: RunFolder) -> list[str]:
    tuned = load_causal(tuned_folder(run.path), run.recipe.model.load_in)
    tuned.progress = run.progress.update
    return continued(tuned, rows)


def _by_base(rows: Sequence[RecitalRow], fingerprint: str, bench: Workbench) -> list[str]:
    texts = kept_by_base(rows, fingerprint, lambda: as_language_model(bench.base()))
    bench.give_up_base()
    return texts


def _text(tokenizer: Any, ids: Sequence[int]) -> str:
    return str(tokenizer.decode(list(ids), skip_special_tokens=True))


def _tokens(tokenizer: Any, text: str) -> list[int]:
    return text_ids(tokenizer, text, special=False)
