"""``retain advise`` on the toy model: rungs are measured once, compared on test items, and one is advised."""

import json
import shutil

import pytest
import yaml

from retain.advice import ladder
from retain.advice.retrievers.bm25 import Bm25
from retain.advice_records import AdviceRecord
from retain.commands.advise import advise
from retain.commands.run import run
from retain.errors import UserError
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.record_files import read_record
from retain.records import Response

QUIET = Progress(quiet=True)
COLOURS = {"sky": "blue", "grass": "green", "snow": "white", "sun": "yellow", "night": "black"}
FACTS = {"sky": "blue", "grass": "green", "snow": "white"}


@pytest.fixture
def documents(tmp_path):
    path = tmp_path / "documents.md"
    path.write_text("".join(f"the colour of the {thing} is {colour} .\n\n" for thing, colour in FACTS.items()))
    return path


def test_the_whole_ladder(advise_file, documents, tmp_path):
    place = tmp_path / "advice"
    rungs = ["instructions", "few_shot", "retrieval", "lora"]
    path = advise_file(
        rungs=rungs,
        shots=[1, 2],
        picks=["similar", "fixed"],
        rewrites=1,
        documents="documents.md",
        passages=[1],
        passage_words=10,
    )
    record = advise(path, place, progress=QUIET)
    assert [rung.name for rung in record.rungs] == ["zero_shot", *rungs]
    zero, instructions, few, retrieval, lora = record.rungs
    assert len({rung.items for rung in record.rungs}) == 1 and zero.items > 1
    for rung in record.rungs:
        assert rung.low <= rung.value <= rung.high and rung.dev == max(one.value for one in rung.tried)
        assert set(rung.measurement.scores) == set(zero.measurement.scores), "paired item by item"
        assert rung.measurement.split == "test" and rung.example
    assert len(instructions.tried) >= 2 and instructions.instruction
    assert len(few.tried) in (4, 8) and "example" in few.chosen
    assert retrieval.from_documents and "3 passages of the documents" in retrieval.source
    assert zero.cost.tokens < few.cost.tokens
    assert (zero.cost.training_seconds, zero.cost.storage_bytes) == (0, 0)
    assert lora.cost.training_seconds > 0 and lora.cost.storage_bytes > 1000
    assert lora.cost.tokens == zero.cost.tokens, "it is asked without anything around the question"
    assert (record.differences[0].below, record.differences[0].above) == ("zero_shot", "instructions")
    assert len(record.differences) == len(record.standings) == 4
    assert record.differences[0].change.delta == pytest.approx(instructions.value - zero.value)
    assert record.advised.rung == "lora" and record.nature.kind in ("behaviour", "both")
    assert read_record(place / "advice.json", AdviceRecord) == record
    text = (place / "advice.md").read_text()
    assert "**Stop at training.**" in text and "advice.svg" in text and (place / "advice.svg").is_file()
    assert "Stop at" in (place / "advice.html").read_text()
    assert str(tmp_path) not in (place / "advice.json").read_text()
    again = run(place / "recommended.yaml", tmp_path / "run", progress=QUIET)
    assert again.before[0].value == pytest.approx(zero.value / 100)
    assert again.before[0].scores == zero.measurement.scores


def test_what_was_finished_is_not_done_again(advise_file, tmp_path, monkeypatch):
    from retain.advice.rungs import lora

    path, place = advise_file(), tmp_path / "advice"
    whole = lora.climb

    def killed(bench):
        raise KeyboardInterrupt

    monkeypatch.setattr(lora, "climb", killed)
    with pytest.raises(KeyboardInterrupt):
        advise(path, place, progress=QUIET)
    done = {name: (place / f"{name}.json").stat().st_mtime_ns for name in ("zero_shot", "few_shot")}
    assert not (place / "lora.json").exists() and not (place / "advice.json").exists()
    monkeypatch.setattr(lora, "climb", whole)
    record = advise(path, place, progress=QUIET)
    assert {name: (place / f"{name}.json").stat().st_mtime_ns for name in done} == done
    alone = advise(path, tmp_path / "alone", progress=QUIET)
    assert [rung.measurement.scores for rung in alone.rungs] == [rung.measurement.scores for rung in record.rungs]
    assert alone.advised == record.advised
    monkeypatch.setattr(ladder, "_climb", lambda name, bench: pytest.fail(f"{name} was climbed again"))
    assert advise(path, place, progress=QUIET) == record
    assert (place / "recommended.yaml").is_file()
    other = advise(
        path, place, ["advise.margin=100", "gate.margin=9", "frontier.axes={training.epochs: [1]}"], progress=QUIET
    )
    assert (other.margin, other.advised.rung) == (100, "zero_shot"), "a margin needs no rung anew"
    assert not (place / "recommended.yaml").exists() and [one.value for one in other.rungs] == [
        one.value for one in record.rungs
    ]
    with pytest.raises(UserError, match=r"another recipe:\n  - advise\.shots"):
        advise(path, place, ["advise.shots=[3]"], progress=QUIET)


