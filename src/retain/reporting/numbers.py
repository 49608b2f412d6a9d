"""Numbers as people read them: one rule for each kind, so that every report rounds alike."""

from __future__ import annotations

import math

NOT_AVAILABLE = "n/a"


def finite(*values: float | None) -> bool:
    """True when every value is a number that can be shown or drawn."""
    return all(value is not None and math.isfinite(value) for value in values)


def plain(value: float | None, digits: int = 1) -> str:
    """``3.14159`` -> ``3.1``. Never ``-0.0``; ``n/a`` for what is missing, NaN or infinite."""
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    if abs(value) >= 1e7:
        return f"{value:.2g}"
    text = f"{value:,.{digits}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text


def signed(value: float | None, digits: int = 1) -> str:
    """``3.14`` -> ``+3.1``; zero has no sign."""
    text = plain(value, digits)
    shows_gain = value is not None and value > 0 and text != NOT_AVAILABLE and float(text.replace(",", "")) != 0
    return f"+{text}" if shows_gain else text


def in_unit(value: float | None, unit: str) -> str:
    """``3.14`` -> ``3.1``; in percent ``3.1%``."""
    text = plain(value)
    return f"{text}%" if unit == "percent" and text != NOT_AVAILABLE else text


def interval(low: float | None, high: float | None, digits: int = 1) -> str:
    """``-1.2 to +0.4``."""
    if not finite(low, high):
        return NOT_AVAILABLE
    return f"{signed(low, digits)} to {signed(high, digits)}"


def count(value: float | None) -> str:
    """``3092`` -> ``3,092``; whole up to a million million."""
    return f"{value:,.0f}" if value is not None and 1e7 <= value < 1e12 else plain(value, 0)


def number_of(value: int, noun: str) -> str:
    """``1 item``, ``3,092 items``."""
    return f"{count(value)} {noun}" if value == 1 else f"{count(value)} {noun}s"


def duration(seconds: float | None) -> str:
    """``4327`` -> ``1 h 12 min``."""
    if seconds is None or not math.isfinite(seconds):
        return NOT_AVAILABLE
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def share(part: float, whole: float) -> str:
    """``part`` of ``whole`` as a percentage, ``n/a`` of nothing."""
    return f"{100 * part / whole:.1f}%" if whole else NOT_AVAILABLE


def compact(value: object) -> str:
    """Any scalar as short text: ``0.1 + 0.2`` -> ``0.3``, ``True`` -> ``yes``, ``None`` -> ``none``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else NOT_AVAILABLE
    return str(value)
