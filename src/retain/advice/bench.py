"""What the rungs share: the task, the base, a way to measure on dev items, and one to finish a rung on test items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from retain.advice.answer_form import AnswerForm, answer_form
from retain.advice.feasible import distinct_rows, scored_by_rule
from retain.advice.occurrence import occurs
from retain.advice.opening import opening_of
from retain.advice.plan import Plan, Turns
from retain.advice.prompted import PromptedCausal, Request
from retain.advice.retrievers.base import Retriever
from retain.advice.retrievers.chosen import retriever_over
from retain.advice.score import score_interval
from retain.advice_records import Cost, Rung, Tried
from retain.advice_settings import AdviseSettings
from retain.data.example import Example
from retain.data.lint.masking import masked
from retain.errors import UserError
from retain.models.base import Prompt
from retain.models.causal import TransformersCausal, as_language_model
from retain.models.update_files import is_adapter
from retain.probes.items import as_prompt
from retain.probes.rules.item import AnswerItem
from retain.recipe import Recipe
from retain.record_files import read_record
from retain.records import Measurement, Split
from retain.stages.measuring import measure_probes
from retain.stages.prepare import TASK, Prepared
from retain.stages.run_folder import RunFolder
from retain.stages.setting_up import Workbench

FIRST = "zero_shot"
"""The rung that is always climbed; its record says which base was measured."""
LINE = "\n"
UNREAD = ("advise.margin", "frontier", "gate", "measure.recitation")
"""Keys of the recipe that no rung depends on."""
QUOTED = ("exact", "contains", "number")
"""Rules whose accepted answers are texts that may stand in a passage as they are."""


@dataclass(frozen=True)
class Candidate:
    """One way to ask, measured on dev items."""

    plan: Plan
    tried: Tried


class Bench:
    """The tools of one advice.

    Args:
        run: its folder.
        data: rows and splits.

    Raises:
        UserError: the task's answers are not scored right or wrong.
    """

    def __init__(self, run: RunFolder, data: Prepared) -> None:
        self.run = run
        self.recipe: Recipe = run.recipe
        self.settings: AdviseSettings = run.recipe.advise or AdviseSettings()
        self.data = data
        self._work = Workbench(run, data)
        self.probe = scored_by_rule(next(one for one in self._work.probes if one.name == TASK))
        self.rows: Sequence[Example] = data.splits.train
        self._known: dict[str, Candidate] = {}
        """By the plan's fingerprint."""
        self._checked = False
        """The base was held against what the first rung measured."""

    def base(self) -> TransformersCausal:
        """The base, loaded when it is first needed.

        Raises:
            UserError: it is not the model that the first rung measured.
        """
        model = as_language_model(self._work.base())
        if not self._checked:
            self._check(model)
            self._checked = True
        return model

    def _check(self, model: TransformersCausal) -> None:
        path = self.run.path / f"{FIRST}.json"
        if path.is_file() and read_record(path, Rung).measurement.model != model.fingerprint:
            raise UserError(
                f"model.base: {model.name} is not the model that was measured when this advice began. "
                "Choose another place with --folder."
            )

    def give_up_base(self) -> None:
        """Forget the loaded base, so that another copy finds room."""
        self._work.give_up_base()

    @cached_property
    def opening(self) -> str:
        """What all questions begin with."""
        return opening_of(self.rows)

    @cached_property
    def form(self) -> AnswerForm:
        """The form of the training answers."""
        return answer_form([row.target for row in self.rows])

    @cached_property
    def distinct(self) -> list[Example]:
        """The training rows, each once: copies in other case and spacing would be shown side by side as examples."""
        return distinct_rows(self.rows)

    @cached_property
    def end(self) -> str:
        """What ends an answer where no chat template does; nothing where training answers have several lines."""
        return "" if any(LINE in row.target.strip() for row in self.rows) else LINE

    @cached_property
    def questions(self) -> Retriever:
        """A search over the questions of the distinct training rows."""
        return retriever_over([self.plan().question_of(row.prompt) for row in self.distinct], self.settings)

    def plan(self) -> Plan:
        """The question as it is."""
        return Plan(opening=self.opening, end=self.end)

    def items(self, split: Split) -> list[AnswerItem]:
        """The items of a split that are measured."""
        return [item for item in self.probe.select(split) if isinstance(item, AnswerItem)]

    def prompted(self, plan: Plan, model: TransformersCausal | None = None) -> PromptedCausal:
        """A model with a way to ask; the base when none is named."""
        return PromptedCausal(model or self.base(), plan, self.settings.max_prompt, self._turns)

    @cached_property
    def _turns(self) -> dict[Prompt, Turns]:
        """The turns of each item's raw prompt."""
        return {as_prompt(item.turns, chat=False): item.turns for item in self.probe.items}

    def measure(self, model: PromptedCausal, split: Split) -> Measurement:
        """The task, measured; what the folder or the user's store holds is read."""
        folder = self.run.path / "measured" / model.fingerprint
        return measure_probes(model, [self.probe], split, folder, cached=not is_adapter(model.module))[0]

    def requests(self, model: PromptedCausal, split: Split) -> list[Request]:
        """What the model is given for each item of a split."""
        return [model.request(as_prompt(item.turns, model.chat), self.probe.max_tokens) for item in self.items(split)]

    def try_plans(self, plans: Sequence[Plan]) -> list[Candidate]:
        """Each way to ask the base, measured on dev items; once, however many rungs try it."""
        for plan in plans:
            if plan.fingerprint not in self._known:
                self._known[plan.fingerprint] = self.try_model(self.prompted(plan))
        return [self._known[plan.fingerprint] for plan in plans]

    def try_model(self, model: PromptedCausal, label: str = "") -> Candidate:
        """One model with its way to ask, measured on dev items."""
        value = 100 * self.measure(model, "dev").value
        tokens = _mean_tokens(self.requests(model, "dev"))
        return Candidate(model.plan, Tried(label=label or model.plan.label, value=value, tokens=tokens))

    def finish(
        self,
        name: str,
        candidates: Sequence[Candidate],
        model: PromptedCausal | None = None,
        seconds: float = 0.0,
        storage: Callable[[Plan], int] = lambda plan: 0,
        source: str = "",
        from_documents: bool = False,
        notes: Sequence[str] = (),
    ) -> Rung:
        """The rung of the best candidate, which alone is measured on test items.

        Args:
            name: of the rung.
            candidates: measured on dev items.
            model: what answers; the base asked in the chosen way when None.
            seconds: of training.
            storage: bytes that the chosen way must keep beside the base.
            source: what was searched.
            from_documents: it was documents.
            notes: what a reader must know.
        """
        taken = best(candidates)
        model = model or self.prompted(taken.plan)
        measured = self.measure(model, "test")
        asked = self.requests(model, "test")
        low, high = score_interval(measured)
        return Rung(
            name=name,
            chosen=taken.tried.label,
            tried=[one.tried for one in candidates],
            dev=taken.tried.value,
            value=100 * measured.value,
            low=low,
            high=high,
            items=len(measured.scores),
            cost=Cost(tokens=_mean_tokens(asked), training_seconds=seconds, storage_bytes=storage(taken.plan)),
            left_out=sum(one.left_out for one in asked),
            cut=sum(one.cut for one in asked),
            formed=fmean(self.form.fits(one.text) for one in measured.responses.values()),
            found=self._share_found(asked) if taken.plan.passages is not None and self._quotable else None,
            source=source,
            from_documents=from_documents,
            instruction=masked(taken.plan.instruction),
            example=masked(_shown(self.requests(model, "dev")[0])),
            notes=[*notes, *_ended(model)],
            measurement=measured,
        )

    @property
    def _quotable(self) -> bool:
        return self.form.quotable and self.probe.rule_name in QUOTED

    def _share_found(self, asked: Sequence[Request]) -> float:
        """Share of the test items of which an accepted answer stands in the passages put before them."""
        pairs = zip(self.items("test"), asked, strict=True)
        return fmean(occurs(item.answer, request.passages) for item, request in pairs)


def best(candidates: Sequence[Candidate]) -> Candidate:
    """The candidate with the most right answers on dev items; of equals the one with the shortest requests."""
    return max(candidates, key=lambda one: (one.tried.value, -one.tried.tokens))


def _ended(model: PromptedCausal) -> list[str]:
    """How an answer ends where no chat template ends it."""
    if model.chat or model.plan.bare:
        return []
    if model.end:
        return ["The base has no chat template: an answer ends at its first line break. Ask it so in use, too."]
    return [
        "The base has no chat template and training answers have several lines: nothing but the base itself ends an "
        "answer, and rules that compare all of it may call right ones wrong."
    ]


def _mean_tokens(requests: Sequence[Request]) -> float:
    return fmean(request.tokens for request in requests)


def _shown(request: Request) -> str:
    """A request as a person reads it: each turn under its role."""
    if isinstance(request.prompt, str):
        return request.prompt
    return "\n\n".join(f"{turn.role}: {turn.content}" for turn in request.prompt)
