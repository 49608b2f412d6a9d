"""What every HTML report has in common: the template's filters, the style, and charts for wide and narrow screens."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from retain.reporting.numbers import count, interval, number_of, plain, signed
from retain.reporting.text import clean, quoted, words

WIDE, NARROW = 1000, 330
LONGEST_ANSWER = 4000


def render_page(name: str, **values: Any) -> str:
    """One self-contained page: it loads nothing, and no foreign text is ever markup.

    Args:
        name: of the template; the style and the script of this name are added to those of every page.
        values: what the template shows.
    """
    css, js = (Markup(_asset(f"page.{kind}") + _asset(f"{name}.{kind}")) for kind in ("css", "js"))
    return _environment().get_template(f"{name}.html").render(css=css, js=js, **values)


def both_widths(draw: Callable[[int], str]) -> Markup:
    """One drawing for wide and one for narrow screens; CSS shows the one that fits."""
    wide, narrow = draw(WIDE), draw(NARROW)
    if not wide:
        return Markup("")
    return Markup(f'<div class="wide">{wide}</div><div class="narrow">{narrow}</div>')


def minus(text: str) -> str:
    """A real minus sign before numbers."""
    return re.sub(r"(?<![\w.])-(?=\d)", "\u2212", text)


def _answer(text: str) -> str:
    return quoted(text, LONGEST_ANSWER)


def _shown(value: Any) -> Any:
    """What every ``{{ }}`` of a template passes: text is cleaned wherever it comes from, and escaped after that."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("retain.reporting", "templates"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "minus": minus,
        "clean": clean,
        "answer": _answer,
        "words": words,
        "plain": plain,
        "signed": signed,
        "interval": interval,
        "count": count,
        "number_of": number_of,
    }
    return environment


@cache
def _asset(name: str) -> str:
    return resources.files("retain.reporting").joinpath("templates", name).read_text("utf-8")
