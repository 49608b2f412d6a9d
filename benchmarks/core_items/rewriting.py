# ruff: noqa: E501 (tables of text: one entry a line)
"""Changing a word or a sentence: plurals, past tenses, opposites, spelling, one word for another, copying.

Some are asked at once, some after one or two solved examples as earlier turns of the conversation.
"""

from __future__ import annotations

from typing import Any

from tables import answer, table, take_turns

PLURALS = """
cat | cats
box | boxes
child | children
mouse | mice
foot | feet
tooth | teeth
man | men
goose | geese
leaf | leaves
knife | knives
wolf | wolves
city | cities
baby | babies
lady | ladies
potato | potatoes
tomato | tomatoes
hero | heroes
church | churches
dish | dishes
bus | buses
glass | glasses
wife | wives
story | stories
country | countries
brush | brushes
person | people; persons
house | houses
horse | horses
car | cars
tree | trees
shelf | shelves
family | families
watch | watches
key | keys
party | parties
boy | boys
bench | benches
river | rivers
loaf | loaves
fly | flies
"""
PLURAL_FRAMES = [
    'Complete: The plural of "{}" is',
    'What is the plural of "{}"?',
    "Plural of dog? -> dogs || Plural of fox? -> foxes || Plural of {}? ->",
    'What is the plural of "dog"? -> dogs || What is the plural of "woman"? -> women || What is the plural of "{}"? ->',
    'Complete the sentence: The plural form of the noun "{}" is',
]

PASTS = """
go | went
see | saw
eat | ate
run | ran
take | took
give | gave
come | came
write | wrote
drink | drank
sing | sang
swim | swam
speak | spoke
break | broke
buy | bought
bring | brought
think | thought
teach | taught
catch | caught
find | found
sleep | slept
leave | left
lose | lost
make | made
know | knew
fly | flew
grow | grew
drive | drove
begin | began
fall | fell
walk | walked
play | played
stop | stopped
study | studied
help | helped
listen | listened
wait | waited
cook | cooked
dance | danced
travel | traveled; travelled
laugh | laughed
"""
PAST_FRAMES = [
    "Complete: Today I {}. Yesterday I",
    'What is the past tense of "open"? -> opened || What is the past tense of "stand"? -> stood || What is the past tense of "{}"? ->',
    "Today I work. Yesterday I -> worked || Today I meet him. Yesterday I -> met him || Today I {}. Yesterday I ->",
    'Complete: The past tense of "{}" is',
]

OPPOSITES = """
hot | cold; cool
big | small; little; tiny
tall | short; small
fast | slow
happy | sad; unhappy
old | new; young
good | bad; evil
light | dark; heavy
day | night
up | down
left | right
open | closed; close; shut
heavy | light; lightweight
full | empty
hard | soft; easy
rich | poor
strong | weak
wet | dry
black | white
clean | dirty
loud | quiet; silent; soft
near | far; distant
high | low
long | short
thick | thin
wide | narrow
deep | shallow
true | false; untrue
love | hate; hatred
win | lose
buy | sell
push | pull
start | stop; end; finish
remember | forget
always | never
inside | outside
before | after
friend | enemy; foe; stranger
war | peace
success | failure
brave | cowardly; afraid; timid; fearful; coward
expensive | cheap; inexpensive; affordable
sweet | bitter; sour; salty
noisy | quiet; silent
asleep | awake
first | last
top | bottom
north | south
east | west
summer | winter
yes | no
alive | dead
arrive | depart; leave
simple | complex; complicated; difficult
public | private
strange | normal; familiar; ordinary; usual; common
beautiful | ugly
give | take; receive
"""
OPPOSITE_FRAMES = [
    'What is the opposite of "{}"?',
    'Complete: The opposite of "{}" is',
    'Which word means the opposite of "{}"?',
    'What is the opposite of "lazy"? -> busy || What is the opposite of "{}"? ->',
]

SPELLINGS = """
recieve | receive
freind | friend
beleive | believe
tommorow | tomorrow
seperate | separate
definately | definitely
untill | until
wich | which
becuase | because
greatful | grateful
happend | happened
calender | calendar
goverment | government
begining | beginning
buisness | business
occured | occurred
neccessary | necessary
suprise | surprise
libary | library
knowlege | knowledge
"""
SPELLING_FRAMES = [
    'Correct the spelling of this word: "{}"',
    'What is the correct spelling of "{}"?',
    "Correct the spelling: teh -> the || Correct the spelling: wierd -> weird || Correct the spelling: {} ->",
    'The word "{}" is misspelled. How is it spelled correctly?',
]

KINDS = """
A hammer | tool; tools
A rose | flower; flowers; plant
A piano | instrument; instruments
A shark | fish; fishes
An apple | fruit; fruits
An oak | tree; trees
An eagle | bird; birds
A trumpet | instrument; instruments
A sofa | furniture; couch; seat; seating
A carrot | vegetable; vegetables
An ant | insect; insects
A sparrow | bird; birds
A tulip | flower; flowers; plant
A lemon | fruit; fruits
A sandal | shoe; shoes; footwear
"""
KIND_FRAMES = [
    "Complete: {} is a kind of",
    "Complete the sentence: {} is a type of",
    "What kind of thing is {}?",
]

