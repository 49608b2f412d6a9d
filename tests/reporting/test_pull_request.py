"""The comment on a pull request: short, and nobody else's markup."""

import re

from retain.records import Comparison
from retain.reporting.judged import judged
from retain.reporting.pull_request import MARK, render_pull_request

from .makers import make_change, make_full_record, make_probe_verdict, make_record, make_verdict


def rendered(record):
    return render_pull_request([judged(record, record.verdict)])


def test_verdict_table_and_symptoms():
    record = make_full_record()
    text = rendered(record)
    assert text.startswith(MARK)
    assert f"## ✗ {record.title}: forgot" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 2 + len(record.verdict.probes), "header, gain, mean, probes"
    assert {row.count("|") for row in rows} == {8}
    assert "Symptoms:" in text


def test_foreign_text_is_escaped_and_the_whole_fits():
    hostile = "| <img src=x> **b** [l](http://x) @user"
    names = [f"{hostile} {number}" for number in range(400)]
    losses, probes = [make_change(name) for name in names], [make_probe_verdict(name) for name in names]
    comparison = Comparison(base=hostile, tuned=hostile, gains=[], losses=losses, pooled=None)
    text = rendered(make_record(comparison=comparison, verdict=make_verdict(reasons=[hostile] * 400, probes=probes)))
    assert len(text) <= 65_536
    assert not re.search(r"(?<!\\)<img|(?<!\\)\[l", text)
    assert "@user" not in text and "@<!-- -->user" in text, "nobody is called"
