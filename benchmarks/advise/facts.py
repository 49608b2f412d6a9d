"""Writes questions about the places of geoquery's database, and a gazetteer that holds their answers.

    python benchmarks/advise/facts.py

Reads ``../shared/data/tasks/geoquery/geography.sqlite`` beside the repository; writes ``rows.jsonl`` and
``documents.jsonl`` into ``runs/facts``. Populations of cities, lengths of rivers, altitudes of mountains and
areas of lakes: numbers that no model can know of a place it was not told about.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from retain.folder import write_text

ROOT = Path(__file__).parents[2]
DATABASE = ROOT.parent / "shared" / "data" / "tasks" / "geoquery" / "geography.sqlite"
FOLDER = ROOT / "runs" / "facts"


class Fact(NamedTuple):
    """A question, its answer and the entry of the gazetteer that tells it."""

    question: str
    answer: str
    entry: str


def facts(database: Path) -> list[Fact]:
    """All facts, each question once."""
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        found = [*_cities(connection), *_rivers(connection), *_mountains(connection), *_lakes(connection)]
    return list({fact.question: fact for fact in found}.values())


def _cities(connection: sqlite3.Connection) -> Iterator[Fact]:
    rows = "SELECT city_name, state_name, population FROM city WHERE population IS NOT NULL ORDER BY 2, 1"
    for city, state, population in connection.execute(rows):
        entry = f"{city}, {state}: city with a population of {population}."
        yield Fact(f"How many people live in {city}, {state}?", str(population), entry)


def _rivers(connection: sqlite3.Connection) -> Iterator[Fact]:
    rows = "SELECT river_name, length, GROUP_CONCAT(traverse, ', ') FROM river GROUP BY 1, 2 ORDER BY 1"
    for river, length, states in connection.execute(rows):
        entry = f"{river}: river with a length of {length} kilometres, in {states}."
        yield Fact(f"How many kilometres long is the {river} river?", str(length), entry)


def _mountains(connection: sqlite3.Connection) -> Iterator[Fact]:
    for mountain, state, high in connection.execute(
        "SELECT mountain_name, state_name, mountain_altitude FROM mountain ORDER BY 1, 2"
    ):
        entry = f"{mountain}, {state}: mountain with an altitude of {high} metres."
        yield Fact(f"How many metres high is the mountain {mountain} in {state}?", str(high), entry)


def _lakes(connection: sqlite3.Connection) -> Iterator[Fact]:
    rows = "SELECT lake_name, area, GROUP_CONCAT(state_name, ', ') FROM lake GROUP BY 1, 2 ORDER BY 1"
    for lake, area, states in connection.execute(rows):
        entry = f"{lake}: lake with an area of {area:g} square kilometres, in {states}."
        yield Fact(f"How many square kilometres large is lake {lake}?", f"{area:g}", entry)


def write(found: list[Fact], folder: Path) -> None:
    """Write the questions with their answers, and the entries."""
    rows = [{"prompt": fact.question, "completion": fact.answer} for fact in found]
    entries = [{"text": fact.entry} for fact in found]
    for name, values in (("rows", rows), ("documents", entries)):
        write_text(folder / f"{name}.jsonl", "".join(json.dumps(value) + "\n" for value in values))


def main() -> None:
    """Write both files."""
    found = facts(DATABASE)
    write(found, FOLDER)
    print(f"{len(found)} questions and entries in {FOLDER.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
