"""An SVG figure as PNG, for places that show no SVG. Needs the extra ``png``."""

from __future__ import annotations

import re
from pathlib import Path

SHARPNESS = 2
"""Pixels for each unit of the figure."""
_VARIABLE = re.compile(r"var\(--[\w-]+,([^()]*)\)")
_STYLE = re.compile(r'style="[^"]*"')
FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")


def png(svg: str) -> bytes | None:
    """The figure on white paper, in its light colours; None where the extra is not installed.

    Matplotlib brings the font, so that text is seen on a machine without any and looks the same on all; the machine's
    own fonts are asked for letters that it does not have.
    """
    try:
        import resvg_py
        from matplotlib import get_data_path
    except ImportError:
        return None
    folder = Path(get_data_path()) / "fonts" / "ttf"
    found = resvg_py.svg_to_bytes(
        svg_string=light(svg),
        background="#ffffff",
        zoom=SHARPNESS,
        font_files=[str(folder / name) for name in FONTS],
        font_family="DejaVu Sans",
        sans_serif_family="DejaVu Sans",
    )
    return bytes(found)


def light(svg: str) -> str:
    """The figure with each CSS variable replaced by what stands in for it without a page; text stays as it is."""
    return _STYLE.sub(lambda style: _VARIABLE.sub(r"\1", style[0]), svg)
