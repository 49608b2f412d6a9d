"""For each check a fault planted into clean rows, and how many rows the check should then name."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from writer import LABELS, Row, Writer, chat

from retain.data.formats import scan_values
from retain.data.lint.material import LintData, asked

ROWS, HELD_OUT = 600, 200
MAX_LENGTH = 1500
"""Bytes: the tokenizer of these cases has one token for each."""


@dataclass(frozen=True)
class Case:
    """What a check is given, and how many rows carry the fault; None where it is one of the whole set."""

    data: LintData
    planted: int | None = None


def made(rows: list[Row], held_out: list[Row] | None = None, **more: Any) -> LintData:
    """Rows as a check gets them."""
    scan = scan_values(rows, "rows")
    held = scan_values(held_out, "held out").examples if held_out else ()
    return LintData(examples=scan.examples, held_out=held, bad=scan.bad, source="rows", **more)


def clean(seed: int, kind: str = "open", rows: int = ROWS) -> LintData:
    """Rows without a fault, with held-out rows, real prompts, a tokenizer and probe items that have none either."""
    writer = Writer(seed)
    train, held_out, real = (writer.rows(count, kind) for count in (rows, HELD_OUT, HELD_OUT))
    items = {"probe": [(str(number), writer.prose(number % 20)) for number in range(100)]}
    prompts = [asked(example) for example in scan_values(real, "real").examples]
    return made(train, held_out, real=prompts, tokenizer=byte_tokenizer(), max_length=MAX_LENGTH, items=items)


def byte_tokenizer() -> Any:
    """One token for each byte, a chat template and an end token."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = {letter: place for place, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    backend = Tokenizer(models.BPE(vocab=letters, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    template = (
        "{% for m in messages %}{% if m['role'] == 'tool' %}{{ raise_exception('no tools') }}{% endif %}"
        "{{ m['role'] }}: {{ m['content'] }}<|end|>\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|end|>", chat_template=template)


def _start(seed: int, kind: str = "open", rows: int = ROWS) -> tuple[Writer, list[Row], random.Random]:
    writer = Writer(seed)
    return writer, writer.rows(rows, kind), random.Random(seed + 1000)


def _answer(row: Row, text: str) -> Row:
    return chat(row["messages"][0]["content"], text)


def _ask(row: Row, text: str) -> Row:
    return chat(text, row["messages"][-1]["content"])


def _asked(row: Row) -> str:
    return str(row["messages"][0]["content"])


def _said(row: Row) -> str:
    return str(row["messages"][-1]["content"])


def _with_typo(text: str, chance: random.Random) -> str:
    """Two neighbouring letters of one word change places."""
    words = text.split()
    place = chance.choice([number for number, word in enumerate(words) if len(set(word)) > 3])
    word = words[place]
    at = chance.choice([at for at in range(len(word) - 1) if word[at] != word[at + 1]])
    words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def unreadable_rows(seed: int) -> Case:
    """Three rows without an answer."""
    _, rows, chance = _start(seed)
    for place in chance.sample(range(ROWS), 3):
        rows[place] = _answer(rows[place], " ")
    return Case(made(rows), 3)


def exact_duplicates(seed: int) -> Case:
    """Three rows come again."""
    _, rows, chance = _start(seed)
    return Case(made([*rows, *chance.sample(rows, 3)]), 3)


def near_duplicates(seed: int) -> Case:
    """Five rows come again with a typo."""
    _, rows, chance = _start(seed)
    again = [_ask(row, _with_typo(_asked(row), chance)) for row in chance.sample(rows, 5)]
    return Case(made([*rows, *again]), 5)


def inconsistent_labels(seed: int) -> Case:
    """Two rows come again with another label, two more with a typo as well."""
    _, rows, chance = _start(seed, "labels")
    again = []
    for number, row in enumerate(chance.sample(rows, 4)):
        label = chance.choice([one for one in LABELS if one != _said(row)])
        again.append(chat(_asked(row) if number < 2 else _with_typo(_asked(row), chance), label))
    return Case(made([*rows, *again]), 8)


