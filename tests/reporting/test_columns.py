"""Text in the columns of a terminal, of which wide characters take two."""

import pytest
from rich.cells import cell_len

from retain.cells import broken, cut_to, padded
from retain.reporting.columns import page_of


def test_lines_break_between_words_and_long_words_are_cut():
    assert broken("one two three", 9, "- ", "  ") == ["- one two", "  three"]
    assert broken("a   b", 9) == ["a   b"], "blanks within a line stay"
    assert broken("to folder/with/a/name", 12) == ["to folder/wi", "th/a/name"]
    assert broken("to folder/with/a/name", 12, cut=False) == ["to", "folder/with/a/name"]
    assert broken("", 9, "- ") == []


@pytest.mark.parametrize("cut", [True, False])
@pytest.mark.parametrize("width", [8, 13, 60])
def test_wide_characters_break_anywhere_and_none_is_lost(width, cut):
    text = "名前 " + "空白のない長い文" * 6 + " end"
    lines = broken(text, width, "- ", "  ", cut)
    assert max(map(cell_len, lines)) <= width
    assert "".join(line[2:] for line in lines).replace(" ", "") == text.replace(" ", "")


def test_texts_are_cut_and_padded_by_cells():
    assert (cut_to("日本語", 5), cut_to("abc", 2)) == ("日本", "ab")
    assert (padded("日", 4), padded("日", 4, right=True)) == ("日  ", "  日")


@pytest.mark.parametrize("width", [60, 80])
def test_lines_of_a_text_fit_and_paths_stay_whole(width):
    path = "folder/" * 20
    text = f"  - {'word ' * 40}\n\nReport: {path}"
    lines = page_of(width).fitted(text).split("\n")
    assert lines[0].startswith("  - word") and lines[1].startswith("    word") and "" in lines
    assert path in lines[-1]
    assert max(len(line) for line in lines[:-1]) <= width
