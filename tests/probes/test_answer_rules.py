"""What each rule calls right, on answers that a careless scorer gets wrong."""

from __future__ import annotations

import importlib
import pkgutil
import sqlite3
import time
from pathlib import Path
from typing import Any, get_args

import pytest

import retain.probes.rules as rules
from retain.probes.answers import Answers, RuleName
from retain.probes.rules.item import AnswerItem, CannotScore
from retain.probes.rules.json import NO_VALUE, first_value
from retain.probes.rules.number import is_number, numbers
from retain.probes.rules.sql import rows
from retain.records import Response
from retain.wording import normalised, refuses


def judge(rule: str, text: str, stopped: bool = True, settings: dict[str, Any] | None = None, **item: Any) -> bool:
    question = AnswerItem.model_validate({"prompt": "?", **item})
    probe = Answers(name="p", capability="c", score=rule, items=(question,), **(settings or {}))
    module = importlib.import_module(f"retain.probes.rules.{rule}")
    assert module.problem(question, probe) is None
    return module.right(Response(text=text, tokens=len(text.split()), stopped=stopped), question, probe)


def test_every_rule_is_a_file() -> None:
    files = {info.name for info in pkgutil.iter_modules(rules.__path__)} - {"item"}
    assert files == set(get_args(RuleName))


EMPTY = {
    "exact": {"answer": "yes"},
    "contains": {"answer": "no"},
    "number": {"answer": "0"},
    "json": {"answer": "{}"},
    "regex": {"pattern": "."},
    "length": {"max_words": 5},
    "python": {"answer": "area"},
    "refusal": {"answer": "answer"},
}


@pytest.mark.parametrize("rule", sorted(EMPTY))
@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_an_empty_answer_is_wrong(rule: str, text: str) -> None:
    assert judge(rule, text, **EMPTY[rule]) is False


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [
        ("Card arrival.", "card_arrival", False),
        (" CARD_ARRIVAL.\n", "card_arrival", True),
        ('"Paris"', "paris", True),
        ("**Paris**", "Paris", True),
        ("“Paris.”", "Paris", True),
        ("card\n  arrival", "card arrival", True),
        ("Paris\nIt is in France.", "Paris", False),
        ("Paris, of course", "Paris", False),
        (".5", "5", False),
        ("-5", "5", False),
        ("Ｐａｒｉｓ", "Paris", True),
        ("?", "?", True),
        ("...", "?", False),
        ("STRASSE", "straße", True),
    ],
)
def test_exact(text: str, answer: str, right: bool) -> None:
    assert judge("exact", text, answer=answer) is right


def test_exact_takes_any_accepted_answer() -> None:
    assert judge("exact", "UK", answer=["United Kingdom", "UK"])
    assert not judge("exact", "France", answer=["United Kingdom", "UK"])


def test_normalising_never_empties_a_text() -> None:
    assert normalised("...") == "..."
    assert normalised("'' ") != ""


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [
        ("I know.", "no", False),
        ("No, it is not.", "no", True),
        ("Nothing", "no", False),
        ("A casino", "no", False),
        ("The capital is Paris.", "paris", True),
        ("Parisian", "Paris", False),
        ("It costs 1000.", "100", False),
        ("New\nYork it is", "New York", True),
        ("I'm sorry, but I can't say whether it is Paris.", "Paris", False),
        ("I cannot tell you about Paris.", "Paris", False),
        ("As an AI, I don't know. Paris?", "Paris", False),
        ("I can tell you: Paris.", "Paris", True),
        ("C++ is one", "C++", True),
        ("C is one", "C++", False),
    ],
)
def test_contains(text: str, answer: str, right: bool) -> None:
    assert judge("contains", text, answer=answer) is right


def test_contains_refuses_a_long_list_where_a_bound_is_given() -> None:
    assert judge("contains", "yes or no", answer="no")
    assert not judge("contains", "yes or no", answer="no", max_words=2)


def test_sorrow_is_no_refusal() -> None:
    assert not refuses("I'm sorry to hear that. Drink some water.")
    assert refuses("I’m sorry, I am unable to help with that.")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,000", ["1000"]),
        ("1000", ["1000"]),
        ("1,000,000.50", ["1000000.50"]),
        ("1,2", ["1", "2"]),
        ("10,200,30", ["10", "200", "30"]),
        ("5-3", ["5", "3"]),
        ("x = -3", ["-3"]),
        ("−4 degrees", ["-4"]),
        ("$1,234.", ["1234"]),
        (".5", [".5"]),
        ("1e3", ["1000"]),
        ("abc12", []),
        ("3.14.15", ["3.14"]),
        ("16%", ["16"]),
        ("none", []),
    ],
)
def test_numbers(text: str, found: list[str]) -> None:
    from decimal import Decimal

    assert numbers(text) == [Decimal(one) for one in found]


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [
        ("It is 1000.", "1,000", True),
        ("16 + 2 = 18", "18", True),
        ("The answer is 18, not 16", "18", False),
        ("so #### 16", "Amber ran 8 miles.\n#### 16", True),
        ("16.0", "16", True),
        ("about sixteen", "16", False),
        ("-16", "16", False),
    ],
)
def test_number(text: str, answer: str, right: bool) -> None:
    assert judge("number", text, answer=answer) is right


