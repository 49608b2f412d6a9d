"""Every command of README and docs is run, on toy models and toy files that stand in for the real ones."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import yaml

import retain
from retain import cli
from retain.models.load import load_causal
from retain.models.load_reranker import load_reranker
from retain.progress import Progress

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "docs_tools"), str(ROOT / "tests" / "importing")]
from documented import documented  # noqa: E402
from lm_eval_logs import choice, write_logs  # noqa: E402

QUIET = Progress(quiet=True)
STAND_INS = {"builtin:smollm2-135m": "BASE", "core": "toy.yaml", "core+safety": "toy.yaml"}
"""Word of a command -> what is given in its place; files and folders have their own names (see ``workspace``)."""
BESIDE = {
    "compare": ["--limit", "8"],
    "measure": ["--limit", "8"],
    "noise": ["--limit", "8"],
    "lint": ["--suite", "none"],
}
"""Command -> options that make it quick, where it does not give them itself."""
SUITES = ("compare", "measure", "noise")
"""Commands whose suite is the toy one where they name none and need one."""
QUICK = ["measure.suite=toy.yaml", "training.epochs=1", "data.general.0.source=web.jsonl", "data.general.0.count=12"]
"""Settings of a recipe that ``retain init`` wrote just now."""
VERDICTS = ("run", "compare", "gate", "frontier", "export")
"""Commands whose exit code is a verdict, which toys may or may not get."""
PARSED_ONLY = {
    "measure MODEL --suite lm-eval:hellaswag,arc_easy": "reads data sets from a hub",
    "measure http://127.0.0.1:8080/v1#model --suite core --output served.json": "needs a server",
    "export runs/recipe --to gguf --type q8_0": "the toy's tokenizer of words has no GGUF form: tests/exporting",
    "compare TUNED model.gguf --folder runs/converted": "the toy's tokenizer of words has no GGUF form: tests/models",
    "frontier recipe.yaml --ray auto": "needs a cluster",
    "frontier recipe.yaml --ray local": "starts a cluster, which takes half a minute: tests/sweep",
    "frontier recipe.yaml --set frontier.preset=rehearsal_share": "trains ten arms; tests/sweep makes them",
}
"""Command -> why it is not run here; tests/test_docs.py parses it."""

RECOMMENDED = "frontiers/recipe/recommended.yaml"
"""What a frontier wrote."""

COMMANDS: dict[tuple[str, ...], str] = {}
"""What is run, once for each kind of recipe -> the page that shows it."""
KINDS = {
    "docs/guides/pretraining.md": "pretraining",
    "docs/guides/preferences.md": "preferences",
    "docs/guides/rerankers.md": "rerankers",
    "docs/guides/sequences.md": "sequences",
    "docs/guides/advise.md": "advise",
    "docs/guides/frontier.md": "frontier",
}
"""Page -> what its recipe.yaml is; elsewhere it is a recipe of supervised rows."""
for page, words in documented(ROOT):
    if " ".join(words) not in PARSED_ONLY:
        kind = KINDS.get(page, "rerankers" if "other_domains/" in words else "rows")
        COMMANDS.setdefault((kind, *words), page)


def lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def beir(folder, things, verb):
    """A BEIR folder over the rerankers' words: each query has one document that answers it."""
    lines(folder / "corpus.jsonl", [{"_id": f"d{i}", "title": "", "text": f"{a} {verb}"} for i, a in enumerate(things)])
    queries = [{"_id": f"q{i}", "text": f"who does {verb} {thing}"} for i, thing in enumerate(things)]
    lines(folder / "queries.jsonl", queries)
    rows = "".join(f"q{i}\td{i}\t1\n" for i in range(len(things)))
    for split in ("train", "test"):
        path = folder / "qrels" / f"{split}.tsv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"query-id\tcorpus-id\tscore\n{rows}")