PEOPLE = """
France | French; Frenchman; Frenchmen
Germany | German; Germans
China | Chinese
Italy | Italian; Italians
Russia | Russian; Russians
Japan | Japanese
Canada | Canadian; Canadians
Mexico | Mexican; Mexicans
India | Indian; Indians
Brazil | Brazilian; Brazilians
Greece | Greek; Greeks
Australia | Australian; Australians
"""
PEOPLE_FRAMES = [
    "What do you call people from {}?",
    "Someone from Spain is -> Spanish || Someone from Sweden is -> Swedish || Someone from {} is ->",
    "What nationality does a person born in {} usually have?",
]

SENTENCES = """
Replace "blue" with "green" in this sentence: "My bike is blue." | my bike is green
Replace "cat" with "dog": "The cat is under the table." | the dog is under the table
Replace "Paris" with "Rome" in this sentence: "Tom lives in Paris." | Tom lives in Rome
Replace "Monday" with "Friday" in this sentence: "We meet on Monday." | we meet on Friday
Replace "coffee" with "tea" in this sentence: "I drink coffee." | I drink tea
Replace "old" with "new" in this sentence: "She has an old car." | she has a new car; she has an new car
Replace "winter" with "summer": "They met in winter." | they met in summer
Replace "he" with "she" in this sentence: "Today he is late." | today she is late
Repeat after me: "The baker sells warm bread." | the baker sells warm bread
Repeat after me: "Two swans swim on the lake." | two swans swim on the lake
Repeat this sentence: "The museum is closed on Tuesdays." | the museum is closed on Tuesdays
Repeat this sentence: "My uncle repairs old clocks." | my uncle repairs old clocks
Say again: "The moon is bright tonight." | the moon is bright tonight
Make this sentence negative: "The bike is blue." | is not; isn't
Make this sentence negative: "The cat is hungry." | is not; isn't
Make this sentence negative: "She is at home." | is not; isn't
Make this sentence negative: "The shop is open." | is not; isn't; closed
Make this sentence negative: "They are ready." | are not; aren't; not ready
Write the number "seven" in digits. | 7
Write the number "twelve" in digits. | 12
Write the number "nine" in digits. | 9
Write the number "thirty" in digits. | 30
Write the number "fifteen" in digits. | 15
Complete: The number eight in digits is | 8
Complete: The number eleven in digits is | 11
Complete: The number ninety in digits is | 90
Complete: The number fourteen in digits is | 14
What is the first letter of the word "river"? | r
What is the first letter of the word "doctor"? | d
What is the first letter of the word "garden"? | g
What is the first letter of the word "bridge"? | b
What is the first letter of the word "monkey"? | m
Complete: The comparative form of "tall" is | taller
Complete: The comparative form of "small" is | smaller
Complete: The comparative form of "strong" is | stronger
Complete: The comparative form of "good" is | better
What is the female counterpart of a king? | queen
What is the female counterpart of a prince? | princess
What is the female counterpart of a husband? | wife
What do you call the mother of your mother? | grandmother; grandma
What do you call the son of your sister? | nephew
Complete the proverb: Actions speak louder than | words
Complete the proverb: A picture is worth a thousand | words
Complete the proverb: The early bird catches the | worm
Complete the proverb: Practice makes | perfect
Complete the proverb: Honesty is the best | policy
Complete the proverb: Rome was not built in a | day
Complete the proverb: Time is | money
Complete the proverb: Don't judge a book by its | cover
Complete the proverb: An apple a day keeps the doctor | away
Complete the proverb: All that glitters is not | gold
Complete the proverb: Two heads are better than | one
Complete the proverb: Laughter is the best | medicine
Complete the proverb: Birds of a feather flock | together
"""


def asked(frame: str, subject: str) -> dict[str, Any]:
    """A prompt, or messages where the frame holds solved examples (``question -> reply || question ->``)."""
    if "->" not in frame:
        return {"prompt": frame.format(subject)}
    turns = []
    for shot in frame.format(subject).split("||"):
        question, reply = (part.strip() for part in shot.split("->"))
        turns.append({"role": "user", "content": question})
        turns += [{"role": "assistant", "content": reply}] if reply else []
    return {"messages": turns}


def items() -> list[dict[str, Any]]:
    """About 240 requests with the word or phrase that the reply must contain."""
    found: list[dict[str, Any]] = []
    families = [
        ("plural", PLURALS, PLURAL_FRAMES),
        ("past tense", PASTS, PAST_FRAMES),
        ("opposite", OPPOSITES, OPPOSITE_FRAMES),
        ("spelling", SPELLINGS, SPELLING_FRAMES),
        ("kind", KINDS, KIND_FRAMES),
        ("people", PEOPLE, PEOPLE_FRAMES),
    ]
    for family, block, frames in families:
        for index, (word, reply) in enumerate(table(block)):
            cluster = f"{family}:{index % len(frames)}"
            frame = take_turns(frames, index)
            question = asked(frame, word.lower() if frame.startswith("What kind") else word)
            found.append({**question, "answer": answer(reply), "cluster": cluster, "note": family})
    found += [{"prompt": p, "answer": answer(reply), "note": "sentence"} for p, reply in table(SENTENCES)]
    return found
