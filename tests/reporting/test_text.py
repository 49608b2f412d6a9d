import pytest
from markdown_it import MarkdownIt

from retain.reporting.text import clean, fenced, markdown, one_line, shorten

NASTY = [
    "a | b",
    "`code` and ``more``",
    "<script>alert(1)</script>",
    "[link](javascript:alert(1))",
    "![image](http://x/y.png)",
    "*star* _under_ __bold__ ~~gone~~",
    "# heading",
    "- item",
    "+ item",
    "12. item",
    "back\\slash \\| and \\`",
    "&lt;b&gt; &amp;",
    "a_b_c snake_case",
    "$x$",
    "***",
    "=====",
]


def shown(markup):
    """The text that a reader of the rendered markdown sees."""
    tokens = MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(markup)
    children = [child for token in tokens for child in token.children or [token]]
    assert all(child.type in ("text", "text_special", "paragraph_open", "paragraph_close") for child in children)
    return "".join(child.content for child in children)


@pytest.mark.parametrize("text", NASTY)
def test_markdown_shows_the_text_itself(text):
    assert shown(markdown(text)) == text


@pytest.mark.parametrize("text", NASTY)
def test_no_text_ends_its_table_cell(text):
    tokens = MarkdownIt("commonmark").enable("table").parse(f"| a | b |\n| --- | --- |\n| {markdown(text)} | end |")
    cells = [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "td_open"]
    assert len(cells) == 2
    assert cells[1] == "end"


@pytest.mark.parametrize("text", ["plain", "``` fence", "a\n````\nb", "`````python", "# x\n| y |", "<b>"])
def test_a_fence_holds_any_text(text):
    tokens = MarkdownIt("commonmark").parse(f"before\n\n{fenced(text)}\n\nafter")
    blocks = [token for token in tokens if token.type == "fence"]
    assert [block.content for block in blocks] == [f"{text}\n"]


def test_terminal_codes_become_visible():
    assert clean("\x1b[31mred\x07\x7f\x9b") == "␛[31mred␇␡⟨U+009B⟩"


def test_direction_overrides_become_visible_and_right_to_left_text_stays():
    assert clean("abc\u202edef\u2066") == "abc⟨U+202E⟩def⟨U+2066⟩"
    assert clean("שלום\u200f!") == "שלום\u200f!"
    assert clean("no such letters\u200f!") == "no such letters⟨U+200F⟩!"
    assert clean("tags\U000e0041") == "tags⟨U+E0041⟩"


def test_every_line_end_is_one_and_tabs_stay():
    assert clean("a\r\nb\rc\u2028d\te") == "a\nb\nc\nd\te"


def test_a_lone_surrogate_can_be_written_to_a_file():
    assert clean("x\ud800y").encode() == "x\ufffdy".encode()


def test_shortening_says_how_much_is_missing():
    assert shorten("x" * 2204, 1000) == "x" * 1000 + " ... (1,204 more characters)"
    assert shorten("short", 5) == "short"


def test_one_line_has_one_line():
    assert one_line(" a\n\n b\t c ") == "a b c"
