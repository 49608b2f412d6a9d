"""Which rows of earlier tasks are trained on again: every knob has an effect."""

from dataclasses import replace

import pytest

from retain.data.example import Example
from retain.data.splits import sample
from retain.errors import UserError
from retain.mitigations.base import GeneralSet, Setup
from retain.models.base import Message
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.records import content_hash
from retain.sequence_settings import MemorySettings
from retain.sequences.memory import MemoryRows, by_surprise, chosen_rows, in_order, regenerated
from retain.stages.setting_up import encoder
from retain.stages.training import fit
from retain.store import store_folder
from retain.training.settings import TrainingSettings

QUIET = Progress(quiet=True)


def chat(question, answer):
    turns = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Example(id=content_hash(question, answer), shape="chat", messages=turns, source="f.jsonl", line=1)


WORDS = "one two three a b c d e yes no".split()
EARLIER = {
    "long": [chat(f"say {x} {y} please tell me about it", x) for x in WORDS for y in WORDS[:4]],
    "short": [chat(f"say {x} {y}", y) for x in WORDS for y in WORDS[:4]],
}
OWN = [chat(f"what is {x} {y}", "blue") for x in WORDS for y in WORDS[:2]]


@pytest.fixture
def setup(toy):
    return Setup(base=toy, general={}, gate=None, folder=None, seed=0, encode=encoder(toy, 64, "completion"),
                 measure_dev=None, base_dev=None, task_probes=frozenset())  # fmt: skip


def chosen(setup, own=OWN, earlier=None, **settings):
    return chosen_rows(earlier or EARLIER, own, MemorySettings(**settings), setup)


def test_a_share_counts_tokens_and_tasks_have_equal_parts(setup):
    tokens = sum(setup.tokens(row) for row in OWN)
    longest = max(setup.tokens(row) for rows in EARLIER.values() for row in rows)
    for share in (0.2, 0.6):
        found = chosen(setup, share=share)
        assert share * tokens <= found.tokens <= share * tokens + 2 * longest
        parts = [sum(setup.tokens(row) for row in rows) for rows in found.rows.values()]
        assert abs(parts[0] - parts[1]) <= longest
        assert found.counts["long"] < found.counts["short"]


def test_rows_count_rows_and_the_rest_goes_to_the_first_tasks(setup):
    found = chosen(setup, rows=5)
    assert found.counts == {"long": 3, "short": 2} and found.notes == []
    assert all(row in EARLIER[name] for name, rows in found.rows.items() for row in rows)


def test_a_task_that_has_too_few_rows_gives_all_and_it_is_said(setup):
    found = chosen(setup, rows=60, earlier={"long": EARLIER["long"][:4], "short": EARLIER["short"]})
    assert found.counts == {"long": 4, "short": 30}
    assert found.notes == ["memory: all 4 rows of long are less than its part of what was asked for"]


def test_random_rows_are_drawn_by_the_seed(setup):
    from dataclasses import replace

    one, other = chosen(setup, rows=6), chosen(replace(setup, seed=1), rows=6)
    assert one == chosen(setup, rows=6) and one.rows != other.rows
    assert one.rows["long"] == sample(EARLIER["long"], 3, 0)


def test_diverse_rows_are_of_every_kind_and_drawn_ones_of_the_most_common(setup):
    common = [chat(f"{'please tell me about it ' * 3} {x} {y}", "red") for x in WORDS[:5] for y in WORDS]
    skies = [chat(f"what is the colour of the sky {x}", "blue") for x in WORDS[:6]]
    nights = [chat(f"say night snow grass sun {x}", "black") for x in WORDS[:6]]
    earlier = {"t": [*common, *skies, *nights]}
    found = chosen(setup, earlier=earlier, rows=3, select="diverse")
    assert sorted(row.target for row in found.rows["t"]) == ["black", "blue", "red"]
    drawn = chosen(setup, earlier=earlier, rows=3)
    assert len({row.target for row in drawn.rows["t"]}) < 3


def test_surprising_rows_are_those_with_the_highest_loss(setup):
    import torch

    from retain.mitigations.distributions import as_batch

    rows = EARLIER["short"]
    losses = {}
    for row in rows:
        batch = as_batch(setup.encode(row), "cpu")
        with torch.no_grad():
            losses[row.id] = float(setup.base.module(**batch).loss)
    order = sorted(rows, key=lambda row: -losses[row.id])
    found = by_surprise(rows, setup)[:5]
    assert [losses[row.id] for row in found] == pytest.approx([losses[row.id] for row in order[:5]], rel=1e-3)
    taken = chosen(setup, rows=5, select="surprise", earlier={"t": rows}).rows["t"]
    assert [row.id for row in taken] == [row.id for row in by_surprise(sample(rows, len(rows), 0), setup)[:5]]


