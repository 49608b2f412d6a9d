import json

import jsonschema
import pytest

from retain.commands.schema import PRINTED, schema
from retain.errors import UserError
from retain.recipe import Recipe
from retain.registry import units
from tests.reporting.advice_makers import make_advice
from tests.reporting.makers import make_full_record


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
    with pytest.raises(UserError, match="allowed: recipe, run, several"):
        schema("recipes")


@pytest.mark.parametrize("name", PRINTED)
def test_what_a_command_prints_has_a_schema(name):
    found = schema(name)
    assert found["type"] == "object" and found["properties"] and found["description"]
    jsonschema.Draft202012Validator.check_schema(found)


def test_records_that_are_written_say_their_version():
    assert schema("run")["properties"]["version"]["description"].startswith("Of this record's format")
    said = {name for name in PRINTED if schema(name)["properties"].get("version", {}).get("const") == 1}
    assert said == {"run", "several", "sequence", "export", "advice", "frontier", "measurements", "noise"}


def test_the_schema_is_that_of_what_is_printed():
    record = make_full_record()
    jsonschema.validate(json.loads(record.model_dump_json()), schema("run"))
    jsonschema.validate(json.loads(record.verdict.model_dump_json()), schema("verdict"))
    jsonschema.validate(json.loads(make_advice().model_dump_json()), schema("advice"))
