"""JUnit XML: well-formed whatever probes are called, and a failure wherever the gate stops."""

import json
from xml.etree import ElementTree

import pytest

from retain.cli.shown import judged_text
from retain.records import Comparison
from retain.reporting.judged import judged
from retain.reporting.junit import render_junit
from retain.reporting.pull_request import render_pull_request
from retain.reporting.sarif import render_sarif

from .makers import make_change, make_full_record, make_probe_verdict, make_record, make_verdict

HOSTILE = "a\x00b\x1b[31m]]>&<\"'\ud800\ufffe\r\nc"


def suites(record):
    return ElementTree.fromstring(render_junit([judged(record, record.verdict)]).encode())


def test_cases_failures_and_times():
    record = make_full_record()
    root = suites(record)
    (suite,) = root
    cases = {(case.get("classname"), case.get("name")): case for case in suite.iter("testcase")}
    assert len(cases) == 3 + len(record.verdict.probes) == int(suite.get("tests")) == int(root.get("tests"))
    assert cases["retain.margin", "facts"].find("failure").get("type") == "forgot"
    assert cases["retain.verdict", "verdict"].find("failure") is not None
    assert cases["retain.margin", "instructions"].find("skipped") is not None
    assert cases["retain.margin", "science"].find("failure") is None
    assert int(suite.get("failures")) == len(list(suite.iter("failure")))
    assert int(suite.get("skipped")) == len(list(suite.iter("skipped")))
    assert float(suite.get("time")) == pytest.approx(sum(record.seconds.values()))
    assert suite.get("timestamp") == record.provenance["started"]


@pytest.mark.parametrize("demonstration", [True, False])
def test_a_demonstration_is_told_wherever_its_verdict_is(demonstration):
    record = make_full_record()
    verdict = record.verdict.model_copy(
        update={"gate": record.verdict.gate.model_copy(update={"demonstration": demonstration})}
    )
    points = [judged(record, verdict)]
    comparisons = json.loads(render_sarif(points, "record.json", "0.1.0"))["runs"][0]["properties"]["comparisons"]
    said = [render_junit(points), render_pull_request(points).splitlines()[2], judged_text(points, verdict)]
    said += [comparisons[0]["verdict"], points[0].points[0].message]
    for text in said:
        assert (f"{verdict.outcome} (demonstration only)" in text) == demonstration, text


def test_a_comparison_without_times_claims_none():
    (suite,) = suites(make_record())
    assert suite.get("time") is None


def test_hostile_names_stay_text():
    change, verdict = make_change(HOSTILE), make_verdict(reasons=[HOSTILE], probes=[make_probe_verdict(HOSTILE)])
    comparison = Comparison(base=HOSTILE, tuned=HOSTILE, gains=[], losses=[change], pooled=None)
    record = make_record(title=HOSTILE, comparison=comparison, verdict=verdict, seconds={HOSTILE: 1.0})
    root = suites(record)
    name = root[0].find("testcase[2]").get("name")
    assert name.startswith("a␀b␛[31m]]>&<\"'\ufffd\ufffd")
    assert {element.tag for element in root.iter()} <= {
        "testsuites",
        "testsuite",
        "properties",
        "property",
        "testcase",
        "failure",
        "skipped",
        "system-out",
    }
