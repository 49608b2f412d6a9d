"""What the headline's runs say together: read from item scores, with what could not be scored, by task."""

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import pytest

HEADLINE = Path(__file__).parents[2] / "benchmarks" / "headline"


@pytest.fixture
def headline(monkeypatch, tmp_path):
    """The benchmark's modules, with results in a folder of the test; a function that writes one run's scores."""
    monkeypatch.setattr(sys, "path", [str(HEADLINE), *sys.path])
    import pooling
    import scores

    monkeypatch.setattr(pooling, "RESULTS", tmp_path)
    monkeypatch.setattr(scores, "SCORES", tmp_path / "scores")
    (tmp_path / "scores").mkdir()

    def write(task, family, seed, gain, losses, broken=0, bases=(0.8, 0.8)):
        """Shares of 50 items: the task won, and each capability lost; of the first one some items unscored."""
        both = [pair("task", 0.0, gain, 0)]
        for place, (base, lost) in enumerate(zip(bases, losses, strict=True)):
            both.append(pair(f"c{place}", base, base - lost, 0 if place else broken))
        plain = {"task": both[:1], "capabilities": both[1:]}
        scores.scores_path(task, family, seed).write_bytes(gzip.compress(json.dumps(plain).encode()))
        path = tmp_path / f"{task}.json"
        known = json.loads(path.read_text()) if path.is_file() else {"families": {}}
        known["families"].setdefault(family, {"seeds": {}})["seeds"][str(seed)] = {}
        path.write_text(json.dumps(known))

    for module in ("pooling", "scores"):
        assert Path(sys.modules[module].__file__).parent == HEADLINE
    yield pooling, write
    for module in ("pooling", "scores"):
        del sys.modules[module]


def pair(probe, before, after, unscored):
    return [side(probe, before, 0), side(probe, after, unscored)]


def side(probe, share, unscored):
    scores = {f"{probe}-{place}": float(place < round(share * 50)) for place in range(50)}
    left_out = {name: "not finite" for name in list(scores)[:unscored]}
    kept = {name: score for name, score in scores.items() if name not in left_out}
    return {
        "probe": probe, "capability": probe, "metric": "exact match", "value": float(np.mean(list(kept.values()))),
        "higher_is_better": True, "unit": "share", "split": "test", "scores": kept, "left_out": left_out,
        "generates": True, "model": "f",
    }  # fmt: skip


def test_gain_kept_and_losses_by_task_and_over_all(headline):
    pooling, write = headline
    for seed in (0, 1):
        for task in ("one", "two"):
            write(task, "plain", seed, 0.8, [0.4, 0.2])
            write(task, "ours", seed, 0.76, [0.02, 0.0])
    write("three", "plain", 0, 0.8, [0.4, 0.4])
    found = pooling.pool(["one", "two", "three"], ["plain", "ours"])
    assert found["ours"]["tasks"] == ["one", "two"], "one seed says nothing over seeds"
    assert found["ours"]["seeds"] == {"one": [0, 1], "two": [0, 1]}
    every = found["ours"]["all"]
    assert every["gain_kept"]["share"] == pytest.approx(0.95)
    assert every["mean_loss"]["loss"] == pytest.approx(1)
    assert (every["worst"], every["losses"]["c0"]["loss"]) == ("c0", pytest.approx(2))
    assert every["any_at_most"] == max(one["at_most"] for one in every["losses"].values())
    assert found["plain"]["all"]["mean_loss"]["loss"] == pytest.approx(30)


def test_items_without_a_score_are_lost_and_what_the_base_cannot_do_is_in_no_number(headline):
    pooling, write = headline
    for seed in (0, 1):
        write("one", "plain", seed, 0.8, [0.4, 0.4])
        write("one", "ours", seed, 0.8, [0.0, 0.0], broken=10)
    assert pooling.pool(["one"], ["plain", "ours"])["ours"]["all"]["mean_loss"]["loss"] == pytest.approx(10)
    for seed in (0, 1):
        write("one", "ours", seed, 0.8, [0.0, 0.0], broken=10, bases=(0.8, 0.02))
    found = pooling.pool(["one"], ["plain", "ours"])["ours"]["all"]
    assert found["losses"].keys() == {"c0"}
    assert found["mean_loss"]["loss"] == pytest.approx(20)


def test_a_task_counts_where_plain_loses_two_capabilities(headline):
    pooling, write = headline
    for seed in (0, 1):
        write("one", "plain", seed, 0.8, [0.4, 0.0])
        write("one", "ours", seed, 0.8, [0.0, 0.0])
    assert pooling.pool(["one"], ["plain", "ours"]) == {}
