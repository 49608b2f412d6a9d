"""The report as markdown: it reads well as plain text, in a pull request and in a model's repository."""

from __future__ import annotations

from collections.abc import Iterable

from retain.records import Candidate, Choice, RunRecord, Symptom, Training
from retain.reporting import symptoms, terms
from retain.reporting.alarms import alarm_block, alarm_intro
from retain.reporting.facts import Block, as_yaml, blocks, provenance_blocks, table
from retain.reporting.fitting import MOST, fitted, folded
from retain.reporting.flips import GUESSING, guessing_block
from retain.reporting.kl_meter import kl_block, kl_intro
from retain.reporting.markdown_table import markdown_table
from retain.reporting.measured import ways
from retain.reporting.noise import noise_block, noise_intro
from retain.reporting.numbers import count, duration, in_unit, interval, number_of, plain, share, signed
from retain.reporting.pairs import Pair, fallen
from retain.reporting.rankings import CALIBRATION, MEASURES, calibration_block, measures_block
from retain.reporting.rewards import REWARDS, rewards_block
from retain.reporting.tables import Row, gain_rows, loss_rows, main_reasons, pooled_row, unproven
from retain.reporting.text import fenced, markdown, words

MOST_EXAMPLES = 5
_SIGNS = {"good": "✓", "bad": "✗", "open": "?", "muted": "–"}


def render_markdown(record: RunRecord) -> str:
    """The whole report: what decides first, the details folded, at most 65,536 characters.

    Sections without content are left out; all foreign text is escaped or fenced.
    """
    first = [_verdict(record), _gains(record), _losses(record), _unproven(record), _notes(record)]
    seen = [_beyond_guessing(record), _noise(record), _rankings(record), _symptoms(record), _alarms(record)]
    made = [_choices(record), _kl_meter(record), _training(record.training), _data(record), _general(record)]
    sections = [
        *first,
        *folded(_seen_title(record), [*seen, _examples(record)]),
        *folded("Choices, training and data", made),
        *folded(
            "How it was measured, provenance and recipe", [_measured(record), _provenance(record), _recipe(record)]
        ),
    ]
    sections = [section for section in sections if section]
    return "\n\n".join(fitted(sections, MOST - 2 * len(sections))) + "\n"


def _seen_title(record: RunRecord) -> str:
    """What is found without unfolding it."""
    found = sum(one.found is True for one in record.comparison.symptoms)
    raised = sum(one.raised is True for one in record.training.alarms) if record.training else 0
    parts = [number_of(found, "symptom") + " found"] if record.comparison.symptoms else []
    parts += [number_of(raised, "overfitting alarm") + " raised"] if record.training and record.training.alarms else []
    parts += [number_of(len(fallen(record)), "answer") + " that got worse"] if fallen(record) else []
    return "; ".join(parts) or "More measures"


def _verdict(record: RunRecord) -> str:
    comparison, verdict = record.comparison, record.verdict
    lines = [f"# {markdown(record.title)}", f"**Verdict: {terms.outcome(record)}.** {terms.headline(record)}"]
    if terms.deciding(record):
        lines.append(terms.deciding(record))
    if verdict.gate.demonstration:
        lines.append(f"> **Demonstration.** {terms.DEMONSTRATION}")
    if main_reasons(record):
        lines.append("\n".join(f"- {markdown(reason)}" for reason in main_reasons(record)))
    names = f"Base: {markdown(comparison.base)}. Tuned: {markdown(comparison.tuned)}."
    lines.append(names + (f" The tuned model lies in {markdown(record.output)}." if record.output else ""))
    return "\n\n".join(lines)


def _gains(record: RunRecord) -> str:
    rows = gain_rows(record)
    if not rows:
        return terms.not_measured(record)
    columns = ["Task", "Measured by", "Before", "After", "Gain", "95% interval", "Least wanted", "Items"]
    columns += ["Won / lost", "Flipped or spread", "Outcome"]
    body = [
        [
            markdown(row.label),
            markdown(row.source),
            row.before,
            row.after,
            row.delta,
            row.interval,
            row.margin,
            row.measured,
            row.flips,
            row.spread,
            _outcome(row),
        ]
        for row in rows
    ]
    return _section(
        "What was learned", f"{terms.GAIN} {terms.INTERVAL}", markdown_table(columns, body, numbers=range(2, 10))
    )


def _losses(record: RunRecord) -> str:
    rows, pooled = loss_rows(record), pooled_row(record)
    if not rows and pooled is None:
        return ""
    columns = [
        "Capability",
        "Measured by",
        "Before",
        "After",
        "Change",
        "95% interval",
        "Loss at most",
        "Margin",
    ]
    columns += ["Items", "Won / lost", "Flipped or spread", "Detectable", "Outcome"]
    body = [_loss(row) for row in [*([pooled] if pooled else []), *rows]]
    explained = [terms.MARGIN, terms.LOSS_AT_MOST, terms.UNITS, terms.FLIPS, terms.SPREAD, terms.DETECTABLE]
    explained += [terms.WORTH] if any(row.worth for row in rows) else []
    explained += [terms.POOLED] if pooled else []
    explained += [terms.NEAR_CHANCE] if any(row.outcome == "near chance" for row in rows) else []
    intro = "\n".join(f"- {sentence}" for sentence in ([terms.INTERVAL] if not gain_rows(record) else []) + explained)
    reading = folded("How to read this table", [intro])
    return _section("What was kept and what was lost", markdown_table(columns, body, numbers=range(2, 12)), *reading)


