"""A gate's decisions as SARIF 2.1.0, which code hosts show beside the files of a pull request."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from retain.records import Symptom, content_hash
from retain.reporting.judged import Judged, Point
from retain.reporting.terms import outcome_of
from retain.reporting.text import clean_json, one_line, words

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"failed": "error", "open": "note"}
_LINT_LEVELS = {"error": "error", "warning": "warning"}
_RULES = {
    "verdict": "The verdict on the whole comparison is 'retained'.",
    "gain": "The task was learned: the lower bound of its gain is above the smallest gain wanted.",
    "mean-margin": "The upper bound of the mean loss over all capabilities is below the mean margin.",
    "margin": "The upper bound of this capability's loss is below its margin.",
}
_LINE = re.compile(r"^[^\n]{1,60}?:(\d{1,9}) ")
"""``tickets.jsonl:17 text``: where the lint saw a row."""
MOST = 1024
"""Characters of a text that GitHub takes; what is left out is counted within them."""
_COUNT = 40
"""Characters of that count."""
_HELP = {
    "verdict": "Read the reasons, and the whole report: retain report RUN.",
    "gain": "Train longer or at a higher rate, or measure more items where the gain is not proven.",
    "mean-margin": "Keep the model nearer to the base (kl_to_base, strength, LoRA), or measure more items.",
    "margin": "Keep the model nearer to the base (kl_to_base, strength, LoRA), or measure more items of it.",
    "symptom": "Read the example in the report (retain report RUN), and measure the capability it is about.",
}
"""Kind of rule -> what to do about a result of it."""


def render_sarif(gates: Sequence[Judged], place: str, version: str) -> str:
    """SARIF: one run; its rules are margins, symptoms and lint checks, its results what is wrong.

    What stands in the way of a release is an *error*, a symptom a *warning*, what is not proven alone a *note*, and a
    lint finding has its own severity. What passed has a rule and no result: code hosts show every result as an
    alert.

    Args:
        gates: what was decided.
        place: the file that the results are shown at (the recipe or the record), relative to the repository.
        version: Retain's.

    Source: SARIF 2.1.0, OASIS Standard, sections 3.13 to 3.58; "SARIF support for code scanning" in GitHub's
    documentation, for the properties that it needs and the lengths that it takes.
    """
    rules: dict[str, dict[str, Any]] = {}
    results: list[dict[str, Any]] = []
    for gate in gates:
        for rule, result in [*_points(gate, place), *_symptoms(gate, place), *_lint(gate, place)]:
            rules.setdefault(rule["id"], rule)
            if result is not None:
                results.append({"ruleId": rule["id"], "ruleIndex": list(rules).index(rule["id"]), **result})
    driver = {"name": "retain", "semanticVersion": version, "rules": list(rules.values())}
    told = [
        {"verdict": outcome_of(gate.verdict), "base": one_line(gate.base), "tuned": one_line(gate.tuned)}
        for gate in gates
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run | {"properties": {"comparisons": told}}]}
    return clean_json(json.dumps(log, indent=1, ensure_ascii=False)) + "\n"


Found = tuple[dict[str, Any], dict[str, Any] | None]


def _points(gate: Judged, place: str) -> list[Found]:
    return [(_rule_of(point), _result_of(point, gate, place)) for point in gate.points]


def _rule_of(point: Point) -> dict[str, Any]:
    rule = "margin/" + _key(point.name) if point.kind == "margin" else point.kind
    name = point.name if point.kind == "margin" else point.kind
    return _rule(rule, name, _RULES[point.kind], "error", _HELP[point.kind])


def _result_of(point: Point, gate: Judged, place: str) -> dict[str, Any] | None:
    if point.state == "passed":
        return None
    result = _result(_LEVELS[point.state], point.message, place, 1, gate.title, point.kind, point.name)
    numbers = {"outcome": point.outcome, "margin": point.margin}
    if point.change is not None:
        numbers |= {"delta": point.change.delta, "low": point.change.low, "high": point.change.high}
    return result | {"properties": {key: value for key, value in numbers.items() if _is_json(value)}}


def _symptoms(gate: Judged, place: str) -> list[Found]:
    return [(_symptom_rule(one), _symptom_result(one, gate, place)) for one in gate.symptoms]


def _symptom_rule(one: Symptom) -> dict[str, Any]:
    told = (
        "A way of forgetting that a mean score can hide, read off the answers of both models; no verdict rests on it."
    )
    return _rule(f"symptom/{_key(one.name)}", words(one.name), told, "warning", _HELP["symptom"])


def _symptom_result(one: Symptom, gate: Judged, place: str) -> dict[str, Any]:
    message = f"{words(one.name)}, {one.capability}: {one.statement}"
    return _result("warning", message, place, 1, gate.title, one.name, one.capability)


def _lint(gate: Judged, place: str) -> list[Found]:
    found: list[Found] = []
    data = gate.recipe.get("data")
    rows = data.get("train") if isinstance(data, Mapping) else None
    for one in gate.lint:
        check, level = str(one["check"]), _LINT_LEVELS.get(str(one["severity"]), "note")
        do = str(one["what to do"])
        rule = _rule(
            f"lint/{_key(check)}", words(check), f"The training rows pass the check {words(check)}.", level, do
        )
        where, line = _row(one, rows if isinstance(rows, str) else "", place)
        message = f"{one['what was found']} What to do: {do}"
        found.append((rule, _result(level, message, where, line, gate.title, check, "")))
    return found


def _row(finding: Mapping[str, Any], rows: str, place: str) -> tuple[str, int]:
    """File and line of a finding's first example, beside the recipe; the place of all others where it has none."""
    example = next((_LINE.match(str(one)) for one in finding["examples"]), None)
    if example is None or not rows.endswith((".jsonl", ".json", ".csv", ".txt")) or PurePosixPath(rows).is_absolute():
        return place, 1
    way: list[str] = []
    for part in PurePosixPath(place).parent.joinpath(rows).parts:
        if part == ".." and way and way[-1] != "..":
            way.pop()
        else:
            way.append(part)
    return "/".join(way), max(1, int(example[1]))


def _rule(key: str, name: str, told: str, level: str, help: str) -> dict[str, Any]:
    return {
        "id": key,
        "name": one_line(name),
        "shortDescription": _text(told),
        "fullDescription": _text(told),
        "help": _text(help),
        "defaultConfiguration": {"level": level},
    }


def _result(level: str, message: str, place: str, line: int, *identity: str) -> dict[str, Any]:
    """A result; ``identity`` is what makes it the same result in the next run."""
    region = {"startLine": line, "startColumn": 1, "endLine": line, "endColumn": 2}
    location = {"artifactLocation": {"uri": quote(place)}, "region": region}
    return {
        "level": level,
        "message": _text(message),
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"primaryLocationLineHash": f"{content_hash(place, *identity)}:1"},
    }


def _text(text: str) -> dict[str, str]:
    return {"text": one_line(text, MOST - _COUNT)}


def _key(name: str) -> str:
    """A name as part of a rule's id: no blanks and no signs that separate."""
    return re.sub(r"[^\w.+-]+", "-", one_line(name, 100)) or "-"


def _is_json(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, int | float) and abs(value) < float("inf"))
