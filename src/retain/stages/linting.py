"""The data lint of a run: the rows that are trained, beside those that are measured."""

from __future__ import annotations

from collections.abc import Sequence

from retain.data.example import Example
from retain.data.lint.material import LintData, asked
from retain.data.lint.run_checks import VERSION, Lint, run_checks
from retain.data.splits import Splits
from retain.errors import UserError
from retain.models.tokenizer import tokenizer_here
from retain.progress import Progress
from retain.provenance import versions
from retain.recipe import Recipe
from retain.records import content_hash
from retain.reporting.lint import finding_lines, lint_summary, severe
from retain.stages.known_models import files_state
from retain.store import Store

STORE = "lint"


def lint_splits(recipe: Recipe, splits: Splits, progress: Progress | None = None) -> Lint:
    """What the checks find in a recipe's rows; what was found before in the same rows is read from the store.

    The tokenizer is used where it is here already; an embedded one is unpacked only for a run. A recipe's shifted rows
    stand for real prompts. Rows that contain a probe's items have been refused before.

    Args:
        recipe: whose rows they are.
        splits: the rows.
        progress: where findings are shown in a run; nothing is shown when None.

    Raises:
        UserError: a finding is an error.
    """
    tokenizer = tokenizer_here(recipe.model.base, make=progress is not None)
    key = _key(recipe, splits, tokenizer is not None)
    kept = Store(STORE).read(key, Lint) if key else None
    lint = kept or _found(recipe, splits, tokenizer, progress)
    if key and kept is None:
        Store(STORE).write(key, lint)
    if errors := lint.of("error"):
        raise UserError(f"{recipe.data.train}: these rows cannot be trained as they are.\n{severe(errors)}")
    if progress is not None:
        _say(lint, progress, again=kept is not None)
    return lint


def _found(recipe: Recipe, splits: Splits, tokenizer: object, progress: Progress | None) -> Lint:
    data = LintData(
        examples=_in_order(splits.train),
        held_out=(*splits.dev, *splits.test),
        measured=splits.test,
        real=[asked(row) for row in splits.shifted],
        tokenizer=tokenizer,
        max_length=_longest(recipe),
        loss_on=recipe.data.loss_on,
        source=recipe.data.train,
    )
    lint = run_checks(
        data, (lambda done, total: progress.update("checks of the rows", done, total)) if progress else _no
    )
    left_out = {name: why for name, why in lint.left_out.items() if name != "contamination"}
    return lint.model_copy(update={"left_out": left_out})


def _longest(recipe: Recipe) -> int | None:
    """Where rows are cut; nowhere with ``method: pretrain``."""
    return None if recipe.training.method == "pretrain" else recipe.training.max_length


def _no(done: int, total: int) -> None:
    """No progress."""


def _key(recipe: Recipe, splits: Splits, tokenized: bool) -> str | None:
    """What the findings depend on; None where that cannot be told."""
    state = files_state(recipe.model.base, recipe.model.load_in) if tokenized else "none"
    if state is None:
        return None
    parts = (_in_order(splits.train), splits.dev, splits.test, splits.shifted)
    rows = [[(row.id, row.line, row.source, row.unread) for row in part] for part in parts]
    settings = (_longest(recipe), recipe.data.loss_on)
    return content_hash(VERSION, versions().get("retain"), state, settings, rows, length=32)


def _in_order(rows: Sequence[Example]) -> list[Example]:
    """As they stand in the file; a limited number is drawn in another order."""
    return sorted(rows, key=lambda row: row.line)


def _say(lint: Lint, progress: Progress, again: bool) -> None:
    seen = " (as before; see the report)" if again and lint.findings else ""
    progress.say(f"  data lint: {lint_summary(lint)}{seen}")
    for finding in lint.findings if not again else ():
        for line in finding_lines(finding, examples=False):
            progress.say(f"  {line}")
