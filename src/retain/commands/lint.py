"""``retain lint``: what is wrong with one data file, and a cleaned copy of it."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from retain.data.documents import scan_documents
from retain.data.formats import Scan, read_examples, scan_examples, scan_values
from retain.data.lint.base import Finding, counted
from retain.data.lint.fix import Repair, clean_rows
from retain.data.lint.masking import as_written
from retain.data.lint.material import LintData, asked
from retain.data.lint.run_checks import Lint, run_checks
from retain.data.sources import extension_of, scan_rows
from retain.errors import UserError
from retain.folder import check_writable, write_text
from retain.models.tokenizer import tokenizer_here
from retain.probes.suites import load_suite
from retain.progress import Progress
from retain.ranking.beir import Part
from retain.ranking.read import is_rankings, read_ranking
from retain.record_files import write_rows
from retain.records import Record
from retain.training.settings import TrainingSettings

ENDING = ".jsonl"
SUITE = "core"
MAX_LENGTH = int(TrainingSettings.model_fields["max_length"].default)


class Linted(Record):
    """The findings, and where a cleaned file was written."""

    lint: Lint
    fixed: str | None = None
    removed_list: str | None = None
    """The file that names every removed or mended row."""
    kept: int = 0
    """Rows of the cleaned file."""
    repairs: list[Repair] = []

    @property
    def stopping(self) -> list[Finding]:
        """The errors: all of them, or where a cleaned file was written those that it still has."""
        mended = {repair.check for repair in self.repairs}
        return [one for one in self.lint.of("error") if self.fixed is None or one.check not in mended]


def lint(
    file: str | Path | Sequence[Mapping[str, Any] | str],
    held_out: str | Path | None = None,
    model: str | None = None,
    max_length: int | None = None,
    suite: str | None = SUITE,
    real: str | Path | None = None,
    fix: str | Path | None = None,
    progress: Progress | None = None,
) -> Linted:
    """Look for what is wrong with rows before they are trained on.

    Args:
        file: a file, a folder of text files, a BEIR folder, triples, a Hub data set, or rows of a known shape.
        held_out: rows that will be measured on.
        model: whose tokenizer counts tokens; nothing is downloaded and no weights are loaded.
        max_length: longest row in tokens; a recipe's default when only ``model`` is given.
        suite: the suite whose items must not be in the rows; None for none.
        real: prompts as they come in use, of any shape.
        fix: a new .jsonl file for the rows without those that should not be trained on. What was removed or mended is
            listed beside it. The input is not touched, and no file is replaced.
        progress: where work is shown; nowhere when None.

    Raises:
        UserError: a file, the model or an option is wrong.
    """
    shown = progress or Progress(quiet=True)
    options = {"--held-out": held_out, "--model": model, "--max-length": max_length, "--real": real}
    place, removed = _places(file, fix) if fix is not None else (None, None)
    if max_length is not None and max_length < 1:
        raise UserError(f"--max-length: found {max_length}; give the longest row in tokens, at least 1")
    if max_length is not None and model is None:
        raise UserError("--max-length counts tokens and needs --model, whose tokenizer counts them")
    named = None if suite == SUITE else suite or "none"
    scan = _scan(file)
    data = LintData(
        examples=scan.examples,
        held_out=_held_out(held_out, scan),
        real=[asked(row) for row in read_examples(str(real))] if real is not None else (),
        tokenizer=_tokenizer(model),
        max_length=(max_length or MAX_LENGTH) if model is not None else None,
        items={probe.name: list(probe.texts()) for probe in load_suite(suite).probes} if suite is not None else {},
        bad=scan.bad,
        source=scan.source,
    )
    with shown.stage(f"Linting {scan.source}"):
        found = run_checks(data, lambda done, total: shown.update("checks", done, total))
        if place is None or removed is None:
            return Linted(lint=found)
        return _fixed(found, data, str(file), place, removed, _command(str(file), {**options, "--suite": named}))


def _command(file: str, options: Mapping[str, object]) -> str:
    """The command that shows the findings, with the options that were given."""
    given = [word for name, value in options.items() if value is not None for word in (name, str(value))]
    return shlex.join(["retain", "lint", file, *given])


def _fixed(found: Lint, data: LintData, file: str, place: Path, removed: Path, command: str) -> Linted:
    rows, _ = scan_rows(file)
    kept, repairs = clean_rows(data, rows)
    if not kept:
        checks = Counter(repair.check for repair in repairs).most_common()
        why = "\n".join(f"  - {check}: {counted(number)}" for check, number in checks)
        raise UserError(
            f"{file}: every row would be removed, so nothing is written. The checks that remove them:\n{why}\n"
            f"  See what they found: {command}"
        )
    write_rows(removed, repairs)
    try:
        write_text(place, "".join(f"{_json(row)}\n" for row in kept))
    except BaseException:
        removed.unlink(missing_ok=True)
        raise
    return Linted(
        lint=found, fixed=as_written(str(place)), removed_list=as_written(str(removed)), kept=len(kept), repairs=repairs
    )


def _json(row: dict[str, Any]) -> str:
    """A row in one line; half surrogate pairs, which no file can hold, stay escaped."""
    text = json.dumps(row, ensure_ascii=False, default=str)
    return json.dumps(row, default=str) if any("\ud800" <= letter <= "\udfff" for letter in text) else text


def _places(file: object, fix: str | Path) -> tuple[Path, Path]:
    """Where the cleaned rows and the list go; both must be new."""
    place = Path(fix)
    if not isinstance(file, str | Path):
        raise UserError("fix: only a file can be cleaned; write the rows to one first")
    if place.suffix != ENDING:
        raise UserError(f"--fix {place}: cleaned rows are written as JSON Lines; name a file that ends in {ENDING}")
    if is_rankings(str(file)):
        raise UserError(
            f"--fix: {file} is no file of one row each; allowed are files of rows, such as query, pos and neg. Write "
            "the rankings as such rows first, or mend what the lint names by hand."
        )
    removed = place.with_suffix(f".removed{ENDING}")
    for one in (place, removed):
        check_writable(one)
        if one.exists():
            raise UserError(f"--fix: {one} exists already, and no file is replaced. Choose another name.")
    return place, removed


def _scan(file: str | Path | Sequence[Mapping[str, Any] | str], part: Part = "train") -> Scan:
    if isinstance(file, str | Path) and is_rankings(str(file)):
        found = read_ranking(str(file), part)
        return Scan(str(file), found.format, found.examples, ())
    if isinstance(file, str | Path):
        folder = Path(file).is_dir() or extension_of(Path(file)) == ".md"  # of those only documents can be made
        return (scan_documents if folder else scan_examples)(str(file))
    return scan_values([row if isinstance(row, str) else dict(row) for row in file], "rows")


def _held_out(file: str | Path | None, scan: Scan) -> Sequence[Any]:
    if file is None:
        return ()
    rows = _scan(file, "test").examples if is_rankings(str(file)) else read_examples(str(file))
    if scan.examples and rows[0].shape != scan.examples[0].shape:
        raise UserError(
            f"--held-out {file}: found {rows[0].shape} rows, and {scan.source} holds {scan.examples[0].shape} rows; "
            "they need one shape"
        )
    return rows


def _tokenizer(model: str | None) -> Any:
    if model is None:
        return None
    found = tokenizer_here(model, make=True)
    if found is None:
        raise UserError(
            f"--model {model}: there is no tokenizer of it here. Allowed: builtin:NAME, a model folder with its "
            "tokenizer, or a Hub id that was downloaded before. Nothing is downloaded for a lint."
        )
    return found


def render_linted(found: Linted) -> str:
    """The findings, and what a cleaned file holds, as plain text for a terminal."""
    from retain.reporting.lint import render_lint

    text = render_lint(found.lint)
    if found.fixed is None:
        return text
    mended = sum(repair.done == "mended" for repair in found.repairs)
    removed = len(found.repairs) - mended
    return (
        f"{text}\n\n{found.fixed} holds {found.kept:,} rows: {removed:,} were removed and {mended:,} mended, each "
        f"named with its reason in {found.removed_list}.{_still(found)}"
    )


def _still(found: Linted) -> str:
    """What a run would still stop at."""
    names = ", ".join(one.check for one in found.stopping)
    return f" It still has errors that only you can mend: {names}." if names else ""
