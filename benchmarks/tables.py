"""Writes the tables of the docs from committed records, between the markers that name them.

    python benchmarks/tables.py

A marker is ``<!-- name -->``; its table reaches to ``<!-- end -->``. Each benchmark's docs_tables.py names its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from retain.commands.list_units import markdown_tables
from retain.folder import write_text

BENCHMARKS = Path(__file__).parent
ROOT = BENCHMARKS.parent
UNITS = ("checks", "mitigations", "alarms", "symptoms")


def tables() -> dict[str, Callable[[], str]]:
    """Marker -> what makes its table."""
    found = {f"{kind} table": partial(_units, kind) for kind in UNITS}
    for path in sorted(BENCHMARKS.glob("*/docs_tables.py")):
        spec = spec_from_file_location(f"{path.parent.name}_tables", path)
        assert spec is not None and spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        found |= module.TABLES
    return found


def _units(kind: str) -> str:
    return markdown_tables(kind).split("\n\n", 1)[-1]


def main() -> None:
    """Fill every marker of every Markdown file that has one."""
    known = tables()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *BENCHMARKS.rglob("*.md")]:
        before = text = path.read_text("utf-8")
        for name in set(re.findall(r"<!-- ([a-z0-9_ ]+) -->", text)) & known.keys():
            marker = f"<!-- {name} -->"
            table = f"{marker}\n{known[name]().strip()}\n<!-- end -->"
            text = re.sub(re.escape(marker) + r".*?<!-- end -->", lambda match, table=table: table, text, flags=re.S)
        if text != before:
            write_text(path, text)


if __name__ == "__main__":
    main()