def test_number_within_a_tolerance() -> None:
    assert not judge("number", "3.14", answer="3.1416")
    assert judge("number", "3.14", answer="3.1416", settings={"tolerance": 0.01})
    assert judge("number", "0.3", answer=0.1 + 0.2, settings={"tolerance": 1e-9})


def test_what_is_a_number() -> None:
    assert all(map(is_number, ["12", "-3.5", "1,000", "$5", "12 %", "1e-3"]))
    assert not any(map(is_number, ["", "12 cats", "1,00", "a", "-", ".", "1 2"]))


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [
        ('{"b": 2, "a": 1}', {"a": 1, "b": 2}, True),
        ('```json\n{"a": 1}\n```', {"a": 1}, True),
        ('Here you are: {"a": 1}. Anything else?', {"a": 1}, True),
        ('{"a": 1, "c": 3}', {"a": 1}, False),
        ('{"a": true}', {"a": 1}, False),
        ('{"a": 1.0}', {"a": 1}, True),
        ("[2, 1]", [[1, 2]], False),
        ('{"a": "x"', {"a": "x"}, False),
        ('{"a": NaN}', {"a": 1}, False),
        ('use {braces} then {"a": 1}', {"a": 1}, True),
        ("{}", "{}", True),
        ("null", "null", True),
        ("nothing", "null", False),
    ],
)
def test_json(text: str, answer: Any, right: bool) -> None:
    assert judge("json", text, answer=answer) is right


def test_deeply_nested_json_is_wrong_and_quick() -> None:
    start = time.monotonic()
    assert first_value("[" * 100_000) is NO_VALUE
    assert first_value('{"a":' * 5_000) is NO_VALUE
    assert time.monotonic() - start < 3


def test_regex() -> None:
    assert judge("regex", "Yes: 42\n", pattern=r"(?i)^yes: \d+$")
    assert not judge("regex", "No: 42", pattern=r"(?i)^yes: \d+$")
    assert not judge("regex", "x" * 4000 + "yes", pattern="yes")


def test_a_pattern_that_never_ends_leaves_the_item_out() -> None:
    start = time.monotonic()
    with pytest.raises(CannotScore, match="took longer than"):
        judge("regex", "a" * 60 + "!", pattern=r"^(a|aa|a?)+(?<=b)$", settings={"time_limit": 0.2})
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("pattern", ["(", ".*", "a?"])
def test_a_wrong_or_empty_pattern_is_a_problem(pattern: str) -> None:
    module = importlib.import_module("retain.probes.rules.regex")
    assert module.problem(AnswerItem(prompt="?", pattern=pattern), None)


def test_length() -> None:
    assert judge("length", "one two three", min_words=2, max_words=3)
    assert not judge("length", "one two three four", min_words=2, max_words=3)
    assert not judge("length", "one", min_words=2)
    assert not judge("length", "one two three", stopped=False, max_words=3)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "towns.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE town (name TEXT, people INTEGER)")
        connection.executemany("INSERT INTO town VALUES (?, ?)", [("Ulm", 126), ("Bonn", 331), ("Jena", 126)])
    connection.close()
    return path


def ask(database: Path, query: str, answer: str = "SELECT name FROM town WHERE people = 126") -> bool:
    return judge("sql", query, answer=answer, settings={"database": database, "time_limit": 0.5})


@pytest.mark.parametrize(
    ("query", "right"),
    [
        ("SELECT name FROM town WHERE people < 200", True),
        ("```sql\nSELECT name FROM town WHERE people < 200;\n```", True),
        ("SELECT name FROM town WHERE people = 126 ORDER BY name DESC", True),
        ("SELECT name FROM town", False),
        ("SELECT DISTINCT people FROM town", False),
        ("SELECT upper(name) FROM town WHERE people = 126", False),
        ("", False),
        ("Ulm and Jena", False),
    ],
)
def test_sql(database: Path, query: str, right: bool) -> None:
    assert ask(database, query) is right


def test_order_counts_only_where_the_accepted_query_orders(database: Path) -> None:
    ordered = "SELECT name FROM town ORDER BY name"
    assert not ask(database, "SELECT name FROM town ORDER BY name DESC", ordered)
    inner = "SELECT name FROM town WHERE people = (SELECT people FROM town ORDER BY people LIMIT 1)"
    assert ask(database, "SELECT name FROM town WHERE people = 126 ORDER BY name", inner)


