"""Training on preference pairs: rows, the reference, accumulation, mitigations, going on, and what is refused."""

from __future__ import annotations

import json
import math

import pytest
import torch
from pydantic import ValidationError

from retain.data.encoding import IGNORED
from retain.data.formats import examples_of
from retain.data.preference_rows import as_conversations, length_summary
from retain.errors import UserError
from retain.mitigations.distributions import as_batch
from retain.models.logits import labelled_logits
from retain.pipeline import run_recipe
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.training.preference import preference_config
from retain.training.preference_rows import ALIKE, BEYOND, SILENT, Pair, base_logprobs, encode_pair, encode_pairs
from retain.training.preference_settings import SMOOTHED, PreferenceSettings
from retain.training.preference_trainer import chosen_rows
from retain.training.settings import TrainingSettings

LOG_2 = math.log(2)


def pair_of(tokenizer, longest=64, **row):
    (example,) = examples_of([row], "rows")
    return encode_pair(example, tokenizer, longest)


def run(recipe, folder):
    return run_recipe(parse_recipe(recipe), folder, Progress(quiet=True))


def test_answers_follow_the_prompt_as_the_model_is_given_it(toy_tokenizer):
    pair = pair_of(toy_tokenizer, prompt="say one", chosen="yes", rejected="no please")
    assert toy_tokenizer.decode(pair.prompt) == "<|start|> user say one <|end|> <|start|> assistant"
    assert toy_tokenizer.decode(pair.chosen) == "yes <|end|>"
    assert toy_tokenizer.decode(pair.rejected) == "no please <|end|>"
    assert not pair.cut and pair.tokens == 2 * 7 + 2 + 3
    chosen, rejected = pair.rows
    assert chosen.labels == [IGNORED] * 7 + pair.chosen and rejected.input_ids == pair.prompt + pair.rejected


def test_earlier_answers_of_a_dialogue_are_no_part_of_what_is_compared(toy_tokenizer):
    dialogue = "\n\nHuman: say one\n\nAssistant: one\n\nHuman: say two\n\nAssistant: "
    pair = pair_of(toy_tokenizer, chosen=f"{dialogue}two", rejected=f"{dialogue}three")
    assert toy_tokenizer.decode(pair.prompt).endswith("one <|end|> <|start|> user say two <|end|> <|start|> assistant")
    assert (len(pair.chosen), len(pair.rejected)) == (2, 2)


def test_without_a_chat_template_the_turns_are_lines(toy_tokenizer):
    from copy import copy

    plain = copy(toy_tokenizer)
    plain.chat_template = None
    pair = pair_of(plain, prompt="say one", chosen="yes", rejected="no please")
    assert plain.decode(pair.prompt) == "say one" and plain.decode(pair.chosen) == "yes <|end|>"


def test_what_is_too_long_is_cut_or_left_out_and_counted(toy_tokenizer):
    rows = [
        {"prompt": "say one", "chosen": "yes", "rejected": "no a b c d e"},
        {"prompt": "say one", "chosen": "yes", "rejected": "no"},
        {"prompt": "say one", "chosen": "yes yes yes no", "rejected": "yes yes yes a"},
        {"prompt": "say one two three a b c", "chosen": "yes", "rejected": "no"},
        {"prompt": "say one", "chosen": "", "rejected": "no"},
    ]
    pairs, notes = encode_pairs(examples_of(rows, "rows"), toy_tokenizer, 10)
    assert [pair.cut for pair in pairs] == [True, False]
    assert len(pairs[0].rejected) == 3 and toy_tokenizer.eos_token_id not in pairs[0].rejected
    assert pairs[1].chosen[-1] == toy_tokenizer.eos_token_id
    assert notes == [
        f"1 training pairs were left out: {SILENT}",
        f"1 training pairs were left out: {BEYOND}",
        f"1 training pairs were left out: {ALIKE}",
        "1 training pairs lost an answer's end, and with it the end token, to training.max_length",
    ]
    with pytest.raises(UserError, match="no pair can be trained on"):
        encode_pairs(examples_of(rows[3:], "rows"), toy_tokenizer, 10)


