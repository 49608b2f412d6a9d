"""The recipes that ``retain init`` writes."""

from __future__ import annotations

import yaml

from retain.models.size import weights_of

OWN = """\
# what stands for the old abilities: text the base writes itself before training. Short
                           # answers, since what is lost is lost at their beginning
    - {name: own, source: base_model, count: 4000, max_tokens: 32}"""
NEAR = "{kind: kl_to_base, weight: 3.0, share: 0.75}"
"""What keeps supervised fine-tuning near the base, as the headline measured it."""
NEAR_LIGHTLY = "{kind: kl_to_base, weight: 1.0, share: 0.25}"
"""The same for pairs, where nothing stronger has been measured."""
SMALL_ROWS = 2000
"""Fewer rows than this get four epochs, as the 600 rows of the headline did."""
SMALL_MODEL = 400_000_000
"""Weights up to which a model gets the rates that were measured on one of 135 million."""
WIDE = 10**6
"""Letters of a line, so that no path is broken."""


def is_small(model: str) -> bool:
    """Whether a model is known to be small, by its files or its name."""
    weights = weights_of(model)
    return weights is not None and weights <= SMALL_MODEL


def render_recipe(
    model: str, train: str, shape: str, rows: int, suite: str | None = None, general: str | None = None
) -> str:
    """The text of a recipe for a language model."""
    small = is_small(model)
    rate, why = ("2.0e-3", "as measured below") if small else ("2.0e-4", "usual for billions of weights")
    epochs = 4 if rows < SMALL_ROWS else 1
    base, quoted = quote(model), quote(train)
    source = OWN if general is None else f"# what stands for the old abilities\n    - {given(general)}"
    return f"""\
# Fine-tunes {model} and measures what it learned and what it forgot.
# Check it: retain check {{this file}}     Run it: retain run {{this file}}
model:
  base: {base}
  load_in: bf16            # precision before and after: fp32, bf16 or 4bit (QLoRA)
data:
  train: {quoted}          # {rows} rows, detected as {shape}
  held_out: 0.15           # halved into dev (for choices) and test (for the report)
  general:                 {source}
training:
  learning_rate: {rate}    # for LoRA, {why}; a tenth of it without LoRA
  epochs: {epochs}
  batch_size: 8
  weight_decay: 0.1
# Measured on SmolLM2-135M with 600 rows, one seed. benchmarks/headline: these settings gained 69.5 points of 100 on
# banking77, the best plain fine-tune 70.5; they lost 0.4 points on average over 13 abilities, the plain one 37.6. On
# restaurant8k they gained 75.5 (plain 78.7) and lost nothing on average (35.6), on geoquery 71.2 (66.7) and lost 0.2
# (17.8). benchmarks/ablation, two tasks: plain lost 45 points, LoRA alone 42 to 46, rehearsal of a quarter 14 to 17,
# ewc and l2_to_base 28 to 38, null_space, freeze and a low rate 37 to 45.
mitigations:
  - {{kind: lora, rank: 16}}                           # the base's weights stay as they are
  - {NEAR}     # stay near the base on general text
  - {{kind: strength}}                                 # keep as much of the update as the margins allow
measure:
  suite: {quote(suite) if suite else "core             "} # retain list suites
gate:                      # the largest losses you accept, in points of 100
  mean_margin: 1.0
  margin: 3.0
  min_gain: 0.0
seed: 0
"""


def render_preference_recipe(named: tuple[str, str], pairs: int, suite: str | None, general: str | None) -> str:
    """The text of a recipe for preference pairs; ``named`` are the model and the training data."""
    model, train = named
    small = is_small(model)
    rate, why = ("1.0e-4", "for a model this small") if small else ("2.0e-5", "5e-6 to 5e-5 for billions of weights")
    source = OWN if general is None else f"# what stands for the old abilities\n    - {given(general)}"
    return f"""\
# Trains {model} on pairs of a chosen and a rejected answer, and measures what it came to prefer and what it forgot.
# Check it: retain check {{this file}}     Run it: retain run {{this file}}
model:
  base: {quote(model)}
  load_in: bf16            # precision before and after: fp32, bf16 or 4bit (QLoRA)
data:
  train: {quote(train)}          # {pairs} pairs
  held_out: 0.15           # halved into dev (for choices) and test (for the report)
  general:                 {source}
training:
  method: dpo
  learning_rate: {rate}    # for LoRA, {why}; about a tenth of it without LoRA
  epochs: 1
  batch_size: 8            # pairs
  preference:
    loss: sigmoid          # or ipo, robust, sigmoid_norm ...
    beta: 0.1              # the higher, the nearer the model stays to the base
mitigations:
  - {{kind: lora, rank: 16}}                           # switched off it is the base, the pairs' reference
  - {NEAR_LIGHTLY}     # stay near the base on general text
  - {{kind: strength}}                                 # keep as much of the update as the margins allow
measure:
  suite: {quote(suite) if suite else "core+safety      "} # pairs move refusals and lengths of answers
gate:                      # the largest losses you accept, in points of 100
  mean_margin: 1.0
  margin: 3.0
  min_gain: 0.0
seed: 0
"""


def render_ranking_recipe(named: tuple[str, str], suite: str, general: str | None, found: str, queries: int) -> str:
    """The text of a recipe for a reranker; ``named`` are the model and the training data."""
    model, train = named
    source = (
        f"# queries that stand for the old ones; judgements are not needed\n    - {given(general)}"
        if general
        else "[]              # name rankings of other domains here: score_to_base keeps the base's order of them"
    )
    near = "- {kind: score_to_base, weight: 3.0, share: 0.5}     # stay near the base's scores of general queries"
    return f"""\
# Tunes the reranker {model} and measures what it learned and what it lost elsewhere.
# Check it: retain check {{this file}}     Run it: retain run {{this file}}
model:
  base: {quote(model)}
  load_in: fp32            # precision before and after: fp32 or bf16
data:
  train: {quote(train)}          # {queries} queries with relevant documents, detected as {found}
  held_out: 0.2            # halved into dev (for choices) and test (for the report); or {{dev: 0.1, test: FILE}}
  general: {source}
training:
  method: rank
  learning_rate: 1.0e-4    # all weights; cross-encoders of more than 100 million weights want a fifth of it
  epochs: 2
  batch_size: 8            # queries
  max_length: 256          # tokens of a query with its document, in training and in measuring the task
  ranking:
    loss: listwise         # or bce, or margin_mse with a teacher
    group_size: 8          # one relevant document and seven others
    negatives: {{mine: bm25, ranks: [2, 100]}}           # raise the first rank where many answers were never judged
mitigations:
  {near if general else "# " + near}
  - {{kind: strength}}                                 # keep as much of the update as the margins allow
measure:
  suite: {quote(suite)}    # what to keep
  task: {{candidates: 50}} # BM25's best, reranked
gate:                      # the largest losses you accept, in points of nDCG@10
  mean_margin: 0.5
  margin: 2.0
  min_gain: 0.0
seed: 0
"""


def given(general: str, count: int = 1000) -> str:
    """An entry of ``data.general`` for a file."""
    return f"{{name: general, source: {quote(general)}, count: {count}}}"


def quote(value: str) -> str:
    """A string in YAML that is nothing else."""
    return yaml.safe_dump(value, default_style='"', width=WIDE).strip()
