# ruff: noqa: E501 (tables of text: one entry a line)
"""Short requests whose form a pattern can check: lists, quotes, capitals, given beginnings, code, letters."""

from __future__ import annotations

import re

from tables import alternatives, table, take_turns

NUMBERED = """
Give me three facts about rivers.
List five things that you find in a kitchen.
Give me a numbered list of three vegetables.
Name three sports. Number them 1, 2 and 3.
List three reasons to drink water.
Give me four ideas for a birthday present.
List three tips for learning a language.
Write down five animals that live on a farm, as a numbered list.
What are three ways to save money? Use a numbered list.
List the steps for making a cup of tea.
Give me three examples of musical instruments in a numbered list.
Name four things to pack for a beach holiday, one on each line, numbered.
List three rules for a classroom.
Give three reasons why people keep dogs.
List five jobs that people do outdoors.
Give me three facts about the Moon.
Name three things that can be recycled, as a numbered list.
List four kinds of weather.
Give me five words that describe a good friend, as a list.
List three healthy snacks.
Write a numbered list of three goals for the new year.
What do I need to bake bread? Give me a list.
List three games that children play.
Name five countries in Europe in a numbered list.
"""

DEFINED = """
chair
river
doctor
bridge
clock
island
library
pilot
desert
pencil
market
winter
castle
farmer
mirror
ladder
village
storm
lantern
bakery
"""
DEFINED_FRAMES = [
    'Define the word "{}".',
    "What is a {}? Explain in one sentence.",
    "Explain to a child what the word {} means.",
]

DIALOGUES = """
Tom | Mia | a broken bicycle
Anna | Ben | what to cook for dinner
Lucy | Mark | a lost key
Paul | Eva | the weather
Sara | John | a new puppy
Nina | Leo | a trip to the sea
Max | Julia | a difficult exam
Emma | Oscar | their favourite films
Carl | Rosa | a noisy neighbour
Ivan | Clara | a birthday party
Helen | George | moving to another city
Kate | Peter | a football match
"""
DIALOGUE_FRAMES = [
    "Write the start of a dialogue between {0} and {1} about {2}.",
    "{0} and {1} talk about {2}. Write their conversation as a script with names.",
]

EMAILS = """
a missed meeting
a delayed project
a job application
the office party
a broken printer
a day off next week
a new team member
the rent for May
a lost library book
a dentist's appointment
"""
EMAIL_FRAMES = [
    "Write a short email about {}.",
    "Draft an email about {}. Begin with the subject line.",
]

STORIES = """
a brave mouse | mouse
a lonely lighthouse | lighthouse
a girl who finds a map | girl; map
an old clockmaker | clockmaker; clock
two brothers and a boat | brothers?; boat
a dragon who likes tea | dragon
a farmer and his donkey | farmer; donkey
a train that never stops | train
a king without a crown | king; crown
a boy who could talk to birds | boy; birds?
"""
STORY_FRAMES = [
    "Begin a story about {}.",
    "Tell me a very short story about {}.",
]

BEGINNINGS = """
The old man
In the morning
My best friend
Once upon a time
Under the bridge
Yesterday I
When it rains
The little dog
On the way home
Nobody knew
Every summer
If I were
After dinner
The teacher
A long time ago
Far away
"""
BEGINNING_FRAMES = [
    'Write a sentence that begins with "{}".',
    'Start your answer with the words "{}" and write one sentence.',
    'Please write one sentence. It must start with "{}".',
    'Continue this into a full sentence and repeat the beginning: "{}"',
]

USED = """
river
garden
window
bread
mountain
friend
bicycle
snow
teacher
music
horse
boat
letter
kitchen
dream
forest
"""
USED_FRAMES = [
    'Write a sentence with the word "{}".',
    'Use the word "{}" in a sentence.',
    'Make up one sentence in which the word "{}" occurs.',
]

COPIES = """
The sun rises in the east.
A stitch in time saves nine.
My brother has two cats and a parrot.
We will meet at noon near the fountain.
Please close the window before you leave.
The library opens at nine o'clock.
She sells fresh bread at the market.
Nothing tastes better than cold water.
The train to Boston is late again.
He painted the fence white last week.
Our garden is full of yellow flowers.
The keys are under the blue mat.
Ten small boats crossed the bay.
I forgot my umbrella at the office.
Winter came early this year.
"""
COPY_FRAMES = [
    "Repeat this sentence word for word: {}",
    "Copy the following sentence exactly: {}",
    "Say this back to me without changing anything: {}",
]