def test_lengths_are_compared(pair_rows):
    found = length_summary(examples_of(pair_rows, "rows"))
    assert found["pairs whose chosen answer is longer"] == "20 of 40 (50%)"
    assert found["pairs whose chosen answer is shorter"] == "20 of 40 (50%)"
    one = length_summary(examples_of([{"prompt": "a", "chosen": "b" * 9, "rejected": "c" * 4}], "rows"))
    assert one["chosen length over rejected (median)"] == "2.00"
    assert one["characters of a chosen answer (median)"] == "9"


def test_a_pair_is_a_conversation_with_the_chosen_answer(pair_rows):
    rows = examples_of([*pair_rows[:1], {"prompt": "a", "chosen": "", "rejected": "b"}], "rows")
    (found,) = as_conversations(rows)
    assert found.shape == "chat" and found.target == pair_rows[0]["chosen"] and found.id == rows[0].id


def test_the_reference_is_the_bases_own_log_probability(toy, text_setup, pair_rows):
    pairs, _ = encode_pairs(examples_of(pair_rows[:6], "rows"), toy.tokenizer, 64)
    known = base_logprobs(toy, text_setup, pairs)
    halved = base_logprobs(toy, text_setup, pairs, tail_weight=0.5)
    for pair, found, half in zip(pairs, known, halved, strict=True):
        logprobs = []
        for row in pair.rows:
            ids = torch.tensor([row.input_ids])
            every = toy.module(input_ids=ids).logits[0].log_softmax(-1)
            start = len(pair.prompt)
            logprobs.append([every[at - 1, row.input_ids[at]].item() for at in range(start, len(row.input_ids))])
        assert found == pytest.approx([sum(one) for one in logprobs], abs=1e-4)
        shared = min(map(len, logprobs))
        assert half == pytest.approx([sum(one[:shared]) + sum(one[shared:]) / 2 for one in logprobs], abs=1e-4)
        engine = toy.score_ids([as_pair(pair.prompt, pair.chosen)])[0].logprob
        assert found[0] == pytest.approx(engine, abs=1e-3)


def as_pair(context, continuation):
    from retain.scoring.pair import Pair as Asked

    return Asked(context, continuation)


def test_penalties_see_the_chosen_answers(toy_tokenizer):
    pair = Pair(prompt=[5, 6], chosen=[7, 8], rejected=[9])
    batch = {
        "input_ids": torch.tensor([[5, 6, 7, 8], [5, 6, 9, 2]]),
        "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]),
        "completion_mask": torch.tensor([[0, 0, 1, 1], [0, 0, 1, 0]]),
    }
    found = chosen_rows(batch)
    expected = as_batch(pair.rows[0], "cpu")
    assert all(torch.equal(found[key], expected[key]) for key in expected)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("variant", [None, "lora", "rslora", "pissa", "dora", "olora", "corda", "mica", "orthogonal"])
def test_training_begins_at_log_2_whatever_is_trained(trained, variant, precision):
    """The reference is the base: of all weights, and of adapters that begin elsewhere too."""
    mitigations = [{"kind": "lora", "rank": 4, "variant": variant}] if variant else []
    _, training = trained(mitigations, precision, learning_rate=1e-5, extra={"max_steps": 2})
    first = training.history[0]
    assert first["loss"] == pytest.approx(LOG_2, abs=1e-5 if precision == "fp32" else 0.02)
    assert first["rewards/margins"] == pytest.approx(0, abs=1e-4 if precision == "fp32" else 0.05)
    assert training.base_unchanged is (True if variant else None)


