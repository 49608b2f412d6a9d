"""Several runs, or several models against one base: a row for each, a column for each in the table of capabilities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from retain.records import RunRecord
from retain.reporting import terms
from retain.reporting.fitting import MOST, fitted
from retain.reporting.markdown_table import markdown_table
from retain.reporting.numbers import duration, finite, number_of
from retain.reporting.tables import TONES, Row, gain_rows, loss_rows, pooled_row
from retain.reporting.text import markdown, one_line, words
from retain.reporting.trade_off_chart import Trade

_INTRO = {
    "run": "Each run is compared with its own base, on the items that it measured. Whether two runs differ from each "
    "other is not tested here: intervals that overlap leave it open.",
    "model": "Each model is compared with the base, item by item. Whether two of them differ from each other is not "
    "tested here: intervals that overlap leave it open.",
}
_CHART = (
    "Each point is a {}, the bars its 95% intervals; filled points were retained. Up is more gain, right is more "
    "loss: the shaded side of the dashed margin is a mean loss you do not accept."
)
Kind = Literal["run", "model"]
"""What the rows are: runs with bases of their own, or models that were tuned from one base."""
_SIGNS = {"good": "✓", "bad": "✗", "open": "?", "muted": "–"}


@dataclass(frozen=True)
class Run:
    """One run as a line of the table. Names are foreign text, not escaped."""

    name: str
    record: RunRecord
    outcome: str
    tone: str
    gain: Row | None
    mean: Row | None
    worst: Row | None
    """The capability that fell most."""
    unproven: int
    """Capabilities that its items cannot decide."""
    symptoms: str
    """How many symptoms were found; empty where none was looked for."""
    time: str


def runs_of(records: Sequence[tuple[str, RunRecord]]) -> list[Run]:
    """The runs in the order given; equal names are numbered."""
    total, seen = Counter(name for name, _ in records), Counter[str]()
    found = []
    for name, record in records:
        seen[name] += 1
        found.append(_run(f"{name} ({seen[name]})" if total[name] > 1 else name, record))
    return found


def _run(name: str, record: RunRecord) -> Run:
    losses = loss_rows(record)
    judged = [row for row in losses if row.outcome != "near chance" and finite(row.change.delta)]
    tone, symptoms = TONES[record.verdict.outcome], record.comparison.symptoms
    return Run(
        name=name,
        record=record,
        outcome=terms.outcome(record),
        tone="open" if tone == "good" and record.verdict.gate.demonstration else tone,
        gain=next(iter(gain_rows(record)), None),
        mean=pooled_row(record),
        worst=min(judged, key=lambda row: row.change.delta, default=None),
        unproven=sum(row.outcome == "inconclusive" for row in losses),
        symptoms=str(sum(one.found is True for one in symptoms)) if symptoms else "",
        time=duration(sum(record.seconds.values())) if record.seconds else "",
    )


def capabilities(runs: Sequence[Run]) -> list[tuple[str, list[Row | None]]]:
    """(label, one row for each run; None where it was not measured): the greatest mean fall first."""
    tables = [{row.probe: row for row in loss_rows(run.record)} for run in runs]
    labels = {probe: row.label for table in reversed(tables) for probe, row in table.items()}
    found = [(label, [table.get(probe) for table in tables]) for probe, label in labels.items()]
    return sorted(found, key=lambda one: (_mean(one[1]), one[0]))


def _mean(rows: Sequence[Row | None]) -> float:
    deltas = [row.change.delta for row in rows if row and finite(row.change.delta)]
    return sum(deltas) / len(deltas) if deltas else 0.0


def trades(runs: Sequence[Run]) -> list[Trade]:
    """The points of the chart: runs with a gain in points and a mean loss."""
    return [
        Trade(
            label=run.name,
            gain=run.gain.change.delta,
            loss=-run.mean.change.delta,
            gain_range=(run.gain.change.low, run.gain.change.high),
            loss_range=(-run.mean.change.high, -run.mean.change.low),
            tone=TONES[run.record.verdict.outcome],
            passing=run.record.verdict.outcome == "retained",
        )
        for run in runs
        if run.gain and run.mean and run.gain.change.unit == "points"
    ]


def mean_margin(runs: Sequence[Run]) -> float | None:
    """The margin of the mean loss, where all runs have the same."""
    margins = {run.record.verdict.gate.mean_margin for run in runs}
    return margins.pop() if len(margins) == 1 else None


def heading(runs: Sequence[Run], kind: Kind = "run") -> str:
    """A title for the page."""
    return f"{number_of(len(runs), kind)} side by side"


def intro(kind: Kind = "run") -> str:
    """What the rows are compared with."""
    return _INTRO[kind]


def chart_words(kind: Kind = "run") -> str:
    """How the chart is read."""
    return _CHART.format(kind)


def headline(runs: Sequence[Run], kind: Kind = "run") -> str:
    """How the runs came out, in one sentence."""
    counts = Counter(run.outcome for run in runs)
    return f"{number_of(len(runs), kind)}: " + ", ".join(f"{number} {what}" for what, number in counts.items()) + "."


def multiplicity(runs: Sequence[Run], kind: Kind = "run") -> str:
    """What several verdicts at 95% each are worth together; empty for one.

    Each verdict errs in at most 5 of 100 repetitions, so at least one of n does in at most 5n (the union bound, which
    needs no independence: all share the base's answers).
    """
    if len(runs) < 2:
        return ""
    most = min(100, 5 * len(runs))
    return (
        "Each verdict and interval holds at 95% on its own. "
        f"Over {number_of(len(runs), kind)} the chance that at least one which lost more than its margin is called "
        f"retained is up to {most}%. And the best of several looks better than it is: the {kind} that you take, "
        "measure again on items that did not choose it."
    )


def cautions(runs: Sequence[Run], kind: Kind = "run") -> list[str]:
    """What makes the rows less comparable: other bases, probes, items or margins."""
    found = [*_bases(runs), *_probes(runs, kind)]
    if unlike := _unlike_items(runs):
        found.append(
            f"The {kind}s were not all measured on the same items ({_few(unlike)}): part of what differs between them "
            "is the items. Measure all with one suite and one limit to compare them."
        )
    if len({run.record.verdict.gate.model_dump_json() for run in runs}) > 1:
        found.append(f"The {kind}s were judged by different margins.")
    return found


def remarks(runs: Sequence[Run], kind: Kind = "run") -> list[str]:
    """What a reader must know before the rows are read against each other."""
    return [*cautions(runs, kind), *filter(None, [multiplicity(runs, kind)])]


def _bases(runs: Sequence[Run]) -> list[str]:
    """That the bases differ, by name or in what was measured: weights, tokenizer or precision."""
    names = list(dict.fromkeys(run.record.comparison.base for run in runs))
    if len(names) > 1:
        return [
            f"The runs have different bases ({_few([one_line(name, 60) for name in names])}): each change is against "
            "its own, so that equal changes can be unequal models."
        ]
    if len({one.model for run in runs for one in run.record.before}) > 1:
        return ["The bases have one name but were not the same when measured: other weights, tokenizer or precision."]
    return []


def _probes(runs: Sequence[Run], kind: Kind) -> list[str]:
    table = capabilities(runs)
    if table and all(None in rows for _, rows in table):
        return [f"No capability was measured in every {kind}: the rows cannot be compared with each other."]
    if any(None in rows for _, rows in table):
        return [f"Not every capability was measured in every {kind}, so that their means are of different probes."]
    return []


def _unlike_items(runs: Sequence[Run]) -> list[str]:
    """Probes that several rows have, on different items; an item counts where base and tuned both have a score."""
    seen: dict[str, set[frozenset[str]]] = {}
    for run in runs:
        after = {one.probe: one.scores for one in run.record.after}
        for one in run.record.before:
            if one.probe in after:
                seen.setdefault(one.probe, set()).add(frozenset(one.scores.keys() & after[one.probe].keys()))
    return [words(one_line(probe, 60)) for probe, items in seen.items() if len(items) > 1]


def _few(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def render_runs(runs: Sequence[Run], kind: Kind = "run", title: str = "") -> str:
    """The comparison as markdown, at most 65,536 characters; all foreign text is escaped."""
    head = [
        kind.capitalize(),
        "Verdict",
        "Gain",
        "Mean change",
        "95% interval",
        "Greatest fall",
        "Not proven",
        "Symptoms",
    ]
    lines = [
        [
            markdown(run.name),
            f"{_SIGNS[run.tone]} {run.outcome}",
            run.gain.delta if run.gain else "",
            run.mean.delta if run.mean else "",
            run.mean.interval if run.mean else "",
            f"{run.worst.delta} ({markdown(run.worst.label)})" if run.worst else "",
            str(run.unproven),
            run.symptoms,
        ]
        for run in runs
    ]
    body = [
        [markdown(label), *(f"{_SIGNS[row.tone]} {row.delta} ({row.interval})" if row else "" for row in rows)]
        for label, rows in capabilities(runs)
    ]
    sections = [
        f"# {markdown(title) if title else heading(runs, kind)}",
        f"**{headline(runs, kind)}** {intro(kind)}",
        "\n".join(f"- {markdown(one, 700)}" for one in remarks(runs, kind)),
        markdown_table(head, lines),
        "## Change of each capability, with its 95% interval",
        markdown_table(["Capability", *(markdown(run.name) for run in runs)], body),
    ]
    sections = [section for section in sections if section]
    return "\n\n".join(fitted(sections, MOST - 2 * len(sections))) + "\n"