def label_spelling(seed: int) -> Case:
    """Three labels in capitals or with a full stop."""
    _, rows, chance = _start(seed, "labels")
    for place in chance.sample(range(ROWS), 3):
        said = _said(rows[place])
        rows[place] = _answer(rows[place], chance.choice([said.upper(), f"{said}.", said.title() + " "]))
    return Case(made(rows), 3)


def rare_labels(seed: int) -> Case:
    """A label that two rows have."""
    _, rows, chance = _start(seed, "labels")
    for place in chance.sample(range(ROWS), 2):
        rows[place] = _answer(rows[place], "seldom asked")
    return Case(made(rows), 2)


def empty_targets(seed: int) -> Case:
    """Three fillers in the place of answers."""
    _, rows, chance = _start(seed)
    for place, filler in zip(chance.sample(range(ROWS), 3), ("N/A", "...", "nan"), strict=True):
        rows[place] = _answer(rows[place], filler)
    return Case(made(rows), 3)


def sparse_coverage(seed: int) -> Case:
    """Nineteen topics of 40 rows each and one of eight."""
    writer = Writer(seed)
    rows = writer.rows(40 * 19, topics=19) + [chat(writer.question(19), writer.prose(19)) for _ in range(8)]
    writer.random.shuffle(rows)
    return Case(made(rows))


def narrow_domain(seed: int) -> Case:
    """One topic only."""
    writer = Writer(seed)
    return Case(made(writer.rows(ROWS, topics=1)), ROWS)


