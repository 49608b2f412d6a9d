"""The KL meter for two models that were given, not trained here: what ``retain compare`` reads."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from retain.data.encoding import Encoded
from retain.data.example import Example
from retain.mitigations.distributions import Stored
from retain.mitigations.kl_meter import TOP_K, first_rows, kl_reading, moved_from_stored
from retain.models.causal import TransformersCausal
from retain.models.chat import text_ids
from retain.models.load import Precision, load_causal
from retain.probes.base import Probe
from retain.progress import Progress
from retain.records import KlReading
from retain.stages.base_distributions import base_distributions, kept_distributions
from retain.stages.known_models import files_state, known_model
from retain.stages.meter_rows import general_rows, input_rows
from retain.stages.metering import Place, Where, top_k_of

OTHER_WORDS = (
    "The KL meter was not read: the two models cut texts into different tokens, so that their distributions cannot be "
    "compared token by token."
)


def read_meter_pair(
    before: str, after: str, load_in: Precision, probes: Sequence[Probe], task: Collection[str], progress: Progress
) -> tuple[list[KlReading], list[str]]:
    """How far one model has moved from another, on texts of the suite; and notes on what could not be read.

    The rows are the inputs of the test items, as plain text: those of the task's probes, and as general text those
    that :func:`general_rows` takes from the others. Only one model is in memory at a time. The base's distributions
    come from the store where it was asked before.

    Args:
        before: the base, as ``load_causal`` takes it.
        after: the tuned model.
        load_in: precision of both.
        probes: the suite's probes, limited as they are measured.
        task: names of the probes that measure what was learned.
        progress: where work is shown.
    """
    tuned = load_causal(after, load_in)
    places = _places(tuned, probes, task)
    kept = _kept(before, load_in, places)
    if kept is None:
        del tuned
        kept = _asked(load_causal(before, load_in), probes, task, places, progress)
        if kept is None:
            return [], [OTHER_WORDS]
        tuned = load_causal(after, load_in)
    vocabulary = tuned.module.config.get_text_config().vocab_size
    if any(int(ids.max()) >= vocabulary for stored in kept for ids, _ in stored):
        return [], [OTHER_WORDS]
    tuned.progress = progress.update
    found = []
    for place, stored in zip(places, kept, strict=True):
        moved = moved_from_stored(tuned, place.rows, stored)
        found.append(kl_reading(place.where, place.name, moved, top_k_of(stored, tuned)))
    return found, []


def _places(model: TransformersCausal, probes: Sequence[Probe], task: Collection[str]) -> list[Place]:
    """The rows in this model's tokens."""
    learned = [probe for probe in probes if probe.name in task]
    others = [probe for probe in probes if probe.name not in task]
    named: dict[tuple[Where, str], Sequence[Example]] = {}
    if learned:
        named["task", "inputs of the task's probes"] = input_rows(learned)
    if others:
        named |= {("general", name): rows for name, rows in general_rows({}, others).items()}
    places = [Place(*place, first_rows([_row(one.text, model) for one in rows])) for place, rows in named.items()]
    return [place for place in places if place.rows]


def _row(text: str, model: TransformersCausal) -> Encoded | None:
    """A text of which every token but the first is compared; None where there is no second one."""
    ids = text_ids(model.tokenizer, text, special=True)[: model.context_length]
    return Encoded(input_ids=ids, labels=ids) if len(ids) > 1 else None


def _kept(before: str, load_in: str, places: Sequence[Place]) -> list[Stored] | None:
    """The base's distributions of rows that it cuts into the same tokens, if it was asked for all of them before."""
    model = known_model(files_state(before, load_in))
    if model is None:
        return None
    found = [kept_distributions(model.fingerprint, model.device, place.rows, TOP_K) for place in places]
    stored = [one for one in found if one is not None]
    return stored if len(stored) == len(found) else None


def _asked(
    base: TransformersCausal,
    probes: Sequence[Probe],
    task: Collection[str],
    places: Sequence[Place],
    progress: Progress,
) -> list[Stored] | None:
    """The base's distributions; None where its tokens are not the tuned model's."""
    if _places(base, probes, task) != places:
        return None
    base.progress = progress.update
    known = base.fingerprint, str(base.module.device)
    return [base_distributions(*known, place.rows, TOP_K, lambda: base) for place in places]