QUESTIONS = """
dogs | dogs?
the weather | weather
school | school
food | food; eat; meal; dish; cook; cooking
holidays | holidays?; vacations?; holiday
books | books?
music | music; songs?
cars | cars?
the ocean | oceans?; sea
friendship | friendships?; friends?
sleep | sleep; sleeping
space | space; planets?; universe; stars?
"""
QUESTION_FRAMES = [
    "Write one question about {}.",
    "Ask me a question about {}.",
    "I'd like you to write a question about {} that ends with a question mark.",
]

LETTERS = """
Anna
Mr. Brown
Peter
my grandmother
Mrs. Lopez
the school principal
David
Dr. Smith
my neighbours
Julia
"""
LETTER_FRAMES = [
    "Write the greeting line of a letter to {}.",
    "How would you begin a letter to {}? Write only the first line.",
    "Write a very short note to {} to say thank you, with a greeting at the start.",
]

FIXED = r"""
Count from 1 to 5. | 1\D+2\D+3\D+4\D+5 | counting
Count from one to four in words. | (?i)one\W+two\W+three\W+four | counting
Write the numbers from 3 to 7. | 3\D+4\D+5\D+6\D+7 | counting
Count down from 5 to 1. | 5\D+4\D+3\D+2\D+1 | counting
Write the first five even numbers. | 2\D+4\D+6\D+8\D+10 | counting
Count to 50 in tens. | 10\D+20\D+30\D+40\D+50 | counting
Write down the letters from A to E. | (?i)\ba\W+b\W+c\W+d\W+e\b | counting
Name the days of the week in order. | (?is)monday.*tuesday.*wednesday.*thursday.*friday | counting
Name the first four months of the year in order. | (?is)january.*february.*march.*april | counting
Name the four seasons. | (?is)^(?=.*spring)(?=.*summer)(?=.*(autumn\|fall))(?=.*winter) | counting
Write a line of Python that prints the word hello. | print\s*\(\s*f?["'][Hh]ello | code
Write one line of Python that sets x to 5. | \bx\s*=\s*5\b | code
Write a Python line that prints the sum of 2 and 3. | print\s*\( | code
Write the first line of a Python function called add with two arguments. | def\s+add\s*\(\s*\w+[^,)]*,\s*\w+ | code
Write a Python list with the numbers 1, 2 and 3. | \[\s*1\s*,\s*2\s*,\s*3\s*\] | code
How do you import the math module in Python? Show the line. | \b(import\s+math\|from\s+math\s+import) | code
Write an SQL query that selects all columns from the table users. | (?i)select\s+\*\s+from\s+[`"']?users | code
Write an SQL query that counts the rows of the table orders. | (?i)select\s+count\s*\(.*\)[^;]*from\s+[`"']?orders | code
Write an HTML heading with the text Welcome. | (?i)<h[1-6][^>]*>\s*welcome | code
Write an HTML link to https://example.com. | (?i)<a\s+[^>]*href\s*=\s*["']https://example\.com | code
Write a line of JavaScript that logs the word hello to the console. | console\.log\s*\( | code
Write a Python for loop over the numbers 0 to 4. | for\s+\w+\s+in\s+(range\s*\(\|\[\s*0) | code
Write a Python if statement that checks whether x is greater than 10. | if\s*\(?\s*x\s*>\s*10 | code
Write a Python comment that says TODO. | \#\s*TODO | code
Write a Python dictionary with the key name and the value Bob. | \{\s*["']name["']\s*:\s*["']Bob["'] | code
How do you get the length of a list called items in Python? Show the code. | len\s*\(\s*items\s*\) | code
Write a Python function that returns the square of a number. | def\s+\w+\s*\(\s*\w+ | code
Write a Python function called greet that takes a name. | def\s+greet\s*\(\s*\w+ | code
Show how to open a file called notes.txt in Python. | open\s*\(\s*["'](?:\S*/)?notes\.txt | code
Write a Python class called Dog. | class\s+Dog\b | code
Write a JavaScript function called add. | (function\s+add\s*\(\|add\s*=) | code
Write an SQL statement that creates a table called books. | (?i)create\s+table\s+(if\s+not\s+exists\s+)?[`"']?books | code
Write an HTML paragraph with the text Good morning. | (?i)<p[^>]*>\s*good morning | code
Write a Python while loop that counts to three. | while\s+.+: | code
Is water wet? Answer yes or no. | (?i)^\W*(yes\|no)\b | yes or no
Is a spoon a musical instrument? Answer yes or no. | (?i)^\W*(yes\|no)\b | yes or no
Can penguins fly? Answer yes or no. | (?i)^\W*(yes\|no)\b | yes or no
Does the sun rise in the west? Answer yes or no. | (?i)^\W*(yes\|no)\b | yes or no
Write a sentence with the words "cat" and "milk". | (?is)^(?=.*\bcat)(?=.*\bmilk) | two words
Write a sentence with the words "boy" and "kite". | (?is)^(?=.*\bboy)(?=.*\bkite) | two words
Write a sentence with the words "farmer" and "field". | (?is)^(?=.*\bfarmer)(?=.*\bfield) | two words
Write a sentence with the words "queen" and "crown". | (?is)^(?=.*\bqueen)(?=.*\bcrown) | two words
Use the words "doctor" and "hospital" in one sentence. | (?is)^(?=.*\bdoctor)(?=.*\bhospital) | two words
Use the words "train" and "window" in one sentence. | (?is)^(?=.*\btrain)(?=.*\bwindow) | two words
Make a sentence out of "old man", "bench" and "pigeons". | (?is)^(?=.*\bold man)(?=.*\bbench)(?=.*\bpigeon) | two words
Make a sentence out of "rain" and "roof". | (?is)^(?=.*\brain)(?=.*\broof) | two words
Write one sentence about a bear and a pot of honey. | (?is)^(?=.*\bbear)(?=.*\bhoney) | two words
Write one sentence about a ship and a lighthouse. | (?is)^(?=.*\bship)(?=.*\blighthouse) | two words
Write a JSON object with the key "name" and the value "Ada". | \{\s*"name"\s*:\s*"Ada" | json
Write a JSON object with the key "age" and the value 30. | \{\s*"age"\s*:\s*30 | json
Give me a JSON object that has the key "city" and the value "Rome". | \{\s*"city"\s*:\s*"Rome" | json
Show a JSON object with one key, "color", whose value is "red". | \{\s*"color"\s*:\s*"red" | json
As JSON with the key "answer": what is 2 + 2? | \{\s*"answer"\s*:\s*("4"\|4\|"[^"]*4[^"]*") | json
As JSON with the key "capital": what is the capital of Italy? | \{\s*"capital"\s*:\s*"[^"]*Rome | json
Write a JSON list of the numbers 1 to 3. | \[\s*1\s*,\s*2\s*,\s*3\s*\] | json
Write a JSON object with the keys "first" and "last" for the name Jane Doe. | (?s)\{\s*"first"\s*:\s*"Jane"\s*,\s*"last"\s*:\s*"Doe" | json
Choose one and reply with its name: red, green or blue. | (?i)^\W*(?:\w+\W+){0,6}(red\|green\|blue)\b | choice
Tea or coffee? Choose one of them. | (?i)\b(tea\|coffee)\b | choice
Pick one of these animals: lion, bear, wolf. | (?i)\b(lion\|bear\|wolf)\b | choice
Choose a number between 1 and 3 and tell me which one. | \b[123]\b | choice
Which do you prefer, summer or winter? Choose one. | (?i)\b(summer\|winter)\b | choice
Heads or tails? Pick one. | (?i)\b(heads?\|tails?)\b | choice
Choose a card suit: hearts, spades, clubs or diamonds. | (?i)\b(hearts?\|spades?\|clubs?\|diamonds?)\b | choice
Answer with "true" or "false": The Earth is flat. | (?i)^\W*(?:\w+\W+){0,5}(true\|false)\b | yes or no
Answer with "true" or "false": Fish live in water. | (?i)^\W*(?:\w+\W+){0,5}(true\|false)\b | yes or no
Answer yes or no: Is ice cold? | (?i)^\W*(yes\|no)\b | yes or no
Answer yes or no: Can people breathe under water without equipment? | (?i)^\W*(yes\|no)\b | yes or no
Answer yes or no: Is a whale a mammal? | (?i)^\W*(yes\|no)\b | yes or no
Answer yes or no: Is the Sun a planet? | (?i)^\W*(yes\|no)\b | yes or no
Answer yes or no: Do birds have feathers? | (?i)^\W*(yes\|no)\b | yes or no
Answer yes or no: Is London in England? | (?i)^\W*(yes\|no)\b | yes or no
Is a stone alive? Answer yes or no. | (?i)^\W*(yes\|no)\b | yes or no
Is a river alive? Answer yes or no. | (?i)^\W*(yes\|no)\b | yes or no
Is winter colder than summer? Answer yes or no. | (?i)^\W*(yes\|no)\b | yes or no
Can a fish ride a bicycle? Answer yes or no. | (?i)^\W*(yes\|no)\b | yes or no
Is bread made from flour? Answer yes or no. | (?i)^\W*(yes\|no)\b | yes or no
Is the Moon made of cheese? Answer yes or no. | (?i)^\W*(yes\|no)\b | yes or no
Do cats have tails? Answer yes or no. | (?i)^\W*(yes\|no)\b | yes or no
Is a table an animal? Answer yes or no. | (?i)^\W*(yes\|no)\b | yes or no
"""


