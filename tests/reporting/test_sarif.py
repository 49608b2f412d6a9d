"""SARIF 2.1.0: what the standard requires is there, and the levels follow the gate."""

import json

import jsonschema

from retain.comparison.gate import judge
from retain.records import Comparison, Gate
from retain.reporting.judged import judged
from retain.reporting.sarif import render_sarif

from .makers import make_change, make_full_record, make_probe_verdict, make_record, make_verdict

TEXT = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string", "minLength": 1, "maxLength": 1024}},
}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
LOCATION = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "properties": {"uri": {"type": "string", "format": "uri-reference"}},
                },
                "region": {
                    "type": "object",
                    "required": ["startLine", "startColumn", "endLine", "endColumn"],
                    "additionalProperties": {"type": "integer", "minimum": 1},
                },
            },
        }
    },
}
RESULT = {
    "type": "object",
    "required": ["message", "ruleId", "level", "locations", "partialFingerprints"],
    "properties": {
        "message": TEXT,
        "ruleId": {"type": "string"},
        "level": LEVEL,
        "locations": {"type": "array", "minItems": 1, "items": LOCATION},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "partialFingerprints": {
            "type": "object",
            "required": ["primaryLocationLineHash"],
            "additionalProperties": {"type": "string", "maxLength": 200},
        },
        "properties": {"type": "object"},
    },
    "additionalProperties": False,
}
REQUIRED = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id", "shortDescription", "fullDescription", "help"],
                                            "properties": {
                                                "name": {"type": "string", "maxLength": 255},
                                                "shortDescription": TEXT,
                                                "fullDescription": TEXT,
                                                "help": TEXT,
                                                "defaultConfiguration": {"properties": {"level": LEVEL}},
                                            },
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "results": {"type": "array", "items": RESULT},
                },
            },
        },
    },
}
"""The parts of the standard's schema that this writer uses (required properties, values of its enumerations) and what
GitHub's code scanning needs beyond them."""


def written(record, verdict=None, place="recipes/my recipe.yaml"):
    log = json.loads(render_sarif([judged(record, verdict or record.verdict)], place, "0.1.0"))
    jsonschema.validate(log, REQUIRED)
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
    return rules, {result["ruleId"]: result for result in run["results"]}


def test_rules_and_levels():
    rules, results = written(make_full_record())
    assert {"verdict", "gain", "mean-margin", "margin/facts", "margin/science"} <= set(rules)
    levels = {rule: result["level"] for rule, result in results.items()}
    assert levels["margin/facts"] == levels["verdict"] == "error"
    assert levels["margin/instructions"] == "note"
    assert "margin/science" not in levels, "what passed is no alert"
    symptoms = [rule for rule in levels if rule.startswith("symptom/")]
    assert symptoms and {levels[rule] for rule in symptoms} == {"warning"}
    assert results["margin/facts"]["properties"]["margin"] == 3.0
    uri = results["verdict"]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "recipes/my%20recipe.yaml"


def test_a_retained_run_has_rules_and_no_error():
    record = make_full_record()
    _, results = written(
        record, judge(record.comparison, Gate(margin=90, mean_margin=90, bits_margin=90, min_gain=-90))
    )
    assert "error" not in {result["level"] for result in results.values()}


def test_lint_findings_are_shown_at_their_row():
    row = {
        "severity": "warning",
        "check": "exact_duplicates",
        "rows": 3,
        "share": 0.1,
        "what was found": "3 of 30 rows repeat.",
        "what to do": "Drop them.",
        "examples": ["tickets.jsonl:17 My card"],
    }
    record = make_full_record(
        data={"lint": [row, {**row, "check": "too_few_rows", "severity": "note", "examples": []}]},
        recipe={"data": {"train": "../data/tickets.jsonl"}},
    )
    rules, results = written(record)
    assert "lint/exact_duplicates" in rules
    where = results["lint/exact_duplicates"]["locations"][0]["physicalLocation"]
    assert (where["artifactLocation"]["uri"], where["region"]["startLine"]) == ("data/tickets.jsonl", 17)
    assert results["lint/exact_duplicates"]["level"] == "warning"
    other = results["lint/too_few_rows"]
    assert (other["level"], other["locations"][0]["physicalLocation"]["region"]["startLine"]) == ("note", 1)


def test_long_texts_are_cut_to_what_code_hosts_take():
    name = "capability " * 300
    comparison = Comparison(base="b", tuned="t", gains=[], losses=[make_change(name)], pooled=None)
    verdict = make_verdict(reasons=["reason " * 900], probes=[make_probe_verdict(name)])
    _, results = written(make_record(comparison=comparison, verdict=verdict))
    assert "more characters" in results["verdict"]["message"]["text"]


def test_results_of_one_file_are_alerts_of_their_own():
    _, results = written(make_full_record())
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in results.values()]
    assert len(prints) == len(set(prints)) > 3


def test_the_same_finding_keeps_its_fingerprint_when_the_numbers_move():
    record = make_full_record()
    first = written(record)[1]["margin/facts"]
    moved = make_change(delta=-14.0, low=-18.0, high=-9.0, loss_low=10.0, loss_high=17.0)
    losses = [moved if one.probe == "facts" else one for one in record.comparison.losses]
    comparison = record.comparison.model_copy(update={"losses": losses})
    second = written(record.model_copy(update={"comparison": comparison}))[1]["margin/facts"]
    assert first["message"] != second["message"]
    assert first["partialFingerprints"] == second["partialFingerprints"]


def test_hostile_names_and_numbers_that_json_has_not():
    hostile = "a\x00b\x1b[31m\u202e\ud800\n<script>"
    change = make_change(hostile, low=float("-inf"), high=float("inf"), loss_high=float("inf"))
    comparison = Comparison(base=hostile, tuned=hostile, gains=[], losses=[change], pooled=None)
    record = make_record(
        comparison=comparison, verdict=make_verdict(reasons=[hostile], probes=[make_probe_verdict(hostile)])
    )
    text = render_sarif([judged(record, record.verdict)], "a.yaml", "0.1.0")
    assert "\x1b" not in text and "\u202e" not in text and "Infinity" not in text
    text.encode()
    written(record)
