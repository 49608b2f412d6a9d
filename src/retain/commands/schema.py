"""``retain schema``: the JSON schema of a recipe, for editors, or of what ``compare --json`` prints of several."""

from __future__ import annotations

from typing import Any

from retain.commands.measure import one_of

SCHEMAS = ("recipe", "several")


def schema(what: str = "recipe") -> dict[str, Any]:
    """The JSON schema of a recipe, with every mitigation and a description of every key; or of a result.

    Point an editor at it: save it as ``recipe.schema.json`` and open the recipe with the comment
    ``# yaml-language-server: $schema=recipe.schema.json``.

    Args:
        what: ``recipe``, or ``several`` for what ``retain compare --json`` prints of several tuned models; its field
            ``version`` says of which format it is.

    Raises:
        UserError: there is no such schema.
    """
    if one_of("WHAT", what, SCHEMAS) == "recipe":
        from retain.recipe import Recipe

        found = Recipe.json_schema()
    else:
        from retain.several_records import SeveralRecord

        found = SeveralRecord.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}