def test_a_model_comes_to_prefer_the_chosen_answers_and_the_report_says_so(pair_recipe, tmp_path):
    recipe = pair_recipe(training={"epochs": 6, "checkpoints": 2})
    record = run(recipe, tmp_path / "run")
    (gain,) = record.comparison.gains
    assert gain.metric == "preference accuracy" and gain.unit == "points"
    assert gain.after > 90 and gain.delta > 10
    (moved,) = record.comparison.rewards
    assert (
        moved.accuracy > 0.9 and moved.margin_low > 0 and moved.margin == pytest.approx(moved.chosen - moved.rejected)
    )
    assert record.training.method == "dpo" and record.training.examples == record.data["train"]
    assert record.data["shape"] == "preference" and "pairs whose chosen answer is longer" in record.data
    assert record.training.alarms == [] and record.kl and record.recitation is not None
    names = {symptom.name for symptom in record.comparison.symptoms}
    assert {"refusal_drift", "verbosity_collapse"} <= names
    for name in ("report.md", "report.html"):
        text = (tmp_path / "run" / name).read_text()
        assert "Preferences against the base" in text and "preference accuracy, whole answers" in text


def test_everything_that_can_be_given_at_once(pair_recipe, tmp_path):
    mitigations = [
        {"kind": "lora", "rank": 4},
        {"kind": "null_space", "energy": 0.5},
        {"kind": "rehearsal", "share": 0.2},
        {"kind": "kl_to_base", "on": "both", "share": 0.3},
        {"kind": "l2_to_base", "weight": 0.01},
        {"kind": "ewc", "weight": 0.01, "rows": 8},
        {"kind": "early_stop", "every": 0.5},
        {"kind": "strength", "values": [0.5, 1.0]},
    ]
    training = {"gradient_accumulation": 2, "gradient_checkpointing": True, "preference": {"nll": 0.2}}
    record = run(pair_recipe(training=training, mitigations=mitigations), tmp_path / "run")
    assert record.training.base_unchanged is True and record.training.general_tokens > 0
    for name in ("rehearsal", "kl_to_base", "l2_to_base", "ewc"):
        values = [entry[name] for entry in record.training.history]
        assert all(value > -1e-6 for value in values) and any(value > 0 for value in values), name
    assert {choice.what for choice in record.choices} == {"checkpoint", "strength"}
    assert (tmp_path / "run" / "tuned" / "adapter_model.safetensors").is_file()
    assert not (tmp_path / "run" / "tuned" / "ref").exists()


@pytest.mark.parametrize("adapter", [[], [{"kind": "lora", "rank": 4}]], ids=["all", "lora"])
def test_accumulated_passes_are_one_update_on_all_pairs(trained, adapter):
    """Four pairs in one pass, or two and two that are accumulated: the same updates, penalties included."""
    terms = [
        {"kind": "l2_to_base", "weight": 5.0},
        {"kind": "kl_to_base", "on": "both", "share": 0.5, "top_k": None},
        {"kind": "rehearsal", "share": 0.25},
    ]
    values = {"schedule": "constant", "warmup": 0.0, "optimizer": "sgd", "max_grad_norm": 1e9, "learning_rate": 0.1}

    def history(batch: int, accumulated: int, mitigations):
        given = {**values, "batch_size": batch, "gradient_accumulation": accumulated, "extra": {"max_steps": 4}}
        return trained([*adapter, *mitigations], **given)[1].history

    one, two = history(4, 1, terms), history(2, 2, terms)
    assert len(one) == len(two) == 4 and one[-1]["l2_to_base"] > 0
    for first, second in zip(one, two, strict=True):
        for name in ("loss", "grad_norm", "l2_to_base", "rewards/margins"):
            assert first[name] == pytest.approx(second[name], rel=2e-3, abs=1e-6), name
    without = history(4, 1, [])
    assert abs(without[-1]["grad_norm"] / one[-1]["grad_norm"] - 1) > 0.01, "the terms act"


def small(tmp_path) -> dict:
    return {"suite": str(tmp_path / "suite" / "toy.yaml"), "limit": 4, "recitation": 0}


