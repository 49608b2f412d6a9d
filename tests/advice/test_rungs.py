"""What each rung tries, and what it takes from the rungs below."""

import json

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
    assert not rung.from_documents and "28 training rows" in rung.source


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


@pytest.fixture
def copied(tmp_path):
    """Data of twenty rows, five training rows of them four times each and one of these in capitals too."""
    rows = [{"prompt": f"say {number} a", "completion": f"one {number}"} for number in range(20)]
    path, test = tmp_path / "copied.jsonl", tmp_path / "held.jsonl"
    repeated = [*(row for row in rows[:5] for _ in range(4)), {"prompt": "SAY 0  a", "completion": "one 0"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in repeated))
    test.write_text("".join(json.dumps(row) + "\n" for row in rows[5:]))
    return {"data": {"train": str(path), "held_out": {"dev": str(test), "test": str(test)}}}


def held_apart(tmp_path, sections):
    rows = (tmp_path / "held.jsonl").read_text().splitlines(keepends=True)
    for name, part in (("dev", rows[:7]), ("test", rows[7:])):
        (tmp_path / f"{name}.jsonl").write_text("".join(part))
        sections["data"]["held_out"][name] = str(tmp_path / f"{name}.jsonl")
    return sections


def test_copies_of_a_row_are_shown_once(bench, copied, tmp_path):
    made = bench(held_apart(tmp_path, copied), shots=[4, 99], picks=["similar", "fixed"], rungs=["few_shot"])
    assert len(made.rows) == 21 and len(made.distinct) == 5
    for plan in few_shot.plans(made):
        shown = [row.target for row in plan.examples.of("say 0 a")]
        assert len(shown) == len(set(shown)) == plan.examples.count, plan.label
    assert [plan.examples.count for plan in few_shot.plans(made)] == [4, 5, 4, 5]
    texts, _ = retrieval.searched(made)
    assert len(texts) == 5


def test_the_base_is_shown_different_rows_to_write_from(bench, copied, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(instructions, "write", lambda model, rows, count, seed: seen.extend(rows) or ["x"])
    instructions.plans(bench(held_apart(tmp_path, copied)))
    assert len(seen) == len({row.target for row in seen}) == 5


@pytest.mark.parametrize(("limit", "different", "rows"), [(8, 5, 8), (5, 5, 5), (3, 3, 3), (400, 5, 21)])
def test_the_short_training_sees_copies_only_where_there_are_no_others(bench, copied, tmp_path, limit, different, rows):
    made = bench(held_apart(tmp_path, copied), rungs=["lora"])
    recipe = made.recipe.model_copy(update={"data": made.recipe.data.model_copy(update={"limit": limit})})
    seen = lora._fewer(made, recipe).splits.train
    assert (len(seen), len({row.target for row in seen})) == (rows, different)


def test_what_is_shown_of_rows_holds_no_secrets(bench, tmp_path):
    path = tmp_path / "private.jsonl"
    rows = [{"prompt": f"tell {n} me", "completion": f"ask jane{n}.doe@haus-blau.de about {n}"} for n in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    sections = {"data": {"train": str(path), "held_out": 0.2}}
    made = bench(sections, rungs=["instructions", "few_shot"], shots=[1], rewrites=1)
    own = "Say jane1.doe@haus-blau.de and no more of it than that"
    made.run.once("written", instructions.Written, lambda: instructions.Written(texts=[own]))
    few = made.finish("few_shot", made.try_plans(few_shot.plans(made)))
    assert "@haus-blau.de" not in few.example and "ask [" in few.example
    plans = [made.plan().with_instruction(own, "after")]
    asked = made.finish("instructions", made.try_plans(plans))
    assert "jane" not in asked.instruction + asked.chosen + "".join(one.label for one in asked.tried)
    assert asked.instruction.startswith("Say [") and asked.instruction.endswith("than that")


def test_answers_that_no_document_holds_word_for_word_are_not_looked_for(bench, tmp_path):
    made = bench(rungs=["retrieval"], passages=[1])
    assert made.form.kind == "labels" and retrieval.climb(made).found is None
    path = tmp_path / "many.jsonl"
    path.write_text("".join(f'{{"prompt": "say {i} a", "completion": "one {i}"}}\n' for i in range(40)))
    made = bench({"data": {"train": str(path), "held_out": 0.2}}, rungs=["retrieval"], passages=[1], folder="more")
    assert not made.form.quotable and retrieval.climb(made).found is None, "all begin with one"
    path.write_text("".join(f'{{"prompt": "say {i} a", "completion": "{i} one"}}\n' for i in range(40)))
    made = bench({"data": {"train": str(path), "held_out": 0.2}}, rungs=["retrieval"], passages=[1], folder="most")
    assert retrieval.climb(made).found == 0


@pytest.mark.parametrize(("answer", "end"), [("blue", "\n"), ("blue\n", "\n"), ("blue\ngreen", "")])
def test_answers_end_at_a_line_break_where_none_has_one(bench, tmp_path, answer, end):
    path = tmp_path / "lines.jsonl"
    path.write_text("".join(json.dumps({"prompt": f"say {i}", "completion": answer}) + "\n" for i in range(40)))
    made = bench({"data": {"train": str(path), "held_out": 0.2}})
    assert made.plan().end == end


def test_plain_text_is_refused(bench, tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n\n".join(f"one two {number}" for number in range(30)))
    with pytest.raises(UserError, match=r"these rows are plain text.*Give rows with a question and an answer") as error:
        bench({"data": {"train": str(path), "held_out": 0.3}, "measure": {"suite": "quick"}})
    assert "measure.task" not in str(error.value), "no rule could score them"
