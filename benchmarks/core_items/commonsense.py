"""Everyday situations and how they go on; one continuation makes sense. Scored by likelihood."""

from __future__ import annotations

import random
from typing import Any

from tables import table

SITUATIONS = """
It started to rain, so Maria opened her | umbrella. | laptop. | sandwich.
The soup was too hot to eat, so he | waited until it cooled down. | put on his shoes. | turned up the stove.
She was tired after the long day, so she | went to bed early. | started to paint the house. | drank the sea.
The baby was crying because it was | hungry. | divorced. | retired.
He forgot his keys, so he could not | open the door. | close his eyes. | eat an apple.
To cut the bread, she took a | knife. | pillow. | candle.
The ice cream melted because it was left | in the sun. | in the freezer. | in the dark forest of numbers.
The car stopped because it had run out of | gas. | windows. | colours.
He put the milk back into the | fridge. | oven. | bookshelf.
Before crossing the street you should | look both ways. | close your eyes. | lie down.
She watered the plants because the soil was | dry. | wet. | loud.
The room was dark, so he | switched on the light. | drew the curtains shut. | put on sunglasses.
After washing the dishes, she | dried them with a towel. | threw them into the river. | filled them with sand.
He was cold, so he put on a | sweater. | ring. | bathing suit.
The dog wagged its tail because it was | happy. | a fish. | made of stone.
To send the letter, she needed a | stamp. | hammer. | spoon.
The teacher wrote on the board with a piece of | chalk. | cheese. | string.
The boy fell off his bike and | scraped his knee. | won the lottery. | became a bird.
She could not read the small print without her | glasses. | gloves. | hat.
He was late for work because he | missed the bus. | woke up very early. | caught an earlier train.
They took the elevator because their flat was on the | tenth floor. | ground floor. | roof of the sea.
The flowers died because nobody | watered them. | sang to the wall. | bought a car.
She put on her boots because there was | snow outside. | a cake in the oven. | a film on television.
To find the word's meaning, he looked it up in a | dictionary. | cookbook. | phone charger.
The shop was closed because it was | Sunday. | open all day. | full of customers.
When the alarm clock rang, he | woke up. | fell asleep. | turned into a tree.
The glass fell on the stone floor and | broke. | bounced into the sky. | began to read.
She blew out the candles on her birthday | cake. | shoes. | car.
The library asks visitors to be | quiet. | loud. | wet.
He used a ladder to reach the | roof. | floor. | basement.
Since the battery was empty, the phone | switched itself off. | rang all night. | grew larger.
The fisherman threw his net into the | sea. | oven. | envelope.
She put a plaster on her finger because she had | cut herself. | won a prize. | combed her hair.
To warm up the cold pizza, he put it in the | oven. | freezer. | washing machine.
The audience clapped because the concert was | wonderful. | cancelled. | behind the moon.
He wanted to lose weight, so he | ate less and moved more. | ate twice as much cake. | bought a bigger fridge.
You should brush your teeth | twice a day. | once a century. | with a broom.
The cat climbed up the tree to escape from the | dog. | leaf. | cloud.
A person who cannot swim should not | jump into deep water. | read a book. | sit on a chair.
When people are sad, they sometimes | cry. | float. | rust.
The farmer gets up early to | milk the cows. | watch the late film. | paint the clouds.
In winter the lake freezes, and children go | skating. | swimming outdoors. | sunbathing.
He paid for the coffee with a | credit card. | wet sponge. | piece of grass.
The referee blew the whistle, and the game | ended. | boiled. | rained.
To keep the thief out, they locked the | door. | soup. | grass.
She was thirsty, so she drank a glass of | water. | sand. | nails.
The plane could not land because of the thick | fog. | butter. | book.
You wear a helmet on a bike to protect your | head. | lunch. | shoes.
If you drop a stone into water, it | sinks. | sings. | flies away.
If you put sugar into tea and stir, the sugar | dissolves. | catches fire. | starts to grow.
If you leave bread out for weeks, it gets | mouldy. | younger. | richer.
Heavy rain filled the river until it | flooded the fields. | dried out completely. | turned into a mountain.
After he had eaten too much cake, his | stomach hurt. | car broke down. | shirt got younger.
To see the stars well, go to a place that is | dark. | bright with lamps. | under the ground.
The child hid behind the curtain while playing | hide and seek. | the piano. | chess by post.
She whispered because the baby was | asleep. | at the office. | driving.
He held the ladder so that his father would not | fall. | sneeze. | spell.
The nurse took the patient's | temperature. | homework. | passport to the moon.
She needed quiet to | study for the exam. | shout at the match. | play the drums.
The dentist told him to eat fewer | sweets. | carrots. | numbers.
The grass grew long, so he got out the | lawn mower. | hair dryer. | snow shovel.
The snow blocked the driveway, so he got out the | shovel. | lawn mower. | fishing rod.
When the bread was done, she took it out of the | oven. | drawer. | mailbox.
They put up the tent before it got | dark. | married. | expensive to sneeze.
He missed the last train, so he had to | take a taxi. | arrive on time. | plant a tree.
The mirror was so dusty that she could not | see her face. | hear the radio. | smell the coffee.
To make the soup saltier, he added | salt. | sugar. | ice.
The kite rose because the wind was | strong. | asleep. | made of paper.
She wears gloves when she works in the garden to keep her hands | clean. | hungry. | awake.
The knife was dull, so he | sharpened it. | read it. | fed it.
The balloon burst when it touched the | needle. | feather. | air.
The lion is behind bars so that it cannot | hurt the visitors. | read the signs. | pay the bill.
The train was full, so many people had to | stand. | drive it. | swim.
She set two alarms because she had to | get up very early. | sleep the whole day. | buy a fish.
They bought popcorn before they watched the | film. | potato. | keyhole.
He turned down the music because the neighbours | complained. | danced happily and asked for more. | were fish.
A good way to stay dry in the rain is to | wear a raincoat. | jump into a lake. | take off your coat.
The bride threw the flowers, and her friends tried to | catch them. | cook them. | arrest them.
Because the test was easy, most students | passed. | failed. | evaporated.
Because the box was heavy, he asked his friend to | help carry it. | eat it. | sing to it.
The detective looked for | clues. | vegetables. | snowmen.
The gardener planted the seeds in | spring. | the sink. | a shoe shop.
The wet clothes were hung on the line to | dry. | learn. | ring.
The tyre was flat, so she | pumped it up. | painted it green. | gave it some milk.
When the milk smells sour, you should | throw it away. | drink it quickly. | give it to your guests.
The runner was out of breath because she had | run very fast. | slept for hours. | sat in a chair.
The power went out, so they lit some | candles. | televisions. | lamps by pressing the switch.
The hungry wolf followed the | sheep. | thunder. | timetable.
The old bridge was unsafe, so it was | closed. | invited to dinner. | baked.
At the airport you must show your | passport. | toothbrush. | favourite song.
The sun was so bright that he put on his | sunglasses. | pyjamas. | raincoat.
After the long hike, their feet were | sore. | invisible. | printed.
He was afraid of heights, so he did not | climb the tower. | enter the cellar. | lie on the carpet.
She was allergic to cats, so when she held one she | sneezed. | meowed. | shrank.
He lied to his mother, and later he felt | guilty. | transparent. | square.
She won the first prize and felt | proud. | ashamed of winning nothing. | blunt.
He broke his friend's toy, so he | said sorry. | asked for a reward. | felt proud of it.
It was his first day at the new school, so he was a bit | nervous. | rectangular. | expired.
Her best friend moved away, so she was | sad. | delighted to be rid of her. | boiled.
When someone gives you a present, you say | thank you. | good night, table. | get out.
When you meet someone in the morning, you say | good morning. | good night. | merry Christmas, Monday.
To borrow a book you go to the | library. | swimming pool. | petrol station.
To buy medicine you go to the | pharmacy. | bakery. | cinema.
If your tooth hurts you should see a | dentist. | pilot. | tailor.
If your sink is leaking you should call a | plumber. | poet. | barber.
To get your hair cut, you go to the | barber. | butcher. | banker.
When a house is on fire, you call the | fire brigade. | bakery. | travel agency.
A letter is put into an | envelope. | aquarium. | engine.
You can tell the time with a | watch. | shoe. | fork.
You sweep the floor with a | broom. | spoon. | pencil.
You dig a hole with a | shovel. | towel. | newspaper.
You hit a nail with a | hammer. | sponge. | balloon.
You eat soup with a | spoon. | fork. | comb.
You listen to music with your | ears. | knees. | shoes.
You smell a flower with your | nose. | elbow. | hair.
Birds build nests to | lay their eggs in. | park their cars in. | boil water in.
Fish cannot live | out of water. | in rivers. | in the sea.
A ball that is thrown up will | come down. | stay up for ever. | turn into two balls.
A shadow is dark because something | blocks the light. | smells strange. | sings too loudly.
Ice is put into drinks to make them | cold. | hot. | heavier to read.
Paper burns easily, but stones | do not. | burn even more easily. | are made of paper.
A feather is lighter than a | brick. | breath of air. | smaller feather's shadow.
A mouse is smaller than a | horse. | flea. | grain of sand.
A minute is shorter than an | hour. | instant. | eye.
The day before yesterday comes before | yesterday. | last century. | the Stone Age.
Grandparents are usually older than their | grandchildren. | own parents. | great-grandparents.
Most people sleep at | night. | the steering wheel. | the top of a mast.
Traffic must stop when the light is | red. | green. | off and gone.
Pedestrians may walk when the light is | green. | broken in two. | red.
A vegetarian does not eat | meat. | beans. | bread.
A thermometer shows how | warm it is. | late it is. | rich you are.
The moon can be seen best at | night. | noon. | the bottom of a well with a lid.
Leaves fall from the trees in | autumn. | spring. | an elevator.
People wear black clothes at a | funeral. | swimming lesson. | snowball fight.
You light a fire with a | match. | glass of water. | wet leaf.
The bottle was upside down, so the juice | ran out. | stayed in and froze. | became an orange again.
He wiped the table because it was | sticky. | clean. | far away.
She put the book back because she had already | read it. | eaten it. | met its roof.
The candle went out because of the | wind. | matches. | colour.
The path was icy, so they walked | carefully. | barefoot and fast. | on their hands.
He shouted because his friend was | far away. | standing next to him. | asleep in his arms.
The boy stood on a chair to reach the | top shelf. | carpet. | lowest drawer.
She used a torch because the cave was | dark. | sunny. | on television.
The rope was too short, so they tied on | another rope. | a little fog. | some soup.
The jar would not open, so she gave it to someone | stronger. | weaker. | on the phone.
The radio was too quiet, so he turned it | up. | into a dog. | off to hear it better.
The coat was too big, so the tailor made it | smaller. | bigger. | louder.
The tea was too bitter, so she added some | honey. | vinegar. | ash.
His shoes were too tight, so his feet | hurt. | laughed. | shone.
She got lost in the city, so she | asked for directions. | built a house. | cut her hair.
The path led through a swamp, and their shoes got | muddy. | dusty and dry. | engaged.
They saved money for years and finally | bought a house. | lost weight. | grew taller.
He studied medicine to become a | doctor. | carrot. | lawyer.
She trained every day because she wanted to | win the race. | lose the race. | stay in bed.
Because he had no umbrella, he | got wet. | stayed perfectly dry in the storm. | became younger.
When the bell rang, the pupils | left the classroom. | melted. | began to bark at the moon.
When the guests arrived, the host | welcomed them. | hid in the fridge. | switched them off.
The waiter brought the | menu. | scalpel. | lawn.
The pilot told the passengers to fasten their | seat belts. | salads. | wings.
The judge sent the thief to | prison. | the moon. | kindergarten.
The doctor told him to stay in bed until he was | well. | ill. | fried.
The king wore a golden | crown. | sandwich. | puddle.
The pirates buried their | treasure. | weather. | voices.
The hen laid an | egg. | apple. | umbrella.
The spider caught a fly in its | web. | pocket. | kettle.
The bees flew from flower to | flower. | fridge. | car.
The squirrel hid its nuts for the | winter. | concert. | exam.
The snowman melted when the weather got | warmer. | colder. | political.
The bear sleeps through the | winter. | orchestra. | keyhole.
A blind man finds his way with a | white cane. | picture book. | mirror.
The tourist took many | photos. | temperatures of the moon. | surgeries.
The painter mixed blue and yellow to get | green. | red. | black and white.
He measured the table with a | ruler. | spoonful. | whistle.
She kept the secret and told | nobody. | everybody. | the newspaper.
The plan failed because they had not | prepared well. | made any mistakes. | lost any time.
The two brothers look alike because they are | twins. | enemies. | late.
The hall was empty because everyone had | gone home. | just come in. | taken a seat.
The road was slippery after the | rain. | drought. | speech.
The price went up, so fewer people | bought it. | noticed the colour blue. | could afford not to sleep.
The story was so funny that everybody | laughed. | fell silent with grief. | sank.
The film was so boring that he | fell asleep. | could not stop watching. | saw it ten more times.
The suitcase was so heavy that she could hardly | lift it. | see it. | remember it.
The music was so loud that they could not | hear each other. | see each other. | hold the wall.
The water was so clear that we could see the | bottom. | future. | smell.
"""
SEED = 3


def items() -> list[dict[str, Any]]:
    """About 195 beginnings with three continuations each, in an order drawn at random."""
    rng = random.Random(SEED)
    found = []
    for query, *choices in table(SITUATIONS):
        order = rng.sample(range(len(choices)), len(choices))
        found.append({"query": query, "choices": [choices[i] for i in order], "gold": order.index(0)})
    return found
