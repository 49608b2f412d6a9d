"""A mitigation's view of a run."""

from __future__ import annotations

from dataclasses import replace

import pytest

WORDS = ("a", "b", "c", "d", "e", "yes", "no")


@pytest.fixture
def text_setup(toy, tmp_path):
    """A mitigation's view of a run around the toy model, with 49 rows of general text."""
    from retain.data.formats import examples_of
    from retain.mitigations.base import GeneralSet, Setup
    from retain.records import Gate
    from retain.stages.setting_up import encoder

    rows = [{"prompt": f"tell me about {w} {v}", "completion": f"{v} {w} ."} for w in WORDS for v in WORDS]
    general = GeneralSet(name="own", source="text.jsonl", examples=examples_of(rows, "text"), kept_back=[])
    return Setup(
        base=toy,
        general={"own": general},
        gate=Gate(),
        folder=tmp_path / "training",
        seed=0,
        encode=encoder(toy, 64, "completion"),
        measure_dev=lambda model: [],
        base_dev=list,
        task_probes=frozenset({"task"}),
    )


@pytest.fixture
def trained(text_setup, toy_folder, pair_rows, tmp_path):
    """Trains a fresh toy model on pairs; gives what it became and the record. Keyword arguments are the training's."""
    from retain.data.formats import examples_of
    from retain.mitigations.preference_pairs import PreferenceSetup
    from retain.models.load import load_causal
    from retain.progress import Progress
    from retain.recipe import parse_recipe
    from retain.stages.training import fit

    values = {name: getattr(text_setup, name) for name in text_setup.__dataclass_fields__}
    rows = examples_of(pair_rows, "pairs")

    def train(mitigations=(), load_in="fp32", **training):
        settings = {"method": "dpo", "learning_rate": 0.003, "batch_size": 4, "max_length": 64, "checkpoints": 0}
        recipe = {"model": {"base": "x"}, "data": {"train": "x", "general": [{"name": "own"}]}}
        parsed = parse_recipe({**recipe, "training": {**settings, **training}, "mitigations": list(mitigations)})
        base = load_causal(str(toy_folder), load_in)
        setup = replace(PreferenceSetup(**values), base=base)
        model, record = fit(base, setup, rows, parsed.training, parsed.mitigations, Progress(quiet=True))
        return model.renewed(), record

    return train
