"""One samples file of lm-eval, read line by line: scores by item, and what was asked and answered."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from retain.errors import UserError
from retain.folder import in_bytes, is_regular
from retain.importing.lm_eval_files import AGAIN
from retain.records import content_hash

BITS = "bits per byte"
LONGEST_LINE = 2**27
"""Bytes of one sample."""
_NEEDED: dict[str, Any] = {"doc": dict, "filter": str, "metrics": list, "arguments": (dict, list), "resps": list}


class Score(NamedTuple):
    """A metric and the filter whose result it scores, as in lm-eval's ``exact_match,strict-match``."""

    metric: str
    filter: str


@dataclass
class Samples:
    """What one file says; items are known by the hash of their document, whatever was asked about it."""

    path: Path
    scores: dict[Score, dict[str, list[float]]] = field(default_factory=dict)
    """Several numbers for one item where a document occurs more than once."""
    unusable: set[Score] = field(default_factory=set)
    """Metrics that are no number for each item, such as F1 over all items."""
    left_out: dict[Score, dict[str, str]] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    """Bytes of each text; rolling likelihoods only."""
    choices: dict[str, int] = field(default_factory=dict)
    asked: dict[str, list[str]] = field(default_factory=dict)
    """Hashes of all that the model was given."""
    prompts: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    lines: int = 0
    digest: str | None = None
    """lm-eval's own hash of the file's content, as in its results; None where lines carry no hashes."""


def read_samples(path: Path, output_type: str) -> Samples:
    """Read one ``samples_<task>_<date>.jsonl``.

    Args:
        path: the file.
        output_type: lm-eval's name for how the task asks: ``multiple_choice``, ``loglikelihood``,
            ``loglikelihood_rolling`` or ``generate_until``.

    Raises:
        UserError: a line is damaged, with its number.
    """
    found = Samples(path)
    digest, complete, first_filter = hashlib.sha256(), True, None
    for row in _rows(path):
        found.lines += 1
        hashes = [row.get(key) for key in ("doc_hash", "prompt_hash", "target_hash")]
        complete = complete and all(isinstance(one, str) for one in hashes)
        digest.update("".join(map(str, hashes)).encode("utf-8", "surrogatepass"))
        item = content_hash(row["doc"])
        first_filter = first_filter or row["filter"]
        if row["filter"] == first_filter:  # each filter repeats the documents, the prompts and the answers
            _note_question(found, item, row, output_type)
        if output_type == "loglikelihood_rolling":
            _note_bits(found, item, row)
            continue
        for metric in row["metrics"]:
            _note_score(found, Score(metric, row["filter"]), item, row.get(metric), output_type)
    if not found.lines:
        raise UserError(f"{path} is empty. {AGAIN}")
    found.digest = digest.hexdigest() if complete else None
    return found


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}, line {number} is damaged: {error}. {AGAIN}") from None
        if wrong := _wrong(row):
            raise UserError(f'{path}, line {number} is no sample of lm-eval: "{wrong}" is missing or wrong. {AGAIN}')
        yield row


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    if not is_regular(path) and not path.is_dir():
        raise UserError(f"{path} is no regular file (a device or a pipe?). Copy the logs again.")
    try:
        with path.open("rb") as file:
            for number in count(1):
                line = file.readline(LONGEST_LINE + 1)
                if len(line) > LONGEST_LINE:
                    raise UserError(f"{path}, line {number} has more than {in_bytes(LONGEST_LINE)}. {AGAIN}")
                if not line:
                    return
                yield number, line
    except OSError as error:
        raise UserError(f"{path} could not be read: {error.strerror}. Copy it again. {AGAIN}") from None


def _wrong(row: Any) -> str | None:
    """The first key that a sample needs and that is missing or of another kind."""
    if not isinstance(row, dict):
        return next(iter(_NEEDED))
    wrong = [key for key, kind in _NEEDED.items() if not isinstance(row.get(key), kind)]
    if not row.get("arguments"):
        wrong.append("arguments")
    if not wrong and not all(isinstance(name, str) and name.isprintable() for name in [*row["metrics"], row["filter"]]):
        wrong.append("metrics")
    return next(iter(wrong), None)


def _note_question(found: Samples, item: str, row: dict[str, Any], output_type: str) -> None:
    """What was asked, and what the model wrote (the first answer where several were drawn)."""
    given = list(_strings(row["arguments"]))
    found.asked.setdefault(item, []).append(content_hash(*given, str(row.get("target"))))
    found.choices[item] = len(row["arguments"])
    if output_type == "generate_until":
        answers = list(_strings(row["resps"]))
        found.prompts.setdefault(item, _whole(given[0]) if given else "")
        found.answers.setdefault(item, _whole(answers[0]) if answers else "")
        found.targets.setdefault(item, _whole(str(row.get("target", ""))))


def _whole(text: str) -> str:
    """With a question mark for each half of a character (a lone surrogate), which no record can hold."""
    return text.encode("utf-8", "replace").decode()


def _strings(value: Any, depth: int = 0) -> Iterator[str]:
    """All texts in lm-eval's nested arguments or answers, without the settings of generation among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one, depth + 1)
    elif isinstance(value, dict) and depth < 2:  # {gen_args_0: {arg_0: text, arg_1: settings}}
        for one in value.values():
            yield from _strings(one, depth + 1)


def _note_score(found: Samples, key: Score, item: str, value: Any, output_type: str) -> None:
    if value is None:
        found.left_out.setdefault(key, {})[item] = "lm-eval gave no score"
        return
    number = _number(value, output_type)
    if number is None or not (math.isnan(number) or 0 <= number <= 1):
        found.unusable.add(key)
    elif math.isnan(number):
        found.left_out.setdefault(key, {})[item] = "lm-eval's score is not a number"
    else:
        found.scores.setdefault(key, {}).setdefault(item, []).append(number)


def _number(value: Any, output_type: str) -> float | None:
    """One number, or the mean of a generating task's list (one entry for each answer or instruction)."""
    if isinstance(value, int | float):
        return float(value)
    listed = isinstance(value, list) and value and output_type == "generate_until"
    if listed and all(isinstance(one, int | float) for one in value):
        return sum(map(float, value)) / len(value)
    return None


def _note_bits(found: Samples, item: str, row: dict[str, Any]) -> None:
    """Bits per byte from the log-likelihood in nats: lm-eval logs [log-likelihood, bytes or words]."""
    key = Score(BITS, row["filter"])
    pairs = {metric: row.get(metric) for metric in ("bits_per_byte", "byte_perplexity", "word_perplexity")}
    known = {metric: pair for metric, pair in pairs.items() if isinstance(pair, list) and len(pair) == 2}
    if not known:
        found.unusable.add(key)
        return
    metric, (logprob, size) = next(iter(known.items()))
    size = len(str(row.get("target", "")).encode("utf-8", "surrogatepass")) if metric == "word_perplexity" else size
    if not (isinstance(logprob, int | float) and isinstance(size, int | float) and size > 0 and math.isfinite(logprob)):
        found.left_out.setdefault(key, {})[item] = "lm-eval's likelihood is not a number"
        return
    found.scores.setdefault(key, {}).setdefault(item, []).append(-logprob / (size * math.log(2)))
    found.weights[item] = float(size)
