"""The tables of the campaign of faults."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from cells import NOT_RUN, head, line

from retain.record_files import read_json

RESULTS = Path(__file__).parent / "results" / "campaign.json"
WORDS = {
    "kill": "killed at any moment",
    "kill at a call": "killed right before a call on a file",
    "power cut": "power cut at such a call: what was not forced onto the disk is torn",
    "I/O error": "a call on a file fails",
    "corruption": "a file is damaged: cut, zeroed, one bit turned",
    "second process": "a second process begins in the same folder",
}
OUTCOMES = ("lost", "wrong record", "unclear", "broke", "hang")
"""What must not happen, by the names of the campaign."""
GROUPS = {
    "cache": "the store",
    "checkpoints": "checkpoints of a training",
    "kept": "what early_stop keeps",
    "trained": "what was trained",
    "tuned": "the tuned model",
    "merged": "the whole model of a stage",
}
"""Part of a path -> what lies there."""


def _trials() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read_json(RESULTS)["trials"] if RESULTS.is_file() else []
    return found


def _kind(trial: dict[str, Any]) -> str:
    """Which fault it was: a trial is called by fault, work and number."""
    return str(trial["trial"]).rsplit("/", 2)[0]


def outcomes_table() -> str:
    """One row for each kind of fault: how the work ended."""
    trials = _trials()
    if not trials:
        return NOT_RUN
    lines = head(
        "fault", "pieces of work", "faults", "same record", "after a clear error", "lost", "wrong", "unclear", "hangs"
    )
    for kind, words in WORDS.items():
        mine = [one for one in trials if _kind(one) == kind]
        if not mine:
            continue
        ended = Counter(one["outcome"] for one in mine)
        told = sum(any(fault["told"] for fault in one["faults"]) for one in mine if one["outcome"] == "same record")
        bad = [ended["lost"], ended["wrong record"], ended["unclear"] + ended["broke"], ended["hang"]]
        counts = [len(mine), sum(len(one["faults"]) for one in mine), ended["same record"], told, *bad]
        lines.append(line([words, *(f"{count:,}" for count in counts)]))
    return "\n".join(lines)


def stages_table() -> str:
    """Where kills and cuts of power struck."""
    trials = [one for one in _trials() if _kind(one) in ("kill", "kill at a call", "power cut")]
    if not trials:
        return NOT_RUN
    places = Counter(fault["stage"] for one in trials for fault in one["faults"])
    lines = head("stage", "kills")
    lines += [line([stage, str(count)]) for stage, count in places.most_common()]
    return "\n".join(lines)


def errors_table() -> str:
    """What failed, and whether the go ended with an error or did without."""
    return _sorted_by("I/O error", lambda fault: _error(fault["what"]), "what fails")


def damage_table() -> str:
    """Which files were damaged, and whether they were made anew or a person was told to remove them."""
    return _sorted_by("corruption", lambda fault: _group(fault["file"]), "damaged file")


def _sorted_by(kind: str, name: Any, title: str) -> str:
    mine = [one for one in _trials() if _kind(one) == kind]
    if not mine:
        return NOT_RUN
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for one in mine:
        for fault in one["faults"]:
            found[name(fault)]["told" if fault["told"] else "alone"] += 1
    lines = head(title, "times", "the same command ended with the same record", "it said what to do first")
    for words, counts in sorted(found.items()):
        lines.append(line([words, str(counts.total()), str(counts["alone"]), str(counts["told"])]))
    return "\n".join(lines)


def _error(what: str) -> str:
    return "a file grows beyond a limit" if what.startswith("files above") else what.removesuffix(", lasting")


def _group(path: str) -> str:
    parts = Path(path).parts
    named = [words for part, words in GROUPS.items() if part in parts]
    if named:
        return named[0]
    if parts[-1] in ("recipe.yaml", "provenance.json", "seconds.json"):
        return f"`{parts[-1]}`"
    if Path(path).suffix in (".html", ".md", ".svg", ".png"):
        return "reports"
    return (
        "scores of one probe"
        if parts[-2] in ("before", "after", "dev", "row", "base") or "dev" in parts
        else "a stage's record"
    )


TABLES = {
    "faults outcomes table": outcomes_table,
    "faults stages table": stages_table,
    "faults errors table": errors_table,
    "faults damage table": damage_table,
}
