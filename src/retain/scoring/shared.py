"""Log-likelihoods with shared beginnings: each distinct prefix token is computed once, as far as that pays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from retain.scoring.head import CPU_ROWS, log_totals, logits_in_parts
from retain.scoring.own_attention import own_attention
from retain.scoring.packing import SIZES, Row, Sizes, Trunk, pack
from retain.scoring.pair import Pair, Scored
from retain.scoring.prefix_tree import Node, prefix_tree

MOST_PADDING = 64
"""A row that would be padded by more tokens begins another batch: a pass costs about as much again as so many."""


class Span(NamedTuple):
    """Tokens of one pair to score: those that follow the place ``offset`` in a node, one after the other."""

    offset: int
    tokens: Sequence[int]
    pair: int


Spans = dict[Node, list[Span]]


class Tally:
    """Sums over the targets of each pair as they come in."""

    def __init__(self, pairs: Sequence[Pair], tick: Callable[[int], None]) -> None:
        self._logprobs = np.zeros(len(pairs))
        self._greedy = np.ones(len(pairs), dtype=bool)
        self._open = np.array([len(pair.continuation) for pair in pairs])
        self._tick = tick

    def add(self, pairs: np.ndarray, logprobs: np.ndarray, greedy: np.ndarray) -> None:
        """Log-probabilities of targets and whether each was the most likely token, (targets,)."""
        np.add.at(self._logprobs, pairs, logprobs)
        np.logical_and.at(self._greedy, pairs, greedy)
        np.subtract.at(self._open, pairs, 1)
        self._tick(int((self._open == 0).sum()))

    def results(self) -> list[Scored]:
        """One result per pair."""
        return [Scored(float(total), bool(all_)) for total, all_ in zip(self._logprobs, self._greedy, strict=True)]


def score_shared(
    module: Any,
    pairs: Sequence[Pair],
    batch_tokens: int,
    batch_logits: int,
    tick: Callable[[int], None] = lambda done: None,
    sizes: Sizes = SIZES,
) -> tuple[list[Scored], int]:
    """Log-likelihood of each continuation given its context, sharing what the sequences begin with.

    The sequences form a prefix tree. Branches are packed into rows with a 4-D mask that lets a token see its own path
    only, and position ids that count along it; long beginnings with many branches are computed once and their keys and
    values kept. Only positions whose next token is scored go through the output head.

    Args:
        module: a transformers causal model whose attention takes a 4-D mask (``likelihood_check``).
        pairs: contexts and continuations of at least one token each.
        batch_tokens: padded tokens in one forward pass.
        batch_logits: logit values in one forward pass.
        tick: called with the number of pairs finished so far.
        sizes: how the tree is cut into rows.

    Returns:
        One result per pair, in the order given, and the tokens that were computed, padding included.
    """
    from transformers import DynamicCache

    # The last token of a sequence is predicted, never fed.
    root, ends = prefix_tree([(pair.context + pair.continuation)[:-1] for pair in pairs])
    spans = _spans(pairs, ends)
    tally = Tally(pairs, tick)
    most_logits = max(1, batch_logits // module.config.get_text_config().vocab_size)
    computed = 0
    stack: list[tuple[Trunk, Any]] = [(pack(root, sizes), None)]
    with torch.inference_mode(), own_attention(module) as packed:
        while stack:
            trunk, cache = stack.pop()
            if trunk.nodes:
                cache = copied(cache) or DynamicCache()
                computed += _Batch([Row(trunk.nodes)], spans, packed).run(module, cache, tally)
            for rows in _batches(trunk.rows, spans, batch_tokens, most_logits):
                computed += _Batch(rows, spans, packed).run(module, copied(cache, len(rows)), tally)
            stack += [(child, cache) for child in trunk.trunks]
    return tally.results(), computed


def _spans(pairs: Sequence[Pair], ends: Sequence[Node]) -> Spans:
    """What is to be scored after the tokens of each node."""
    found: Spans = {}
    for index, (pair, end) in enumerate(zip(pairs, ends, strict=True)):
        first = len(pair.context) - 1
        node: Node | None = end
        while node is not None and node.end > first:
            start = max(node.start, first)
            tokens = pair.continuation[start - first : node.end - first]
            found.setdefault(node, []).append(Span(start - node.start, tokens, index))
            node = node.parent
    return found


def _batches(rows: Sequence[Row], spans: Spans, most_tokens: int, most_logits: int) -> Iterator[list[Row]]:
    """Rows in batches of like length, longest first."""
    current: list[Row] = []
    logits = 0
    for row in sorted(rows, key=lambda row: -row.length):
        scored = sum(len(span.tokens) for node in row.nodes for span in spans.get(node, ()))
        full = current and (len(current) + 1) * current[0].length > most_tokens
        shorter = current and current[0].length - row.length > MOST_PADDING
        if full or shorter or (current and logits + scored > most_logits):
            yield current
            current, logits = [], 0
        current.append(row)
        logits += scored
    if current:
        yield current


class _Batch:
    """Rows as tensors: what the model is fed, and which of its logits score what."""

    def __init__(self, rows: Sequence[Row], spans: Spans, masked: bool) -> None:
        width = max(row.length for row in rows)
        self.ids = np.zeros((len(rows), width), dtype=np.int64)
        self.positions = np.zeros((len(rows), width), dtype=np.int64)
        self.sees = np.zeros((len(rows), width, width), dtype=bool)
        self.sees[:, np.arange(width), np.arange(width)] = True  # padding sees itself, or its softmax would be empty
        self.past = rows[0].nodes[0].start
        wanted = [one for index, row in enumerate(rows) for one in self._lay(index, row, spans)]
        self._scored = _Scored.of(wanted)
        self._plain = not masked and self.past == 0 and all(_one_path(row) for row in rows)
        """Nothing but the usual causal mask is needed: padding stands on the right, where no token looks."""

    def _lay(self, index: int, row: Row, spans: Spans) -> list[tuple[int, Span]]:
        """Fill a row; returns its spans with the place, counted over all rows, after which each begins."""
        wanted = []
        places: dict[Node, int] = {}
        filled = 0
        for node in row.nodes:
            places[node] = filled
            span = slice(filled, filled + len(node.tokens))
            self.ids[index, span] = node.tokens
            self.positions[index, span] = range(node.start, node.end)
            if node.parent in places:
                last = places[node.parent] + len(node.parent.tokens) - 1
                self.sees[index, span, :filled] = self.sees[index, last, :filled]
            self.sees[index, span, span] = np.tri(len(node.tokens), dtype=bool)
            # A beginning that several rows repeat is scored in the first of them.
            before = index * self.ids.shape[1] + filled
            wanted += [(before + one.offset, one) for one in spans.pop(node, ())]
            filled = span.stop
        return wanted

    def run(self, module: Any, cache: Any, tally: Tally) -> int:
        """Score the targets and return the tokens computed; a cache takes the rows' keys and values."""
        device, dtype = module.device, module.dtype
        count, width = self.ids.shape
        mask = None if self._plain else self._mask(dtype).to(device)
        unique, places = np.unique(self._scored.places, return_inverse=True)
        wanted = torch.zeros((count, width), dtype=torch.bool)
        wanted.view(-1)[torch.from_numpy(unique)] = True
        parts = logits_in_parts(
            module,
            wanted.to(device),
            input_ids=torch.from_numpy(self.ids).to(device),
            position_ids=torch.from_numpy(self.positions).to(device),
            attention_mask=mask,
            use_cache=cache is not None,
            **({"past_key_values": cache} if cache is not None else {}),
        )
        done = 0
        for logits in parts:
            first, last = np.searchsorted(places, [done, done + len(logits)])
            _score(self._scored.part(first, last), places[first:last] - done, logits, tally)
            done += len(logits)
        return count * width

    def _mask(self, dtype: torch.dtype) -> torch.Tensor:
        """What each token must not see, as the lowest number: (rows, 1, length, past + length)."""
        count, width = self.ids.shape
        mask = torch.zeros((count, 1, width, self.past + width), dtype=dtype)
        mask[..., self.past :].masked_fill_(~torch.from_numpy(self.sees)[:, None], torch.finfo(dtype).min)
        return mask


