# ruff: noqa: E501 (one text a line or block)
"""Short texts of many kinds for bits per byte: news, stories, talk, instructions, letters, science, code."""

from __future__ import annotations

from typing import Any

TEXTS = r'''
The town council voted on Tuesday to close the old bridge to lorries until engineers have examined its pillars. Drivers will have to take the longer road through the valley, which adds about twenty minutes to the trip. Shop owners on the east bank fear that they will lose customers before the holidays.
---
A school in the north of the country has replaced its morning bell with birdsong. The head teacher said that pupils arrive calmer and that the idea cost nothing. Parents were asked to send in recordings from their own gardens, and more than sixty have done so.
---
The national team lost its third match in a row on Saturday evening. After a strong first half the defenders grew tired, and two late goals decided the game. The coach did not blame his players. "We created enough chances," he said. "We simply did not use them."
---
Farmers in the region expect a poor harvest after the driest spring in thirty years. Wheat has suffered most, while grapes seem to profit from the sun. The government has promised loans at a low rate, but many families say that they need help now and not in the autumn.
---
Two hikers were rescued from a ledge early this morning after spending the night in thick fog. They had left the marked path to take photographs and could not find their way back. A dog from the mountain rescue service found them shortly after sunrise, cold but unharmed.
---
The museum of transport will show forty early bicycles from next week on. The oldest has no pedals and was pushed along with the feet. Visitors may try out a copy of it in the courtyard, though helmets are required. Entry is free for children under twelve.
---
Prices for coffee rose again last month, as heavy rain damaged plantations in several countries. Traders say that supplies should be normal by summer. Small cafés have begun to offer smaller cups rather than ask their guests to pay more.
---
The library on Station Road has found a book that was borrowed in 1954. It was discovered behind a radiator during repairs, wrapped in a newspaper of the same year. The librarian has decided not to charge the fine, which would come to more than nine thousand euros.
---
Scientists have counted fewer swallows this year than in any year since the survey began. They suspect that modern barns, which are closed on all sides, leave the birds nowhere to nest. A club has started to give away wooden nesting boxes to farmers who ask for one.
---
A power cut left half of the harbour district without light for three hours on Sunday. Restaurants served their guests by candlelight, and some reported the best evening of the year. The cause was a digger that had cut through a cable.
---
When the ferry had left, the island became so quiet that Nora could hear the ropes creak against the jetty. She picked up her suitcase and began to climb the path. Nobody had told her how steep it was, or that the house at the top had no door.
---
The clockmaker never looked up when the bell above the door rang. He knew his customers by their steps. This step, however, he had not heard for eleven years, and his hands, which had not trembled once in that time, put down the tiny wheel.
---
There was once a fox who wanted to learn how to swim. He asked the otter, but the otter laughed. He asked the duck, but the duck flew away. In the end he fell into the pond by accident and found out that he had known it all along.
---
My grandmother kept her money in a teapot on the top shelf. Everybody in the village knew it, and nobody ever touched it. When she died we took down the teapot and found that it held nothing but buttons, each wrapped in a note with a name.
---
He ran until the lights of the station were small behind him. His shoes were full of water. Somewhere a dog was barking, and he thought of the warm kitchen he had left that morning and of the letter on the table which by now must have been opened.
---
The lift stopped between the fourth and the fifth floor. For a while the three strangers looked at the ceiling as though it might explain itself. Then the old lady opened her bag, took out a pack of cards and asked whether anyone knew how to play rummy.
---
On the day the circus came to town, the baker's son decided to become an acrobat. He practised on the garden wall and fell into the roses. He practised on the washing line and fell into the sheets. His mother suggested that he might begin with juggling.
---
The captain read the message twice and folded it into the log. Then he went up on deck and told the crew to take in the sails. They did so without a question, but the cook, who had sailed with him for twenty years, saw that he was pale.
---
Under the floorboards of the attic Emil found a tin box with a map inside. The ink had faded, yet one could still make out a river, three hills and a small cross. It took him until supper to understand that it was a map of his own garden.
---
Every evening the lighthouse keeper wrote one sentence into his diary. Most of them were about the weather. Only once, in the winter of the great storm, did he write two, and the second one had been crossed out so carefully that nobody could ever read it.
---
"Have you seen my glasses?" asked Grandfather.
"They are on your head," said Lily.
"Nonsense. I would feel them."
"You said the same about your hat yesterday."
He reached up slowly, smiled and pretended that he had only wanted to scratch his ear.
---
A: Good morning, how can I help you?
B: I'd like to return this kettle. It doesn't switch off by itself.
A: Do you have the receipt?
B: Yes, here it is. I bought it last Friday.
A: No problem. Would you like a new one or your money back?
---
"We could take the train," said Ben.
"The train takes four hours," said Olga.
"Then we could fly."
"You hate flying."
"I know. But I hate deciding even more."
They looked at each other and began to laugh, and in the end they stayed at home.
---
Interviewer: When did you start to paint?
Painter: When I was six. There was nothing else to do; we lived far from any town.
Interviewer: And who taught you?
Painter: Nobody at first. Later a neighbour lent me her brushes and forgot to ask for them back.
---
Waiter: Are you ready to order?
Guest: Almost. What is the soup of the day?
Waiter: Carrot with ginger.
Guest: Then I'll have that, and afterwards the fish, please.
Waiter: With rice or potatoes?
Guest: Rice. And a glass of still water.
---
"Mum, why is the moon following us?"
"It isn't, darling. It's just very far away."
"But when we stop, it stops."
"That's true."
"So it is following us."
Her mother looked out of the car window for a while. "Perhaps it wants to see where we live," she said.
---
Doctor: Where exactly does it hurt?
Patient: Here, on the left side, and mostly when I breathe in.
Doctor: Did you fall or lift something heavy?
Patient: I carried a washing machine up the stairs on Saturday.
Doctor: Then I think we may have found the cause.
---
"You're early," said the conductor.
"The concert is at eight, isn't it?"
"At eight tomorrow."
The violinist put down her case and sat on the edge of the stage. "Well," she said, "then we have time to practise the second movement."
---
To make pancakes, beat two eggs with half a litre of milk and a pinch of salt. Stir in about 250 grams of flour until there are no lumps. Let the batter rest for twenty minutes. Melt a little butter in a pan, pour in a thin layer of batter and turn it over when the edges are brown.
---
Before you paint a wall, cover the floor and take down the curtains. Fill small holes and let the filler dry. Begin with the corners and edges, using a brush, and then paint the large surfaces with a roller. Two thin coats look better than a thick one.
---
How to repot a plant: choose a pot that is a little wider than the old one. Put some gravel on the bottom so that water can drain. Loosen the roots gently, set the plant in the middle and fill up with fresh soil. Water it well and keep it out of the sun for a few days.
---
If your bicycle chain has come off, shift to the smallest gear first. Push the rear derailleur forward to slacken the chain, lay the chain on the teeth of the front ring, and turn the pedal backwards by hand. Wipe your fingers before you touch the handlebars.
---
To reset the device, hold down the power button for ten seconds until the light blinks red. Release the button and wait. The device restarts and asks for a language. All settings are lost, but your recordings remain on the memory card.
---
Fold the sheet of paper in half and open it again. Fold the two upper corners to the middle line. Fold the slanted edges to the middle once more. Turn the paper over, close it along the first crease and bend down the wings. Your plane is ready to fly.
---
For the vegetable soup you need two carrots, a leek, three potatoes and a piece of celery. Cut everything into small cubes and fry it in oil for five minutes. Add a litre of water and simmer until the potatoes are soft. Season with salt, pepper and nutmeg.
---
When you give a talk, speak more slowly than feels natural. Look at someone in the back row. Say at the beginning what you want to show, and repeat it at the end. If you lose the thread, pause, drink a sip of water and go on. Hardly anyone will notice.
---
In case of fire, leave the building by the nearest stairs. Do not use the lift. Close doors behind you but do not lock them. Meet at the sign in the car park, and do not go back inside until the fire brigade says that it is safe.
---
Wash woollen jumpers by hand in lukewarm water with a mild soap. Do not rub or wring them. Roll them in a towel to press out the water, and dry them flat, away from heaters and direct sun, so that they keep their shape.
---
Water boils at a lower temperature on a mountain than at the coast, because the air presses less strongly on its surface. For this reason an egg takes longer to cook in a mountain hut. In a pressure cooker the opposite happens: the pressure rises, and with it the boiling point.
---
A magnet has two poles. Equal poles push each other away, and opposite poles attract. If you cut a magnet in half, you do not get a single north and a single south pole, but two smaller magnets, each with both. The Earth itself behaves like a large, weak magnet.
---
The heart of an adult beats about seventy times a minute at rest. It has two sides: the right one sends blood to the lungs, where it takes up oxygen, and the left one pumps it through the rest of the body. Valves keep the blood from flowing backwards.
---
Light travels so fast that it could circle the Earth more than seven times in one second. Even so, the light of the Sun needs about eight minutes to reach us, and that of the next star more than four years. When we look at the sky we look into the past.
---
Plants take up water through their roots and carbon dioxide through small openings in their leaves. With the energy of sunlight they turn both into sugar and release oxygen. At night, when it is dark, they breathe as animals do and use up part of the sugar.
---
Sound needs something to travel through. In air it moves at roughly 340 metres a second, in water more than four times as fast, and in steel faster still. In empty space there is no sound at all, however large the explosions in films may be.
---
A vaccine shows the immune system a harmless part or a weakened form of a germ. The body learns to recognise it and builds up a defence. If the real germ comes later, the defence is ready, and the illness does not break out or is mild.
---
Glaciers form where more snow falls in winter than melts in summer. Layer upon layer, the snow is pressed into ice, which begins to flow downhill under its own weight. On its way the ice carves valleys and carries rocks, which it leaves behind when it melts.
---
Most spiders have eight eyes, and yet many of them see badly. They rely on the finest hairs on their legs, which feel every tremor of the web. A jumping spider is different: it hunts by sight and can turn its inner eyes to follow its prey.
---
Bronze is a mixture of copper and tin. It is harder than either of them and melts at a lower temperature than iron, so people could cast it in simple furnaces. Tools and weapons made of it changed the ancient world so much that a whole age is named after it.
---
An average says little if one does not know how far the single values lie from it. A river that is on average one metre deep may well drown you. For this reason good reports give not only the mean but also the spread, and the number of measurements.
---
The tides rise and fall twice a day in most places. They are caused above all by the Moon, which pulls at the water of the oceans. When the Sun pulls in the same direction, at full and new moon, the high tides are especially high.
---
Dear Mr. Hansen, thank you for your letter of 3 May. I am sorry to hear that the table arrived with a scratch. We will send you a new top next week; our driver will take the old one with him. Please accept the enclosed voucher as an apology. Yours sincerely, Ida Falk
---
Hi Sam, just a quick note to let you know that the meeting has moved to Thursday at ten. The room is the same. Could you bring the figures for March? Lena will join us by phone. See you then, Robert
---
Dear Aunt Clara, the scarf fits perfectly, and I wear it every day. School is fine, except for maths. We have a new dog called Biscuit, who has already eaten one of Dad's slippers. When are you coming to see us? Lots of love, Finn
---
To all residents: on Monday between eight and noon the water will be turned off because a pipe in the cellar has to be replaced. Please fill a bucket or two beforehand. We apologise for the trouble. If you have questions, please ring the caretaker. The building management
---
Dear Editor, your article about the new car park left out one point. The meadow on which it is to be built is the last place in town where children can fly kites. A car can be left anywhere; a kite cannot. Yours faithfully, Margaret Dunn
---
Dear Sir or Madam, I am writing to apply for the post of gardener that was advertised in Saturday's paper. I have worked in two public parks and know a good deal about fruit trees. I could start in April. My references are enclosed. Yours faithfully, Tomasz Nowak
---
Hello everyone, our book club meets again on the last Wednesday of the month at Ruth's. We are reading a crime novel set in Iceland. Newcomers are welcome, even if they have not finished the book. Please bring something to eat, but no nuts, as Ruth is allergic.
---
Dear diary, today we moved into the new flat. My room has a round window. The boxes are everywhere, and nobody can find the forks, so we ate noodles with spoons. From my bed I can see the tower of the church and, next to it, a very bright star.
---
Dear neighbours, our son turns eighteen on Saturday, and there will be music in the garden until midnight. If it gets too loud, do ring the bell, or better, come over and have a drink with us. Kind regards, the Petrov family
---
Dear customer, we have received your order and will ship it within two days. You will get another message with a tracking number. If you would like to change something, please answer this message before noon tomorrow. Thank you for shopping with us.
---
def mean(values):
    """Return the arithmetic mean of a list of numbers."""
    if not values:
        raise ValueError("the list is empty")
    total = 0
    for value in values:
        total += value
    return total / len(values)
---
for (let i = 0; i < items.length; i++) {
  const item = items[i];
  if (item.price > limit) {
    console.log(item.name + " is too expensive");
    continue;
  }
  basket.push(item);
}
---
SELECT customers.name, SUM(orders.amount) AS total
FROM customers
JOIN orders ON orders.customer_id = customers.id
WHERE orders.date >= '2023-01-01'
GROUP BY customers.name
HAVING SUM(orders.amount) > 1000
ORDER BY total DESC;
---
<!DOCTYPE html>
<html>
  <head><title>My garden</title></head>
  <body>
    <h1>What grows in my garden</h1>
    <ul>
      <li>Tomatoes</li>
      <li>Beans</li>
    </ul>
    <p>More pictures will follow in June.</p>
  </body>
</html>
---
import csv

def read_rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        return [row for row in reader if row["name"]]

if __name__ == "__main__":
    for row in read_rows("people.csv"):
        print(row["name"], row["city"])
---
class Stack:
    def __init__(self):
        self._items = []

    def push(self, item):
        self._items.append(item)

    def pop(self):
        if not self._items:
            raise IndexError("pop from an empty stack")
        return self._items.pop()
---
#include <stdio.h>

int main(void) {
    int number = 7;
    for (int i = 1; i <= 10; i++) {
        printf("%d x %d = %d\n", i, number, i * number);
    }
    return 0;
}
---
{
  "name": "weather-station",
  "version": "1.2.0",
  "sensors": [
    {"id": 1, "type": "temperature", "unit": "celsius"},
    {"id": 2, "type": "humidity", "unit": "percent"}
  ],
  "active": true
}
---
The function takes a list of words and returns the longest one. If two words have the same length, the first is returned. An empty list gives an empty string. The function does not change its argument, so it is safe to call it on shared data.
---
Version 2.1 fixes an error that occurred when a file name contained a space. It also makes the search faster for folders with many files. The old option for sorting by size has been removed, because nobody seemed to use it. Please report problems on the project's page.
---
To install the program, unpack the archive and run the setup script from a terminal. You need at least two gigabytes of memory. When the installation is complete, open a browser and go to the address that is shown. The first user to sign in becomes the administrator.
---
The error means that the server did not answer in time. First check whether your network connection works. If other pages load, the server may be busy; wait a few minutes and try again. If the problem remains, write to us and include the time at which it happened.
---
A hash function turns data of any length into a short string of fixed length. The same input always gives the same output, but from the output one cannot work out the input. A small change to the input changes about half of the bits. Such functions are used to detect changed files.
---
Many people believe that they work better under pressure. In most cases it is not true; they merely work faster, because they leave out what they would otherwise have checked. A plan that ends a day before the deadline costs nothing and saves many an apology.
---
It is often said that money does not buy happiness. That may be so, but it buys time, and time is what most of us would like to have more of. The question is therefore not how much one earns, but what one does with the hours that are left.
---
I have lived in large cities and in villages, and I miss in each what the other offers. In the city I long for silence; in the village, after a week of silence, I would give a good deal for a tram, a late concert and a stranger who does not know my name.
---
A good walk needs no destination. It is enough to leave the house and to turn wherever the light looks inviting. People who count their steps will object that one cannot measure success in this way. That, I should think, is the best thing about it.
---
Children ask better questions than adults, because they do not know yet which questions are considered silly. Why is a wet stone darker than a dry one? Where does the wind go? Anyone who tries to answer will find that he knows less than he thought.
---
We should not laugh at those who repair their old things. A chair that has been glued three times tells more about its owner than a new one. And whoever has once mended a toaster looks at all other machines with less fear and with more respect.
---
The best teachers I had were not the ones who knew most, but those who could remember what it was like not to know. They started where we were and not where the book began. And when we made mistakes, they were curious rather than cross.
---
Queues are an underrated invention. Nobody has to push, the order is plain, and even the last in line can see that things move forward. If only the rest of life were arranged in this manner, with a number in the hand and a friendly voice that calls it out.
---
Breakfast is the only meal at which nobody expects surprises. We want the same cup, the same bread, the same chair by the window. Perhaps we need this small piece of order so that we can face the disorder of the day that follows it.
---
The old harbour lies on the western side of the bay, protected by a wall of grey stone. Fishing boats still use it, but most of the warehouses have become restaurants and studios. In the evening, when the sun goes down behind the islands, the whole town seems to gather there.
---
The village consists of a single street, forty houses and a church that is far too large for it. In the Middle Ages a trade route passed here, and the merchants paid for the tower. Today a bus comes twice a day, and in winter only once.
---
Our hotel stands at the edge of the forest, ten minutes on foot from the station. All rooms have a balcony and look out on the lake. Breakfast is served until eleven. Dogs are welcome, but may not enter the dining room. Bicycles can be hired at the front desk.
---
The desert is not empty. At night, when the ground cools down, mice, foxes and beetles come out of their holes. Some plants wait for years as seeds until rain falls, and then they flower within days. Whoever crosses the desert only by car sees none of this.
---
The flat is on the third floor and has two bedrooms, a bright kitchen and a bath with a window. The rent is 780 euros a month, heating included. A cellar and a place for a bicycle belong to it. It will be free from the first of September.
---
From the top of the tower one can see the river, the railway bridge and, on clear days, the snow on the mountains. The climb is steep: 312 steps, and no lift. At the top there is a bell from the year 1648, which is rung only on New Year's Eve.
---
The market takes place every Saturday from seven until one. Farmers from the surrounding villages sell vegetables, cheese and honey, and there is a stall with the best apple cake in the county. Come early, because by ten o'clock the cake is usually gone.
---
The emperor moved the capital to the coast, built roads and had the laws written down. His son lost two wars and half of the land. Under his grandson the priests gained power, and within a few decades the palace was a ruin in which goats were grazing.
---
In the nineteenth century, railways changed not only travel but time itself. Until then every town had set its clocks by the sun. When trains began to run according to a timetable, it became necessary for all stations on a line to agree on the hour.
---
The first printed books looked like manuscripts, because readers expected them to. Only after some decades did printers begin to use title pages, page numbers and smaller letters. New inventions often imitate the old at first, until people find out what they are good for.
---
During the long winter the explorers played chess, mended their clothes and wrote a newspaper of which there was only one copy. It reported on the weather, on the health of the dogs and on a great ball, which had taken place only in the imagination of the cook.
---
Salt was once so precious that people paid with it. It kept meat and fish from going bad, and cities that owned salt mines grew rich. Some old roads still bear its name. Today we scatter it on icy streets and hardly give it a thought.
---
The customer bought three notebooks at 2.40 each and a pen for 1.80. She paid with a ten-euro note and received one euro in change. Later she noticed that the pen was missing from her bag, went back to the shop and found it lying on the counter.
---
A train leaves the capital at nine and travels at eighty kilometres an hour. A second train leaves an hour later on the same line and travels at a hundred and twenty. At eleven o'clock the second train has covered as many kilometres in one hour as the first would in an hour and a half.
---
Of the hundred people who answered the survey, sixty-two said that they cook at home every day. Twenty-five do so several times a week, and the rest hardly ever. Those who cook every day spend less on food, yet more time on washing up.
---
Monday: rain, twelve degrees, wind from the west. Tuesday: cloudy with some sun in the afternoon, fifteen degrees. Wednesday: dry and warmer, up to nineteen degrees. The outlook for the weekend is good, though showers are possible in the hills.
---
Question: What is the difference between a violin and a viola? Answer: A viola is a little larger and is tuned a fifth lower, so it sounds darker. Its music is written in another clef. Many players learn the violin first and change to the viola later.
---
Rule one: the youngest player begins. Rule two: whoever draws a red card misses a turn. Rule three: cards of the same number may be put down together. The game ends when a player has no cards left. The others count their points, and the lowest number wins.
'''


def items() -> list[dict[str, Any]]:
    """About a hundred texts."""
    return [{"text": text.strip()} for text in TEXTS.split("\n---\n")]
