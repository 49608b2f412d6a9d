"""The words of a report, each explained once for readers who are not statisticians."""

from __future__ import annotations

from retain.comparison.gate import kept_within
from retain.records import RunRecord, Verdict
from retain.reporting.numbers import count, plain

NO_GAIN = "No gain is judged: this report is about forgetting only."
MARGIN = (
    "The margin is the largest loss you accept. A capability is retained when even the pessimistic end of "
    "its measured loss stays inside the margin; not seeing a drop is no proof that there is none."
)
INTERVAL = (
    "The 95% interval is the range in which the true change plausibly lies, given how few or many items "
    "were measured. Both models answered the same items, and the change is computed item by item."
)
LOSS_AT_MOST = (
    "Loss at most: with 95% confidence the true loss is not larger than this. This number is held against the margin."
)
FLIPS = (
    "Won and lost count the items that became right and that became wrong. A change near zero that hides "
    "many of both is no retention."
)
SPREAD = (
    "Flipped is the share of items whose verdict changed; spread is the standard deviation of the change "
    "per item, for scores that are not just right or wrong. The larger either is, the more items a proof "
    "needs."
)
DETECTABLE = (
    "Detectable is the smallest loss that this many items would reveal four times out of five. Of a model that lost "
    "nothing, a margin of this size is proven as often, a smaller one less often."
)
WORTH = (
    "Items that share a passage or a template say less than as many independent ones: those in brackets are what they "
    "are worth, and intervals are as wide as that asks."
)
POOLED = (
    "The pooled mean takes all capabilities measured in points together, those near chance and those in "
    "bits per byte left out. It is held against the narrower mean margin."
)
NEAR_CHANCE = (
    "Near chance: the base itself does hardly better than guessing here, so this probe cannot show a "
    "loss. It counts neither for nor against."
)
GAIN = (
    "The gain is how much better the tuned model does on held-out items of the task, which neither "
    "training nor any choice has seen."
)
UNITS = "Scores and changes are in points of 100; bits per byte change in percent of the base's value. + is better."
DEMONSTRATION = (
    "This is a demonstration. Its margins are so wide that a short run can pass them: they show how "
    "Retain works and prove nothing about whether this model should ship."
)
CHOICE = (
    "Choices are made on dev items. No test item of this report took part in them, so that picking the "
    "best of several settings cannot flatter the result."
)
STRENGTH = "Strength is the factor on the learned update: 1 keeps all of it, 0 is the base again."
EXAMPLES = (
    "Probes take turns, the one that fell most first; of each, items are picked by how far their score fell, equals by "
    "the hash of their content: nobody chose them by hand. They illustrate; the tables prove."
)
ALL_ANSWERS = (
    "The greatest fall stands first, equals in the order of the hash of their content: nobody chose them by hand. "
    "What differs is marked where both answers have enough in common. They illustrate; the tables prove."
)
MEASURED = "Base and tuned answer the same test items under the same settings, without sampling."
GENERAL = (
    "General text stands for the old abilities during training: rehearsed, or compared with the base by a penalty."
)


def headline(record: RunRecord) -> str:
    """The verdict as one sentence."""
    verdict = record.verdict
    learned = verdict.gain == "learned"
    if verdict.outcome == "retained":
        kept = _kept(record)
        return f"The tuned model learned the task and {kept}." if learned else f"The tuned model {kept}."
    if verdict.outcome == "forgot":
        lost = "lost more of what the base could do than the margins allow"
        return f"The tuned model learned the task and {lost}." if learned else f"The tuned model {lost}."
    if verdict.outcome == "not learned":
        need = verdict.gate.min_gain
        unit = "percent" if all(change.unit == "percent" for change in record.comparison.gains) else "points"
        more = f" by more than {plain(need)} {unit}" if need else ""
        return f"The tuned model did not get better at the task{more}."
    return f"The items measured so far cannot decide whether the tuned model {_open(record)}."


def _open(record: RunRecord) -> str:
    """What these items leave open: whether the task was learned, whether the rest was kept, or both."""
    verdict = record.verdict
    if verdict.gain != "inconclusive":
        return "kept what the base could do"
    kept = kept_within(record.comparison, verdict.probes, verdict.gate)
    return "learned the task" if kept else "learned the task and kept what the base could do"


def _kept(record: RunRecord) -> str:
    """What was kept; nobody may read a proof of each capability into one of their mean."""
    judged = [probe for probe in record.verdict.probes if probe.outcome != "near chance"]
    missing = sum(probe.outcome == "inconclusive" for probe in judged)
    if not missing:
        return "kept what the base could do, within the margins"
    are = "is" if missing == 1 else "are"
    return f"on average kept what the base could do; {missing} of {len(judged)} capabilities {are} not proven alone"


def outcome(record: RunRecord) -> str:
    """The verdict's word."""
    return outcome_of(record.verdict)


def outcome_of(verdict: Verdict) -> str:
    """A verdict's word; a demonstration's is never shown without saying that it is one."""
    return f"{verdict.outcome}{' (demonstration only)' if verdict.gate.demonstration else ''}"


def deciding(record: RunRecord) -> str:
    """How many items would decide an inconclusive verdict, or an empty text."""
    needed = record.verdict.items_needed
    if record.verdict.outcome != "inconclusive" or needed is None:
        return ""
    return f"About {count(needed)} items would decide it."


def not_measured(record: RunRecord) -> str:
    """Said where no gain is judged, so that nobody reads the verdict as one."""
    return NO_GAIN if record.verdict.gain == "not measured" else ""
