"""Facts as sentences to complete, each with three wrong endings of the same kind. Scored by likelihood.

The facts are others than those that ``facts`` asks for. Wrong endings are the right ones of other rows of the group,
drawn at random; endings that are right as well (``ALSO_RIGHT``) are
never drawn.
"""

from __future__ import annotations

import random
from typing import Any

from tables import alternatives, table

GROUPS: dict[str, str] = {
    "city": """
Barcelona is a city in | Spain.
Munich is a city in | Germany.
Naples is a city in | Italy.
Marseille is a city in | France.
Manchester is a city in | England.
Mumbai is a city in | India.
Shanghai is a city in | China.
Osaka is a city in | Japan.
Toronto is a city in | Canada.
Chicago is a city in | the United States.
Sydney is a city in | Australia.
Rio de Janeiro is a city in | Brazil.
Cape Town is a city in | South Africa.
Istanbul is a city in | Turkey.
Saint Petersburg is a city in | Russia.
Glasgow is a city in | Scotland.
Geneva is a city in | Switzerland.
Rotterdam is a city in | the Netherlands.
Salzburg is a city in | Austria.
Antwerp is a city in | Belgium.
Krakow is a city in | Poland.
Casablanca is a city in | Morocco.
Alexandria is a city in | Egypt.
Lagos is a city in | Nigeria.
""",
    "field": """
Mozart was a famous | composer.
Picasso was a famous | painter.
Shakespeare was a famous | playwright.
Pelé was a famous | footballer.
Marie Curie was a famous | scientist.
Plato was a famous Greek | philosopher.
Elvis Presley was a famous | singer.
Charlie Chaplin was a famous | actor.
Neil Armstrong was a famous | astronaut.
Napoleon was a famous French | general.
Muhammad Ali was a famous | boxer.
Marco Polo was a famous | explorer.
Steven Spielberg is a famous film | director.
Garry Kasparov is a famous | chess player.
Agatha Christie was a famous writer of | detective novels.
""",
    "study": """
Biology is the study of | living things.
Astronomy is the study of | stars and planets.
Geology is the study of | rocks and the Earth.
Botany is the study of | plants.
Zoology is the study of | animals.
Psychology is the study of | the mind.
History is the study of | the past.
Economics is the study of | money and trade.
Linguistics is the study of | language.
Meteorology is the study of | the weather.
Chemistry is the study of | substances and their reactions.
Geometry is the study of | shapes and angles.
Archaeology is the study of | ancient remains.
Oceanography is the study of | the sea.
""",
    "class": """
A frog is | an amphibian.
A snake is | a reptile.
A bat is | a mammal.
A trout is | a fish.
An owl is | a bird.
A beetle is | an insect.
An oyster is | a mollusc.
A lobster is | a crustacean.
A scorpion is | an arachnid.
A mushroom is | a fungus.
A fern is | a plant.
""",
    "made": """
Wine is made from | grapes.
Cheese is made from | milk.
Paper is made from | wood.
Glass is made from | sand.
Bread is made from | flour.
Candles are often made from | wax.
Chocolate is made from | cocoa beans.
Tyres are made from | rubber.
Wool comes from | sheep.
Silk comes from | silkworms.
Leather is made from | animal skin.
Jeans are made from | cotton.
Coins are made from | metal.
French fries are made from | potatoes.
Popcorn is made from | corn.
Cider is made from | apples.
""",
    "organ": """
Blood is cleaned by the | kidneys.
Food is digested in the | stomach and intestines.
Air is taken in by the | lungs.
Light is seen with the | eyes.
Sounds are picked up by the | ears.
Thoughts are formed in the | brain.
Food is chewed with the | teeth.
Blood is pumped by the | heart.
Smells are noticed with the | nose.
The body is held up by the | bones.
The body is moved by the | muscles.
Sweat comes out of the | skin.
""",
    "use": """
A thermometer measures | temperature.
A clock measures | time.
A scale measures | weight.
A ruler measures | length.
A speedometer measures | speed.
A barometer measures | air pressure.
A seismograph measures | earthquakes.
A compass shows | direction.
A rain gauge measures | rainfall.
A stethoscope is used to listen to | the heart.
A telescope is used to look at | the stars.
A microscope is used to look at | tiny things.
""",
    "lives": """
Polar bears live | in the Arctic.
Camels live | in the desert.
Monkeys live | in the jungle.
Sharks live | in the ocean.
Moles live | underground.
Cows live | on a farm.
Trout live | in rivers.
Mountain goats live | on rocky slopes.
Fleas live | in the fur of other animals.
Bees live | in a hive.
""",
    "symbol": """
The chemical symbol of hydrogen is | H.
The chemical symbol of silver is | Ag.
The chemical symbol of carbon is | C.
The chemical symbol of sodium is | Na.
The chemical symbol of lead is | Pb.
The chemical symbol of helium is | He.
The chemical symbol of nitrogen is | N.
The chemical symbol of copper is | Cu.
The chemical symbol of calcium is | Ca.
""",
    "food": """
Tacos are a dish from | Mexico.
Paella is a dish from | Spain.
Croissants are typical of | France.
Kimchi is a dish from | Korea.
Curry is a typical dish of | India.
Goulash is a dish from | Hungary.
Moussaka is a dish from | Greece.
Lasagne is a dish from | Italy.
Haggis is a dish from | Scotland.
Borscht is a soup from | Ukraine.
Fondue is a dish from | Switzerland.
Sauerkraut is typical of | Germany.
""",
    "river": """
The Amazon flows through | Brazil.
The Ganges flows through | India.
The Yangtze flows through | China.
The Mississippi flows through | the United States.
The Volga flows through | Russia.
The Rhine flows through | Germany.
The Po flows through | Italy.
The Loire flows through | France.
The Tagus flows through | Portugal.
The Vistula flows through | Poland.
The Murray flows through | Australia.
The Severn flows through | England.
""",
    "story": """
The boy with the lightning scar is | Harry Potter.
The detective of Baker Street is | Sherlock Holmes.
The girl who falls down a rabbit hole is | Alice.
The wooden boy whose nose grows is | Pinocchio.
The girl who loses a glass slipper is | Cinderella.
The outlaw who robbed the rich to help the poor is | Robin Hood.
The boy who never grows up is | Peter Pan.
The knight who fights against windmills is | Don Quixote.
The captain who hunts the white whale is | Ahab.
The green ogre who lives in a swamp is | Shrek.
The vampire from Transylvania is | Count Dracula.
The man who is stranded alone on an island is | Robinson Crusoe.
""",
    "event": """
The Berlin Wall fell in | 1989.
The French Revolution began in | 1789.
The American Declaration of Independence was signed in | 1776.
The First World War ended in | 1918.
The Second World War began in | 1939.
The first people landed on the Moon in | 1969.
The Soviet Union was dissolved in | 1991.
The Great Fire of London was in | 1666.
The Battle of Hastings was fought in | 1066.
The Russian Revolution took place in | 1917.
""",
    "sport": """
In golf, players use | a club.
In tennis, players use | a racket.
In ice hockey, players use | a stick and a puck.
In baseball, the batter uses | a wooden bat.
In archery, people use | a bow and arrow.
In rowing, people use | oars.
In fencing, people use | a sword.
In surfing, people use | a board.
In billiards, players use | a cue.
In basketball, players use | a hoop and a ball.
In gymnastics, people use | a balance beam.
""",
    "work": """
A carpenter works | with wood.
A baker works | with dough.
A blacksmith works | with iron.
A tailor works | with cloth.
A jeweller works | with gold and gems.
A potter works | with clay.
A florist works | with flowers.
A beekeeper works | with bees.
A butcher works | with meat.
A librarian works | with books.
A programmer works | with computers.
A photographer works | with a camera.
A fisherman works | with a net.
A miner works | under the ground.
A lifeguard works | at a beach.
A waiter works | in a restaurant.
""",
    "meaning": """
To purchase something is to | buy it.
To conceal something is to | hide it.
To repair something is to | mend it.
To construct something is to | build it.
To demolish something is to | tear it down.
To postpone something is to | do it later.
To shatter something is to | break it.
To examine something is to | look at it closely.
To donate something is to | give it away.
To acquire something is to | get it.
To abandon something is to | leave it behind.
To multiply something by two is to | double it.
""",
}
ALSO_RIGHT: dict[str, list[str]] = {
    "Glasgow is a city in": ["England."],
    "Geology is the study of": ["the past.", "ancient remains."],
    "Archaeology is the study of": ["the past."],
    "Zoology is the study of": ["living things."],
    "Botany is the study of": ["living things."],
    "Biology is the study of": ["plants.", "animals.", "the mind."],
    "History is the study of": ["ancient remains."],
    "Meteorology is the study of": ["the sea."],
    "Oceanography is the study of": ["the weather.", "living things."],
    "Bread is made from": ["corn."],
    "Popcorn is made from": ["flour."],
    "The body is held up by the": ["muscles."],
    "The body is moved by the": ["bones.", "heart."],
    "Food is chewed with the": ["bones."],
    "Leather is made from": ["sheep."],
    "Sharks live": ["in rivers.", "in the Arctic."],
    "Trout live": ["in the ocean.", "in the Arctic."],
    "Mountain goats live": ["in the Arctic."],
    "Moles live": ["on a farm."],
    "Bees live": ["on a farm.", "in the jungle."],
    "In archery, people use": ["a sword."],
    "In fencing, people use": ["a bow and arrow."],
    "To purchase something is to": ["get it."],
    "To acquire something is to": ["buy it."],
    "To shatter something is to": ["tear it down."],
    "To demolish something is to": ["break it."],
    "To abandon something is to": ["give it away."],
    "To donate something is to": ["leave it behind."],
}
SEED = 11


def items() -> list[dict[str, Any]]:
    """About 205 sentences with four endings each."""
    rng = random.Random(SEED)
    found = []
    for group, block in GROUPS.items():
        rows = table(block)
        for query, reply in rows:
            right = alternatives(reply)[0]
            wrong = [ending for _, ending in rows if ending != right and ending not in ALSO_RIGHT.get(query, [])]
            chosen = rng.sample(wrong, 3)
            choices = rng.sample([right, *chosen], len(chosen) + 1)
            found.append({"query": query, "choices": choices, "gold": choices.index(right), "note": group})
    return found
