"""One trial: some work is harmed, gone on with, and its record is held against that of undisturbed work."""

from __future__ import annotations

import ast
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harms import READ_ERRORS, WRITE_ERRORS, count_calls, kill_at, limit_size, refuse_at, spoil
from work import BROKE, DONE, TOLD, UNFORESEEN, Ended, Place, begin, end, finished, go, record, stage_of

MOST_KILLS = 8
"""Of one piece of work, before it is let come to its end."""
LEFT = 0.75
"""Share of the calls and of the time that is taken to be left after each kill."""
MOST_GOES = 12
"""After which a trial that is told of damage again and again has failed."""
SIZES = (12, 19)
"""Limits of a file's size are powers of two between these."""
NAMED = ("ROOT", "disk", "memory", "/")
"""What a clear error speaks of."""


@dataclass(frozen=True)
class Work:
    """A piece of work, as it goes undisturbed."""

    name: str
    recipe: Path
    seconds: float
    calls: dict[str, int]
    """Kind of call on a file -> how many."""
    record: Any


@dataclass(frozen=True)
class Trial:
    """What is to be tried."""

    fault: str
    work: str
    number: int

    @property
    def key(self) -> str:
        """Its name, and the seed of its chance."""
        return f"{self.fault}/{self.work}/{self.number}"


class Failed(Exception):
    """A trial did not end as it should."""


def undisturbed(recipes: dict[str, Path], places: dict[str, Place]) -> dict[str, Work]:
    """Do each work twice from the start, alone, and hold the records against each other.

    They must not differ by chance: what a fault changes could not be told from it. Work beside other work would take
    longer than it does in a trial, and a kill at a moment drawn from that time would often come after its end.
    """
    calls: dict[str, dict[str, int]] = {}
    seconds: dict[str, float] = {}
    records: dict[str, list[Any]] = {name: [] for name in recipes}
    for again in range(2):
        for name, place in places.items():
            place.clear()
            counts = place.root / "counts.txt"
            ended = go(recipes[name], place, None if again else count_calls(counts))
            if ended.code != DONE:
                raise SystemExit(f"{name} does not come to its end undisturbed:\n{ended.said}")
            records[name].append(record(place))
            seconds[name] = ended.seconds
            if not again:
                calls[name] = ast.literal_eval(counts.read_text())
    for name, (one, other) in records.items():
        if one != other:
            raise SystemExit(f"{name} gives another record when it is done again: {difference(one, other)}")
    return {name: Work(name, recipes[name], seconds[name], calls[name], records[name][0]) for name in recipes}


def tried(trial: Trial, work: Work, place: Place, seed: int) -> dict[str, Any]:
    """What came of a trial."""
    rng = random.Random(f"{seed}/{trial.key}")
    place.clear()
    faults: list[dict[str, Any]] = []
    slowest = 0.0
    outcome, why = "same record", ""
    try:
        KINDS[trial.fault](work, place, rng, faults)
        slowest = max((one.pop("seconds", 0.0) for one in faults), default=0.0)
    except Failed as error:
        outcome, why = str(error.args[0]), str(error.args[1])
    return {
        "trial": trial.key,
        "outcome": outcome,
        "faults": faults,
        **({"slowest": round(slowest, 2)} if slowest else {}),
        **({"why": why[-3000:]} if why else {}),
    }


def _killed(work: Work, place: Place, rng: random.Random, faults: list[dict[str, Any]]) -> None:
    """SIGKILL at any moment of a go, several times."""

    def strike(left: float) -> Ended:
        child, begun = begin(work.recipe, place), time.monotonic()
        until = begun + rng.random() * work.seconds * left
        while time.monotonic() < until and not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            time.sleep(0.001)
        os.kill(child, signal.SIGKILL)
        return end(child, place, begun=begun)

    _struck(work, place, strike, faults)


def _killed_at_a_call(work: Work, place: Place, rng: random.Random, faults: list[dict[str, Any]]) -> None:
    """SIGKILL right before a call that changes a file."""
    _struck(work, place, lambda left: go(work.recipe, place, kill_at(_call(work, rng, left))), faults)


def _powerless(work: Work, place: Place, rng: random.Random, faults: list[dict[str, Any]]) -> None:
    """The same, and files that nobody forced onto the disk are torn."""
    _struck(work, place, lambda left: go(work.recipe, place, kill_at(_call(work, rng, left), rng)), faults)


def _call(work: Work, rng: random.Random, left: float) -> int:
    """One of the calls that change files, from 0."""
    return rng.randrange(round(left * sum(count for kind, count in work.calls.items() if kind != "read")))


def _struck(work: Work, place: Place, strike: Any, faults: list[dict[str, Any]]) -> None:
    """Kill several times, then let the work come to its end."""
    for kills in range(MOST_KILLS):
        before = finished(place)
        ended = strike(LEFT**kills)
        if ended.code == DONE:
            break
        if ended.code != -signal.SIGKILL:
            raise Failed("hang" if ended.code is None else "broke", ended.said)
        _check_kept(before, finished(place))
        faults.append({"stage": stage_of(ended.said), "told": False, "seconds": ended.seconds})
    before = finished(place)
    _to_the_end(work, place, faults)
    _check_kept(before, finished(place))