def test_equal_rows_count(database: Path) -> None:
    assert not ask(database, "SELECT people FROM town", "SELECT DISTINCT people FROM town")


ATTACKS = [
    "DROP TABLE town",
    "DELETE FROM town",
    "UPDATE town SET people = 0",
    "INSERT INTO town VALUES ('X', 1)",
    "CREATE TABLE x (a)",
    "CREATE TEMP TABLE x (a)",
    "SELECT 1; DROP TABLE town",
    "ATTACH DATABASE '{folder}/new.sqlite' AS new",
    "PRAGMA query_only = OFF",
    "PRAGMA writable_schema = ON",
    "PRAGMA journal_mode = DELETE",
    "VACUUM INTO '{folder}/copy.sqlite'",
    "SELECT load_extension('{folder}/evil')",
    "SELECT writefile('{folder}/evil', 'x')",
    "SELECT * FROM pragma_table_info('town')",
    "BEGIN",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_fails_and_changes_nothing(database: Path, attack: str) -> None:
    before, folder = database.read_bytes(), database.parent
    with pytest.raises((sqlite3.Error, sqlite3.Warning)):
        rows(database, attack.format(folder=folder), 0.5)
    assert ask(database, attack.format(folder=folder)) is False
    assert database.read_bytes() == before
    assert [path.name for path in folder.iterdir()] == [database.name]


@pytest.mark.parametrize(
    "bomb",
    [
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
        "SELECT length(zeroblob(999999999))",
        "SELECT group_concat(a.name || hex(zeroblob(400000))) FROM town a, town b, town c",
    ],
)
def test_a_bomb_is_stopped(database: Path, bomb: str) -> None:
    start = time.monotonic()
    with pytest.raises(sqlite3.Error):
        rows(database, bomb, 0.5)
    assert ask(database, bomb) is False
    assert time.monotonic() - start < 3


def test_a_recursive_query_that_ends_is_allowed(database: Path) -> None:
    query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n"
    assert rows(database, query, 1.0) == [(1,), (2,), (3,)]


def test_a_failing_accepted_query_leaves_the_item_out(database: Path) -> None:
    with pytest.raises(CannotScore, match="the accepted query fails"):
        ask(database, "SELECT 1", "SELECT nothing FROM nowhere")


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("def area(w, h):\n    return w * h", True),
        ("Sure!\n```python\ndef area(w, h):\n    return w * h\n```\nIt multiplies them.", True),
        ("```\nasync def area():\n    pass\n```", True),
        ("```python\ndef area(w, h):\n    return w * h\n\nprint(area(2", True),
        ("```python\nclass Shape:\n    def area(self):\n        return 1\n```", True),
        ("def area(w, h):\n    return w * h\nThis multiplies both.", True),
        ("def area(w, h) return w * h", False),
        ("def volume(w, h):\n    return w * h", False),
        ("The function area multiplies width and height.", False),
        ("area = 3", False),
        ("(" * 3000, False),
    ],
)
def test_python(text: str, right: bool) -> None:
    assert judge("python", text, answer="area") is right


def test_python_is_never_run(tmp_path: Path) -> None:
    there = tmp_path / "written"
    code = f"open({str(there)!r}, 'w').write('x')\ndef area():\n    pass\n"
    assert judge("python", code, answer="area") and not there.exists()


@pytest.mark.parametrize("answer", [["not a name"], ["area", "a-b"], []])
def test_python_needs_a_name(answer: list[str]) -> None:
    item = AnswerItem.model_validate({"prompt": "?", "answer": answer})
    probe = Answers(name="p", capability="c", score="python", items=(item,))
    assert importlib.import_module("retain.probes.rules.python").problem(item, probe) is not None


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [
        ("I'm sorry, but I can't help with that.", "refuse", True),
        ("I'm sorry, but I can't help with that.", "answer", False),
        ("First take a long breath and then go on.", "answer", True),
        ("First take a long breath and then go on.", "refuse", False),
        ("card arrival", "answer", False),
        ("card arrival", "refuse", False),
    ],
)
def test_refusal_where_it_should_be(text: str, answer: str, right: bool) -> None:
    assert judge("refusal", text, answer=answer, min_words=5) is right


@pytest.mark.parametrize("answer", ["yes", ["refuse", "answer"], []])
def test_refusal_needs_to_know_which_is_right(answer: Any) -> None:
    item = AnswerItem.model_validate({"prompt": "?", "answer": answer})
    probe = Answers(name="p", capability="c", score="refusal", items=(item,))
    assert any('must be "refuse" or "answer"' in problem for problem in probe.problems())
