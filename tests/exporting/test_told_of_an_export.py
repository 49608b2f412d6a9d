"""What a terminal shows of an export."""

import pytest
from rich.cells import cell_len

from retain.export_records import ExportedFile, ExportRecord, Sameness
from retain.records import Gate, Verdict
from retain.reporting.export import render_export


def make_export(**changes):
    values = {
        "title": "モデル",
        "form": "gguf",
        "type": "q8_0",
        "base": "base",
        "source": "x",
        "file": "model.gguf",
        "files": [ExportedFile(name="model.gguf", size=2_000_000, sha256="0" * 64)],
        "same": Sameness(texts=2, positions=300, largest=0.25, agreement=0.99),
        "against_base": Verdict(
            outcome="forgot",
            reasons=["facts: lost 13.1 points, at least 9.4 (margin 3.0) " * 3],
            items_needed=None,
            gate=Gate(),
            probes=[],
            gain="learned",
        ),
        "notes": ["量子化された重みは元の重みと同じではありません。" * 6],
    }
    return ExportRecord(**{**values, **changes})


@pytest.mark.parametrize("width", [60, 80])
def test_no_line_is_wider_than_the_terminal(width):
    text = render_export(make_export(), width=width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "against the base: FORGOT (report.html)" in text and "    - facts: lost" in text
    assert "2.0 MB" in text and "note: 量子化" in text