@pytest.fixture(scope="module")
def models(tmp_path_factory, toy_folder, toy_reranker_folder):
    """Folder of BASE, TUNED and an adapter, as language models and as rerankers."""
    import torch
    from peft import LoraConfig, get_peft_model

    folder = tmp_path_factory.mktemp("stand-ins")
    for kind, base, load in (("rows", toy_folder, load_causal), ("rerankers", toy_reranker_folder, load_reranker)):
        (folder / kind).mkdir()
        os.symlink(base, folder / kind / "BASE")
        other = load(str(base), "fp32")
        torch.manual_seed(5)
        with torch.no_grad():
            for parameter in other.module.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        other.save(folder / kind / "TUNED")
    torch.manual_seed(0)
    config = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    adapted = get_peft_model(load_causal(str(toy_folder), "fp32").module, config)
    adapted.peft_config["default"].base_model_name_or_path = str(toy_folder)
    adapted.save_pretrained(folder / "rows" / "ADAPTER")
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """One cache for all: what was measured for one command is known to the next, as it is to a user."""
    return tmp_path_factory.mktemp("documented-cache")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the one finished run is kept."""
    return tmp_path_factory.mktemp("finished")


def recipe_of(kind, base, folder):
    """The recipe of a page."""
    general = {"name": "own", "source": str(folder / "web.jsonl"), "count": 12}
    recipe = {
        "model": {"base": base, "load_in": "fp32"},
        "data": {"train": str(folder / "rows.jsonl"), "held_out": 0.3, "general": [general]},
        "training": {"learning_rate": 0.02, "epochs": 1, "batch_size": 8, "max_length": 64, "checkpoints": 0},
        "mitigations": [{"kind": "lora", "rank": 2}, {"kind": "kl_to_base"}],
        "measure": {"suite": str(folder / "toy.yaml"), "limit": 8},
    }
    if kind == "preferences":
        recipe["data"]["train"] = str(folder / "pairs.jsonl")
        recipe["training"] |= {"method": "dpo", "learning_rate": 0.003}
    elif kind == "pretraining":
        recipe["data"]["train"] = str(folder / "manuals")
        recipe["training"] |= {"method": "pretrain", "max_length": 32}
    elif kind == "rerankers":
        recipe["data"] = {"train": str(folder / "legal"), "held_out": 0.4}
        recipe["training"] |= {"method": "rank", "max_length": 32}
        recipe |= {"mitigations": [], "measure": {"suite": str(folder / "other_domains")}}
    elif kind == "sequences":
        del recipe["data"]["train"]
        names = ("routing", "answers")
        recipe["stages"] = [{"name": name, "data": {"train": str(folder / f"{name}.jsonl")}} for name in names]
    elif kind == "advise":
        recipe["advise"] = {"rungs": ["few_shot"], "shots": [1], "picks": ["fixed"]}
    elif kind == "frontier":
        recipe["frontier"] = {"arms": {"plain": {"mitigations": []}}, "strengths": [1.0]}
    return recipe


@pytest.fixture
def workspace(tmp_path, monkeypatch, models, cache, kept, toy_suite, colour_rows, pair_rows):
    """Fills a folder with what the commands name, for one kind of recipe, and goes there."""

    def make(kind, words):
        monkeypatch.setenv("RETAIN_CACHE", str(cache))
        monkeypatch.chdir(tmp_path)
        model = "rerankers" if kind == "rerankers" else "rows"
        for name in ("BASE", "TUNED", "MODEL", "OUTPUT_DIR", "out"):
            os.symlink(models / model / ("BASE" if name in ("BASE", "MODEL") else "TUNED"), name)
        for name in ("ADAPTER", "ADAPTER_DIR"):
            os.symlink(models / "rows" / "ADAPTER", name)
        write_data(tmp_path, toy_suite.parent, colour_rows, pair_rows)
        for name, what in recipes_named(words, kind).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(yaml.safe_dump(recipe_of(what, str(models / model / "BASE"), tmp_path)))
        prepare(words, kept)
        return tmp_path

    return make


def recipes_named(words, kind):
    """Path of each recipe that a command needs -> what it is."""
    named = {word: kind for word in words if word.endswith("recipe.yaml") or word in ("own.yaml", RECOMMENDED)}
    return {"recipe.yaml": kind, **named, **{word: "frontier" for word in words if word.endswith("frontier.yaml")}}


def write_data(folder, suite, colours, pairs):
    """Rows, texts, rankings, suites and logs."""
    quickstart = folder / "examples" / "quickstart"
    general = [
        {"prompt": f"tell me about {a} {b}", "completion": f"{b} {a} ."} for a in "abcde" for b in ("it", "red", "no")
    ]
    for name, rows in {
        "rows": colours,
        "pairs": pairs,
        "web": general,
        "clean": [],
        "routing": colours[:20],
        "answers": colours[20:],
        "test": [{"prompt": f"say {a} {b}", "completion": a} for a in "abc" for b in ("one", "two", "three")],
        "val": [{"prompt": f"say {a} {b}", "completion": b} for a in "abc" for b in ("one", "two", "three")],
        "queries": [
            {"query": f"what {verb} {thing}", "pos": f"{thing} {verb}"}
            for verb in ("often", "never")
            for thing in ("cats", "dogs", "fish")
        ],
    }.items():
        if rows:
            lines(folder / f"{name}.jsonl", rows)
    lines(quickstart / "tickets.jsonl", colours)
    other = {"base_model": "BASE", "datasets": [{"path": "rows.jsonl", "type": "chat_template"}], "adapter": "lora"}
    (folder / "config.yml").write_text(yaml.safe_dump({**other, "micro_batch_size": 4, "val_set_size": 0.3}))
    things = "cats dogs birds fish mice cheese seeds one two three four five six seven eight nine ten".split()
    (folder / "manuals").mkdir()
    for number in range(20):
        text = " ".join(f"the sky is blue and snow is white {word} ." for word in ("one", "two", "three") * 4)
        (folder / "manuals" / f"{number}.txt").write_text(f"{things[number % 16]} {'abcde'[number % 5]} {text}")
    beir(folder / "legal", things, "chase")
    beir(folder / "other_domains" / "first", things, "sing")
    for path in suite.iterdir():
        shutil.copy(path, folder)
    probes = (folder / "toy.yaml").read_text()
    for name in ("support", "my_suite"):
        (folder / f"{name}.yaml").write_text(probes.replace("name: say", "name: tickets"))
    for name, right in (("base", 1), ("tuned", 0), ("candidate", 1)):
        write_logs(folder / "logs" / name, {"quiz": [choice(n, right=n % 2 or right) for n in range(12)]})


def prepare(words, kept):
    """What an earlier command would have left: measurements, a noise floor, a finished run, a comparison."""
    for name, model in (("base", "BASE"), ("tuned", "TUNED")):
        if f"{name}.json" in words and words[0] != "measure":
            retain.measure(model, "toy.yaml", "fp32", limit=8, output=f"{name}.json", progress=QUIET)
    if "noise.json" in words and words[0] != "noise":
        retain.noise("BASE", "batch", "toy.yaml", "bf16", 8, "noise.json", QUIET)
    finished = [word for word in words if word in ("runs/recipe", "runs/tickets", "comparison")]
    if finished and words[0] in ("gate", "report", "export"):
        if not (kept / "run").is_dir():
            retain.run("recipe.yaml", kept / "run", progress=QUIET)
        shutil.copytree(kept / "run", finished[0])


def as_run(words):
    """A command's words with stand-ins, and what makes it quick."""
    command = words[0]
    found = [STAND_INS.get(word, word) for word in words]
    reads = any((word.endswith(".json") and word != "noise.json") or word.startswith("logs/") for word in found[1:3])
    if command in SUITES and "--suite" not in found and not reads:
        found += ["--suite", "toy.yaml"]
    for option, value in zip(*[iter(BESIDE.get(command, []))] * 2, strict=True):
        if option not in found:
            found += [option, value]
    return found


