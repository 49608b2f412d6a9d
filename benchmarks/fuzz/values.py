"""What hypothesis draws of: values that files hold where nobody looked, and ways to break a file."""

from __future__ import annotations

from hypothesis import strategies as st

HOSTILE = (
    "",
    " ",
    "\x00",
    "\x1b[2J\x1b]0;t\x07",
    "\u202eabc",
    "<script>alert(1)</script>",
    "[bold red]x[/]",
    "{{ 7*7 }}",
    "../../outside",
    "/tmp/outside.txt",
    "~nobody/x",
    "$(touch outside)",
    "a" * 5000,
    "\ud83d",
    "ghp_" + "a1" * 18,
    "file:///etc/passwd",
    "http://127.0.0.1:1/v1#m",
    "hub:a/b",
    "!!python/object/apply:os.system [x]",
    "*a",
    "NaN",
    "1e999",
)
"""Texts that some program, somewhere, obeys."""
WORDS = ("red", "what colour is the sky", "blue", "yes", "no", "N/A", "42", "the answer is long enough to be text")
NUMBERS = (0, 1, -1, 2, 0.5, -0.0, 1e308, float("nan"), float("inf"), 2**31, 2**64, 10**400, True, False)

texts = st.one_of(st.sampled_from(WORDS), st.sampled_from(HOSTILE), st.text(max_size=12))
scalars = st.one_of(st.none(), st.sampled_from(NUMBERS), texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
"""Whatever JSON can hold, and a little more."""


@st.composite
def deep(draw: st.DrawFn, depths: tuple[int, ...] = (90, 101, 990, 3000, 100_000)) -> str:
    """A text of brackets within brackets, closed or not."""
    depth = draw(st.sampled_from(depths))
    opens, closes = draw(st.sampled_from((("[", "]"), ('{"a":', "}"))))
    return opens * depth + draw(st.sampled_from(("1", ""))) + closes * draw(st.sampled_from((0, depth)))


@st.composite
def broken(draw: st.DrawFn, content: bytes) -> bytes:
    """The content as it is, or cut off, without a part, with bytes that do not belong there, or twice."""
    how = draw(st.sampled_from((*["not"] * 12, "cut", "hole", "insert", "flip", "mark", "twice", "deep")))
    at = draw(st.integers(0, max(0, len(content) - 1)))
    if how == "cut":
        return content[:at]
    if how == "hole":
        return content[:at] + content[at + draw(st.integers(1, 40)) :]
    if how == "insert":
        return content[:at] + draw(st.binary(min_size=1, max_size=20)) + content[at:]
    if how == "flip" and content:
        return content[:at] + bytes([content[at] ^ draw(st.integers(1, 255))]) + content[at + 1 :]
    if how == "mark":
        return draw(st.sampled_from((b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"PK\x03\x04", b"\n\n", b'"'))) + content
    if how == "twice":
        return content + content
    return content[:at] + draw(deep()).encode() + content[at:] if how == "deep" else content


@st.composite
def changed(draw: st.DrawFn, value: object, most: int = 3) -> object:
    """A copy of nested values in which some were replaced, taken out, or given another name."""
    for _ in range(draw(st.integers(0, most))):
        value = draw(_changed_once(value))
    return value


@st.composite
def _changed_once(draw: st.DrawFn, value: object) -> object:
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 5)) == 0:
        return draw(values)
    if isinstance(value, list):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], draw(_changed_once(value[place])), *value[place + 1 :]]
    key = draw(st.sampled_from(list(value)))
    how = draw(st.sampled_from(("inside", "inside", "inside", "gone", "renamed")))
    rest = {name: one for name, one in value.items() if name != key}
    if how == "gone":
        return rest
    return {**rest, draw(texts): value[key]} if how == "renamed" else {**value, key: draw(_changed_once(value[key]))}
