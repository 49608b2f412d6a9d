"""``lm_eval --model retain``: lm-evaluation-harness's command on our engines."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, get_args

from jinja2 import TemplateError
from lm_eval.api.model import TemplateLM
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

import retain.scoring.lm_eval_plugin  # noqa: F401 - whoever imports the model can also ask for it by name
from retain.errors import UserError, nearest
from retain.models.base import Limits
from retain.models.chat import text_ids
from retain.models.load import Precision, load_causal
from retain.scoring.harness import limits_of
from retain.scoring.likelihood import Pair

log = logging.getLogger(__name__)
ARGUMENTS = ("pretrained", "load_in", "max_length", "max_gen_toks", "add_bos_token")
"""What ``--model_args`` may hold; ``--device`` and ``--batch_size`` are lm-eval's own."""


class LmEvalModel(TemplateLM):
    """A model that Retain loads, asked by lm-eval token for token as it asks its own ``hf`` model.

    The same log-likelihoods, texts and rolling windows as ``hf`` in the same precision: a request that is longer than
    the context loses its beginning (`retain measure` leaves such an item out instead), a text of ``loglikelihood_
    rolling`` is scored in disjoint windows that each fill the context. What ``hf`` takes from a model's generation
    config (a repetition penalty, sampling values) is not used: only the task says how tokens are chosen.

    Args:
        pretrained: ``builtin:NAME``, a folder (adapters too), a .gguf file or a Hub id.
        load_in: ``fp32``, ``bf16`` or ``4bit``.
        max_length: the context in tokens; the model's own when None.
        max_gen_toks: where an answer is cut off when the task does not say.
        add_bos_token: put the BOS token before each text (true) or never (false); the tokenizer decides when None.
        batch_size: accepted since lm-eval always names one; our engines find their own from lengths and memory.
        max_batch_size: the same.
        device: where the model runs; lm-eval names ``cuda:0`` on every machine, so one that is not there gives way to
            what there is.
        unknown: anything else, refused.

    Raises:
        UserError: an argument is unknown or not allowed, or there is no such model.

    Relations: ``retain measure MODEL --suite lm-eval:TASK`` gives a measurement with dev and test items.
    """

    backend = "causal"

    def __init__(
        self,
        pretrained: str = "",
        load_in: str = "bf16",
        max_length: int | None = None,
        max_gen_toks: int = 256,
        add_bos_token: bool | None = None,
        batch_size: int | str | None = None,
        max_batch_size: int | None = None,
        device: str | None = None,
        **unknown: Any,
    ) -> None:
        super().__init__()
        _check(pretrained, load_in, max_length, max_gen_toks, add_bos_token, unknown)
        precision: Precision = load_in  # type: ignore[assignment]
        self._model = load_causal(pretrained, precision)
        if device is not None and load_in != "4bit":
            self._model.module.to(_place(device, str(self._model.module.device)))
        self._device = self._model.module.device
        self.tokenizer = self._model.tokenizer
        self.max_length = max_length or self._model.context_length
        self.max_gen_toks = max_gen_toks
        self.add_bos_token = add_bos_token
        self.truncated = 0
        """Requests so far that lost their beginning because they were longer than the context."""

    @property
    def eot_token_id(self) -> int:
        """The token that ends a text."""
        return int(self.tokenizer.eos_token_id)

    @property
    def prefix_token_id(self) -> int:
        """What stands before the first token of a text that is scored from its start: BOS, else EOS."""
        bos = self.tokenizer.bos_token_id
        return int(bos) if bos is not None else self.eot_token_id

    @property
    def tokenizer_name(self) -> str:
        """What lm-eval names its cache of requests by."""
        return self._model.fingerprint

    def get_model_info(self) -> dict[str, Any]:
        """What lm-eval writes beside its results."""
        model = self._model
        return {
            "model_num_parameters": model.module.num_parameters(),
            "model_dtype": model.load_in,
            "model_sha": model.fingerprint,
        }

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **_: Any) -> list[int]:
        """Token ids; BOS is never doubled."""
        special = add_special_tokens if add_special_tokens is not None else self.add_bos_token
        if add_special_tokens is None and string.startswith(self.tokenizer.decode(self.prefix_token_id)):
            special = False
        ids = text_ids(self.tokenizer, string, special=special is not False)
        wanted = special is True and self.add_bos_token and ids[:1] != [self.prefix_token_id]
        return [self.prefix_token_id, *ids] if wanted else ids

    def _loglikelihood_tokens(self, requests: Sequence[Any], **_: Any) -> list[tuple[float, bool]]:
        """Score token ids, all in one call."""
        before = self.truncated
        pairs = [self._fitted(context, continuation, text) for text, context, continuation in requests]
        self._say_truncated(self.truncated - before, len(pairs))
        return [(one.logprob, one.greedy) for one in self._model.score_ids(pairs)]

    def _fitted(self, context: list[int], continuation: list[int], text: Any) -> Pair:
        """The pair, cut from the left to the context; the last token is predicted and never fed."""
        context = context or [self.prefix_token_id]
        if not 0 < len(continuation) <= self.max_length:
            raise UserError(
                f"a continuation has {len(continuation)} tokens; allowed: 1 to {self.max_length}, the model's context. "
                f"It begins {str(text[1] if text else '')[:80]!r}"
            )
        room = self.max_length + 1 - len(continuation)
        self.truncated += len(context) > room
        return Pair(context[-room:], continuation)

    def _say_truncated(self, count: int, total: int) -> None:
        if count:
            said = "%d of %d requests are longer than the context of %d tokens: they lost their beginning"
            log.warning(said, count, total, self.max_length)

    def loglikelihood_rolling(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[float]:
        """Score whole texts, the long ones in disjoint windows that each fill the context."""
        windows: list[tuple[None, list[int], list[int]]] = []
        owners: list[int] = []
        for place, request in enumerate(requests):
            rolled = get_rolling_token_windows(
                token_list=self.tok_encode(request.args[0]),
                prefix_token=self.prefix_token_id,
                max_seq_len=self.max_length,
                context_len=1,
            )
            for context, continuation in map(make_disjoint_window, rolled):
                windows.append((None, context, continuation))
                owners.append(place)
        totals = [0.0] * len(requests)
        for place, (logprob, _) in zip(owners, self._loglikelihood_tokens(windows), strict=True):
            totals[place] += logprob
        return totals

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """Answer all prompts, one call for all that share their limits; a long prompt loses its beginning."""
        groups: dict[Limits, list[int]] = {}
        for place, request in enumerate(requests):
            groups.setdefault(self._limits(request.args[1]), []).append(place)
        texts = [""] * len(requests)
        for limits, places in groups.items():
            room = self.max_length - limits.max_tokens
            prompts = [self.tok_encode(requests[place].args[0]) or [self.prefix_token_id] for place in places]
            self._say_truncated(sum(len(prompt) > room for prompt in prompts), len(prompts))
            written = self._model.generate_ids([prompt[-room:] for prompt in prompts], limits)
            for place, response in zip(places, written, strict=True):
                texts[place] = response.text
        return texts

    def _limits(self, asked: dict[str, Any]) -> Limits:
        limits = limits_of(asked, self.max_gen_toks)
        if limits.max_tokens >= self.max_length:
            raise UserError(
                f"generation_kwargs: max_gen_toks is {limits.max_tokens}; allowed: less than the context, "
                f"{self.max_length}. Set it with --gen_kwargs max_gen_toks=N."
            )
        return limits.model_copy(update={"stop": (*limits.stop, self.tokenizer.eos_token)})

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """The conversation as the model's template renders it; a last turn of the assistant is left open."""
        try:
            return self._rendered(chat_history, add_generation_prompt)
        except TemplateError as error:
            log.warning("the chat template refuses this conversation (%s); the system turn is left out", error)
            return self._rendered([turn for turn in chat_history if turn["role"] != "system"], add_generation_prompt)

    def _rendered(self, turns: list[dict[str, str]], opened: bool) -> str:
        return str(
            self.tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=opened, continue_final_message=not opened
            )
        )