def _words(options: str) -> str:
    return "|".join(alternatives(options))


def _item(prompt: str, pattern: str, family: str, frame: int | None) -> dict[str, object]:
    item = {"prompt": prompt, "pattern": pattern, "note": family}
    return item if frame is None else {**item, "cluster": f"{family}:{frame}"}


def _plain(family: str, block: str, pattern: str) -> list[dict[str, object]]:
    return [_item(prompt, pattern, family, None) for (prompt,) in table(block)]


def _listed() -> list[dict[str, object]]:
    return [
        *_plain("numbered list", NUMBERED, r"(?m)^\W*1[.):]\s*\S"),
    ]


def _framed() -> list[dict[str, object]]:
    found = []

    def add(family: str, block: str, frames: list[str], pattern: str) -> None:
        for index, (subject, *rest) in enumerate(table(block)):
            rule = pattern.replace("SUBJECT", re.escape(subject))
            rule = rule.replace("WORDS", _words(rest[0]) if rest else "")
            found.append(_item(take_turns(frames, index).format(subject), rule, family, index % len(frames)))

    add("beginning", BEGINNINGS, BEGINNING_FRAMES, r'(?i)^["“]?SUBJECT\b\W*(?:[\w’\'-]+\W+){2}')
    add("word used", USED, USED_FRAMES, r"(?i)(?=.*\bSUBJECT)(?:\S+\s+){3}\S+")
    add("copy", COPIES, COPY_FRAMES, r"SUBJECT")
    add("definition", DEFINED, DEFINED_FRAMES, r"(?i)\bSUBJECTs?\b.{0,40}\b(is|are|refers|means)\b")
    add("story", STORIES, STORY_FRAMES, r"(?i)\b(WORDS)\b\W+(?:\S+\s+){6}")
    add("email", EMAILS, EMAIL_FRAMES, r"(?i)\bsubject\b\W*:|\bdear\b")
    add("question", QUESTIONS, QUESTION_FRAMES, r"(?is)\b(WORDS)\b.*\?")
    return found


