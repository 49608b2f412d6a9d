"""Continued pretraining: every token once an epoch, rows in a sequence that do not see each other, shares by tokens."""

from collections import Counter

import pytest
import torch
from transformers import TrainerCallback

from retain.data.example import Example
from retain.data.pieces import pieces
from retain.mitigations.base import GeneralSet, Setup
from retain.models.base import Message
from retain.models.load import load_causal
from retain.progress import Progress
from retain.recipe import parse_recipe
from retain.records import Gate, content_hash
from retain.stages.setting_up import first_piece, splitter
from retain.stages.training import fit
from retain.training.held_out import padded, row_losses
from retain.training.settings import TrainingSettings
from retain.training.trainer import PenaltyMixin

LENGTH = 16
WORDS = "a b c d e yes no one two three red blue green white it is the".split()


def text(seed: int, words: int, ended: bool = True) -> Example:
    found = " ".join(WORDS[(seed * 7 + i * (seed % 5 + 1)) % len(WORDS)] for i in range(words))
    return Example(id=content_hash(found, ended), shape="text", text=found, ended=ended)


DOCUMENTS = [text(seed, words) for seed, words in enumerate([3, 50, 15, 16, 31, 7, 4, 90, 5, 9, 2, 12])]
GENERAL = [text(100 + seed, words) for seed, words in enumerate([40, 6, 11, 33, 8, 5, 25, 14, 9, 60])]
CHAT = Example(
    id="chat",
    shape="chat",
    messages=(Message(role="user", content="say one"), Message(role="assistant", content="one two")),
)


@pytest.fixture
def train(toy_folder, tmp_path):
    """A training with mitigations as a recipe writes them; what it saw is in ``train.seen``."""
    seen = []

    def run(mitigations=(), documents=DOCUMENTS, general=GENERAL, **settings):
        model = load_causal(str(toy_folder), "fp32")
        own = GeneralSet(name="own", source="general.txt", examples=general, kept_back=general[:2])
        setup = Setup(
            base=model, general={"own": own}, gate=Gate(), folder=tmp_path / "training", seed=0,
            encode=first_piece(model, LENGTH, "completion"), pieces=splitter(model, LENGTH, "completion"),
            measure_dev=lambda model: [], base_dev=lambda: [], task_probes=frozenset({"task"}),
        )  # fmt: skip
        recipe = {"model": {"base": "x"}, "data": {"train": "y", "general": [{"name": "own", "source": "general.txt"}]}}
        made = parse_recipe({**recipe, "mitigations": list(mitigations)}).mitigations
        values = {"method": "pretrain", "learning_rate": 1e-2, "max_length": LENGTH, "batch_size": 3, "watch": 0}
        settings = TrainingSettings(**{**values, "checkpoints": 0, **settings})
        return fit(model, setup, documents, settings, made, Progress(quiet=True))

    original = PenaltyMixin.compute_loss

    def watched(self, model, inputs, *args, **named):
        if model.training:
            seen.append({key: value.clone() for key, value in inputs.items() if isinstance(value, torch.Tensor)})
        return original(self, model, inputs, *args, **named)

    PenaltyMixin.compute_loss = watched
    run.seen = seen
    yield run
    PenaltyMixin.compute_loss = original


def history(training, key="loss"):
    return [entry[key] for entry in training.history]


def labels(batches):
    return Counter(label for batch in batches for label in batch["labels"].flatten().tolist() if label != -100)


def tokens_of(tokenizer, documents):
    found = Counter()
    for one in documents:
        found.update(tokenizer(one.text, add_special_tokens=False)["input_ids"])
        found[tokenizer.eos_token_id] += one.ended
    return found


