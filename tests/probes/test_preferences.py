"""Preference pairs: which answer is the likelier one for its length, and how far a model moved from its base."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scripted_model import FakeModel

from retain.comparison.compare import compare
from retain.data.formats import examples_of
from retain.errors import UserError
from retain.probes.preferences import SILENT, SUMMED, PreferenceItem, Preferences
from retain.probes.suites import load_suite

ROWS = [
    {"prompt": f"Why {n}?", "chosen": "It is so, and for many reasons.", "rejected": "No.", "split": "test"}
    for n in range(4)
]


ANSWER = {"from": "gpt", "value": "Yes"}


def probe(rows=ROWS, **settings) -> Preferences:
    return Preferences.model_validate({"name": "p", "capability": "c", "items": rows, **settings})


def model(chosen: float, rejected: float, **settings) -> FakeModel:
    return FakeModel(likelihood=lambda context, text: chosen if text.startswith("It") else rejected, **settings)


def test_an_answer_is_weighed_by_its_length_and_whole_answers_stand_beside_it() -> None:
    measured = probe().measure(model(-20.0, -6.0), "test")  # 31 and 3 bytes: -0.65 and -2 a byte
    assert measured.value == 1.0 and measured.chance == 0.5 and measured.unit == "share"
    assert set(measured.also[SUMMED].values()) == {0.0}
    assert {(one.chosen, one.rejected) for one in measured.pairs.values()} == {(-20.0, -6.0)}
    turned = probe().measure(model(-20.0, -1.5), "test")
    assert turned.value == 0.0
    assert probe().measure(model(-31.0, -3.0), "test").value == 0.0, "as likely is not preferred"


def test_answers_follow_the_chat_template_or_lines() -> None:
    chat, raw = model(-1.0, -1.0), model(-1.0, -1.0, chat=False)
    rows = [{**ROWS[0], "system": "Be brief."}]
    probe(rows).measure(raw, "test")
    assert [(one.context, one.continuation) for one in raw.likelihood_calls[0]] == [
        ("Be brief.\nWhy 0?\n", "It is so, and for many reasons."),
        ("Be brief.\nWhy 0?\n", "No."),
    ]
    assert probe(rows).measure(chat, "test").settings["template"] == "chat"


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Why?", "chosen": "Yes", "rejected": "No"},
        {"messages": [{"role": "user", "content": "Why?"}], "chosen": "Yes", "rejected": "No"},
        {"conversations": [{"from": "human", "value": "Why?"}], "chosen": ANSWER, "rejected": "No"},
        {"chosen": "\n\nHuman: Why?\n\nAssistant: Yes", "rejected": "\n\nHuman: Why?\n\nAssistant: No"},
        {"prompt": "Why?", "chosen": [{"role": "assistant", "content": "Yes"}], "rejected": "No", "id": 7},
    ],
)
def test_any_spelling_of_a_pair_is_the_same_item(row) -> None:
    item = PreferenceItem.model_validate(row)
    assert (item.input, item.chosen, item.rejected) == ("Why?", "Yes", "No")
    assert item.id == PreferenceItem.model_validate({"prompt": "Why?", "chosen": "Yes", "rejected": "No"}).id


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"chosen": "Yes", "rejected": "No"}, "missing key `prompt`"),
        ({"prompt": "Why?", "chosen": "", "rejected": " "}, "empty answer"),
        ({"prompt": "Why?", "chosen": "Yes", "rejected": "No", "score": 3}, "score"),
        ({"prompt": "Why?", "chosen": "Yes"}, "rejected"),
    ],
)
def test_wrong_pairs_are_refused(row, says) -> None:
    with pytest.raises(ValueError, match=says):
        PreferenceItem.model_validate(row)


def test_pairs_of_one_prompt_are_items_of_one_cluster() -> None:
    rows = [{"prompt": "Why?", "chosen": text, "rejected": "No.", "split": "test"} for text in ("It is.", "It was.")]
    measured = probe(rows).measure(model(-1.0, -5.0), "test")
    assert len(measured.scores) == 2 and len({*measured.clusters.values()}) == 1


def test_only_the_beginning_of_long_answers_counts() -> None:
    asked = FakeModel(likelihood=lambda context, text: -len(text))
    row = {"prompt": "Why?", "chosen": "é" * 50, "rejected": "b" * 50, "split": "test"}
    measured = probe([row], max_bytes=21).measure(asked, "test")
    assert [len(one.continuation) for one in asked.likelihood_calls[0]] == [10, 21]
    assert "21" in measured.settings["truncation"] and measured.value == 1.0


def test_what_cannot_be_scored_is_left_out_with_its_reason() -> None:
    silent = {"prompt": "Why not?", "chosen": "It is.", "rejected": "", "split": "test"}
    measured = probe([*ROWS, silent]).measure(model(-1.0, -5.0), "test")
    assert list(measured.left_out.values()) == [SILENT] and len(measured.pairs) == 4
    long = FakeModel(likelihood=lambda context, text: None)
    with pytest.raises(UserError, match="longer than the model's context"):
        probe().measure(long, "test")
    with pytest.raises(UserError, match="not finite"):
        probe().measure(model(-1.0, float("-inf")), "test")


def test_held_out_rows_keep_their_split() -> None:
    rows = examples_of([{key: row[key] for key in ("prompt", "chosen", "rejected")} for row in ROWS], "rows")
    made = Preferences.from_examples("task", "task", rows[:3], rows[3:], limit=2)
    assert len(made.pool("test")) == 3 and len(made.select("test")) == 2 and len(made.select("dev")) == 1


def test_a_comparison_tells_how_far_the_model_moved() -> None:
    before = probe().measure(model(-20.0, -6.0), "test")
    after = probe().measure(model(-25.0, -16.0), "test")
    (moved,) = compare([before], [after], ["p"]).rewards
    assert (moved.chosen, moved.rejected, moved.margin) == (-5.0, -10.0, 5.0)
    assert moved.accuracy == 1.0 and moved.pairs == 4
    (same,) = compare([before], [before], ["p"]).rewards
    assert (same.accuracy, same.margin) == (0.5, 0.0)


def test_rewards_have_intervals_over_clusters() -> None:
    before = probe().measure(model(-20.0, -6.0), "test")
    values = iter([-19.0, -6.0, -18.0, -6.0, -17.0, -6.0, -22.0, -6.0])
    after = probe().measure(FakeModel(likelihood=lambda context, text: next(values)), "test")
    (moved,) = compare([before], [after], ["p"]).rewards
    assert moved.margin == 1.0 and moved.accuracy == 0.75
    # margins 1, 2, 3, -2: standard error 2.1602 / 2, Student's t of 3 degrees 3.1824
    assert (moved.margin_low, moved.margin_high) == pytest.approx((1 - 3.4374, 1 + 3.4374), abs=1e-3)
    assert moved.accuracy_high == 1.0


def test_a_suite_reads_files_of_pairs(tmp_path: Path) -> None:
    rows = [{key: value for key, value in row.items() if key != "split"} for row in ROWS]
    (tmp_path / "taste.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "s.yaml").write_text("probes: [{kind: preferences, name: t, capability: taste, items: taste.jsonl}]")
    named, found = load_suite(tmp_path / "s.yaml").probes[0], load_suite(tmp_path).probes[0]
    assert isinstance(named, Preferences) and isinstance(found, Preferences)
    assert named.fingerprint() == found.fingerprint()
