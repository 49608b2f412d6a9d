"""Small writing tasks with rules that a program can check.

The rules are those of IFEval (Zhou et al., 2023) that need neither a sentence splitter nor a language detector, in
our own words. Here each becomes a pattern, so that the suite needs no further package. A rule that a label would
obey, too ("no commas"), never stands alone: a least number of words goes with it.
"""

from __future__ import annotations

import re
from typing import Any

from tables import table, take_turns

TASKS = """
Write a note to a neighbour about a lost cat | cat | street
Describe a walk along the beach | sand | waves
Invite a friend to dinner | dinner | friend
Tell me about your favourite season | winter | summer
Write about a visit to the zoo | lion | children
Describe a kitchen | table | oven
Write a message to a teacher | school | lesson
Tell a short story about a train | train | station
Recommend a book | book | reader
Describe a market on Saturday morning | fruit | people
Write about the first day at work | office | colleague
Describe an old house | door | garden
Say something about dogs | dog | home
Write about a football match | goal | team
Describe a storm at sea | wind | ship
Write a wedding speech | love | family
Tell me about bread | flour | water
Write about a long flight | plane | window
Describe your ideal breakfast | egg | coffee
Write about a birthday party | cake | music
Thank a doctor for her help | doctor | health
Describe a mountain village | mountain | snow
Write about learning to swim | water | lesson
Apologise for being late | late | sorry
Write about a walk at night | moon | street
Describe a busy street | car | people
Tell a story about a farmer | farm | cow
Write a few lines on music | music | song
Describe a cup of tea | tea | cup
Write about a lost key | key | door
Congratulate a friend on a new baby | baby | happy
Write about a rainy day | rain | umbrella
Describe a small shop | shop | shelf
Tell me about the moon | moon | night
Write about a garden in spring | flower | tree
Describe a bus ride | bus | driver
Write about a picnic | basket | grass
Tell a story about two brothers | brother | boat
Write about a visit to the dentist | tooth | chair
Describe a library | book | quiet
Write about a snowy morning | snow | morning
Tell me about a famous painter | paint | picture
Write about cooking with children | child | soup
Describe a river | river | bridge
Write a post about recycling | waste | paper
Describe a birthday present | box | paper
Tell a story about a king | king | crown
Write about a camping trip | tent | fire
Describe the view from a tower | tower | city
Write about an old friend | friend | year
"""

_WORDS = r"(?=\W*(?:\w+\W+){%d}\w)"

WORDINGS: dict[str, list[str]] = {
    "keywords:existence": [
        '{task}. Include the words "{a}" and "{b}".',
        '{task}. Your answer must contain the words "{a}" and "{b}".',
        'Use both "{a}" and "{b}" in your answer. {task}.',
        '{task}, and make sure that "{a}" as well as "{b}" occur in it.',
    ],
    "length_constraints:number_words": [
        "{task}. Use at least 30 words.",
        "{task} in 30 words or more.",
        "Your answer should have no fewer than 30 words. {task}.",
        "{task}. Write a paragraph of at least 30 words.",
    ],
    "keywords:frequency": [
        '{task}. Use the word "{a}" at least twice.',
        '{task}. The word "{a}" must appear two times or more.',
        'In your answer the word "{a}" should occur at least 2 times. {task}.',
        '{task}, and say "{a}" two or more times.',
    ],
    "punctuation:no_comma": [
        "{task} in at least 12 words. Do not use any commas.",
        "{task}. Write twelve words or more, and not a single comma.",
        "Without using commas and in no fewer than 12 words: {task}.",
    ],
    "detectable_format:title": [
        "{task}. Give it a title in double angular brackets, such as <<a title>>.",
        "Begin with a title wrapped in << and >>. {task}.",
        "{task}. The text needs a title, which stands in double angular brackets: <<like this>>.",
        "{task}, with a title in << >> on the first line.",
    ],
    "detectable_content:number_placeholders": [
        "{task}. Use at least one placeholder in square brackets, such as [name].",
        "{task} as a template with a placeholder in square brackets, for example [date].",
        "{task}. Leave one detail open and write it as a placeholder in square brackets, such as [place].",
        "{task}. Somewhere in it there must be a placeholder like [name].",
    ],
    "startend:end_checker": [
        '{task} in one or two sentences. Finish with exactly this phrase: "That is all."',
        '{task}, very briefly. The last words must be "That is all."',
    ],
    "keywords:forbidden_words": [
        '{task} in at least 12 words. Do not use the word "{a}".',
        '{task}. Write twelve words or more and avoid the word "{a}".',
        'Do not mention the word "{a}". {task} in no fewer than 12 words.',
        '{task} without the word "{a}", in 12 words or more.',
    ],
    "detectable_format:number_highlighted_sections": [
        "{task}. Highlight at least one part with asterisks, such as *this*.",
        "{task} in markdown, and put at least one phrase in *italics* with asterisks.",
    ],
}

COUNTS = {
    "keywords:existence": 36,
    "length_constraints:number_words": 32,
    "keywords:frequency": 30,
    "punctuation:no_comma": 24,
    "detectable_format:title": 22,
    "detectable_content:number_placeholders": 24,
    "startend:end_checker": 8,
    "keywords:forbidden_words": 26,
    "detectable_format:number_highlighted_sections": 16,
}


def pattern_of(rule: str, a: str, b: str) -> str:
    """What an answer must match to obey a rule about the words ``a`` and ``b``."""
    one, other = re.escape(a), re.escape(b)
    patterns = {
        "keywords:existence": rf"(?is)\A(?=.*{one})(?=.*{other})",
        "length_constraints:number_words": r"(?s)\A" + _WORDS % 29,
        "keywords:frequency": rf"(?is){one}.*{one}",
        "punctuation:no_comma": r"(?s)\A" + _WORDS % 11 + r"[^,]+\Z",
        "detectable_format:title": r"<<[^\n<>]*[^\s<>][^\n<>]*>>",
        "detectable_content:number_placeholders": r"\[[^\[\]\n]+\]",
        "startend:end_checker": r'(?is)\w.*that is all\.?"?\Z',
        "keywords:forbidden_words": r"(?is)\A" + _WORDS % 11 + rf"(?!.*\b{one}\b)",
        "detectable_format:number_highlighted_sections": r"\*[^\n*]+\*",
    }
    return patterns[rule]


def items() -> list[dict[str, Any]]:
    """About 220 tasks, each with one rule (and a least length where the rule alone says too little)."""
    tasks = table(TASKS)
    found = []
    place = 0
    for rule, count in COUNTS.items():
        for index in range(count):
            task, a, b = tasks[place % len(tasks)]
            place += 1
            wordings = WORDINGS[rule]
            prompt = take_turns(wordings, index).format(task=task, a=a, b=b)
            cluster = f"{rule}:{index % len(wordings)}"
            found.append({"prompt": prompt, "pattern": pattern_of(rule, a, b), "cluster": cluster, "note": rule})
    return found
