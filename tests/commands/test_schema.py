import json

import pytest

from retain.commands.schema import schema
from retain.errors import UserError
from retain.recipe import Recipe
from retain.registry import units


def test_the_schema_knows_every_mitigation_and_section():
    text = json.dumps(schema())
    for kind in units("mitigations"):
        assert f'"{kind}"' in text
    assert {"model", "data", "training", "mitigations", "measure", "gate", "seed"} <= set(schema()["properties"])


def test_the_schema_is_the_recipes_with_its_dialect():
    found = schema()
    assert found.pop("$schema") == "https://json-schema.org/draft/2020-12/schema"
    assert found == Recipe.json_schema()


def test_unknown_keys_are_refused_and_keys_are_described():
    found = schema()
    assert found["additionalProperties"] is False
    training = next(one for name, one in found["$defs"].items() if "Training" in name)
    assert training["properties"]["learning_rate"]["description"]


def test_what_compare_prints_of_several_has_a_schema_with_a_version():
    found = schema("several")
    assert found["properties"]["version"]["const"] == 1
    assert {"version", "base", "outcome", "models", "notes"} <= set(found["properties"])
    assert found["$defs"]["ComparedModel"]["properties"]["outcome"]["description"]
    with pytest.raises(UserError, match="allowed: recipe, several"):
        schema("recipes")
