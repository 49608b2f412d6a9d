"""A gate's decisions as a few lines of markdown, for a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence

from retain.reporting.fitting import MOST as MOST_CHARACTERS
from retain.reporting.fitting import fitted
from retain.reporting.judged import Judged, Point
from retain.reporting.numbers import count, interval, signed
from retain.reporting.terms import outcome_of
from retain.reporting.text import markdown, words

MARK = "<!-- retain gate -->"
"""By which an action finds its own comment again."""
_MENTION = re.compile(r"@(?=\w)")
"""By which a code host would call people and teams; a comment within it keeps it as it is shown."""
_SIGNS = {"passed": "✓", "failed": "✗", "open": "?"}


def render_pull_request(gates: Sequence[Judged]) -> str:
    """Verdict, reasons, a table of all points and the symptoms that were found; at most 65,536 characters.

    All foreign text is escaped. The whole report is that of ``retain report``.
    """
    sections = [MARK, *(_MENTION.sub("@<!-- -->", section) for gate in gates for section in _sections(gate))]
    return "\n\n".join(fitted(sections, MOST_CHARACTERS - 2 * len(sections))) + "\n"


def _sections(gate: Judged) -> list[str]:
    _, *rest = gate.points
    sections = [f"## {_sign(gate)} {markdown(gate.title)}: {outcome_of(gate.verdict)}"]
    if gate.verdict.gate.demonstration:
        sections.append("> **Demonstration.** The margins are wide; nothing should ship on this verdict.")
    sections.append("\n".join(f"- {markdown(reason, 600)}" for reason in gate.verdict.reasons))
    sections.append(f"Base: {markdown(gate.base)}. Tuned: {markdown(gate.tuned)}.")
    if rest:
        header = "| | Judged | Change | 95% interval | Margin | Items | Outcome |\n|---|---|--:|--:|--:|--:|---|"
        sections.append("\n".join([header, *map(_row, rest)]))
    if gate.symptoms:
        sections.append(_listed("Symptoms", [(one.name, one.capability, one.statement) for one in gate.symptoms]))
    if gate.lint:
        rows = [(str(one["check"]), str(one["severity"]), str(one["what was found"])) for one in gate.lint]
        sections.append(_listed("Training rows", rows))
    return sections


def _sign(gate: Judged) -> str:
    """The verdict's; that of a demonstration is open, as in the reports."""
    state = gate.points[0].state
    return _SIGNS["open" if gate.verdict.gate.demonstration and state == "passed" else state]


def _row(point: Point) -> str:
    change = point.change
    names = {"gain": f"task: {point.name}", "mean-margin": "**mean of all capabilities**"}
    name = names.get(point.kind, point.name)
    cells = [_SIGNS[point.state], name if point.kind == "mean-margin" else markdown(name)]
    cells += [signed(change.delta), interval(change.low, change.high)] if change is not None else ["", ""]
    cells += [f"{point.margin:g}" if point.margin is not None else "", count(change.items) if change else ""]
    return f"| {' | '.join([*cells, point.outcome])} |"


def _listed(title: str, rows: Sequence[tuple[str, str, str]]) -> str:
    lines = [f"- {markdown(words(name))}, {markdown(where)}: {markdown(what, 600)}" for name, where, what in rows]
    return "\n".join([f"{title}:", "", *lines])
