"""A gate's decisions as JUnit XML, which CI systems show as tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from retain.reporting.judged import Judged, Point
from retain.reporting.numbers import finite
from retain.reporting.terms import outcome_of
from retain.reporting.text import clean, one_line

_NO_CHARACTER = re.compile("[\ufffe\uffff]")
"""What XML 1.0 refuses and :func:`clean` leaves."""
MOST = 4000


def render_junit(gates: Sequence[Judged]) -> str:
    """JUnit XML: a test suite for each comparison, with a test case for the verdict, the gain, the mean and each probe.

    What stands in the way of a release is a *failure*, also where it is inconclusive; what is not proven alone or is
    near chance is *skipped*. The time of a suite is that of all stages of its run, in seconds; probes are not timed one
    by one. Control characters, which XML 1.0 cannot hold, become their pictures.

    Source: XML 1.0 section 2.2 (characters); the JUnit schema of Jenkins' xunit plugin.
    """
    root = ElementTree.Element("testsuites", _counts([point for gate in gates for point in gate.points], "retain gate"))
    for gate in gates:
        _suite(root, gate)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(root: ElementTree.Element, gate: Judged) -> None:
    attributes = _counts(gate.points, one_line(gate.title))
    total = sum(seconds for seconds in gate.seconds.values() if finite(seconds))
    if gate.seconds:
        attributes["time"] = f"{total:.3f}"
    if gate.started:
        attributes["timestamp"] = one_line(gate.started)
    suite = ElementTree.SubElement(root, "testsuite", _safe(attributes))
    properties = {"base": gate.base, "tuned": gate.tuned, "verdict": outcome_of(gate.verdict)}
    properties |= {f"gate.{key}": f"{value:g}" for key, value in gate.verdict.gate if key != "demonstration"}
    properties |= {f"seconds.{stage}": f"{seconds:g}" for stage, seconds in gate.seconds.items()}
    listed = ElementTree.SubElement(suite, "properties")
    for name, value in properties.items():
        ElementTree.SubElement(listed, "property", _safe({"name": one_line(name), "value": one_line(value)}))
    for point in gate.points:
        _case(suite, point)


def _case(suite: ElementTree.Element, point: Point) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", _safe({"classname": f"retain.{point.kind}", "name": one_line(point.name)})
    )
    message = _safe({"message": one_line(point.message, MOST)})
    if point.state == "failed":
        failure = ElementTree.SubElement(case, "failure", message | {"type": point.outcome})
        failure.text = message["message"]
    elif point.state == "open":
        ElementTree.SubElement(case, "skipped", message)
    else:
        ElementTree.SubElement(case, "system-out").text = message["message"]


def _counts(points: Sequence[Point], name: str) -> dict[str, str]:
    failed = sum(point.state == "failed" for point in points)
    skipped = sum(point.state == "open" for point in points)
    counts = {"tests": len(points), "failures": failed, "errors": 0, "skipped": skipped}
    return {"name": name, **{key: str(value) for key, value in counts.items()}}


def _safe(attributes: dict[str, str]) -> dict[str, str]:
    return {key: _NO_CHARACTER.sub("\ufffd", clean(value)) for key, value in attributes.items()}
