"""``retain schema``: the recipe's JSON schema, for editors that complete and check as you type."""

from __future__ import annotations

from typing import Any


def schema() -> dict[str, Any]:
    """The JSON schema of a recipe, with every mitigation and a description of every key.

    Point an editor at it: save it as ``recipe.schema.json`` and open the recipe with the comment
    ``# yaml-language-server: $schema=recipe.schema.json``.
    """
    from retain.recipe import Recipe

    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Recipe.json_schema()}
