"""What is fed to Retain: one strategy for each kind of input, each giving the files of a folder."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

import yaml
from hypothesis import strategies as st
from values import WORDS, broken, changed, deep, scalars, texts, values

Files = dict[str, bytes]
"""Name -> content of each file of a folder."""
DATE = "2026-11-20T10-00-00.000001"
ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1251", "shift_jis")
NAMES = ("rows", "rows", "a b", "-x", "ü", "a\nb", "[bold]", "..rows", "con")
ENDINGS = (".jsonl", ".jsonl", ".json", ".csv", ".tsv", ".txt", ".ndjson", ".parquet", ".jsonl.gz", ".csv.gz")

_word = st.sampled_from(WORDS)
_turns = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(("user", "assistant", "system", "tool", "king")), "content": texts}),
    max_size=4,
)
SHAPES = (
    st.fixed_dictionaries({"prompt": texts, "completion": texts}),
    st.fixed_dictionaries({"prompt": _word, "completion": _word}),
    st.fixed_dictionaries({"messages": _turns}),
    st.fixed_dictionaries(
        {"conversations": st.lists(st.fixed_dictionaries({"from": texts, "value": texts}), max_size=3)}
    ),
    st.fixed_dictionaries({"instruction": texts, "input": texts, "output": texts}),
    st.fixed_dictionaries({"instruction": texts, "instances": values}),
    st.fixed_dictionaries({"prompt": texts, "chosen": st.one_of(texts, _turns), "rejected": st.one_of(texts, _turns)}),
    st.fixed_dictionaries({"query": texts, "pos": st.one_of(texts, st.lists(texts, max_size=2)), "neg": values}),
    st.fixed_dictionaries({"query": texts, "document": texts, "label": scalars}),
    st.fixed_dictionaries({"text": texts}),
    st.dictionaries(texts, values, max_size=3),
    values,
)


@st.composite
def rows(draw: st.DrawFn) -> list[Any]:
    """Rows of one shape, some of them changed; now and then so many that the checks speak."""
    shape = draw(st.sampled_from(SHAPES))
    found = draw(st.lists(shape, max_size=5)) * draw(st.sampled_from((1, 1, 1, 12)))
    return [draw(changed(row, 1)) for row in found] if draw(st.booleans()) else found


@st.composite
def data_files(draw: st.DrawFn) -> Files:
    """One file of rows."""
    ending = draw(st.sampled_from(ENDINGS))
    found = draw(rows())
    if ending == ".parquet":
        content = _parquet(found)
    else:
        text = draw(_text(found, ending.removesuffix(".gz")))
        encoding = draw(st.sampled_from(ENCODINGS))
        content = text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")
    content = draw(broken(content))
    return {draw(st.sampled_from(NAMES)) + ending: gzip.compress(content) if ending.endswith(".gz") else content}


@st.composite
def _text(draw: st.DrawFn, found: list[Any], ending: str) -> str:
    plain = draw(st.booleans())
    if ending in (".jsonl", ".ndjson"):
        line = draw(st.sampled_from(("\n", "\n", "\r\n", "\n\n", " ")))
        return line.join(json.dumps(row, ensure_ascii=plain) for row in found)
    if ending == ".json":
        return json.dumps({"data": found} if plain else found, indent=draw(st.sampled_from((None, 1))))
    if ending == ".txt":
        return "\n\n".join(str(row) for row in found)
    written = io.StringIO()
    table = csv.writer(written, delimiter=draw(st.sampled_from(",;\t|")), quoting=draw(st.sampled_from((0, 1))))
    records = [row for row in found if isinstance(row, dict)]
    header = list(records[0]) if records else ["text"]
    table.writerow(header)
    table.writerows([row.get(key, "") for key in header] for row in records)
    return written.getvalue()


def _parquet(found: list[Any]) -> bytes:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    written = io.BytesIO()
    try:
        parquet.write_table(arrow.Table.from_pylist([row for row in found if isinstance(row, dict)]), written)
    except (arrow.ArrowException, TypeError, ValueError, OverflowError):
        return json.dumps(found).encode()
    return written.getvalue()


RECIPE: dict[str, Any] = {
    "model": {"base": "builtin:smollm2-135m", "load_in": "bf16"},
    "data": {
        "train": "rows.jsonl",
        "held_out": 0.2,
        "limit": None,
        "loss_on": "completion",
        "general": [{"name": "own", "source": "base_model", "count": 20, "max_tokens": 8, "temperature": 0.7}],
    },
    "training": {"learning_rate": 2e-4, "epochs": 1, "batch_size": 8, "warmup": None, "report_to": [], "extra": {}},
    "mitigations": [
        {"kind": "lora", "rank": 4},
        {"kind": "kl_to_base", "weight": 1.0, "share": 0.25},
        {"kind": "strength", "values": [0.5, 1.0]},
    ],
    "measure": {"suite": "suite", "limit": None, "task": {"score": "auto", "max_tokens": 4}, "recitation": 0},
    "gate": {"mean_margin": 1.0, "margin": 3.0, "min_gain": 0.0},
    "frontier": {"preset": "quick", "arms": {"low": {"training.learning_rate": 1e-5}}, "shares": [1.0], "seeds": [0]},
    "advise": {"shots": [1, 2], "passages": [1], "documents": None, "rungs": ["few_shot", "retrieval"]},
    "seed": 0,
}
_LINES = ("a: &a [*a]", "b: &b {c: *b}", "x: 2001-99-99", "y: !!timestamp z", "<<: {seed: 1}", "seed: 0x" + "f" * 6000)
_OVERRIDES = ("training.epochs=2", "seed=-1", "mitigations.0.rank=x", "a.b.c=[", "=", "mitigations.9.x=1", "seed.x=1")
_ROWS = "".join(json.dumps({"prompt": f"what is {n}", "completion": WORDS[n % 3]}) + "\n" for n in range(40)).encode()
_ITEMS = "".join(
    json.dumps({"prompt": f"say {n}", "answer": str(n), "split": ("dev", "test")[n % 2]}) + "\n" for n in range(8)
)


@st.composite
def recipes(draw: st.DrawFn) -> Files:
    """A recipe, with the rows and the suite that it names unless it was changed."""
    content = draw(changed(RECIPE, 2))
    if isinstance(content, dict) and draw(st.booleans()):
        content = {key: content[key] for key in content if key not in ("frontier", "advise") or draw(st.booleans())}
    try:
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=draw(st.booleans()))
    except (yaml.YAMLError, ValueError, UnicodeError):
        text = json.dumps(content)
    if draw(st.integers(0, 6)) == 0:
        text += draw(st.one_of(st.sampled_from(_LINES), deep((90, 101, 990)).map(lambda one: f"deep: {one}")))
    return {
        "recipe.yaml": draw(broken(text.encode("utf-8", "replace"))),
        "overrides": json.dumps(draw(st.lists(st.sampled_from(_OVERRIDES), max_size=1))).encode(),
        "rows.jsonl": _ROWS,
        "suite/say.jsonl": _ITEMS.encode(),
    }


SUITE: dict[str, Any] = {
    "name": "own",
    "probes": [
        {"kind": "answers", "name": "say", "capability": "saying", "items": "say.jsonl", "max_tokens": 4},
        {"kind": "multiple_choice", "name": "pick", "capability": "picking", "items": "pick.jsonl"},
    ],
}
_CHOICE = {"query": "what", "choices": ["a", "b"], "gold": 0}


@st.composite
def suites(draw: st.DrawFn) -> Files:
    """A suite file and the items that it names."""
    text = yaml.safe_dump(draw(changed(SUITE, 2)), sort_keys=False) if draw(st.booleans()) else json.dumps(SUITE)
    picks = "".join(json.dumps(draw(changed(_CHOICE, 1))) + "\n" for _ in range(draw(st.integers(0, 4))))
    return {
        "suite.yaml": draw(broken(text.encode("utf-8", "replace"))),
        "say.jsonl": draw(broken(_ITEMS.encode())),
        "pick.jsonl": draw(broken(picks.encode("utf-8", "replace"))),
    }


def _sample(number: int, right: float) -> dict[str, Any]:
    return {
        "doc_id": number,
        "doc": {"q": f"item {number}"},
        "target": "0",
        "arguments": {f"gen_args_{n}": {"arg_0": f"Item {number} is", "arg_1": f" option {n}"} for n in range(2)},
        "resps": [[["-1.0", "False"]], [["-2.0", "False"]]],
        "filtered_resps": [["-1.0", "False"], ["-2.0", "False"]],
        "filter": "none",
        "metrics": ["acc"],
        "acc": right,
    }


RESULTS: dict[str, Any] = {
    "results": {"toy": {"alias": "toy", "acc,none": 0.5}},
    "group_subtasks": {"group": ["toy"]},
    "groups": {"group": {"acc,none": 0.5}},
    "configs": {
        "toy": {"task": "toy", "output_type": "multiple_choice", "num_fewshot": 0, "metric_list": [{"metric": "acc"}]}
    },
    "versions": {"toy": 1.0},
    "n-shot": {"toy": 0},
    "higher_is_better": {"toy": {"acc": True}},
    "config": {"model": "hf", "model_args": "pretrained=some/model,dtype=float32", "batch_size": 8},
    "lm_eval_version": "0.4.13",
    "model_name": "some/model",
}


@st.composite
def logs(draw: st.DrawFn) -> Files:
    """Two folders of lm-eval's logs."""
    found: Files = {}
    for side in ("before", "after"):
        samples = [
            _sample(number, float(draw(st.booleans())))
            for number in range(draw(st.sampled_from((12, 12, 12, 12, 1, 0))))
        ]
        results: Any = RESULTS
        if draw(st.integers(0, 2)) == 2:
            results = draw(changed(RESULTS, 2))
            samples = [draw(changed(sample, 1)) if draw(st.booleans()) else sample for sample in samples]
        kind = draw(st.sampled_from((*["multiple_choice"] * 6, "generate_until", "loglikelihood_rolling")))
        if kind != "multiple_choice" and results is RESULTS:
            results = {**RESULTS, "configs": {"toy": {**RESULTS["configs"]["toy"], "output_type": kind}}}
        lines = "".join(json.dumps(sample) + "\n" for sample in samples)
        found[f"{side}/samples_toy_{DATE}.jsonl"] = draw(broken(lines.encode()))
        found[f"{side}/results_{DATE}.json"] = draw(broken(json.dumps(results).encode()))
    return found


MEASUREMENT: dict[str, Any] = {
    "probe": "toy",
    "capability": "toy",
    "metric": "accuracy",
    "value": 0.5,
    "higher_is_better": True,
    "unit": "share",
    "split": "test",
    "scores": {"a": 1.0, "b": 0.0, "c": 1.0},
    "generates": True,
    "responses": {"a": {"text": "x", "tokens": 1, "stopped": True}},
    "prompts": {"a": "what"},
    "model": "m",
}


@st.composite
def measurements(draw: st.DrawFn) -> Files:
    """Two files of measurements, as ``retain measure`` writes them."""
    content = {"name": "one", "measurements": [MEASUREMENT]}
    return {
        f"{side}.json": draw(broken(json.dumps(draw(changed(content, 2))).encode("utf-8", "replace")))
        for side in ("before", "after")
    }


KINDS: dict[str, st.SearchStrategy[Files]] = {
    "recipes": recipes(),
    "data files": data_files(),
    "lm-eval logs": logs(),
    "suites": suites(),
    "measurements": measurements(),
}
