"""Patterns of secrets: private keys, access keys and tokens by their prefixes, passwords in assignments and URLs.

Prefixes as their makers publish them, so that scanners can find them (GitHub, GitLab, Slack, OpenAI, Anthropic, Hugging
Face, AWS, Google, Stripe, npm, PyPI, SendGrid). A value that is assigned to a word such as ``password`` counts only
where it looks drawn at random (`_looks_random`); so does the secret half of AWS's keys, forty characters without a
prefix, near a word that names it.
"""

from __future__ import annotations

import math
import re
from collections import Counter

from retain.data.lint.patterns import Pattern

LEAST_BITS = 2.7
"""Entropy per character of an assigned value: eight characters of which two come twice have 2.5, all different 3.0."""


def _looks_random(value: str) -> bool:
    """Letters and digits mixed, and hardly a character twice."""
    counts = Counter(value)
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
    mixed = any(letter.isdigit() for letter in value) and any(letter.isalpha() for letter in value)
    return mixed and bits >= LEAST_BITS


def _prefixed(kind: str, prefixes: tuple[str, ...], rest: str) -> Pattern:
    start = "|".join(map(re.escape, prefixes))
    return Pattern(kind, prefixes, re.compile(rf"(?<![A-Za-z0-9_])(?:{start}){rest}"))


_KEY_LINE = r"-----{} [A-Z ]*PRIVATE KEY(?: BLOCK)?-----"
_PASSWORD = r"(?:password|passwd|pwd)"
_NAMED = rf"(?:{_PASSWORD}|(?:client[_-]?)?secret|(?:secret[_-]?)?access[_-]?key|(?:api|secret|private)[_-]?key"
_NAMED += r"|(?:access|auth|refresh)?[_-]?token)"
_HINTS: tuple[str, ...] = (
    "assw",
    "ASSW",
    "pwd",
    "PWD",
    "ecret",
    "ECRET",
    "_key",
    "-key",
    "ikey",
    "eKey",
    "iKey",
    "tKey",
    "sKey",
)
_HINTS += ("_KEY", "-KEY", "IKEY", "oken", "OKEN")
_VALUE = r"[\"']?(?P<it>[^\s\"',;]{8,80})"

PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "private key",
        ("PRIVATE KEY",),
        re.compile(rf"{_KEY_LINE.format('BEGIN')}(?:[\s\S]{{0,16000}}?{_KEY_LINE.format('END')}|[\s\S]{{0,16000}})"),
    ),
    _prefixed("AWS access key", ("AKIA", "ASIA"), r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _prefixed("GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"[A-Za-z0-9]{36,}"),
    _prefixed("GitHub token", ("github_pat_",), r"[A-Za-z0-9_]{60,}"),
    _prefixed("GitLab token", ("glpat-",), r"[A-Za-z0-9_-]{20,}"),
    _prefixed("Slack token", ("xoxb-", "xoxa-", "xoxp-", "xoxr-", "xoxs-"), r"[A-Za-z0-9-]{10,}"),
    _prefixed("Hugging Face token", ("hf_",), r"[A-Za-z0-9]{30,}"),
    _prefixed("API key", ("sk-ant-", "sk-proj-", "sk-svcacct-"), r"[A-Za-z0-9_-]{20,}"),
    _prefixed("API key", ("sk-",), r"[A-Za-z0-9]{32,}"),
    _prefixed("Google API key", ("AIza",), r"[A-Za-z0-9_-]{35}"),
    _prefixed("Stripe key", ("sk_live_", "rk_live_", "whsec_"), r"[A-Za-z0-9]{16,}"),
    _prefixed("npm token", ("npm_",), r"[A-Za-z0-9]{36}"),
    _prefixed("PyPI token", ("pypi-AgE",), r"[A-Za-z0-9_-]{50,}"),
    _prefixed("SendGrid key", ("SG.",), r"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    Pattern(
        "JSON web token", ("eyJ",), re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}")
    ),
    Pattern(
        "password in a URL", ("://",), re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{1,64}:(?P<it>[^\s:/@]{3,64})@")
    ),
    Pattern(
        "password",
        _HINTS,
        re.compile(rf"(?i)(?<![A-Za-z0-9]){_NAMED}[\"']?\s{{0,3}}[:=]\s{{0,3}}{_VALUE}"),
        _looks_random,
    ),
    Pattern(
        "AWS secret key",
        (*_HINTS, "aws", "AWS"),
        re.compile(r"(?i)\b(?:aws|secret|key)\b[^\n]{0,24}?(?<![\w/+=])(?![\da-f]{40})(?P<it>[\w/+]{40})(?![\w/+=])"),
        _looks_random,
    ),
    Pattern("password", _HINTS[:4], re.compile(rf"(?i)(?<![A-Za-z0-9]){_PASSWORD}\s+is:?\s+{_VALUE}"), _looks_random),
)
