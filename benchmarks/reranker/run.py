"""Rerankers: what plain tuning on SciFact gains and loses, and what Retain's default keeps, over seeds.

    python benchmarks/reranker/make_base.py               # once
    python benchmarks/reranker/run.py                     # everything; goes on where it stopped
    python benchmarks/reranker/run.py --seeds 0           # the candidates only

With the first seed every candidate of arms.yaml is run, and one of each family is chosen on dev items: the plain one by
its gain on SciFact, ours as a frontier chooses. The chosen ones are run with the other seeds. results/scifact.json
holds what was tried, what was chosen, each run's test numbers, and what all seeds say together.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from retain.commands.run import run
from retain.comparison.claims import gain_kept, mean_loss
from retain.comparison.seeds import over_seeds
from retain.frontier_records import ArmResult
from retain.provenance import provenance
from retain.record_files import read_json, write_json
from retain.records import Candidate, Change, Choice, Measurement, RunRecord
from retain.sweep.selection import recommend
from retain.yaml_text import parse_yaml

HERE = Path(__file__).parent
RESULT = HERE / "results" / "scifact.json"
PLAIN, OURS = "plain", "ours"
Runs = dict[int, RunRecord]


def main() -> None:
    """Run what is not there yet, and write down what it says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="the first one chooses")
    parser.add_argument("--folder", type=Path, default=Path("runs/reranker/scifact"))
    options = parser.parse_args()
    families: dict[str, dict[str, list[str]]] = parse_yaml((HERE / "arms.yaml").read_text("utf-8"))
    known: dict[str, Any] = read_json(RESULT) if RESULT.is_file() else {"families": {}}
    runs: dict[str, Runs] = {}
    for family, candidates in families.items():
        runs[family] = one_family(family, candidates, options.seeds, options.folder, known)
    if all(len(one) > 1 for one in runs.values()):
        known["pooled"] = {family: losses(list(one.values())) for family, one in runs.items()} | kept(runs)
    write_json(RESULT, {**known, "provenance": provenance(options.seeds[0])})


def one_family(
    family: str, candidates: dict[str, list[str]], seeds: list[int], folder: Path, known: dict[str, Any]
) -> Runs:
    """Run a family's candidates with the first seed, choose, and run the chosen one with the others."""

    def once(name: str, seed: int) -> RunRecord:
        plain = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in name)
        return run(HERE / "scifact.yaml", folder / family / plain / f"seed{seed}", [*candidates[name], f"seed={seed}"])

    tried = {}
    for name in candidates:
        tried[name] = once(name, seeds[0])
        print(family, name, dev(tried[name]), flush=True)
    chosen = choose(family, tried)
    found = {seeds[0]: tried[chosen]}
    for seed in seeds[1:]:
        found[seed] = once(chosen, seed)
    known["families"][family] = {
        "tried": {name: dev(record) for name, record in tried.items()},
        "chosen": chosen,
        "settings": candidates[chosen],
        "seeds": {str(seed): test(record) for seed, record in found.items()},
    }
    write_json(RESULT, known)
    return found


def choose(family: str, tried: dict[str, RunRecord]) -> str:
    """The candidate to take, on dev items."""
    if family == PLAIN:
        return max(tried, key=lambda name: taken(tried[name]).gain or 0.0)
    arms = [
        ArmResult(name=name, variant=name, changes={}, share=1.0, seed=0, folder="",
                  curve=strengths(record).candidates, strength=taken(record).value)
        for name, record in tried.items()
    ]  # fmt: skip
    found = recommend(arms)
    assert found is not None
    return found.variant


def strengths(record: RunRecord) -> Choice:
    """What was measured on dev items."""
    return next(choice for choice in record.choices if choice.what == "strength")


def taken(record: RunRecord) -> Candidate:
    """The strength that a run took, as dev items saw it."""
    choice = strengths(record)
    return next(one for one in choice.candidates if one.value == choice.chosen)


def dev(record: RunRecord) -> dict[str, Any]:
    """What dev items say of a candidate."""
    keys = ("value", "gain", "gain_error", "mean_loss", "worst", "worst_loss", "passing")
    return {key: rounded(getattr(taken(record), key)) for key in keys}


def test(record: RunRecord) -> dict[str, Any]:
    """What test items say of a run, in points of nDCG@10."""
    compared, training = record.comparison, record.training
    assert training is not None and compared.pooled is not None
    return {
        "strength": taken(record).value,
        "verdict": record.verdict.outcome,
        "gain": change(compared.gains[0]),
        "mean": change(compared.pooled),
        "sets": {one.probe: change(one) for one in compared.losses},
        "training_seconds": round(training.seconds),
    }


def change(one: Change) -> dict[str, Any]:
    """A change in points with its 95% interval."""
    return {key: rounded(getattr(one, key)) for key in ("delta", "low", "high", "before", "items")}


def rounded(value: Any) -> Any:
    """Two digits of a number."""
    return round(value, 2) if isinstance(value, float) else value


def both(record: RunRecord, task: bool) -> list[tuple[Measurement, Measurement]]:
    """(base, tuned) of the task's probe, or of the others."""
    names = {one.probe for one in record.comparison.gains}
    after = {one.probe: one for one in record.after}
    return [(one, after[one.probe]) for one in record.before if (one.probe in names) == task]


def losses(records: list[RunRecord]) -> dict[str, Any]:
    """The gain, the mean loss out of domain and that of each set, over seeds."""
    others = [both(record, False) for record in records]
    mean = mean_loss([others])
    sets = {}
    for place, (before, _) in enumerate(others[0]):
        one = over_seeds([pairs[place] for pairs in others])
        sets[before.probe] = {"loss": rounded(-one.delta), "low": rounded(-one.high), "high": rounded(-one.low)}
    gain = over_seeds([both(record, True)[0] for record in records])
    return {
        "gain": {key: rounded(getattr(gain, key)) for key in ("delta", "low", "high")},
        "mean_loss": {key: rounded(getattr(mean, key)) for key in ("loss", "low", "high", "at_most")},
        "sets": sets,
    }


def kept(runs: dict[str, Runs]) -> dict[str, Any]:
    """The share of the plain gain that ours keeps."""
    seeds = sorted(runs[PLAIN].keys() & runs[OURS].keys())
    threes = []
    for seed in seeds:
        (base, plain), (_, ours) = both(runs[PLAIN][seed], True)[0], both(runs[OURS][seed], True)[0]
        threes.append((base, plain, ours))
    found = gain_kept([threes])
    return {"gain_kept": {key: rounded(getattr(found, key)) for key in ("share", "low", "high", "at_least")}}


if __name__ == "__main__":
    main()