def _check(
    pretrained: str, load_in: str, max_length: Any, max_gen_toks: Any, add_bos_token: Any, unknown: dict[str, Any]
) -> None:
    """Refuse what cannot be meant.

    Raises:
        UserError: an argument is unknown, missing or of a wrong value.
    """
    problems = [f'there is no argument "{name}"; {nearest(name, ARGUMENTS)}' for name in unknown]
    if not isinstance(pretrained, str) or not pretrained:
        problems.append("pretrained is missing: name a model, such as pretrained=builtin:smollm2-135m")
    if load_in not in get_args(Precision):
        problems.append(f"load_in: found {load_in!r}; allowed: {', '.join(get_args(Precision))}")
    for name, value in (("max_length", max_length), ("max_gen_toks", max_gen_toks)):
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            problems.append(f"{name}: found {value!r}; allowed: a number of tokens, at least 1")
    if add_bos_token not in (None, True, False):
        problems.append(f"add_bos_token: found {add_bos_token!r}; allowed: true, false")
    if problems:
        raise UserError("--model_args: " + "\n  ".join(problems))


def _place(device: str, found: str) -> str:
    """The device that was asked for, or the one that was found where that is none of this machine.

    Raises:
        UserError: it is no name of a device.
    """
    import torch

    try:
        wanted = torch.device(device)
    except RuntimeError:
        raise UserError(f"--device: found {device!r}; allowed: cpu, cuda, cuda:N, mps") from None
    available = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    there = wanted.type == "cpu" or (available is not None and available.type == wanted.type)
    if not there:
        log.info("there is no %s here; the model runs on %s", device, found)
    return device if there else found
