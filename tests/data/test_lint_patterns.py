"""Secrets and personal data: what is found, what is not, and that nothing of it is shown."""

import pytest

from retain.data.formats import scan_values
from retain.data.lint import personal, tokens_and_keys
from retain.data.lint.masking import masked, shown_text
from retain.data.lint.material import LintData
from retain.data.lint.patterns import hits
from retain.data.lint.run_checks import checks, run_checks

PERSONAL = [
    ("write to jane.doe+x@mail.company.co.uk.", "e-mail address"),
    ("pay DE89 3704 0044 0532 0130 00 today", "account number (IBAN)"),
    ("pay GB82WEST12345698765432.", "account number (IBAN)"),
    ("card 4539 1488 0343 6467 exp 12/27", "card number"),
    ("card 371449635398432", None),
    ("my SSN is 536-22-1234", "social security number"),
    ("call +44 20 7183 8750 now", "telephone number"),
    ("call (212) 736-5000", "telephone number"),
    ("call 030 1234 5678", "telephone number"),
]
HARMLESS = [
    "jane@example.com",
    "user@host.test",
    "DE89 3704 0044 0532 0130 01",
    "4539 1488 0343 6468",
    "4242 4242 4242 4242",
    "order 1234567890123456",
    "from 2018-05-09 to 2018-06-10",
    "1999-2005, 12.345.678,90 and 3.14159265358979",
    "call 555-0123 or (212) 555-0123",
    "a @mention and a+b@c",
    "the year 2019 05 12",
    "isbn 978-3-16-148410-0",
    "version 10.0.22631.3447",
]
SECRETS = [
    ("AKIAIOSFODNN7EXAMPLQ", "AWS access key"),
    ("token ghp_0123456789abcdefghijABCDEFGHIJ012345", "GitHub token"),
    ("hf_abcdefghijABCDEFGHIJ0123456789abcd", "Hugging Face token"),
    ("sk-proj-abcdefghij0123456789_-ABC", "API key"),
    ("password = 'tR8x!kq29Zp'", "password"),
    ('"api_key": "9f8a7b6c5d4e3f2a1b0c"', "password"),
    ("https://bob:hunter22@example.org/x", "password in a URL"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY-----", "private key"),
]
NO_SECRETS = [
    "what is a password: a word that only you know",
    "password: ********",
    "token = next(tokens)",
    "secret: unbelievable",
    "sk-learn is a library",
    "https://example.org:8080/path@2",
    "AKIA is a prefix",
]


@pytest.mark.parametrize(("text", "kind"), PERSONAL)
def test_personal_data_are_found(text, kind):
    assert [hit.kind for hit in hits(text, personal.PATTERNS)] == ([kind] if kind else [])


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_it_is_left(text):
    assert hits(text, personal.PATTERNS) == []


@pytest.mark.parametrize(("text", "kind"), SECRETS)
def test_secrets_are_found_and_masked(text, kind):
    assert [hit.kind for hit in hits(text, tokens_and_keys.PATTERNS)] == [kind]
    assert f"[{kind}]" in masked(text)


@pytest.mark.parametrize("text", NO_SECRETS)
def test_words_about_secrets_are_none(text):
    assert hits(text, tokens_and_keys.PATTERNS) == []


def test_nothing_that_was_found_is_shown_by_any_check():
    secret, address = "ghp_0123456789abcdefghijABCDEFGHIJ012345", "jane.doe@mail.org"
    rows = [{"prompt": f"I am {address}, who are you", "completion": f"use {secret} <|im_end|> Ã©tÃ©"}] * 3
    rows.append({"prompt": f"I am {address}, who are yuo", "completion": f"use {secret} <|im_end|> Ã©tÃ©"})
    scan = scan_values(rows, "rows")
    lint = run_checks(LintData(examples=scan.examples, held_out=scan.examples, source="rows"))
    assert {"secrets", "personal_data", "exact_duplicates", "written_markup"} <= {one.check for one in lint.findings}
    text = lint.model_dump_json()
    assert secret not in text and address not in text
    assert "[GitHub token]" in text and "[e-mail address]" in text


def test_a_secret_is_masked_before_its_text_is_cut():
    text = "x" * 150 + " ghp_0123456789abcdefghijABCDEFGHIJ012345"
    assert "ghp" not in shown_text(text)


def test_every_check_is_named_after_its_file():
    assert all(name == check.name for name, check in checks().items())
