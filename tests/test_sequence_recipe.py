"""Recipes with stages: what a stage inherits, and everything that is wrong at once with its path."""

import pytest

from retain.commands.schema import schema
from retain.errors import UserError
from retain.recipe import parse_recipe
from retain.sequence_recipe import parse_sequence, portable_sequence, sequence_as_plain
from retain.sequence_settings import MemorySettings

LORA = {"kind": "lora", "rank": 4}


def values(*own, **sections):
    stages = [{"name": name, "data": {"train": f"{name}.jsonl"}} for name in "ab"]
    for stage, more in zip(stages, own, strict=False):
        stage |= more
    return {"model": {"base": "x"}, "stages": stages, **sections}


def problems(found):
    with pytest.raises(UserError) as caught:
        parse_sequence(found)
    return str(caught.value)


def test_a_stage_has_what_the_recipe_says_but_for_its_own_keys():
    found = parse_sequence(
        values(
            {},
            {"training": {"epochs": 2}, "mitigations": [LORA], "measure": {"task": {"score": "contains"}}},
            training={"batch_size": 3, "epochs": 5},
            data={"held_out": 0.3},
            measure={"suite": "s.yaml", "task": {"limit": 7}},
            gate={"margin": 9},
        )
    )
    first, second = (stage.recipe for stage in found.stages)
    assert (first.training.epochs, second.training.epochs, second.training.batch_size) == (5, 2, 3)
    assert first.mitigations == [] and second.mitigations[0].rank == 4
    assert (second.measure.task.score, second.measure.task.limit, second.measure.suite) == ("contains", 7, "s.yaml")
    assert first.data.held_out == second.data.held_out == 0.3
    assert found.gate.margin == 9 and found.names == ["a", "b"] and found.settings.plan == "in_turn"


def test_the_resolved_recipe_says_the_same_when_it_is_read_again():
    for sequence in ({"memory": {"rows": 4, "outputs": "regenerated"}}, {"plan": "together"}):
        found = parse_sequence(values(training={"epochs": 3}, sequence=sequence))
        plain = sequence_as_plain(found)
        assert sequence_as_plain(parse_sequence(plain)) == plain == portable_sequence(found)


def test_paths_are_meant_from_the_recipes_folder(tmp_path):
    found = parse_sequence(values(), "here", tmp_path)
    assert found.stages[1].recipe.data.train == str(tmp_path / "b.jsonl")
    assert portable_sequence(found)["stages"][1]["data"]["train"] == "b.jsonl"


def test_every_problem_stands_where_it_was_written():
    said = problems(
        values(
            {"training": {"epocs": 1}},
            training={"batch_size": 0},
            gate={"margn": 1},
            frontier={},
        )
    )
    assert "4 errors" in said
    assert 'stages.0.training.epocs: unknown key; did you mean "epochs"?' in said
    assert said.count("training.batch_size: ") == 1 and "stages.0.training.batch_size" not in said
    assert "gate.margn: unknown key" in said and "`retain frontier` takes one task" in said
    more = problems(values({}, {"mitigations": [{"kind": "kl_to_base"}]}))
    assert "stages.1.mitigations.0 (kl_to_base): needs general text" in more
    assert "stages.0.data.train: missing" in problems(values({"data": {}}))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (values(sequence={"plann": 1}), 'sequence.plann: unknown key; did you mean "plan"?'),
        (values(sequence={"memory": {"shar": 1}}), 'sequence.memory.shar: unknown key; did you mean "share"?'),
        (values(sequence={"memory": {"share": 0.1, "rows": 1}}), "both say how much is remembered"),
        (values(sequence={"memory": {"temperature": 1}}), "outputs: given writes nothing"),
        (values({"gate": {}}), "stages.0.gate: it is the same for all stages"),
        (values({"nam": "x"}), 'stages.0.nam: unknown key; did you mean "name"?'),
        (values({"name": "b"}), 'stages: the name "b" is given twice'),
        (values({"name": "task"}), '"task" means something else'),
        (values({"measure": {"suite": "core"}}), "stages.0.measure.suite: it is the same for all stages"),
        (values({"training": {"method": "rank"}}, measure={"suite": "s"}), "a sequence is one of language models"),
        (values(measure={"recitation": 4}), "no recitation is tried"),
        (values({"data": {"train": "a", "held_out": {"dev": 0.1, "test": "t", "shifted": "s"}}}), "one column"),
        (values({}, {"training": {"method": "dpo"}}, sequence={"memory": {}}), "which method: dpo cannot take"),
        (values(data={"train": "x"}), "data.train: the rows stand in the stages"),
        (values(model={"base": "x", "load_in": "4bit"}, mitigations=[LORA]), "4-bit ones cannot take it up"),
        (values(sequence={"plan": "together", "memory": {}}), "sequence.memory: plan: together trains once"),
        (values(sequence={"plan": "together", "adapters": "one"}), "sequence.adapters: plan: together"),
        (values({"training": {"epochs": 2}}, sequence={"plan": "together"}), "stages.0.training: plan: together"),
        (values({"mitigations": []}, sequence={"plan": "together"}), "stages.0.mitigations: plan: together"),
        (values(sequence={"adapters": "one"}), "one needs {kind: lora} in every stage; a, b has none"),
        (values({}, {"mitigations": [{**LORA, "rank": 2}]}, mitigations=[LORA], sequence={"adapters": "merged"}),
         "found different ones"),
        (values(mitigations=[{**LORA, "variant": "dora"}], sequence={"adapters": "one"}), "factors of plain LoRA"),
        (values(mitigations=[LORA, {"kind": "early_stop"}], sequence={"adapters": "merged"}), "early_stop"),
        (values(mitigations=[LORA], training={"learning_rate": "scan"}, sequence={"adapters": "merged"}),
         "learning_rate: scan has not seen; give a rate in training.learning_rate (a, b)"),
        ({"model": {"base": "x"}, "stages": []}, "stages: "),
        ({"model": {"base": "x"}, "stages": 3}, "stages: "),
        (values(stages=[3]), "stages.0: "),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_with_its_reason(found, said):
    assert said in problems(found)


def test_other_commands_say_that_they_take_one_task():
    with pytest.raises(UserError, match="`retain run` and `retain check` take such a recipe"):
        parse_recipe(values())


def test_a_share_is_the_default_amount():
    assert MemorySettings().tokens == 0.1 and MemorySettings(rows=3).tokens is None
    assert MemorySettings(share=0.5).tokens == 0.5


def test_the_schema_knows_stages_and_wants_rows_in_one_place():
    found = schema()
    assert {"stages", "sequence"} <= set(found["properties"]) and found["required"] == ["model"]
    assert found["if"] == {"required": ["stages"]} and "data" in found["else"]["required"]
    assert found["$defs"]["MemorySettings"]["properties"]["select"]["description"]
