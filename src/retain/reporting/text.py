"""Text that models, data and recipes wrote, made safe to show: in a terminal, in markdown, in HTML."""

from __future__ import annotations

import json
import re

from retain.data.lint.masking import passage

_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
"""Characters that turn the direction of all text after them, beyond the passage they stand in, and letters that no
screen shows (tags)."""

_MARK = re.compile("[\u061c\u200e\u200f]")
_RIGHT_TO_LEFT = re.compile("[\u05d0-\u05f2\u0620-\u064a\u066e-\u06d3\u0710-\u08ff\ufb1d-\ufdfb\ufe70-\ufefc]")
"""Letters of Hebrew, Arabic and their like: direction marks belong to them, and nowhere else."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_OBEYED = re.compile(f"{_CONTROL.pattern}|{_DIRECTION.pattern}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_BREAK = re.compile("\r\n|\r|\u2028|\u2029|\x0b|\x0c|\x85")
_MARKDOWN = re.compile(r"[\\`*\[\]<>|~$&]|(?<![^\W_])_|_(?![^\W_])|^[-+#=]|^\d+(?=[.)])")
"""What markdown may read as markup within one line, and what it reads as a list or a heading at its start."""


def clean(text: str) -> str:
    """Replace what a terminal or a browser would obey rather than show.

    Control characters (colour codes, bells) become their pictures, direction overrides their code points and
    lone surrogates, which no file can hold, the replacement character. Tabs and line ends stay, and so do direction
    marks in a text with right-to-left letters.
    """
    text = _SURROGATE.sub("\ufffd", text)
    text = _LINE_BREAK.sub("\n", text)
    text = _DIRECTION.sub(_code, text)
    text = text if _RIGHT_TO_LEFT.search(text) else _MARK.sub(_code, text)
    return _CONTROL.sub(_picture, text)


def _code(found: re.Match[str]) -> str:
    return f"⟨U+{ord(found[0]):04X}⟩"


def clean_json(text: str) -> str:
    """JSON that holds the same, in which what a terminal would obey is spelt as an escape (backslash, u, code)."""
    return _OBEYED.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code == 0x7F:
        return "␡"
    return chr(0x2400 + code) if code < 0x20 else f"⟨U+{code:04X}⟩"


def shorten(text: str, most: int) -> str:
    """At most ``most`` characters; what is left out is said: ``... (1,204 more characters)``."""
    if len(text) <= most:
        return text
    return f"{text[:most].rstrip()} ... ({len(text) - most:,} more characters)"


def one_line(text: str, most: int = 200) -> str:
    """Cleaned and shortened, with every line end and run of blanks as one blank."""
    return shorten(" ".join(clean(text).split()), most)


def quoted(text: str, most: int) -> str:
    """Cleaned and shortened as above, with secrets and personal data masked: what rows, prompts and answers hold."""
    rest = len(text) - most
    more = f" ... ({rest:,} more characters)" if rest > 0 else ""
    return f"{clean(passage(text, 0, most)).rstrip() if more else clean(passage(text, 0, most))}{more}"


def markdown(text: str, most: int = 400) -> str:
    """One line of text that markdown shows as it is, also in a table cell."""
    return _MARKDOWN.sub(_escaped, one_line(text, most))


def _escaped(found: re.Match[str]) -> str:
    return f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}"


def fenced(text: str, language: str = "text", most: int = 1200) -> str:
    """A code block that holds the text whatever it contains: the fence is longer than any in it.

    Plain text is other people's, and its secrets are masked.
    """
    body = quoted(text, most) if language == "text" else shorten(clean(text), most)
    longest = max((len(run) for run in re.findall("`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def words(key: str) -> str:
    """``learning_rate`` -> ``learning rate``."""
    return key.replace("_", " ")
