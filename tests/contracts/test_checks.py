"""What holds for every check of the data lint, and must hold for the next one."""

import sys
from functools import cache
from pathlib import Path

import pytest

from retain.data.formats import scan_values
from retain.data.lint.base import MISSING, MOST_SHOWN, SEVERITIES
from retain.data.lint.material import LintData
from retain.data.lint.run_checks import checks
from retain.registry import summary, units

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "lint"))

from plants import FAULTLESS, PLANTS, clean, made
from writer import KINDS, Writer

CHECKS = checks()
SEEDS = (3, 4)
"""benchmarks/lint measures twenty."""


@cache
def planted(name, seed):
    return PLANTS[name](seed)


@pytest.fixture(scope="module")
def faultless():
    return {kind: clean(SEEDS[0], kind) for kind in KINDS}


def test_every_check_has_a_planted_fault():
    assert set(PLANTS) == set(CHECKS) == {name for name in units("data.lint")}


@pytest.mark.parametrize("name", CHECKS)
def test_it_says_what_it_is_and_why_its_threshold_is_what_it_is(name):
    kind = type(CHECKS[name])
    assert summary(kind).endswith("."), "the first sentence of the docstring goes into tables"
    assert "Threshold: " in kind.__doc__
    assert set(kind.needs) <= set(MISSING)


@pytest.mark.parametrize("name", CHECKS)
def test_it_finds_what_was_planted_and_names_it(name):
    for seed in SEEDS:
        case = planted(name, seed)
        rows = {(row.source, row.line) for row in (*case.data.examples, *case.data.held_out)}
        rows |= {(case.data.source, bad.line) for bad in case.data.bad}
        findings = CHECKS[name].find(case.data)
        assert findings
        for one in findings:
            assert one.check == name
            assert one.severity in SEVERITIES
            assert 0 < one.count <= one.of
            assert one.share == pytest.approx(one.count / one.of, abs=1e-5)
            assert 0 < len(one.examples) <= MOST_SHOWN
            assert {(shown.source, shown.line) for shown in one.examples} <= rows
            assert all(0 < len(shown.text) <= 170 and "\n" not in shown.text for shown in one.examples)
            assert one.what.endswith((".", "?", "!")) and one.do.endswith(".")


@pytest.mark.parametrize("name", CHECKS)
def test_it_is_silent_where_nothing_is_wrong(name, faultless):
    looked = 0
    for kind in FAULTLESS.get(name, tuple(KINDS)):
        if CHECKS[name].left_out(faultless[kind]) is None:
            looked += 1
            assert CHECKS[name].find(faultless[kind]) == []
    assert looked


@pytest.mark.parametrize("name", CHECKS)
def test_the_same_rows_give_the_same_findings_and_stay_as_they_are(name):
    case = planted(name, SEEDS[0])
    before = [row.model_dump() for row in case.data.examples]
    first = CHECKS[name].find(case.data)
    again = LintData(**{key: getattr(case.data, key) for key in LintData.__dataclass_fields__})
    assert CHECKS[name].find(again) == first
    assert [row.model_dump() for row in case.data.examples] == before


@pytest.mark.parametrize("name", CHECKS)
def test_dropping_what_it_names_leaves_less_to_name(name):
    case = planted(name, SEEDS[0])
    drops = CHECKS[name].drops(case.data)
    assert all(0 <= place < len(case.data.examples) and why for place, why in drops.items())
    if not drops:
        return
    rest = [row for place, row in enumerate(case.data.examples) if place not in drops]
    fields = {key: getattr(case.data, key) for key in LintData.__dataclass_fields__}
    left = CHECKS[name].find(LintData(**{**fields, "examples": rest}))
    assert sum(one.count for one in left) < sum(one.count for one in CHECKS[name].find(case.data))


ODD = [
    [{"prompt": "a", "completion": "b"}],
    [{"prompt": "?", "completion": "!"}, {"prompt": "  . ", "completion": "\u202e\x1b[31m"}],
    [{"text": "\ufffd"}],
    [{"text": "日本語の文章です。" * 400}] * 3,
    [{"prompt": "x" * 100_000, "completion": "y" * 100_000}, {"prompt": "{", "completion": "[" * 2000}],
    [{"prompt": "a", "chosen": "", "rejected": "b"}] * 40,
    [{"query": "a", "pos": ["b"], "neg": []}] * 120,
    [{"prompt": f"{number}", "completion": f"{number}"} for number in range(150)],
]


@pytest.mark.parametrize("number", range(len(ODD)))
@pytest.mark.parametrize("name", CHECKS)
def test_odd_rows_break_nothing(name, number, faultless):
    scan = scan_values(ODD[number], "odd")
    full = faultless["open"]
    data = LintData(
        examples=scan.examples,
        held_out=scan.examples,
        real=["a", "\x1b"] * 30,
        tokenizer=full.tokenizer,
        max_length=200,
        items={"probe": [("1", "b"), ("2", "")]},
        bad=scan.bad,
        source="odd",
    )
    if CHECKS[name].left_out(data) is None:
        for one in CHECKS[name].find(data):
            assert one.examples


def test_rows_that_cannot_be_read_do_not_stop_the_others():
    rows = [*Writer(0).rows(30), {"messages": [{"role": "user", "content": "a"}]}]
    found = [name for name, check in CHECKS.items() if check.left_out(made(rows)) is None and check.find(made(rows))]
    assert found == ["too_few_rows", "unreadable_rows"]