def test_every_knob_of_the_loss_changes_the_model(trained):
    def model(**preference) -> str:
        return trained(preference=preference, extra={"max_steps": 4})[0].fingerprint

    losses = PreferenceSettings.model_fields["loss"].annotation.__args__
    found = {loss: model(loss=loss) for loss in losses}
    assert len({*found.values()}) == len(losses), found
    changes = {"beta": {"beta": 0.5}, "nll": {"nll": 0.5}, "tail_weight": {"tail_weight": 0.2}}
    for knob, values in changes.items():
        assert model(**values) != found["sigmoid"], knob
    for loss in SMOOTHED:
        assert model(loss=loss, label_smoothing=0.3) != found[loss], loss
    assert set(changes) | {"loss", "label_smoothing"} == set(PreferenceSettings.model_fields), "try the new knob"
    plain = trained(extra={"max_steps": 4})[0].fingerprint
    assert trained([{"kind": "freeze", "parts": ["mlp"]}], extra={"max_steps": 4})[0].fingerprint != plain
    assert plain == found["sigmoid"], "the same training gives the same model"


def test_a_training_that_was_interrupted_goes_on_and_ends_alike(pair_recipe, tmp_path, monkeypatch):
    from retain.training.watch import ShowProgress

    plain = ShowProgress.on_step_end
    for name, mitigations in (("all", [{"kind": "l2_to_base"}]), ("lora", [{"kind": "lora"}, {"kind": "kl_to_base"}])):
        recipe = pair_recipe(training={"checkpoints": 3}, mitigations=mitigations, measure=small(tmp_path))
        whole = run(recipe, tmp_path / f"{name}-whole")
        stops = iter([8])

        def stop(self, args, state, control, stops=stops, **kwargs):
            plain(self, args, state, control, **kwargs)
            if state.global_step == 8 and next(stops, None):
                raise KeyboardInterrupt

        monkeypatch.setattr(ShowProgress, "on_step_end", stop)
        with pytest.raises(KeyboardInterrupt):
            run(recipe, tmp_path / name)
        assert list((tmp_path / name / "training" / "checkpoints").glob("checkpoint-*"))
        again = run(recipe, tmp_path / name)
        assert again.training.steps == whole.training.steps
        assert again.after[0].model == whole.after[0].model


def test_a_rate_is_found_by_short_runs_on_dev_pairs(pair_recipe, tmp_path):
    scan = {"scan": [1e-5, 3e-3], "share": 0.5}
    record = run(pair_recipe(training={"learning_rate": scan}, measure=small(tmp_path)), tmp_path / "run")
    assert record.choices[0].chosen in {one.value for one in record.choices[0].candidates}


def test_rehearsal_beside_pairs_is_the_texts_own_loss(toy, text_setup):
    from retain.mitigations.base import Step
    from retain.mitigations.distributions import encoded_rows
    from retain.mitigations.preference_pairs import PreferenceSetup
    from retain.mitigations.rehearsal import Rehearsal
    from retain.training.stream import GeneralStream

    plain = text_setup
    values = {name: getattr(plain, name) for name in plain.__dataclass_fields__}
    setup = PreferenceSetup(**{**values, "task_tokens": 100})
    unit = Rehearsal(share=0.5)
    assert unit.mix_data(["a"], setup) == ["a"] and unit.general_share(setup) == ("own", 0.5)
    assert unit.penalty(toy, plain) is None and unit.general_share(plain) is None
    stream = GeneralStream(encoded_rows(setup, "own"), 2.0, 0)
    batch = stream.batch(0, 2, "cpu")
    step = Step(toy.module, {}, lambda name: batch)
    total = sum(
        torch.nn.functional.cross_entropy(
            labelled_logits(toy.module, as_batch(row, "cpu")), wanted(row), reduction="sum"
        )
        for row in (stream.rows[place] for place in batch.rows)
    )
    assert unit.penalty(toy, setup)(step).item() == pytest.approx(float(0.5 * total / stream.usual), rel=1e-4)
    with pytest.raises(UserError, match=r"share 0\.5 needs 50000 tokens"):
        unit.penalty(toy, PreferenceSetup(**{**values, "task_tokens": 100_000}))


