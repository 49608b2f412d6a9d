"""Text that models, data and recipes wrote, made safe to show: in a terminal, in markdown, in HTML."""

from __future__ import annotations

import re

_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that turn the direction of all text after them, beyond the passage they stand in."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_BREAK = re.compile("\r\n|\r|\u2028|\u2029|\x0b|\x0c|\x85")
_MARKDOWN = re.compile(r"[\\`*\[\]<>|~$&]|(?<![^\W_])_|_(?![^\W_])|^[-+#=]|^\d+(?=[.)])")
"""What markdown may read as markup within one line, and what it reads as a list or a heading at its start."""


def clean(text: str) -> str:
    """Replace what a terminal or a browser would obey rather than show.

    Control characters (colour codes, bells) become their pictures, direction overrides their code points and
    lone surrogates, which no file can hold, the replacement character. Tabs and line ends stay.
    """
    text = _SURROGATE.sub("\ufffd", text)
    text = _LINE_BREAK.sub("\n", text)
    text = _DIRECTION.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)
    return _CONTROL.sub(_picture, text)


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


def markdown(text: str, most: int = 400) -> str:
    """One line of text that markdown shows as it is, also in a table cell."""
    return _MARKDOWN.sub(_escaped, one_line(text, most))


def _escaped(found: re.Match[str]) -> str:
    return f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}"


def fenced(text: str, language: str = "text", most: int = 1200) -> str:
    """A code block that holds the text whatever it contains: the fence is longer than any in it."""
    body = shorten(clean(text), most)
    longest = max((len(run) for run in re.findall("`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def words(key: str) -> str:
    """``learning_rate`` -> ``learning rate``."""
    return key.replace("_", " ")