def run(words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["retain", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return end.value.code or 0, capsys.readouterr()


@pytest.mark.parametrize("kind_and_words", COMMANDS, ids=" ".join)
def test_a_documented_command_does_what_it_says(kind_and_words, workspace, monkeypatch, capsys):
    kind, *words = kind_and_words
    folder = workspace(kind, words)
    if words[0] == "init":
        written = folder / (words[words.index("--output") + 1] if "--output" in words else "recipe.yaml")
        written.unlink(missing_ok=True)
    code, said = run(as_run(words), monkeypatch, capsys)
    assert code in ((0, 1, 3) if words[0] in VERDICTS else (0,)), said.err
    assert said.out.strip() and "Traceback" not in said.err
    for option in ("--output", "--folder", "--fix"):
        if option in words:
            assert (folder / words[words.index(option) + 1]).exists(), f"{option} was not written"
    if words[0] == "init":
        quick = [word for value in QUICK for word in ("--set", value)] if kind == "rows" else []
        code, said = run(["check", written.name, *quick], monkeypatch, capsys)
        assert code == 0, f"what was written is no recipe: {said.err}"


def test_what_is_parsed_only_is_still_documented():
    shown = {" ".join(words) for _, words in documented(ROOT)}
    assert set(PARSED_ONLY) <= shown
    assert len(COMMANDS) > 40
