# ruff: noqa: SIM905 (tables of text: one entry a line)
"""A short passage with several names, numbers and places, and a question whose answer stands in it.

Each frame is a small story of its own with open places, filled from tables of names; it has several questions,
which are asked in turn, so that the place of the answer varies.
"""

from __future__ import annotations

import random
from typing import Any

WOMEN = "Alice Carmen Edith Fatima Hana Jasmin Laila Nadia Priya Rita Tessa Vera Yara Zoe Celia Elena Greta".split()
MEN = "Boris Dario Gustav Igor Kofi Marco Otto Quentin Samir Ulrich Walter Bruno Derek Felix Hugo Ravi Tomas".split()
CITIES = (
    "Lisbon Prague Oslo Cairo Lima Dublin Vienna Athens Boston Denver Nairobi Kyoto Turin Seville Hamburg "
    "Krakow Geneva Bergen Havana Quito"
).split()
COLOURS = "red blue green yellow purple brown grey pink white".split()
ANIMALS = "parrot rabbit horse goat turtle pony hamster donkey goose ferret".split()
FOODS = "lentil soup; apple pie; grilled fish; mushroom risotto; pumpkin bread; bean stew; cheese omelette".split("; ")
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
JOBS = "carpenter nurse baker plumber pilot teacher gardener lawyer chemist painter butcher tailor".split()
THINGS = "violin camera telescope bicycle typewriter compass lantern guitar trumpet canoe".split()
TREES = "pine maple birch willow cedar chestnut".split()

TABLES = {
    "city": CITIES,
    "colour": COLOURS,
    "animal": ANIMALS,
    "food": FOODS,
    "day": DAYS,
    "month": MONTHS,
    "job": JOBS,
    "thing": THINGS,
    "tree": TREES,
    "number": [str(number) for number in range(11, 99)],
    "year": [str(year) for year in range(1961, 2019)],
}

