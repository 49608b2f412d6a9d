"""Conversations whose turns come in an odd order, or that the model's template refuses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from retain.data.answer_spans import SpanError, render_chat
from retain.data.example import Example
from retain.data.lint.base import Check, Finding, part
from retain.data.lint.masking import beginning
from retain.data.lint.material import LintData
from retain.errors import UserError


class RoleOrder(Check):
    """Conversations that open with the assistant, in which one side speaks twice in a row, or a tool unasked.

    Many templates join or refuse such turns. With a tokenizer one row of each order of roles is rendered, and an order
    that the template refuses is an error, because training would stop at it.
    Threshold: one row.
    Relations: unknown roles, a system turn in the middle and a missing answer cannot be read at all
    (`unreadable_rows`).
    """

    shapes = ("chat", "preference")

    def find(self, data: LintData) -> list[Finding]:
        """One finding for odd orders, one for refused ones."""
        orders: dict[tuple[str, ...], list[Example]] = defaultdict(list)
        for row in data.examples:
            orders[_roles(row)].append(row)
        findings = []
        odd = [row for roles, rows in orders.items() if odd_order(roles) for row in rows]
        number = len(data.examples)
        if odd:
            what = f"{part(len(odd), number)} have turns in an odd order: {odd_order(_roles(odd[0]))}."
            do = "Join turns of one side, and let the user begin; check what the model's template makes of it."
            findings.append(self.finding("warning", odd, number, what, do, _order_text))
        refused = {roles: why for roles, rows in orders.items() if (why := _refusal(rows[0], data)) is not None}
        if refused:
            rows = [row for roles in refused for row in orders[roles]]
            what = f"{part(len(rows), number)} are refused by the model's chat template: {next(iter(refused.values()))}"
            do = "Change the turns to an order that the template knows, such as the system text in the user's turn."
            findings.append(self.finding("error", rows, number, what, do, _order_text))
        return findings


def odd_order(roles: Sequence[str]) -> str:
    """What is odd about an order of roles; empty where nothing is."""
    spoken = [role for role in roles if role != "system"]
    if spoken[:1] == ["assistant"]:
        return "the assistant begins"
    for before, after in pairwise(spoken):
        if before == after and before != "tool":
            return f"the {after} speaks twice in a row"
        if after == "tool" and before not in ("assistant", "tool"):
            return f"a tool answers the {before}"
    return ""


def _roles(row: Example) -> tuple[str, ...]:
    return (*(message.role for message in row.messages), *(("assistant",) if row.shape == "preference" else ()))


def _order_text(row: Example) -> str:
    return f"{', '.join(_roles(row))}: {beginning(row.messages[0].content, 80)}"


def _refusal(row: Example, data: LintData) -> str | None:
    if data.tokenizer is None or not getattr(data.tokenizer, "chat_template", None) or row.shape != "chat":
        return None
    try:
        render_chat(data.tokenizer, row.messages)
    except (SpanError, UserError) as error:
        return str(error)
    return None