def _loss(row: Row) -> list[str]:
    name = f"**{markdown(row.label)}**" if row.pooled else markdown(row.label)
    return [
        name,
        markdown(row.source),
        row.before,
        row.after,
        row.delta,
        row.interval,
        row.loss_at_most,
        row.margin,
        row.measured,
        row.flips,
        row.spread,
        row.detectable,
        _outcome(row),
    ]


def _outcome(row: Row) -> str:
    return f"{_SIGNS[row.tone]} {row.outcome}"


def _unproven(record: RunRecord) -> str:
    rows = unproven(record)
    if not rows:
        return ""
    body = [[markdown(row.label), row.items, row.needed or "unknown"] for row in rows]
    intro = "These capabilities may or may not have lost more than their margin. Measuring more items would tell."
    return _section(
        "Not proven", intro, markdown_table(["Capability", "Items measured", "Items that decide"], body, range(1, 3))
    )


def _beyond_guessing(record: RunRecord) -> str:
    block = guessing_block(record)
    return _section("Flips beyond guessing", GUESSING, _block(block)) if block else ""


def _noise(record: RunRecord) -> str:
    block = noise_block(record)
    return _section("Noise floor", noise_intro(record), _block(block)) if block else ""


def _rankings(record: RunRecord) -> str:
    measures, scores = measures_block(record), calibration_block(record)
    parts = [_section("Other measures", MEASURES, _block(measures))] if measures else []
    moved = rewards_block(record)
    parts += [_section("Preferences against the base", REWARDS, _block(moved))] if moved else []
    parts += [_section("Calibration of scores", CALIBRATION, _block(scores))] if scores else []
    return "\n\n".join(parts)


def _symptoms(record: RunRecord) -> str:
    shown = symptoms.in_order(record.comparison.symptoms)
    if not shown:
        return ""
    body = [
        [
            markdown(words(symptom.name)),
            markdown(symptom.capability),
            f"**{symptoms.outcome(symptom)}**" if symptom.found else symptoms.outcome(symptom),
            markdown(symptom.statement, 600),
            plain(symptom.before) if symptom.before is not None else "",
            plain(symptom.after) if symptom.after is not None else "",
            interval(symptom.low, symptom.high) if symptom.low is not None else "",
        ]
        for symptom in shown
    ]
    columns = ["Symptom", "Where", "Found", "What was seen", "Before", "After", "95% interval"]
    return _section(
        "Symptoms", symptoms.INTRO, markdown_table(columns, body, numbers=range(4, 7)), *map(_evidence, shown)
    )


def _evidence(symptom: Symptom) -> str:
    """The worst example and whatever else speaks for a symptom; empty where there is nothing."""
    lines = [*(f"{title}: {text}" for title, text in symptoms.sides(symptom.example)), *symptom.evidence]
    if not symptom.found or not lines:
        return ""
    title = f"{markdown(words(symptom.name))}, {markdown(symptom.capability)}"
    return f"{title}:\n\n{fenced(chr(10).join(lines), most=2000)}"


def _alarms(record: RunRecord) -> str:
    block = alarm_block(record)
    return _section("Overfitting alarms", markdown(alarm_intro(record), 1000), _block(block)) if block else ""


def _notes(record: RunRecord) -> str:
    notes = record.comparison.notes
    return _section("Notes", "\n".join(f"- {markdown(note, 1000)}" for note in notes)) if notes else ""


def _examples(record: RunRecord) -> str:
    worst = fallen(record)
    if not worst:
        return ""
    shown = [_example(pair) for pair in worst[:MOST_EXAMPLES]]
    fell = f"{number_of(len(worst), 'answer')} scored lower than the base's; {len(shown)} shown."
    return _section("Answers that got worse", f"{fell} {terms.EXAMPLES}", *shown)


def _example(pair: Pair) -> str:
    score = f"score {plain(pair.base_score, 2)} to {plain(pair.tuned_score, 2)}"
    parts = [f"### {markdown(pair.capability)} ({score})", "Prompt:", fenced(pair.prompt)]
    if pair.reference:
        parts += ["Expected:", fenced(pair.reference, most=400)]
    parts += ["Base answered:", fenced(pair.base.text), "Tuned answered:", fenced(pair.tuned.text)]
    return "\n\n".join(parts)


def _choices(record: RunRecord) -> str:
    if not record.choices:
        return ""
    intro = f"{terms.CHOICE} {terms.STRENGTH}" if any(c.what == "strength" for c in record.choices) else terms.CHOICE
    return _section("Choices", intro, *(_choice(choice) for choice in record.choices))