class _Scored(NamedTuple):
    """The tokens that a batch scores, in the order of their places: each (tokens,)."""

    places: np.ndarray
    """After which place of the flattened batch."""
    tokens: np.ndarray
    pairs: np.ndarray

    @classmethod
    def of(cls, wanted: Sequence[tuple[int, Span]]) -> _Scored:
        """From spans and where they begin."""
        counts = np.array([len(span.tokens) for _, span in wanted], dtype=np.int64)
        before = counts.cumsum() - counts
        begins = np.array([place for place, _ in wanted], dtype=np.int64)
        places = np.repeat(begins - before, counts) + np.arange(counts.sum())
        tokens = np.array([token for _, span in wanted for token in span.tokens], dtype=np.int64)
        pairs = np.repeat(np.array([span.pair for _, span in wanted], dtype=np.int64), counts)
        order = np.argsort(places, kind="stable")
        return cls(places[order], tokens[order], pairs[order])

    def part(self, first: int, last: int) -> _Scored:
        """Some of them."""
        return _Scored(*(one[first:last] for one in self))


def _score(scored: _Scored, places: np.ndarray, logits: torch.Tensor, tally: Tally) -> None:
    """Score tokens, each by the row of logits at its place."""
    rows = torch.from_numpy(places).to(logits.device)
    tokens = torch.from_numpy(scored.tokens).to(logits.device)
    totals, highest = log_totals(logits)
    found = logits[rows, tokens]
    greedy = found == highest[rows]
    # Only where the target is as likely as any token does it matter which of equals comes first.
    best = [logits[some].float().argmax(-1) for some in rows[greedy].split(CPU_ROWS)]
    greedy[greedy.clone()] = torch.cat(best) == tokens[greedy]
    tally.add(scored.pairs, (found.float() - totals[rows]).double().cpu().numpy(), greedy.cpu().numpy())


def _one_path(row: Row) -> bool:
    """Every node continues the one before."""
    return all(node.parent is before for before, node in zip(row.nodes, row.nodes[1:], strict=False))


def copied(cache: Any, rows: int = 1) -> Any:
    """The keys and values of one sequence, for so many rows; None for none. A forward pass changes the copy only."""
    from transformers import DynamicCache

    if cache is None:
        return None
    copy = DynamicCache()
    for index, layer in enumerate(cache.layers):
        shape = (rows, -1, -1, -1)
        copy.update(layer.keys.expand(shape), layer.values.expand(shape), index)
    return copy
