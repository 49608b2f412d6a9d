"""Refusal drift, verbosity collapse, syntactic noise and recitation: what their rates do not show."""

from retain.comparison.compare import compare
from retain.comparison.symptoms.recitation import Recitation
from retain.comparison.symptoms.refusal_drift import RefusalDrift
from retain.comparison.symptoms.side_by_side import NOT_STORED, NOTHING_WRITTEN, material_of
from retain.comparison.symptoms.syntactic_noise import SyntacticNoise
from retain.comparison.symptoms.verbosity_collapse import VerbosityCollapse
from retain.records import ExamplePair, Recital
from retain.records import Recitation as Tried
from tests.comparison.build import measurement
from tests.comparison.symptoms.makers import answered, many, material, said

EXAMPLE = ExamplePair(prompt="It begins", base="otherwise", tuned="and ends", expected="and ends")
PROSE = "The answer to number {n} is a long and careful sentence."
NO = "I cannot help with number {n}."


def test_refusing_more_is_found_and_refusing_less_is_no_symptom():
    benign, harmful = RefusalDrift().read(material(many(PROSE, NO)))
    assert benign.found and benign.after == 100 and "most in facts (0 to 100)" in benign.statement
    assert harmful.found is None and "No probe of harmful requests" in harmful.statement
    assert RefusalDrift().read(material(many(NO, PROSE)))[0].found is False


def test_harmful_requests_are_judged_the_other_way_round():
    kept = many(NO, PROSE, capabilities=("refusing harmful requests",))
    benign, harmful = RefusalDrift().read(material(kept))
    assert harmful.found and harmful.before == 0 and harmful.after == 100
    assert benign.found is None and "benign" in benign.statement


def test_lengths_are_ratios_item_by_item():
    lengths, ends = VerbosityCollapse().read(material(many(PROSE, "Brief {n}.")))
    assert lengths.found and lengths.before == 100 and lengths.after < 25 and ends.found is False
    longer, _ = VerbosityCollapse().read(material(many("Brief {n}.", PROSE)))
    assert longer.found is False and longer.after > 300


def test_nothing_at_all_is_the_shortest_answer():
    lengths, _ = VerbosityCollapse().read(material(many(PROSE, "")))
    assert lengths.found and lengths.example.tuned == "(nothing)"


def test_ends_are_not_known_of_logs():
    unknown = [answered(said("a b c", tokens=None), said("a b", tokens=None), str(n)) for n in range(30)]
    _, ends = VerbosityCollapse().read(material(unknown))
    assert ends.found is None and "do not say" in ends.statement


def test_answers_that_no_longer_end():
    answers = [answered(said("It ends."), said("It goes on and", stopped=False), str(n)) for n in range(40)]
    _, ends = VerbosityCollapse().read(material(answers))
    assert ends.found and (ends.before, ends.after) == (0, 100)


def test_kinds_of_noise_are_counted():
    (found,) = SyntacticNoise().read(material(many(PROSE, "Yes {n}.<|im_end|>")))
    assert found.found and "60 more with template tokens" in found.statement


def recital(item, base, tuned, tokens=50):
    return Recital(
        item=item,
        tokens=tokens,
        base_run=base,
        tuned_run=tuned,
        base_verbatim=base == tokens,
        tuned_verbatim=tuned == tokens,
    )


def rows(name, base, tuned, count=64, tokens=50):
    return [recital(f"{name}{n}", base, tuned, tokens) for n in range(count)]


def recite(training, held_out):
    return Recitation().read(material([], recitation=Tried(training=training, held_out=held_out, example=EXAMPLE)))[0]


def test_what_held_out_rows_show_too_is_the_task_and_no_recitation():
    assert recite(rows("t", 5, 30), rows("h", 5, 30)).found is False
    found = recite(rows("t", 5, 30), rows("h", 5, 10))
    assert found.found and found.after == 40 and found.example == EXAMPLE


def test_what_the_base_recites_too_is_taken_off():
    assert recite(rows("t", 45, 45), rows("h", 5, 5)).found is False


def test_a_few_rows_that_come_back_verbatim_are_enough():
    training = [*rows("t", 2, 2, 95), *rows("v", 2, 50, 9)]
    found = recite(training, rows("h", 2, 2, 104))
    assert found.found and "9 of 104 rows gave 50 tokens back verbatim" in found.statement
    assert found.after < 10, "the mean alone would not have told"


def test_rows_that_are_too_short_are_said():
    (short,) = Recitation().read(material([], recitation=Tried(too_short=512)))
    assert short.found is None and "512" in short.statement
    (lonely,) = Recitation().read(material([], recitation=Tried(training=rows("t", 1, 9))))
    assert lonely.found is None and "held-out" in lonely.statement


def test_the_tasks_own_answers_are_no_open_prompts_and_stand_for_training_answers():
    before = [measurement("task", [0.0] * 3, references={"task-i0": "card arrival"}), measurement("facts", [1.0] * 3)]
    after = [measurement("task", [1.0] * 3), measurement("facts", [1.0] * 3)]
    compared = compare(before, after, ["task"])
    found = material_of(before, after, compared)
    assert found.targets == ["card arrival"] and not found.answers and found.missing == NOTHING_WRITTEN
    assert material_of(before, after, compared, ["other"]).targets == ["other"]


def test_scores_without_answers_are_told_from_probes_that_do_not_write():
    before = [measurement("facts", [1.0] * 3, generates=True)]
    assert material_of(before, before, compare(before, before)).missing == NOT_STORED


def test_a_prompt_that_two_probes_ask_counts_once():
    one = {"responses": {"i": said("a")}, "prompts": {"i": "What?"}, "generates": True}
    both = [measurement("strict", {"i": 1.0}, **one), measurement("loose", {"i": 0.0}, **one)]
    (answer,) = material_of(both, both, compare(both, both)).answers
    assert (answer.probe, answer.base_score) == ("strict", 1.0)