def test_every_token_of_every_document_is_trained_once_an_epoch(train, toy_tokenizer):
    _, record = train(epochs=1)
    assert labels(train.seen) == tokens_of(toy_tokenizer, DOCUMENTS)
    rows = [row for one in DOCUMENTS for row in pieces(one, toy_tokenizer, LENGTH)]
    assert record.examples == len(DOCUMENTS) and record.task_tokens == sum(len(row.input_ids) for row in rows)
    train.seen.clear()
    _, twice = train(epochs=2)
    once = labels(train.seen[: twice.steps // 2])
    assert once == tokens_of(toy_tokenizer, DOCUMENTS) and labels(train.seen) == once + once
    assert twice.task_tokens == 2 * record.task_tokens


def test_sequences_are_full_and_counted_in_tokens(train):
    _, record = train(batch_size=4, gradient_accumulation=1)
    lines = [batch["input_ids"].shape for batch in train.seen]
    assert all(rows == 1 and tokens <= 4 * LENGTH for rows, tokens in lines)
    full = [tokens == 4 * LENGTH for _, tokens in lines]
    assert sum(full) >= len(full) - 2
    assert record.batch_tokens == pytest.approx(sum(tokens for _, tokens in lines) / record.steps, abs=1)
    assert "sequences of at most 16 tokens" in record.notes[0] and "% full" in record.notes[0]


def test_the_loss_of_a_packed_block_is_the_mean_over_its_documents_tokens(train, toy):
    _, record = train(batch_size=999, learning_rate=1e-30)
    rows = [row for one in DOCUMENTS for row in pieces(one, toy.tokenizer, LENGTH)]
    with torch.no_grad():
        apart = [row_losses(toy.module, padded([row], "cpu"))[0] for row in rows]
    mean = sum(loss for loss, _ in apart) / sum(tokens for _, tokens in apart)
    assert history(record) == pytest.approx([mean], rel=1e-5)


def test_the_librarys_own_loss_on_a_packed_block_is_the_same(train, monkeypatch):
    _, ours = train(batch_size=4, epochs=2)
    monkeypatch.setattr(PenaltyMixin, "_scores_labelled_only", lambda trainer, inputs: False)  # as on CUDA
    _, theirs = train(batch_size=4, epochs=2)
    assert history(theirs) == pytest.approx(history(ours), rel=1e-4)
    assert history(theirs, "grad_norm") == pytest.approx(history(ours, "grad_norm"), rel=1e-3)


MITIGATIONS = {
    "nothing": [],
    "lora": [{"kind": "lora", "rank": 2}],
    "kl on general": [{"kind": "kl_to_base", "weight": 3.0, "share": 0.5}],
    "kl on both": [{"kind": "kl_to_base", "weight": 3.0, "share": 0.5, "on": "both"}],
    "stm": [{"kind": "token_weighting", "rule": "stm", "threshold": 60.0}],
    "talr": [{"kind": "token_weighting", "rule": "talr"}],
    "flow": [{"kind": "token_weighting", "rule": "flow"}],
    "l2": [{"kind": "l2_to_base", "weight": 50.0}],
    "ewc": [{"kind": "ewc", "weight": 50.0, "rows": 8}],
    "freeze": [{"kind": "freeze", "random_share": 0.5}],
    "null_space": [{"kind": "lora", "rank": 2}, {"kind": "null_space", "energy": 0.9}],
    "rehearsal": [{"kind": "rehearsal", "share": 0.3}],
}


@pytest.mark.parametrize("kind", MITIGATIONS)
def test_with_every_mitigation_packing_changes_nothing_but_the_batches(train, kind, monkeypatch):
    """All rows in one update: packed into lines, or each padded by itself, the steps are the same."""
    named = {"batch_size": 999, "epochs": 3, "learning_rate": 3e-2}
    _, packed = train(MITIGATIONS[kind], **named)
    monkeypatch.setattr(TrainingSettings, "packed", property(lambda settings: False))
    _, apart = train(MITIGATIONS[kind], **named)
    assert train.seen[0]["input_ids"].shape[0] == 1 < train.seen[-1]["input_ids"].shape[0]
    for key in packed.history[0].keys() & {"loss", "grad_norm", "task_loss", "kl_to_base", "l2_to_base", "ewc"}:
        assert history(packed, key) == pytest.approx(history(apart, key), rel=2e-3, abs=1e-6), key


@pytest.mark.parametrize("share", [0.05, 0.25, 0.6])
def test_replay_is_a_share_of_tokens_after_packing(train, share):
    mitigations = [{"kind": "rehearsal", "share": share}]
    _, record = train(mitigations, epochs=1)
    assert record.general_tokens / record.task_tokens == pytest.approx(share, abs=2.5 / record.task_tokens)
    packed = sum(batch["input_ids"].numel() for batch in train.seen)
    assert packed == record.task_tokens + record.general_tokens
    _, twice = train(mitigations, epochs=2)
    assert twice.general_tokens == 2 * record.general_tokens


def test_conversations_that_the_base_wrote_are_replayed_too(train):
    _, record = train([{"kind": "rehearsal", "share": 0.02}], general=[CHAT, CHAT, CHAT])
    assert 0 < record.general_tokens / record.task_tokens < 0.1


def test_too_little_text_to_replay_is_an_error(train):
    from retain.errors import UserError

    with pytest.raises(UserError, match="Lower the share to"):
        train([{"kind": "rehearsal", "share": 3.0}])


@pytest.mark.parametrize(
    ("settings", "lowest"),
    [
        ({"schedule": "cosine_with_min_lr"}, 0.1),
        ({"schedule": "cosine_with_min_lr", "lowest_rate": 0.5}, 0.5),
        ({"schedule": "warmup_stable_decay"}, 0.1),
        ({"schedule": "warmup_stable_decay", "lowest_rate": 0.4, "decay": 0.5}, 0.4),
    ],
    ids=str,
)
def test_the_rate_warms_up_again_and_ends_where_it_should(train, settings, lowest, monkeypatch):
    rates = []

    class Note(TrainerCallback):
        def on_step_begin(self, args, state, control, optimizer=None, **kwargs):
            rates.append(optimizer.param_groups[0]["lr"])

    monkeypatch.setattr("retain.training.sft.hooks.callbacks", lambda *args: [Note()])
    train(batch_size=1, learning_rate=1.0, warmup=0.2, epochs=2, **settings)
    peak = rates.index(max(rates))
    assert rates[0] < max(rates) == pytest.approx(1.0) and peak == pytest.approx(0.2 * len(rates), abs=2)
    assert lowest <= rates[-1] < lowest + 0.1
    if settings["schedule"] == "warmup_stable_decay":
        decay = settings.get("decay", 0.2)
        stays = sum(rate == pytest.approx(1.0) for rate in rates)
        assert stays == pytest.approx((1 - 0.2 - decay) * len(rates), abs=3)
