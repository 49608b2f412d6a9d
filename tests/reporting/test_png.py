"""Figures in pixels: seen on any machine, in the light colours, and left out where the extra is missing."""

import sys

import pytest

from retain.reporting.drawing import INK, PAPER, svg, text
from retain.reporting.frontier_figures import frontier_figure
from retain.reporting.png import SHARPNESS, light, png
from retain.reporting.write import write_frontier

from .frontier_makers import make_arm, make_frontier, make_levels


def test_variables_become_their_stand_ins_and_text_stays():
    words = "var(--ink,#000) \" style='var(--x,red)'"
    found = light(svg(10, 10, "x", [text(0, 0, words, INK)]))
    assert "var(--ink,#000) " in found.split(">")[2] and 'style="fill:#1b2430"' in found
    assert light(f'<p style="fill:{PAPER};stroke:{INK}"/>') == '<p style="fill:#ffffff;stroke:#1b2430"/>'


def pixels(content):
    image = pytest.importorskip("PIL.Image")
    import io

    return image.open(io.BytesIO(content)).convert("RGB")


def test_text_is_seen_on_a_machine_without_fonts(monkeypatch):
    resvg = pytest.importorskip("resvg_py")
    drawn = resvg.svg_to_bytes
    monkeypatch.setattr(resvg, "svg_to_bytes", lambda **settings: drawn(**settings, skip_system_fonts=True))
    image = pixels(
        png(svg(200, 40, "x", [text(10, 25, "seen \u2212 é", INK, size=20), text(110, 25, "bold", INK, weight="600")]))
    )
    assert image.size == (200 * SHARPNESS, 40 * SHARPNESS)
    for left in (0, 200):
        part = image.crop((left, 0, left + 200, 80))
        assert part.getextrema() != ((255, 255),) * 3, "letters were drawn"
    assert image.getpixel((0, 0)) == (255, 255, 255)
    assert min(image.getdata()) == (0x1B, 0x24, 0x30), "in the ink's light colour"


def test_a_frontiers_figure_becomes_pixels():
    pytest.importorskip("resvg_py")
    image = pixels(png(frontier_figure(make_frontier())))
    assert {(0x0B, 0x63, 0xB5), (0xC2, 0x41, 0x0C)} <= set(image.getdata()), "the first two arms' colours"


def test_without_the_extra_there_is_no_picture_and_nothing_fails(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    assert png("<svg/>") is None
    names = {path.name for path in write_frontier(make_frontier(make_levels(), "level 0.0"), tmp_path)}
    assert names == {"frontier.svg", "frontier-factor.svg", "frontier.md", "frontier.html"}
    assert ".png" not in (tmp_path / "frontier.md").read_text()


def test_with_the_extra_a_picture_lies_beside_each_figure(tmp_path):
    pytest.importorskip("resvg_py")
    names = {path.name for path in write_frontier(make_frontier(make_levels(), "level 0.0"), tmp_path)}
    assert {"frontier.png", "frontier-factor.png"} < names
    assert (tmp_path / "frontier.png").read_bytes().startswith(b"\x89PNG")
    assert "frontier-factor.png" in (tmp_path / "frontier.md").read_text()


def test_figures_of_an_earlier_go_do_not_stay(tmp_path):
    write_frontier(make_frontier(make_levels(), "level 0.0"), tmp_path)
    write_frontier(make_frontier([make_arm("a", failed="no")], taken=None), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"frontier.md", "frontier.html"}
