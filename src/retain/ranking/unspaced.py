"""Text of scripts that put no space between words (Chinese, Japanese, Thai, ...), as pairs of neighbouring characters.

Such pairs are what search engines index where words are not told apart (Lucene's CJKBigramFilter).
"""

from __future__ import annotations

import re

SCRIPTS = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u3005-\u3007\u3040-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Hiragana, Katakana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
)
_RUN = re.compile(f"[{SCRIPTS}]+")


def in_pairs(text: str) -> str:
    """The text with each run of such characters as its pairs, between spaces; other text as it is."""
    return _RUN.sub(lambda run: f" {_pairs(run[0])} ", text)


def _pairs(run: str) -> str:
    return " ".join(run[at : at + 2] for at in range(max(1, len(run) - 1)))