def _dialogues() -> list[dict[str, object]]:
    found = []
    for index, (one, other, topic) in enumerate(table(DIALOGUES)):
        frame = index % len(DIALOGUE_FRAMES)
        prompt = DIALOGUE_FRAMES[frame].format(one, other, topic)
        found.append(_item(prompt, rf"(?m)^\W*({one}|{other})\W*:\W*\w+", "dialogue", frame))
    return found


def _greetings() -> list[dict[str, object]]:
    found = []
    for index, (name,) in enumerate(table(LETTERS)):
        last = re.escape(name.split()[-1])
        pattern = rf"(?i)\b(dear|hello|hi|hey|greetings|good \w+)\b[^.!?\n]*\b{last}\b"
        frame = index % len(LETTER_FRAMES)
        found.append(_item(LETTER_FRAMES[frame].format(name), pattern, "letter", frame))
    return found


def _fixed() -> list[dict[str, object]]:
    found = []
    for line in FIXED.strip().splitlines():
        prompt, pattern, family = (part.replace(r"\|", "|") for part in re.split(r" \| ", line))
        found.append(_item(prompt, pattern, family, None))
    return found


def items() -> list[dict[str, object]]:
    """About 230 requests, each with the pattern that a reply must match."""
    return [*_listed(), *_framed(), *_dialogues(), *_greetings(), *_fixed()]
