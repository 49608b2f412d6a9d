"""``retain schema``: the JSON schema of a recipe, for editors, or of what a command prints with ``--json``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pydantic import TypeAdapter

from retain.commands.measure import one_of

RECIPE = "recipe"
PRINTED = {
    "run": "retain.records.RunRecord",
    "several": "retain.several_records.SeveralRecord",
    "sequence": "retain.sequence_records.SequenceRecord",
    "verdict": "retain.records.Verdict",
    "export": "retain.export_records.ExportRecord",
    "advice": "retain.advice_records.AdviceRecord",
    "frontier": "retain.frontier_records.FrontierRecord",
    "measurements": "retain.stages.measurements.Measurements",
    "noise": "retain.commands.noise.NoiseFloors",
    "check": "retain.commands.check.Checked",
    "check-sequence": "retain.commands.check.CheckedSequence",
    "lint": "retain.commands.lint.Linted",
    "doctor": "retain.commands.doctor.Doctor",
}
"""Name -> the record that is printed: ``run`` by ``run`` and ``compare``, ``several`` by ``compare`` of several models,
``verdict`` by ``gate``, ``measurements`` by ``measure``, the others by the command of their name."""
SCHEMAS = (RECIPE, *PRINTED)


def schema(what: str = RECIPE) -> dict[str, Any]:
    """The JSON schema of a recipe, with every mitigation and a description of every key; or of a result.

    Point an editor at it: save it as ``recipe.schema.json`` and open the recipe with the comment
    ``# yaml-language-server: $schema=recipe.schema.json``.

    Args:
        what: ``recipe``, or one of :data:`PRINTED`. A record that is written too has a field ``version``, which says of
            which format it is.

    Raises:
        UserError: there is no such schema.
    """
    if one_of("WHAT", what, SCHEMAS) == RECIPE:
        from retain.recipe import Recipe

        found = Recipe.json_schema()
    else:
        module, _, name = PRINTED[what].rpartition(".")
        found = TypeAdapter(getattr(import_module(module), name)).json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}
