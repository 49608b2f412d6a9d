"""What each rung tries, and what it takes from the rungs below."""

import pytest

from retain.advice.rungs import few_shot, instructions, lora, retrieval
from retain.advice_settings import ProbeTraining
from retain.errors import UserError
from retain.models.chat import ChatTemplateError
from retain.recipe import parse_recipe


def labels(plans):
    return [plan.label for plan in plans]


def test_instructions_are_tried_in_both_places(bench):
    made = bench(rewrites=0)
    begun = '"Answer with exactly one of these ..."'
    assert labels(instructions.plans(made)) == [f"{begun} before the question", f"{begun} after the question"]
    assert instructions.plans(made)[0].instruction.startswith("Answer with exactly one of these and nothing else: ")
    written = {plan.instruction for plan in instructions.plans(bench(rewrites=3, folder="more"))}
    assert 2 <= len(written) <= 4


def test_samples_of_answers_go_with_forms_that_are_no_labels(bench, tmp_path):
    path = tmp_path / "many.jsonl"
    path.write_text("".join(f'{{"prompt": "say {i} a", "completion": "one {i}"}}\n' for i in range(40)))
    made = bench({"data": {"train": str(path), "held_out": 0.2}}, rewrites=0)
    texts = {plan.instruction for plan in instructions.plans(made)}
    assert len(texts) == 2 and any("Answers to other questions were:" in text for text in texts)


def test_a_template_without_system_turns_gets_instructions_after_the_question(bench, monkeypatch):
    made = bench(rewrites=0)
    model = made.base()

    def refusing(prompt, encode=model.encode_prompt):
        if any(turn.role == "system" for turn in prompt):
            raise ChatTemplateError("no system turns")
        return encode(prompt)

    monkeypatch.setattr(model, "encode_prompt", refusing)
    assert [plan.place for plan in instructions.plans(made)] == ["after"]


def test_what_the_base_writes_is_seeded_and_kept(bench, toy):
    made = bench()
    texts = instructions.write(toy, made.rows[:5], 3, seed=1)
    assert texts == instructions.write(toy, made.rows[:5], 3, seed=1) and len(set(texts)) == len(texts) > 1
    assert texts != instructions.write(toy, made.rows[:5], 3, seed=2)
    assert instructions.write(toy, made.rows[:5], 0, seed=1) == []


def test_examples_of_every_number_and_pick(bench):
    made = bench(shots=[1, 2, 99], picks=["similar", "fixed"], rungs=["few_shot"])
    count = len(made.rows)
    wanted = ["1 similar example", "2 similar examples", f"{count} similar examples"]
    assert labels(few_shot.plans(made)) == [*wanted, *(one.replace("similar", "fixed") for one in wanted)]


def test_an_instruction_goes_on_only_where_it_helped(bench, monkeypatch):
    made = bench(rungs=["instructions", "few_shot"], shots=[1])
    helped = made.plan().with_instruction("Be short.", "system")
    monkeypatch.setattr(instructions, "helpful", lambda bench: helped)
    assert labels(few_shot.plans(made)) == ["1 similar example", '"Be short." before the question, 1 similar example']
    monkeypatch.setattr(instructions, "helpful", lambda bench: None)
    assert labels(few_shot.plans(made)) == ["1 similar example"]


def test_an_instruction_helps_when_it_scores_more_on_dev_items(bench, monkeypatch):
    made = bench(rewrites=0)
    whole, scores = made.try_plans, {}

    def scored(plans):
        found = whole(plans)
        return [
            type(one)(one.plan, one.tried.model_copy(update={"value": scores.get(one.plan.label, 10.0)}))
            for one in found
        ]

    monkeypatch.setattr(made, "try_plans", scored)
    assert instructions.helpful(made) is None
    after = next(plan for plan in instructions.plans(made) if plan.place == "after")
    scores[after.label] = 11.0
    assert instructions.helpful(made).label == after.label