def test_an_advice_beside_a_run_does_not_stop_it(advise_values, tmp_path):
    def written(**sections):
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump({**advise_values(), **sections}))
        return path

    record = run(written(advise=None), tmp_path / "run", progress=QUIET)
    again = run(
        written(advise={"margin": 9.0}, frontier={"axes": {"training.epochs": [1]}}), tmp_path / "run", progress=QUIET
    )
    assert again.after == record.after
    with pytest.raises(UserError, match=r"seed: there 0, here 3"):
        run(written(seed=3), tmp_path / "run", progress=QUIET)


def test_another_margin_trains_nothing_anew(advise_file, tmp_path, monkeypatch):
    from retain.advice.rungs import lora

    path, place = advise_file(), tmp_path / "advice"
    advise(path, place, progress=QUIET)
    (place / "lora.json").unlink()
    monkeypatch.setattr("retain.stages.training.fit", lambda *_, **__: pytest.fail("it was trained again"))
    assert advise(path, place, ["advise.margin=9", "gate.margin=7"], progress=QUIET).margin == 9
    assert (place / lora.FOLDER / "training.json").is_file()


def test_prompts_are_measured_once_for_all_advices(advise_file, tmp_path, monkeypatch):
    path = advise_file(rungs=["few_shot"], shots=[1, 2])
    first = advise(path, tmp_path / "a", progress=QUIET)
    monkeypatch.setattr(
        "retain.models.causal.TransformersCausal.generate", lambda *_: pytest.fail("it was asked again")
    )
    again = advise(path, tmp_path / "b", progress=QUIET)
    assert [rung.tried for rung in again.rungs] == [rung.tried for rung in first.rungs]
    assert again.rungs[1].cost == first.rungs[1].cost


def test_the_advice_needs_no_key_in_the_recipe(advise_values, tmp_path):
    values = {**advise_values(), "advise": None}
    record = ladder.run_advice(parse_recipe(values), tmp_path / "advice", QUIET)
    assert [rung.name for rung in record.rungs] == ["zero_shot", "instructions", "few_shot", "retrieval", "lora"]
    assert record.margin == 3 and not record.rungs[3].from_documents
    assert "training rows" in record.rungs[3].source


def test_other_documents_than_those_it_began_with_are_refused(advise_file, documents, tmp_path):
    path = advise_file(rungs=["retrieval"], documents="documents.md", passages=[1])
    advise(path, tmp_path / "advice", progress=QUIET)
    documents.write_text("the sky is red .")
    with pytest.raises(UserError, match=r"documents\.md has changed since this advice began"):
        advise(path, tmp_path / "advice", progress=QUIET)


def test_another_base_than_the_one_it_began_with_is_refused(advise_file, toy_folder, tmp_path, monkeypatch):
    place = tmp_path / "advice"
    path = advise_file()
    advise(path, place, progress=QUIET)
    (place / "lora.json").unlink()
    (place / "few_shot.json").unlink()
    held = json.loads((place / "zero_shot.json").read_text())
    held["measurement"]["model"] = "another"
    held.pop("sha256")
    (place / "zero_shot.json").write_text(json.dumps(held))
    with pytest.raises(UserError, match="not the model that was measured when this advice began"):
        advise(path, place, progress=QUIET)


def test_tasks_that_no_rule_scores_are_refused_and_the_folder_can_be_used_again(advise_file, tmp_path):
    path, place = advise_file(rungs=["few_shot"]), tmp_path / "advice"
    with pytest.raises(UserError, match="these rows are plain text"):
        advise(path, place, ["data.train=" + str(texts(tmp_path))], progress=QUIET)
    long = tmp_path / "long.jsonl"
    rows = [{"prompt": f"say {n}", "completion": "one two three " * 30} for n in range(20)]
    long.write_text("".join(json.dumps(row) + "\n" for row in rows))
    changed = [f"data.train={long}", "measure.task.score=auto"]
    with pytest.raises(UserError, match=r"measure\.task\.score: .*Name a rule \(score: contains"):
        advise(path, place, changed, progress=QUIET)
    record = advise(path, place, [changed[0], "measure.task.score=contains"], progress=QUIET)
    assert record.advised.basis == "nothing"