def _refused(work: Work, place: Place, rng: random.Random, faults: list[dict[str, Any]]) -> None:
    """A call on a file fails, once or from then on; or files may not grow beyond a size."""
    kind = rng.choice(("write", "write", "sync", "rename", "mkdir", "read", "size", "size"))
    if kind == "size":
        size = int(2 ** rng.uniform(*SIZES))
        said, harm = f"files above {size} bytes", limit_size(size)
    else:
        code = rng.choice(READ_ERRORS if kind == "read" else WRITE_ERRORS)
        lasting = rng.random() < 0.5
        harm = refuse_at(kind, rng.randrange(max(1, work.calls.get(kind, 1))), code, lasting)
        said = f"{kind}: {os.strerror(code)}{', lasting' if lasting else ''}"
    ended = go(work.recipe, place, harm)
    faults.append({"what": said, "stage": stage_of(ended.said), "told": ended.code != DONE, "seconds": ended.seconds})
    if ended.code == DONE:
        _check_record(work, place)
        return
    _check_told(ended)
    before = finished(place)
    _to_the_end(work, place, faults)
    _check_kept(before, finished(place))


def _spoiled(work: Work, place: Place, rng: random.Random, faults: list[dict[str, Any]]) -> None:
    """A file of half-done or finished work, or of its store, is damaged."""
    if rng.random() < 0.6:
        calls = sum(count for kind, count in work.calls.items() if kind != "read")
        go(work.recipe, place, kill_at(rng.randrange(calls // 4, calls)))
    else:
        go(work.recipe, place)
    files = [
        path
        for path in sorted([*place.folder.rglob("*"), *place.cache.rglob("*")])
        if path.is_file() and path.stat().st_size and path.name != ".lock" and not path.name.endswith(".tmp")
    ]
    path, how = rng.choice(files), rng.choice(("cut", "zeros", "bit"))
    spoil(path, how, rng)
    name = str(path.relative_to(place.root))
    faults.append({"what": how, "file": name, "stage": "", "told": False})
    _to_the_end(work, place, faults)


def _second(work: Work, place: Place, rng: random.Random, faults: list[dict[str, Any]]) -> None:
    """A second process begins in the folder in which the first one works."""
    first, begun = begin(work.recipe, place), time.monotonic()
    lock = place.folder / ".lock"
    while not (lock.is_file() and lock.stat().st_size) and time.monotonic() - begun < 60:
        time.sleep(0.001)
    time.sleep(rng.random() * 0.6 * work.seconds)
    other = Place(place.root / "second")
    other.root.mkdir()
    second = begin(work.recipe, Both(other.root, place.folder, place.cache))
    ended = end(second, other)
    finished_first = end(first, place, begun=begun)
    if finished_first.code != DONE:
        raise Failed("broke", finished_first.said)
    faults.append({"stage": stage_of(finished_first.said), "told": ended.code == TOLD, "seconds": ended.seconds})
    if ended.code == TOLD and f"process {first} on" not in ended.said:
        raise Failed("unclear", ended.said)
    if ended.code not in (TOLD, DONE):  # done: the first one had ended before
        raise Failed("hang" if ended.code is None else "broke", ended.said)
    _check_record(work, place)


@dataclass(frozen=True)
class Both(Place):
    """Another process's own place, with the folder and the store of the first one."""

    of: Path
    store: Path

    @property
    def folder(self) -> Path:
        """The first one's."""
        return self.of

    @property
    def cache(self) -> Path:
        """The first one's."""
        return self.store


def _to_the_end(work: Work, place: Place, faults: list[dict[str, Any]]) -> None:
    """Go on until the work is done, doing what errors say; the record must be the undisturbed one's.

    Raises:
        Failed: it is not, or an error is not clear, or there is no end.
    """
    for _ in range(MOST_GOES):
        ended = go(work.recipe, place)
        if ended.code == DONE:
            _check_record(work, place)
            return
        _check_told(ended)
        faults[-1]["told"] = True
        if not ended.remove:
            raise Failed("lost", ended.said)
        for name in ended.remove:
            path = Path(name)
            if path.is_dir():
                for part in sorted(path.rglob("*"), reverse=True):
                    part.rmdir() if part.is_dir() else part.unlink()
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
    raise Failed("lost", f"no end after {MOST_GOES} goes: {ended.said}")


def _check_told(ended: Ended) -> None:
    if ended.code is None:
        raise Failed("hang", ended.said)
    clear = any(word in ended.said for word in NAMED) and "Traceback" not in ended.said
    if ended.code not in (TOLD, BROKE) or not clear:
        raise Failed("unclear" if ended.code in (TOLD, BROKE, UNFORESEEN) else "broke", ended.said)


def _check_kept(before: dict[str, int], after: dict[str, int]) -> None:
    lost = [name for name, written in before.items() if after.get(name) != written]
    if lost:
        raise Failed("lost", f"stages that were finished were done again: {lost}")


def _check_record(work: Work, place: Place) -> None:
    found = record(place)
    if found != work.record:
        raise Failed("wrong record", difference(work.record, found))


def difference(one: Any, other: Any, path: str = "") -> str:
    """Where two values of JSON differ first."""
    if type(one) is type(other) and isinstance(one, dict):
        for key in sorted({*one, *other}):
            if one.get(key) != other.get(key):
                return difference(one.get(key), other.get(key), f"{path}.{key}")
    if type(one) is type(other) and isinstance(one, list) and len(one) == len(other):
        for place, (first, second) in enumerate(zip(one, other, strict=True)):
            if first != second:
                return difference(first, second, f"{path}.{place}")
    return f"{path}: {str(one)[:300]} / {str(other)[:300]}"


KILLS = ("kill", "kill at a call", "power cut")
ERRORS = "I/O error"
CORRUPTION = "corruption"
SECOND = "second process"
KINDS = {
    "kill": _killed,
    "kill at a call": _killed_at_a_call,
    "power cut": _powerless,
    ERRORS: _refused,
    CORRUPTION: _spoiled,
    SECOND: _second,
}
"""Fault -> how it is brought about."""