FRAMES: list[tuple[str, list[tuple[str, str]]]] = [
    (
        "{name1} works as a {job1} in {city1}. Every {day1}, {name1} meets {name2}, who is a {job2}, for lunch.",
        [("In which city does {name1} work?", "city1"), ("What is {name2}'s job?", "job2"),
         ("On which day do they have lunch together?", "day1")],
    ),
    (
        "The museum in {city1} opened in {year1}. It owns {number1} paintings, and the most famous of them shows "
        "a {colour1} {animal1}.",
        [("When did the museum open?", "year1"), ("How many paintings does the museum own?", "number1"),
         ("Which animal does the famous painting show?", "animal1")],
    ),
    (
        "{name1} bought a {colour1} {thing1} at the market for {number1} dollars. Her brother {name2} wanted it "
        "too, but he came too late.",
        [("What did {name1} buy?", "thing1"), ("How many dollars did it cost?", "number1"),
         ("Who came too late?", "name2"), ("What colour is the {thing1}?", "colour1")],
    ),
    (
        "Last {month1} the Larsen family moved from {city1} to {city2}. Their {animal1} travelled in a {colour1} "
        "box on the back seat.",
        [("Where did the family move to?", "city2"), ("What pet does the family have?", "animal1"),
         ("In which month did they move?", "month1")],
    ),
    (
        "There are {number1} houses in the village. The oldest of them, built in {year1}, stands beside a tall "
        "{tree1} and belongs to {name1}.",
        [("Who owns the oldest house?", "name1"), ("When was the oldest house built?", "year1"),
         ("What kind of tree stands beside it?", "tree1")],
    ),
    (
        "For dinner {name1} cooked {food1}, while {name2} set the table. Their guest {name3} arrived from {city1} "
        "by train.",
        [("What did {name1} cook?", "food1"), ("Who set the table?", "name2"),
         ("From which city did the guest come?", "city1")],
    ),
    (
        "The race took place on a {day1} in {month1}. {name1} won, {name2} came second, and {name3} had to stop "
        "after a fall.",
        [("Who won the race?", "name1"), ("Who came second?", "name2"), ("Who fell?", "name3"),
         ("In which month was the race?", "month1")],
    ),
    (
        "When {name1} was a child, she had a {animal1} called Pepper. Today she is a {job1} and keeps a {animal2} "
        "named {name2}.",
        [("What is {name1}'s job today?", "job1"), ("What animal was Pepper?", "animal1")],
    ),
    (
        "The bus to {city1} leaves at half past {number1}, the bus to {city2} ten minutes later. {name1} takes "
        "the first one and {name2} the second.",
        [("To which city does the first bus go?", "city1"), ("Who takes the second bus?", "name2")],
    ),
    (
        "A fire broke out in a bakery in {city1} on {day1} night. A neighbour, {name1}, called for help, and "
        "nobody was hurt. The damage is put at {number1} thousand euros.",
        [("In which city was the fire?", "city1"), ("Who called for help?", "name1"),
         ("On which day did the fire break out?", "day1")],
    ),
    (
        "In the garden of {name1} grow a {tree1} and many {colour1} roses. The {tree1} was planted in {year1} by "
        "her grandfather {name2}.",
        [("When was the {tree1} planted?", "year1"), ("What colour are the roses?", "colour1"),
         ("What is the name of the grandfather?", "name2")],
    ),
    (
        "{name1} lost a {thing1} on the way to school. It was found by a {job1}, who brought it back on {day1}.",
        [("What did {name1} lose?", "thing1"), ("On which day was it brought back?", "day1"),
         ("What was the job of the person who found it?", "job1")],
    ),
    (
        "Our choir has {number1} members. We practise every {day1} in the town hall, and in {month1} we will give "
        "a concert in {city1}.",
        [("How many members does the choir have?", "number1"), ("Where will the concert be?", "city1"),
         ("When will the choir give a concert? Name the month.", "month1")],
    ),
    (
        "The ship was built in {city1} in {year1} and could carry {number1} passengers. Its captain, {name1}, had "
        "once been a {job1}.",
        [("Where was the ship built?", "city1"), ("How many passengers could the ship carry?", "number1"),
         ("What had the captain been before?", "job1")],
    ),
    (
        "{name1} and {name2} share a flat. {name1} has the {colour1} room with a view of the park; {name2} has "
        "the {colour2} one and keeps a {thing1} there.",
        [("What colour is the room of {name2}?", "colour2"), ("What colour is the room of {name1}?", "colour1")],
    ),
    (
        "Dear {name1}, I have arrived in {city1}. The weather is fine and the hotel is near a {tree1} forest. "
        "I will be back on {day1}. Yours, {name2}",
        [("Who wrote the letter?", "name2"), ("Where is the writer staying?", "city1"),
         ("When will the writer be back?", "day1")],
    ),
    (
        "The shop on Mill Street sells lamps. A {colour1} lamp costs {number1} euros, a {colour2} one costs "
        "{number2} euros. The owner's name is {name1}.",
        [("How much does the {colour1} lamp cost?", "number1"), ("What is the owner's name?", "name1"),
         ("How many euros does a {colour2} lamp cost?", "number2")],
    ),
    (
        "On their walk through the forest the children saw a {animal1} and, near the river, a {colour1} bird. "
        "{name1} drew both of them in a notebook.",
        [("What colour was the bird?", "colour1"), ("Who drew the animals?", "name1")],
    ),
    (
        "{name1}, a {job1} from {city1}, has written a book about life with a {animal1}. It came out in {month1} "
        "and has sold {number1} thousand copies.",
        [("What is the author's job?", "job1"), ("What animal is the book about?", "animal1"),
         ("In which month did the book come out?", "month1")],
    ),
    (
        "The class of Mrs. Hill has {number1} pupils. On {day1} they will visit the zoo, where a young {animal1} "
        "was born in {month1}.",
        [("When will the class visit the zoo?", "day1"), ("What kind of animal was born at the zoo?", "animal1"),
         ("How many pupils are in the class?", "number1")],
    ),
    (
        "The {colour1} team beat the {colour2} team by four goals. The best player was {name1}, who is only "
        "{number1} years old.",
        [("Which team won?", "colour1"), ("Who was the best player?", "name1")],
    ),
    (
        "Professor {name1} found the old map in a library in {city1}. It is dated {year1} and shows the way to a "
        "well under a {tree1}.",
        [("In which city was the map found?", "city1"), ("What date is on the map?", "year1")],
    ),
    (
        "My grandmother {name1} grew up in {city1} with a {job1} for a father. She told me that they ate {food1} "
        "every {day1}.",
        [("What was the job of {name1}'s father?", "job1"), ("What did they eat every {day1}?", "food1"),
         ("Where did {name1} grow up?", "city1")],
    ),
    (
        "The meeting has been moved from {day1} to {day2}. {name1} will speak about sales, {name2} about the new "
        "office in {city1}.",
        [("On which day will the meeting take place now?", "day2"), ("Who will speak about sales?", "name1"),
         ("Where is the new office?", "city1")],
    ),
    (
        "A {animal1} escaped from a farm near {city1} and was caught by {name1}, a retired {job1}, who gave it "
        "{food1} to eat.",
        [("Which animal escaped?", "animal1"), ("Who caught it?", "name1")],
    ),
    (
        "Room {number1} of the hotel has {colour1} curtains and a balcony. {name1} stayed there in {month1} and "
        "forgot a {thing1} under the bed.",
        [("What was forgotten under the bed?", "thing1"), ("What is the number of the room?", "number1"),
         ("Who stayed in the room?", "name1")],
    ),
    (
        "{name1} is {number1} years old, and her cousin {name2} is {number2}. Both belong to a chess "
        "club in {city1}.",
        [("How old is {name2}?", "number2"), ("How old is {name1}?", "number1"),
         ("In which city is the chess club?", "city1")],
    ),
    (
        "The bridge over the river was closed in {month1} because of a flood. Until it is repaired, a ferry "
        "steered by {name1} carries people across, at most {number1} at a time.",
        [("Who steers the ferry?", "name1"), ("In which month was the bridge closed?", "month1"),
         ("How many people can the ferry carry at a time?", "number1")],
    ),
    (
        "To make {food1} the way {name1} does, you need a {colour1} pot and {number1} minutes. {name2} adds a "
        "little lemon at the end.",
        [("Who adds lemon?", "name2"), ("What colour is the pot?", "colour1"),
         ("How many minutes do you need?", "number1")],
    ),
    (
        "The letter was posted in {city1} on a {day1} and reached {name1} in {city2} a week later. Inside was a "
        "photo of a {animal1}.",
        [("Where was the letter posted?", "city1"), ("What does the photo show?", "animal1"),
         ("Who received the letter?", "name1")],
    ),
    (
        "Three friends started firms: {name1} repairs shoes, {name2} sells flowers, and {name3} builds boats. "
        "The boat builder lives in {city1}.",
        [("Who sells flowers?", "name2"), ("What does {name1} repair?", "=shoes"),
         ("Where does the boat builder live?", "city1")],
    ),
    (
        "According to the sign, the castle was built by a {job1} named {name1} and has {number1} rooms. In {year1} "
        "it was turned into a school.",
        [("How many rooms does the castle have?", "number1"), ("What was the castle turned into?", "=school; a school"),
         ("When was the castle turned into a school?", "year1")],
    ),
]  # fmt: skip

