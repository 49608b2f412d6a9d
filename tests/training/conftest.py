"""A mitigation's view of a run."""

from __future__ import annotations

import pytest


@pytest.fixture
def text_setup(toy, tmp_path):
    """A mitigation's view of a run around the toy model, with sixteen rows of general text."""
    from retain.data.formats import examples_of
    from retain.mitigations.base import GeneralSet, Setup
    from retain.records import Gate
    from retain.stages.setting_up import encoder

    rows = [{"prompt": f"tell me about {w} {v}", "completion": f"{v} {w} ."} for w in "abcd" for v in "abcd"]
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