def test_passages_go_with_the_examples_only_where_they_are_of_documents(bench, tmp_path, monkeypatch):
    (tmp_path / "documents.txt").write_text("the sky is blue .\n")
    seen = []

    def tried(plans, whole):
        seen.append(labels(plans))
        return whole(plans)

    for folder, settings in (("a", {"documents": str(tmp_path / "documents.txt")}), ("b", {})):
        made = bench(rungs=["few_shot", "retrieval"], passages=[1, 3], folder=folder, **settings)
        monkeypatch.setattr(made, "try_plans", lambda plans, whole=made.try_plans: tried(plans, whole))
        rung = retrieval.climb(made)
        assert rung.cost.storage_bytes > 0
    assert seen[1] == ["1 passage", "1 similar example, 1 passage"], "no more passages than there are"
    assert seen[2] == ["1 passage", "3 passages"]
    assert rung.found is not None and not rung.from_documents and "28 training rows" in rung.source


def test_held_out_rows_are_never_shown(bench):
    made = bench(shots=[5], picks=["similar", "fixed"], rungs=["few_shot", "retrieval"], passages=[3])
    held = {item.input for split in ("dev", "test") for item in made.items(split)}
    texts, _ = retrieval.searched(made)
    shown = {row.input for plan in few_shot.plans(made) for q in held for row in plan.examples.of(q)}
    assert shown and not shown & held
    assert not any(question in text for question in held for text in texts)


@pytest.fixture
def recipe(toy_recipe):
    return lambda **sections: parse_recipe(toy_recipe(**sections))


def test_the_short_training_is_the_recipes_own_where_it_trains_lora(recipe):
    own = recipe(mitigations=[{"kind": "lora", "rank": 3}, {"kind": "strength"}], training={"learning_rate": 0.5})
    assert lora.adapter_of(own, ProbeTraining()).rank == 3 and lora.rate_of(own, ProbeTraining()) == 0.5
    assert lora.adapter_of(own, ProbeTraining(rank=5)).rank == 5
    assert lora.rate_of(own, ProbeTraining(learning_rate=0.1)) == 0.1
    full = recipe(training={"learning_rate": 0.5})
    assert lora.adapter_of(full, ProbeTraining()).rank == 16
    assert lora.rate_of(full, ProbeTraining()) == 1e-3, "a rate of all weights is none for an adapter"
    scanned = recipe(mitigations=[{"kind": "lora"}], training={"learning_rate": "scan"})
    assert lora.rate_of(scanned, ProbeTraining()) == 1e-3
    large = full.model_copy(update={"model": full.model.model_copy(update={"base": "someone/model-7b"})})
    assert lora.rate_of(large, ProbeTraining()) == 2e-4


def test_the_short_training_has_no_other_mitigation_and_few_rows(recipe):
    kl = {"kind": "kl_to_base", "weight": 1.0, "share": 0.25}
    training = {"epochs": 9, "extra": {"max_steps": 3, "neftune_noise_alpha": 1.0}, "report_to": ["tensorboard"]}
    found = lora.probe_recipe(
        recipe(mitigations=[{"kind": "lora", "variant": "corda"}, kl], training=training), ProbeTraining(rows=9), 0.1
    )
    assert [(one.kind, one.variant) for one in found.mitigations] == [("lora", "lora")]
    assert (found.data.limit, found.data.general, found.training.epochs) == (9, [], 2.0)
    assert found.training.extra == {"neftune_noise_alpha": 1.0} and found.training.report_to == []
    assert found.training.learning_rate == 0.1 and found.advise is None
    fewer = recipe()
    fewer = fewer.model_copy(update={"data": fewer.data.model_copy(update={"limit": 4})})
    assert lora.probe_recipe(fewer, ProbeTraining(rows=9), 0.1).data.limit == 4


def test_plain_text_is_refused(bench, tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n\n".join(f"one two {number}" for number in range(30)))
    with pytest.raises(UserError, match="scored by their likelihood"):
        bench({"data": {"train": str(path), "held_out": 0.3}, "measure": {"suite": "quick"}})