def test_the_whole_order_holds_every_row_once(setup):
    for select in ("random", "diverse", "surprise"):
        ordered = in_order(EARLIER["short"], MemorySettings(rows=1, select=select), setup, 7)
        assert sorted(row.id for row in ordered) == sorted(row.id for row in EARLIER["short"])


def test_regenerated_answers_are_the_latest_models(setup):
    given, anew = chosen(setup, rows=8), chosen(setup, rows=8, outputs="regenerated")
    questions = {row.input: row for rows in given.rows.values() for row in rows}
    written = [row for rows in anew.rows.values() for row in rows]
    assert written and all(row.input in questions for row in written)
    assert any(row.target != questions[row.input].target for row in written)
    assert anew == chosen(setup, rows=8, outputs="regenerated")  # greedy
    sampled = chosen(setup, rows=8, outputs="regenerated", temperature=5.0)
    assert [row.target for rows in sampled.rows.values() for row in rows] != [row.target for row in written]
    limited = [row for row in written if not row.ended]
    assert all(row.id not in {one.id for one in questions.values()} for row in written) and len(limited) <= len(written)


def test_answers_that_were_written_before_a_kill_are_kept(setup, monkeypatch):
    rows = [*EARLIER["long"], *EARLIER["short"]]
    whole = regenerated(setup.base, rows, 0.8, 0)
    monkeypatch.setenv("RETAIN_CACHE", str(store_folder() / "other"))
    asked, write = [], setup.base.generate

    def killed(prompts, limits):
        asked.append(len(prompts))
        if len(asked) == 2:
            raise KeyboardInterrupt
        return write(prompts, limits)

    monkeypatch.setattr(setup.base, "generate", killed)
    with pytest.raises(KeyboardInterrupt):
        regenerated(setup.base, rows, 0.8, 0)
    assert regenerated(setup.base, rows, 0.8, 0) == whole
    assert asked == [32, 32, 32, 16], "of 80 rows the first 32 are not asked again"


def test_answers_of_no_use_are_left_out_and_counted(setup, monkeypatch):
    monkeypatch.setattr("retain.sequences.memory.degenerate", lambda response: "empty")
    found = chosen(setup, rows=4, outputs="regenerated")
    assert found.counts == {"long": 0, "short": 0} and found.tokens == 0
    assert found.notes[0] == "memory: 2 of 2 answers to long were of no use"


def test_text_asks_nothing_that_could_be_answered_anew(toy):
    text = Example(id="x", shape="text", text="one two", source="f.txt", line=3)
    with pytest.raises(UserError, match=r"f.txt:3: .* needs rows with questions"):
        regenerated(toy, [text], 0.0, 0)
    assert regenerated(toy, [], 0.0, 0) == []


def test_remembered_rows_are_mixed_in_and_a_short_run_sees_a_part(setup):
    rows = tuple(EARLIER["short"][:10])
    memory = MemoryRows(rows=rows, own=len(OWN))
    mixed = memory.mix_data(OWN, setup)
    assert sorted(row.id for row in mixed) == sorted(row.id for row in [*OWN, *rows])
    assert [row.id for row in mixed] != [row.id for row in [*OWN, *rows]]
    assert len(memory.mix_data(OWN[:10], setup)) == 15


@pytest.mark.parametrize("kind", ["kl_to_base", "rehearsal"])
def test_a_share_of_general_text_counts_the_rows_of_all_tasks(setup, tmp_path, kind):
    general = [chat(f"tell me {x} {y}", f"{y} .") for x in WORDS for y in WORDS]
    rows = tuple(EARLIER["short"][:30])
    tokens = [sum(setup.tokens(row) for row in part) for part in (OWN, rows)]
    named = {"own": GeneralSet(name="own", source="f.jsonl", examples=general, kept_back=[])}
    recipe = {"model": {"base": "x"}, "data": {"train": "x", "general": [{"name": "own"}]}}
    wanted = parse_recipe({**recipe, "mitigations": [{"kind": kind, "share": 0.5}]}).mitigations
    made = replace(setup, general=named, folder=tmp_path / "training")
    settings = TrainingSettings(batch_size=4, max_length=64, checkpoints=0, watch=0, epochs=1)
    _, record = fit(setup.base, made, OWN, settings, [MemoryRows(rows=rows, own=len(OWN)), *wanted], QUIET)
    assert record.general_tokens - tokens[1] == pytest.approx(0.5 * sum(tokens), rel=0.05)
    assert record.task_tokens == tokens[0], "the stage's own"