def _choice(choice: Choice) -> str:
    columns = [
        markdown(words(choice.what)).capitalize(),
        "Gain (dev)",
        "Mean loss (dev)",
        "Worst loss (dev)",
        "Passing",
        "Why",
    ]
    body = [
        [
            f"**{markdown(candidate.label)}** (chosen)"
            if candidate.value == choice.chosen
            else markdown(candidate.label),
            signed(candidate.gain),
            plain(candidate.mean_loss),
            markdown(_worst(candidate)),
            "yes" if candidate.passing else "no",
            markdown(candidate.why),
        ]
        for candidate in choice.candidates
    ]
    title = f"### {markdown(words(choice.what)).capitalize()}: {plain_value(choice.chosen)}"
    return "\n\n".join([title, markdown(choice.reason, 600), markdown_table(columns, body, numbers=range(1, 3))])


def _worst(candidate: Candidate) -> str:
    loss = in_unit(candidate.worst_loss, candidate.worst_unit)
    return f"{loss} ({candidate.worst})" if candidate.worst else loss


def plain_value(value: float) -> str:
    """A chosen value without needless digits: ``0.0002``, ``0.75``."""
    return f"{value:.6g}"


def _kl_meter(record: RunRecord) -> str:
    block = kl_block(record)
    return _section("KL meter", kl_intro(record), _block(block)) if block else ""


def _training(training: Training | None) -> str:
    if training is None:
        return ""
    facts = _facts(training_facts(training))
    history = [entry for entry in training.history if entry]
    parts = [facts]
    if history:
        parts.append("First and last entries of the training log:")
        parts.append(_block(table([*history[:3], *(history[-3:] if len(history) > 6 else history[3:])])))
    parts.append("\n".join(f"- {markdown(note, 600)}" for note in training.notes))
    return _section("Training", *parts)


def training_facts(training: Training) -> list[tuple[str, str]]:
    """What training did, as names and values for any kind of report."""
    tokens = training.task_tokens + training.general_tokens
    facts = [
        ("method", training.method),
        ("steps", count(training.steps)),
        ("examples", count(training.examples)),
        ("task tokens", count(training.task_tokens)),
        (
            "general tokens",
            f"{count(training.general_tokens)} ({share(training.general_tokens, tokens)} of all)",
        ),
        *([("tokens of an update", count(training.batch_tokens))] if training.batch_tokens is not None else []),
        ("trained parameters", count(training.trained_parameters)),
        ("time", duration(training.seconds)),
    ]
    if training.base_unchanged is not None:
        unchanged = (
            "unchanged (same hash)" if training.base_unchanged else "CHANGED although only an adapter was trained"
        )
        facts.append(("base weights", unchanged))
    return facts


def _data(record: RunRecord) -> str:
    return _section("Data", *(_block(block) for block in blocks(record.data))) if record.data else ""


def _general(record: RunRecord) -> str:
    return _section("General text", terms.GENERAL, _block(table(record.general))) if record.general else ""


def _measured(record: RunRecord) -> str:
    measured = ways(record)
    if not measured:
        return ""
    columns = ["Probe", "Capability", "Metric", "Kind", "Items", "Left out", "Settings", "Same for both"]
    body = [
        [
            markdown(way.probe),
            markdown(way.capability),
            markdown(way.metric),
            way.kind,
            way.items,
            markdown(way.left_out, 600),
            markdown(way.settings, 600),
            markdown(way.alike),
        ]
        for way in measured
    ]
    intro = terms.MEASURED
    return _section("How it was measured", intro, markdown_table(columns, body, numbers=range(4, 5)))


def _provenance(record: RunRecord) -> str:
    parts = [_block(block) for block in provenance_blocks(record.provenance)]
    if record.seconds:
        times = [(words(stage), duration(seconds)) for stage, seconds in record.seconds.items()]
        parts.append(_block(Block("time by stage", times)))
    return _section("Provenance", *parts) if parts else ""


def _recipe(record: RunRecord) -> str:
    if not record.recipe:
        return ""
    body = fenced(as_yaml(record.recipe), "yaml", most=100_000)
    return _section("Recipe", "As it was resolved, with every default filled in.", body)


def _section(title: str, *parts: str) -> str:
    return "\n\n".join([f"## {title}", *(part for part in parts if part)])


def _block(block: Block) -> str:
    title = f"**{markdown(block.title)}**" if block.title else ""
    if block.facts:
        return "\n\n".join(filter(None, [title, _facts(block.facts)]))
    body = markdown_table(
        [markdown(column) for column in block.columns],
        [[markdown(cell) for cell in row] for row in block.rows],
    )
    left_off = f"... and {count(block.left_off)} more." if block.left_off else ""
    return "\n\n".join(filter(None, [title, body, left_off]))


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return markdown_table(["", "Value"], [[markdown(name), markdown(value, 600)] for name, value in facts])
