"""The answers of base and tuned side by side, sorted by how far the score fell."""

from __future__ import annotations

from dataclasses import dataclass

from retain.records import Measurement, Response, RunRecord


@dataclass(frozen=True)
class Pair:
    """One item that both models answered."""

    probe: str
    capability: str
    item: str
    prompt: str
    reference: str
    base: Response
    tuned: Response
    base_score: float
    tuned_score: float
    change: float
    """How much better the tuned model's score is, whatever the metric's direction; negative = it fell."""
    task: bool
    """True for the task's own items, False for a capability's."""

    @property
    def way(self) -> str:
        """``lost``, ``won`` or ``unchanged``."""
        return "lost" if self.change < 0 else "won" if self.change > 0 else "unchanged"


def pairs(record: RunRecord) -> list[Pair]:
    """Every item with a prompt and two answers: the greatest fall first, equals in the order of their ids.

    Ids are hashes of content, so that among equals the order is blind to what the answers say.
    """
    tuned = {measurement.probe: measurement for measurement in record.after}
    tasks = {change.probe for change in record.comparison.gains}
    found = [
        pair
        for before in record.before
        if before.probe in tuned
        for pair in _of_probe(before, tuned[before.probe], before.probe in tasks)
    ]
    return sorted(found, key=lambda pair: (pair.change, pair.item, pair.probe))


def _of_probe(before: Measurement, after: Measurement, task: bool) -> list[Pair]:
    better = 1.0 if before.higher_is_better else -1.0
    items = before.prompts.keys() & before.responses.keys() & after.responses.keys()
    return [
        Pair(
            probe=before.probe,
            capability=before.capability,
            item=item,
            prompt=before.prompts[item],
            reference=before.references.get(item, ""),
            base=before.responses[item],
            tuned=after.responses[item],
            base_score=before.scores[item],
            tuned_score=after.scores[item],
            change=better * (after.scores[item] - before.scores[item]),
            task=task,
        )
        for item in items & before.scores.keys() & after.scores.keys()
    ]


def fallen(record: RunRecord) -> list[Pair]:
    """Items of capabilities whose score fell; one capability after the other, the worst hit first."""
    return _round_robin([pair for pair in pairs(record) if pair.change < 0 and not pair.task], record)


def _round_robin(chosen: list[Pair], record: RunRecord) -> list[Pair]:
    """Mix the probes, so that the first few examples do not all show one capability."""
    order = {change.probe: i for i, change in enumerate(sorted(record.comparison.losses, key=lambda c: c.delta))}
    rank: dict[str, int] = {}
    keyed = []
    for pair in chosen:
        rank[pair.probe] = rank.get(pair.probe, -1) + 1
        keyed.append(((rank[pair.probe], order.get(pair.probe, len(order)), pair.probe), pair))
    return [pair for _, pair in sorted(keyed, key=lambda entry: entry[0])]


def shown(record: RunRecord, fell: int = 12, rose: int = 6) -> list[Pair]:
    """What a report has room for: per probe the greatest falls and the greatest rises."""
    everything = pairs(record)
    kept: list[Pair] = []
    for probe in dict.fromkeys(pair.probe for pair in everything):
        of_probe = [pair for pair in everything if pair.probe == probe]
        kept += [pair for pair in of_probe if pair.change < 0][:fell]
        risen = [pair for pair in of_probe if pair.change > 0]
        kept += sorted(risen, key=lambda pair: (-pair.change, pair.item))[:rose]
    return kept
