"""The recipe for continued pretraining that ``retain init`` writes."""

from __future__ import annotations

import math

from retain.commands.recipe_texts import NEAR, OWN, given, is_small, quote

REPLAY = 0.25
"""General tokens per task token where there is as much general text: one in five tokens is then a replayed one."""
LEAST = 0.01
"""With less than this there is nothing to replay."""
USED = 0.75
"""Share of a general file that a share may count on: 20% is kept back for the KL meter."""
ALL = 1_000_000
"""A general file is taken whole."""

WITHOUT_TEXT = f"""\
# Replay keeps most, and needs text like that the model was made from: name a file of it as general, and write
  # - {{kind: rehearsal, share: 0.25}}    # 0.01 to 0.05 for text near what the model knows
  # for the next line.
  - {NEAR}     # stay near the base on general text"""
"""What keeps the old abilities where there is no text to replay."""


def render_pretraining_recipe(
    named: tuple[str, str], suite: str | None, general: str | None, documents: int, letters: tuple[int, int]
) -> str:
    """The text of a recipe for continued pretraining.

    Args:
        named: the model and the training text.
        suite: what to measure; ``core`` when None.
        general: text to replay; the base writes some when None.
        documents: of the training text.
        letters: characters of the training text and of the general one, from which the share of replay follows.
    """
    model, train = named
    small = is_small(model)
    rate, why = ("2.0e-4", "under a billion weights") if small else ("1.0e-5", "billions of weights")
    share = min(REPLAY, math.floor(100 * USED * letters[1] / max(1, letters[0])) / 100)
    replays = general is not None and share >= LEAST
    source = OWN if general is None else f"# what stands for the old abilities\n    - {given(general, ALL)}"
    keeps = _replay(share) if replays else WITHOUT_TEXT
    return f"""\
# Goes on training {model} on plain text and measures what it learned and what it forgot.
# Check it: retain check {{this file}}     Run it: retain run {{this file}}
model:
  base: {quote(model)}
  load_in: bf16            # precision before and after: fp32, bf16 or 4bit (QLoRA)
data:
  train: {quote(train)}          # {documents} documents or parts of documents
  held_out: 0.1            # halved into dev (for choices) and test (for the report): bits per byte of text never seen
  general:                 {source}
training:
  method: pretrain         # documents are packed into sequences of max_length tokens; nothing is cut off
  learning_rate: {rate}    # for all weights of a model of {why}; with LoRA ten times as much
  schedule: cosine_with_min_lr    # warms up again and falls to a tenth
  warmup: 0.05
  epochs: 1
  batch_size: 8            # sequences
  max_length: 1024
  weight_decay: 0.1
mitigations:
  {keeps}
  - {{kind: strength}}                                 # keep as much of the update as the margins allow
measure:
  suite: {quote(suite) if suite else "core             "} # retain list suites
gate:                      # the largest losses you accept, in points of 100; bits per byte in percent
  mean_margin: 1.0
  margin: 3.0
  bits_margin: 3.0
  min_gain: 1.0            # percent of the base's bits per byte
seed: 0
"""


def _replay(share: float) -> str:
    return f"- {{kind: rehearsal, share: {share:g}}}                        # replay: general tokens per task token"