def test_a_base_without_a_template_is_asked_up_to_the_line_break(advise_values, toy_folder, tmp_path, monkeypatch):
    """A base that has seen an example copies its form, and then writes the next question."""
    asked = []

    def writes_on(self, prompts, limits):
        found = []
        for prompt in prompts:
            asked.append(prompt)
            *before, question = prompt.strip().split("\n")
            text = f"{COLOURS[question.split()[-2]]}\nplease what is" if len(before) > 1 else "it is what it is"
            for stop in limits.stop:
                text = text.split(stop)[0]
            found.append(Response(text=text, tokens=3, stopped=bool(limits.stop)))
        return found

    base = tmp_path / "base"
    shutil.copytree(toy_folder, base)
    (base / "chat_template.jinja").unlink(missing_ok=True)
    config = json.loads((base / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (base / "tokenizer_config.json").write_text(json.dumps(config))
    monkeypatch.setattr("retain.models.causal.TransformersCausal.generate", writes_on)
    values = advise_values(rungs=["few_shot"])
    values = {
        **values,
        "model": {"base": str(base), "load_in": "fp32"},
        "measure": {"suite": values["measure"]["suite"]},
    }
    record = ladder.run_advice(parse_recipe(values), tmp_path / "advice", QUIET)
    zero, few = record.rungs
    assert record.task_metric == "exact match" and (zero.value, few.value) == (0, 100)
    assert all(isinstance(prompt, str) for prompt in asked)
    assert any("ends at its first line break" in note for note in few.notes) and not zero.notes
    assert record.advised.rung == "few_shot"


def test_answers_that_reason_before_their_number_have_the_form_of_the_rows(advise_values, tmp_path):
    path = tmp_path / "sums.jsonl"
    rows = [{"prompt": f"what is {n} and {n} ?", "completion": f"a is {n} . #### {2 * n}"} for n in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    values = advise_values({"data": {"train": str(path), "held_out": 0.3}}, rungs=["instructions"])
    values["measure"]["task"] = {}
    record = ladder.run_advice(parse_recipe(values), tmp_path / "advice", QUIET)
    assert record.task_metric == "number match" and "#### and a number at its end" in record.form
    assert "end with #### and the number" in record.rungs[1].instruction
    assert (
        record.advised.basis == "nothing" and "No rung is shown to work" in (tmp_path / "advice/advice.md").read_text()
    )


def test_a_retriever_that_cannot_be_loaded_is_told_before_anything_is_measured(advise_file, tmp_path, monkeypatch):
    def missing(model):
        raise UserError(f"no {model}")

    monkeypatch.setattr("retain.advice.retrievers.embeddings.load_embedder", missing)
    path, place = advise_file(rungs=["few_shot"]), tmp_path / "advice"
    with pytest.raises(UserError, match="no mine"):
        advise(path, place, ["advise.retriever=embeddings", "advise.embedding_model=mine"], progress=QUIET)
    assert not (place / "measured").exists()
    assert advise(path, place, progress=QUIET).rungs[1].source.endswith(Bm25.name)


def texts(folder):
    path = folder / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": f"one two three {i} a b c"}) + "\n" for i in range(30)))
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("advise.documents=none.md", "there is no file or folder"),
        ("advise.shots=[]", "advise.shots: found a list of 0; allowed: a list of at least 1"),
        ("advise.shots=[0]", "advise.shots.0: found 0; allowed: a number of at least 1"),
        (
            "advise.rungs=[few_shoot]",
            "allowed: instructions, few_shot, retrieval, lora",
        ),
        ("advise.picks=[fixed, fixed]", "picks names something twice"),
        ("advise.shotz=[1]", 'advise.shotz: unknown key; did you mean "shots"?'),
        ("advise.margin=101", "advise.margin: found 101; allowed: a number of at most 100"),
        ("advise.training.rows=1", "advise.training.rows: found 1; allowed: a number of at least 8"),
    ],
)
def test_wrong_settings_are_refused_by_path(advise_file, tmp_path, text, message):
    path = advise_file(rungs=["retrieval"])
    with pytest.raises(UserError) as error:
        advise(path, tmp_path / "advice", [text], progress=QUIET)
    assert message in str(error.value)
