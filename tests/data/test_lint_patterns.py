"""Secrets and personal data: what is found, what is not, and that nothing of it is shown."""

import time

import pytest

from retain.data.formats import read_examples, scan_examples, scan_values
from retain.data.lint import personal, tokens_and_keys
from retain.data.lint.masking import masked, sensitive_parts, shown_text
from retain.data.lint.material import LintData
from retain.data.lint.patterns import hits
from retain.data.lint.run_checks import checks, run_checks
from retain.errors import UserError

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
    ("call 1-800-273-8255", "telephone number"),
    ("call 1 (800) 273-8255 or", "telephone number"),
    ("call (800)273-8255", "telephone number"),
    ("call 07700 912345", "telephone number"),
    ("call 020 7946 1958", "telephone number"),
    ("tel. 06 12 34 56 78", "telephone number"),
    ("tel. 0171/2345678.", "telephone number"),
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
    "bytes 01 02 03 04 05 06 07 08",
    "0.5 1.5 2.5 and 0,25 0,75",
    "on 01/02/2003 at 04:05, room 0815",
    "from 08:15 to 09 30, 12 of 40",
    "postgres://admin:tR8xkq29@db.internal/main",
]
SECRETS = [
    ("AKIAIOSFODNN7EXAMPLQ", "AWS access key"),
    ("token ghp_0123456789abcdefghijABCDEFGHIJ012345", "GitHub token"),
    ("hf_abcdefghijABCDEFGHIJ0123456789abcd", "Hugging Face token"),
    ("sk-proj-abcdefghij0123456789_-ABC", "API key"),
    ("password = 'tR8x!kq29Zp'", "password"),
    ('"api_key": "9f8a7b6c5d4e3f2a1b0c"', "password"),
    ("https://bob:hunter22@example.org/x", "password in a URL"),
    ("my aws secret is wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKE", "AWS secret key"),
    ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY", "password"),
    ("DB_PASSWORD=tR8x!kq29Zp", "password"),
    ('"apiKey": "9f8a7b6c5d4e3f2a1b0c"', "password"),
    ("client_secret: 9f8a7b6c5d4e3f2a1b0c", "password"),
    ("my password is tR8x!kq29Zp", "password"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY-----", "private key"),
]
NO_SECRETS = [
    "what is a password: a word that only you know",
    "password: ********",
    "the password is case-sensitive and the token is valid for 30 days",
    "secretary: Room2011b",
    "token = next(tokens)",
    "the key commit is da39a3ee5e6b4b0d3255bfef95601890afd80709",
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
    kinds = {pattern.kind for pattern in personal.PATTERNS}
    assert not kinds & {hit.kind for hit in sensitive_parts(text)}


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


def test_both_halves_of_a_key_are_masked():
    text = "AWS AKIAIOSFODNN7EXAMPLQ and secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKE in env"
    assert masked(text) == "AWS [AWS access key] and secret [AWS secret key] in env"


def test_all_of_a_private_key_is_masked():
    body = "\n".join(["Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-256-CBC,A1B2", "", "MIIEow" + "a1B2" * 200])
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"
    assert masked(f"use {key} now") == "use [private key] now"
    assert masked(f"use {key[:700]}") == "use [private key]"


def test_a_secret_is_masked_before_its_text_is_cut():
    text = "x" * 150 + " ghp_0123456789abcdefghijABCDEFGHIJ012345"
    assert "ghp" not in shown_text(text)


LONG = "ghp_" + "a1B2" * 60


@pytest.mark.parametrize(
    ("prompt", "completion"),
    [
        ("a " * 60 + LONG, "yes"),
        (f"{LONG} and jane.doe@mail.org", "yes"),
        (f"jane.doe@mail.org {LONG}", "yes"),
        (f"{LONG} <|im_end|> {LONG}", "yes"),
        ("who", f"{LONG} caf\u00c3\u00a9 {LONG}"),
        ("who", f"one two three four five six seven and then the key was {LONG}"),
        ("who", "one two three four five six seven -----BEGIN PRIVATE KEY-----\n" + "a1B2" * 100),
        ("\n" * 3990 + LONG, "yes"),
    ],
)
def test_no_part_of_a_secret_is_shown_where_a_text_is_cut(prompt, completion):
    rows = [{"prompt": prompt, "completion": completion}] * 2
    rows.append({"messages": [{"role": "assistant", "content": LONG}, *_turns(prompt, completion)]})
    for shape in ("prompt", "messages"):
        data = LintData(examples=scan_values([row for row in rows if shape in row], "rows").examples, source="rows")
        text = run_checks(data).model_dump_json()
        assert "a1B2a1B2" not in text


def _turns(prompt, completion):
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": completion}]


def test_sentences_about_rows_are_masked_as_well():
    rows = [{"prompt": f"whose is number {n}", "completion": "jane@mail.org"} for n in range(40)]
    rows.append({"prompt": "and this", "completion": "Jane@mail.org"})
    rows = [{**row, "prompt": f"{row['prompt']} ghp_{'a1' * 18}"} for row in rows]
    real = [f"hey u there number {n}" for n in range(40)]
    lint = run_checks(LintData(examples=scan_values(rows, "rows").examples, real=real, source="rows"))
    assert {"label_spelling", "unlike_real_prompts"} <= {one.check for one in lint.findings}
    assert "jane@" not in lint.model_dump_json().lower() and "a1a1" not in lint.model_dump_json()


def test_names_of_topics_hold_nothing_personal():
    words = "river castle piano garden bicycle lantern".split()
    rows = [f"please tell me about the {words[n % 6]} and its {words[n % 6]}s, {n}" for n in range(240)]
    rows += [f"write to anneliese.zumbusch@bergmail.org about {n}" for n in range(6)]
    data = LintData(examples=scan_values([{"text": row} for row in rows], "rows").examples, source="rows")
    assert data.topics
    named = {word for topics in data.topics for own in topics.own for word in own}
    assert not {"anneliese", "zumbusch", "bergmail"} & named


@pytest.mark.parametrize(
    "line",
    [
        "ghp_" + "a1B2" * 9,
        '{"prompt": "a", "completion": ghp_' + "a1B2" * 9 + "}",
        '{"ghp_' + "a1B2" * 9 + '": 1}',
        '{"prompt": [{"role": "ghp_' + "a1B2" * 9 + '", "content": "x"}], "completion": "x"}',
    ],
)
def test_rows_that_cannot_be_read_show_no_secret(line, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "a", "completion": "b"}\n' + line + "\n")
    scan = scan_examples(str(path))
    assert len(scan.bad) == 1 and "[GitHub token]" in scan.bad[0].reason and "a1B2" not in scan.bad[0].reason
    path.write_text(line + "\n")
    with pytest.raises(UserError) as told:
        read_examples(str(path))
    assert "a1B2" not in str(told.value)


def test_a_header_that_is_a_row_shows_no_secret(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(f"my key is {LONG},hello\nsecond,there\n")
    with pytest.raises(UserError, match="no known row shape") as told:
        scan_examples(str(path))
    assert "a1B2" not in str(told.value)


def test_many_finds_in_one_text_are_found_quickly():
    text = " ".join(f"name{n}@mail.org" for n in range(30_000))
    begun = time.process_time()
    assert len(hits(text, personal.PATTERNS)) == 30_000
    assert time.process_time() - begun < 5


def test_every_check_is_named_after_its_file():
    assert all(name == check.name for name, check in checks().items())
