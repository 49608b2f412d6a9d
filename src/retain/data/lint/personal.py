"""Patterns of personal data: e-mail addresses, telephone, card, account and social security numbers, with checksums.

Addresses and numbers that are set aside for examples do not count: the domains of RFC 2606, North American 555-01xx
numbers, the card numbers that payment services publish for tests.
"""

from __future__ import annotations

import re

from retain.data.lint.patterns import Pattern

_LENGTHS = """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27
GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27
MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23
TN24 TR26 UA29 VA22 VG24 XK20
"""
IBAN_LENGTHS = {one[:2]: int(one[2:]) for one in _LENGTHS.split()}
"""Country -> characters of its account numbers (SWIFT's IBAN registry)."""
EXAMPLE_DOMAINS = ("example.com", "example.org", "example.net", "example.edu")
EXAMPLE_ENDINGS = (".example", ".test", ".invalid", ".localhost", *(f".{domain}" for domain in EXAMPLE_DOMAINS))
TEST_CARDS = {
    "4242424242424242",
    "4111111111111111",
    "4012888888881881",
    "4000056655665556",
    "5555555555554444",
    "5105105105105100",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
    "6011000990139424",
    "3530111333300000",
    "30569309025904",
}
_CARD = re.compile(
    r"(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d)\d{12}|35\d{14})"
)


def luhn(digits: str) -> bool:
    """The checksum of card numbers (ISO/IEC 7812)."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def is_card(text: str) -> bool:
    """A number that a card could have: a known issuer's prefix and length, and the checksum; no test number."""
    digits = re.sub(r"\D", "", text)
    return _CARD.fullmatch(digits) is not None and luhn(digits) and digits not in TEST_CARDS


def is_iban(text: str) -> bool:
    """An account number of the right length for its country whose checksum is right (ISO 13616, mod 97)."""
    letters = re.sub(r"[\s-]", "", text).upper()
    if len(letters) != IBAN_LENGTHS.get(letters[:2]):
        return False
    turned = letters[4:] + letters[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def is_address(text: str) -> bool:
    """An e-mail address outside of the domains that are set aside for examples."""
    domain = text.rpartition("@")[2].lower().rstrip(".")
    return domain not in EXAMPLE_DOMAINS and not domain.endswith(EXAMPLE_ENDINGS)


def is_telephone(text: str) -> bool:
    """As many digits as a telephone number has, not one digit again and again, and no fictional 555-01xx."""
    digits = re.sub(r"\D", "", text)
    return 8 <= len(digits) <= 15 and len(set(digits)) > 2 and not re.search(r"55501\d\d$", digits)


_NATIONAL = r"(?:1[ .-])?(?:\([2-9]\d\d\)[ .-]?|[2-9]\d\d[ .-])\s?[2-9]\d\d[ .-]\d{4}"
_INTERNATIONAL = r"\+\d{1,3}(?:[ .-]?\(?\d{1,5}\)?){2,5}"
_TRUNK = r"0\d{2,4}[ /-]\d{3,4}[ -]\d{3,5}|0\d{3,4}[ /-]\d{6,8}|0[1-9](?:[ .-]\d\d){4}(?![ .-]\d)"

PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "e-mail address",
        ("@",),
        re.compile(r"(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24}(?![\w-])"),
        is_address,
    ),
    Pattern(
        "account number (IBAN)",
        (),
        re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"),
        is_iban,
    ),
    Pattern("card number", (), re.compile(r"(?<![\d.-])\d(?:[ -]?\d){12,18}(?![\d-]|\.\d)"), is_card),
    Pattern(
        "social security number",
        ("-",),
        re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])"),
    ),
    Pattern(
        "telephone number",
        (),
        re.compile(rf"(?<![\w.+-])(?<!\d\s)(?:{_INTERNATIONAL}|{_NATIONAL}|{_TRUNK})(?![\w-]|\.\d)"),
        is_telephone,
    ),
)