ASKED = [
    "{passage}\n\n{question}",
    "Read this text: {passage}\n\nQuestion: {question}",
    "{passage}\n\nAnswer in a few words: {question}",
    "Here is a short text.\n\n{passage}\n\n{question}",
]
ROUNDS = 7
SEED = 7


def _filled(rng: random.Random) -> dict[str, str]:
    """A value for every open place, no two of a kind alike."""
    chosen = {kind: rng.sample(values, 3) for kind, values in TABLES.items()}
    places = {f"{kind}{place + 1}": value for kind, found in chosen.items() for place, value in enumerate(found)}
    names = {
        "name1": rng.choice(WOMEN),
        "name2": rng.choice(MEN),
        "name3": rng.choice(["Kim", "Robin", "Alex"]),
    }
    return {
        **places,
        **names,
        "number1": rng.choice(TABLES["number"][:40]),
        "number2": rng.choice(TABLES["number"][40:]),
    }


def items() -> list[dict[str, Any]]:
    """About 220 questions; the frame of a passage is its cluster."""
    rng = random.Random(SEED)
    found: list[dict[str, Any]] = []
    for turn in range(ROUNDS):
        for index, (frame, questions) in enumerate(FRAMES):
            places = _filled(rng)
            if "half past" in frame:
                places["number1"] = rng.choice("one two three four five six seven eight nine ten".split())
            question, place = questions[(turn + index) % len(questions)]
            reply: str | list[str] = place[1:].split("; ") if place.startswith("=") else places[place]
            prompt = ASKED[(turn + index) % len(ASKED)].format(
                passage=frame.format(**places), question=question.format(**places)
            )
            found.append({"prompt": prompt, "answer": reply, "cluster": f"passage:{index}", "note": place[:4]})
    return found