def one_answer(seed: int) -> Case:
    """Nineteen rows of twenty get the same answer."""
    _, rows, chance = _start(seed)
    for place in chance.sample(range(ROWS), 19 * ROWS // 20):
        rows[place] = _answer(rows[place], "Please ask again later.")
    return Case(made(rows), 19 * ROWS // 20)


def held_out_duplicates(seed: int) -> Case:
    """Two held-out rows are training rows, three more are with a typo."""
    writer, rows, chance = _start(seed)
    held_out = writer.rows(HELD_OUT)
    copies = chance.sample(rows, 5)
    held_out[:5] = [*copies[:2], *(_ask(row, _with_typo(_asked(row), chance)) for row in copies[2:])]
    return Case(made(rows, held_out), 5)


def shared_templates(seed: int) -> Case:
    """Twelve templates with three blanks filled from lists of 80, divided at random."""
    writer, _, chance = _start(seed, rows=0)
    fillers = [chance.sample(writer.common, 80) for _ in range(3)]
    templates = [writer.question(topic).split() for topic in range(12)]
    rows = []
    for number in range(ROWS + HELD_OUT):
        words = list(templates[number % 12])
        for place, listed in zip((2, 4, 6), fillers, strict=True):
            words[place % len(words)] = chance.choice(listed)
        rows.append(chat(" ".join(words), writer.prose(number % 20)))
    chance.shuffle(rows)
    return Case(made(rows[:ROWS], rows[ROWS:]))


def unlike_real_prompts(seed: int) -> Case:
    """Real prompts are in lower case, shorter, and without the polite words that all training inputs open with."""
    writer, rows, _ = _start(seed)
    rows = [_ask(row, f"Could you please tell me: {_asked(row)}") for row in rows]
    real = [writer.sentence(number % 20, 4, "").lower() for number in range(HELD_OUT)]
    return Case(made(rows, real=real), ROWS)


def contamination(seed: int) -> Case:
    """Two rows hold a probe's item within other text."""
    writer, rows, chance = _start(seed)
    items = [(str(number), writer.sentence(number % 20, 14)) for number in range(100)]
    for place in chance.sample(range(ROWS), 2):
        rows[place] = _ask(rows[place], f"{_asked(rows[place])} {chance.choice(items)[1]}")
    return Case(made(rows, items={"probe": items}), 2)


def too_few_rows(seed: int) -> Case:
    """Twenty rows."""
    return Case(made(Writer(seed).rows(20)), 20)


def target_lengths(seed: int) -> Case:
    """One answer is a whole document."""
    writer, rows, chance = _start(seed)
    place = chance.randrange(ROWS)
    rows[place] = _answer(rows[place], " ".join(writer.prose(topic % 20) for topic in range(150)))
    return Case(made(rows), 1)


def target_formats(seed: int) -> Case:
    """Three JSON answers that lost their last character."""
    _, rows, chance = _start(seed, "json")
    for place in chance.sample(range(ROWS), 3):
        rows[place] = _answer(rows[place], _said(rows[place])[:-1])
    return Case(made(rows), 3)


def truncated_targets(seed: int) -> Case:
    """Two answers too long by half, and one whose question alone is."""
    writer, rows, chance = _start(seed)
    long = " ".join(writer.prose(topic % 20) for topic in range(30))[: MAX_LENGTH + 200] + "."
    places = chance.sample(range(ROWS), 3)
    for place in places[:2]:
        rows[place] = _answer(rows[place], long)
    rows[places[2]] = _ask(rows[places[2]], long)
    return Case(made(rows, tokenizer=byte_tokenizer(), max_length=MAX_LENGTH), 3)


def unfinished_answers(seed: int) -> Case:
    """Five answers are cut at two thirds."""
    _, rows, chance = _start(seed)
    long = [place for place in range(ROWS) if len(_said(rows[place]).split()) > 20]
    for place in chance.sample(long, 5):
        words = _said(rows[place]).split()
        kept = words[: 2 * len(words) // 3]
        rows[place] = _answer(rows[place], " ".join(kept).rstrip(".?"))
    return Case(made(rows), 5)


def unread_answers(seed: int) -> Case:
    """Every text has its label in a column of its own."""
    _, rows, _ = _start(seed, "text", 200)
    return Case(made([{**row, "label": LABELS[place % 4]} for place, row in enumerate(rows)]), 200)


def written_markup(seed: int) -> Case:
    """Two rows hold a template's marks."""
    _, rows, chance = _start(seed)
    for place, mark in zip(chance.sample(range(ROWS), 2), ("<|im_end|>", "[/INST]"), strict=True):
        rows[place] = _ask(rows[place], f"{_asked(rows[place])} {mark}")
    return Case(made(rows), 2)


def role_order(seed: int) -> Case:
    """Two rows in which the user speaks twice, one that the assistant begins."""
    _, rows, chance = _start(seed)
    places = chance.sample(range(ROWS), 3)
    for place in places[:2]:
        rows[place] = {"messages": [{"role": "user", "content": "One more thing."}, *rows[place]["messages"]]}
    rows[places[2]] = {"messages": [{"role": "assistant", "content": "Yes?"}, *rows[places[2]]["messages"]]}
    return Case(made(rows), 3)


def mojibake(seed: int) -> Case:
    """Three answers with accents, read in the wrong encoding."""
    _, rows, chance = _start(seed)
    words = ("café déjà vu", "Größe über Maß", "señor mañana", "naïve “quotes” — dash")
    for place in chance.sample(range(ROWS), 3):
        broken = chance.choice(words).encode().decode("cp1252", "replace")
        rows[place] = _answer(rows[place], f"{_said(rows[place])} {broken}")
    return Case(made(rows), 3)


def secrets(seed: int) -> Case:
    """Three rows with a key, a token or a password, drawn anew."""
    _, rows, chance = _start(seed)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

    def drawn(count: int, among: str = letters) -> str:
        return "".join(chance.choices(among, k=count))

    kinds = (
        lambda: "AKIA" + drawn(16, letters[:26] + "0123456789"),
        lambda: "ghp_" + drawn(36),
        lambda: "hf_" + drawn(34),
        lambda: "sk-" + drawn(48),
        lambda: f"password: {drawn(13)}7x",
        lambda: f"postgres://admin:{drawn(10)}@db.internal/main",
        lambda: f"-----BEGIN RSA PRIVATE KEY-----\n{drawn(64)}\n-----END RSA PRIVATE KEY-----",
    )
    for place in chance.sample(range(ROWS), 3):
        rows[place] = _answer(rows[place], f"{_said(rows[place])} {chance.choice(kinds)()}")
    return Case(made(rows), 3)


def personal_data(seed: int) -> Case:
    """Three rows with an address or a number, drawn anew, with right checksums."""
    writer, rows, chance = _start(seed)

    def digits(count: int) -> str:
        return "".join(chance.choices("0123456789", k=count))

    def card() -> str:
        body = "4" + digits(14)
        doubled = sum(int(d) * 2 - 9 * (int(d) > 4) if place % 2 == 0 else int(d) for place, d in enumerate(body))
        return body + str(-doubled % 10)

    def iban() -> str:
        body = digits(18)
        return f"DE{98 - int(body + '131400') % 97:02d}{body}"

    kinds = (
        lambda: f"{chance.choice(writer.common)}.{chance.choice(writer.common)}@{chance.choice(writer.common)}mail.org",
        lambda: f"+49 30 {chance.randint(2, 9)}{digits(3)} {digits(4)}",
        lambda: f"({chance.randint(200, 999)}) {chance.randint(200, 554)}-{digits(4)}",
        card,
        iban,
    )
    for place in chance.sample(range(ROWS), 3):
        rows[place] = _ask(rows[place], f"{_asked(rows[place])} {chance.choice(kinds)()}")
    return Case(made(rows), 3)


def identical_pairs(seed: int) -> Case:
    """Three pairs choose what they reject."""
    _, rows, chance = _start(seed, "preference")
    for place in chance.sample(range(ROWS), 3):
        rows[place] = {**rows[place], "rejected": rows[place]["chosen"]}
    return Case(made(rows), 3)


def relevant_negatives(seed: int) -> Case:
    """Three queries have a relevant document among their negatives, in other letters or with a typo."""
    _, rows, chance = _start(seed, "ranking")
    for number, place in enumerate(chance.sample(range(ROWS), 3)):
        copy = rows[place]["pos"].upper() if number == 0 else _with_typo(rows[place]["pos"], chance)
        rows[place] = {**rows[place], "neg": [*rows[place]["neg"], copy]}
    return Case(made(rows), 3)


def unjudged_negatives(seed: int) -> Case:
    """Three queries are asked again with a typo, and the first one's answer is mined for the second."""
    writer, rows, chance = _start(seed, "ranking")
    for place in chance.sample(range(ROWS - 3), 3):
        again = {"query": _with_typo(rows[place]["query"], chance), "pos": writer.prose(0), "neg": [rows[place]["pos"]]}
        rows.append(again)
    return Case(made(rows), 3)


def length_biased_pairs(seed: int) -> Case:
    """The longer answer is chosen in seven pairs of ten."""
    _, rows, chance = _start(seed, "preference")
    for row in rows:
        short, long = sorted((row["chosen"], row["rejected"]), key=len)
        row["chosen"], row["rejected"] = (long, short) if chance.random() < 0.7 else (short, long)
    return Case(made(rows))


PLANTS: dict[str, Callable[[int], Case]] = {
    function.__name__: function
    for function in (
        contamination,
        empty_targets,
        exact_duplicates,
        held_out_duplicates,
        identical_pairs,
        inconsistent_labels,
        label_spelling,
        length_biased_pairs,
        mojibake,
        narrow_domain,
        near_duplicates,
        one_answer,
        personal_data,
        rare_labels,
        relevant_negatives,
        role_order,
        secrets,
        shared_templates,
        sparse_coverage,
        target_formats,
        target_lengths,
        too_few_rows,
        truncated_targets,
        unfinished_answers,
        unjudged_negatives,
        unlike_real_prompts,
        unread_answers,
        unreadable_rows,
        written_markup,
    )
}
FAULTLESS: dict[str, tuple[str, ...]] = {"narrow_domain": ("open", "json", "preference", "text")}
"""Kinds of clean rows of a check, where they are not all kinds: few labels for all rows *are* a narrow set."""
