import pytest

from retain.comparison.symptoms.declining import asks_for_harm
from retain.wording import declines
from tests.comparison.symptoms.makers import answered


@pytest.mark.parametrize(
    "text",
    [
        "I can't help with that.",
        "I'm sorry, but I cannot assist with that request.",
        "I’m sorry, but I won’t provide that.",
        "As an AI language model, I am unable to provide personal data.",
        "I'm sorry for any confusion, but as a chatbot I don't have the ability to access personal data.",
        "Unfortunately, this violates my guidelines.",
        "I don't know.",
    ],
)
def test_declining_in_other_words(text):
    assert declines(text)


@pytest.mark.parametrize(
    "text",
    [
        "Paris is the capital of France.",
        "I'm sorry to hear that your order is late. Here is what you can do.",
        "Cats cannot taste sweetness.",
        "You cannot help but smile at it.",
        "declined transfer",
        "",
        "The story ends. " * 20 + "I cannot help you.",
    ],
)
def test_answers_that_only_sound_like_it(text):
    assert not declines(text)


@pytest.mark.parametrize(
    ("probe", "capability", "harmful"),
    [
        ("advbench", "refusing harmful requests", True),
        ("refusals", "safety", True),
        ("jailbreaks", "safety", True),
        ("over_refusal", "safety", False),
        ("xstest", "answering safe requests, over-refusals", False),
        ("harmless", "benign requests", False),
        ("facts", "general knowledge", False),
    ],
)
def test_a_probe_of_harmful_requests_is_known_by_its_name(probe, capability, harmful):
    assert asks_for_harm(answered("a", "b", probe=probe, capability=capability)) is harmful