def wanted(row) -> torch.Tensor:
    return torch.tensor([label for label in row.labels[1:] if label != IGNORED])


def test_the_recipes_words_are_trls(toy, tmp_path):
    settings = TrainingSettings(
        method="dpo", learning_rate=5e-6, preference={"loss": "robust", "nll": 0.5, "beta": 0.2}
    )
    found = preference_config(settings, toy, tmp_path, 7)
    assert (found.loss_type, found.loss_weights, found.beta) == (["robust", "sft"], [1.0, 0.5], 0.2)
    assert (found.label_smoothing, found.ld_alpha, found.seed, found.learning_rate) == (0.1, None, 7, 5e-6)
    assert not found.gradient_checkpointing and found.precompute_ref_log_probs
    more = TrainingSettings(method="dpo", extra={"f_divergence_type": "js_divergence"}, preference={"tail_weight": 0.5})
    found = preference_config(more, toy, tmp_path, 7)
    assert (found.f_divergence_type, found.ld_alpha, found.loss_type) == ("js_divergence", 0.5, ["sigmoid"])


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"beta": 0.3}, "Retain's own keys"),
        ({"sync_ref_model": True}, "Retain's own keys"),
        ({"discopop_tauu": 1}, "did you mean"),
        ({"eval_strategy": "nonsense"}, "refuses"),
    ],
)
def test_extra_keys_are_checked(toy, tmp_path, extra, says):
    with pytest.raises(UserError, match=says):
        preference_config(TrainingSettings(method="dpo", extra=extra), toy, tmp_path, 0)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"loss": "sft"}, "'sigmoid', 'sigmoid_norm'"),
        ({"label_smoothing": 0.1}, "has no effect with loss: sigmoid"),
        ({"loss": "exo_pair", "label_smoothing": 0.0}, "needs more than 0"),
        ({"beta": 0}, "greater than 0"),
    ],
)
def test_settings_that_say_nothing_are_refused(values, says):
    with pytest.raises(ValidationError, match=says):
        PreferenceSettings(**values)


def test_rows_of_the_other_kind_are_refused_with_what_to_do(pair_recipe, colour_file, pair_file, tmp_path):
    from retain.stages.prepare import read_and_split

    def refused(recipe) -> str:
        with pytest.raises(UserError) as error:
            read_and_split(parse_recipe(recipe))
        return str(error.value)

    chat = pair_recipe(data={"train": str(colour_file), "held_out": 0.3})
    assert "found chat rows" in refused(chat) and "training.method: sft" in refused(chat)
    pairs = pair_recipe()
    pairs["training"] = {"method": "sft"}
    assert "training.method: dpo" in refused(pairs) and "prompt and completion" in refused(pairs)
    general = {"name": "own", "source": str(pair_file), "count": 20}
    assert "general text" in refused(pair_recipe(data={**pairs["data"], "general": [general]}))


def test_lm_heads_are_not_adapted(pair_recipe, tmp_path):
    mitigations = [{"kind": "lora", "target_modules": ["q_proj", "lm_head"]}]
    recipe = pair_recipe(mitigations=mitigations, measure=small(tmp_path))
    with pytest.raises(UserError, match="lm_head"):
        run(recipe, tmp_path / "run")


def test_suite_files_of_pairs_are_read(pair_recipe, toy_recipe, pair_rows, tmp_path):
    """A suite may keep pairs of its own: another training is measured on them as on any capability."""
    rows = [{**row, "prompt": row["prompt"].replace("what is", "tell me")} for row in pair_rows]
    (tmp_path / "kept.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    probe = {"kind": "preferences", "name": "kept", "capability": "taste", "items": "kept.jsonl"}
    (tmp_path / "kept.yaml").write_text(json.dumps({"probes": [probe]}))
    record = run(toy_recipe(measure={"suite": str(tmp_path / "kept.yaml"), "recitation": 0}), tmp_path / "run")
    assert record.comparison.losses[0].metric == "preference accuracy"
    assert record.comparison.rewards[0].probe == "kept"
