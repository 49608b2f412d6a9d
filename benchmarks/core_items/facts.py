"""Short questions about the world. The answer is accepted wherever it stands in the reply."""

from __future__ import annotations

from tables import answer, table, take_turns

CAPITALS = """
France | Paris
Italy | Rome
Spain | Madrid
Germany | Berlin
Japan | Tokyo
China | Beijing
Russia | Moscow
Egypt | Cairo
Greece | Athens
Portugal | Lisbon
Ireland | Dublin
Poland | Warsaw
Austria | Vienna
Hungary | Budapest
Sweden | Stockholm
Norway | Oslo
Denmark | Copenhagen
Finland | Helsinki
Belgium | Brussels
India | New Delhi; Delhi
Thailand | Bangkok
Vietnam | Hanoi
South Korea | Seoul
Indonesia | Jakarta
Turkey | Ankara
Iran | Tehran
Iraq | Baghdad
Kenya | Nairobi
Ethiopia | Addis Ababa
Nigeria | Abuja
Canada | Ottawa
Mexico | Mexico City
Cuba | Havana
Peru | Lima
Argentina | Buenos Aires
Chile | Santiago
Colombia | Bogotá; Bogota
Brazil | Brasília; Brasilia
Australia | Canberra
New Zealand | Wellington
Iceland | Reykjavik; Reykjavík
Ukraine | Kyiv; Kiev
the Czech Republic | Prague
Romania | Bucharest
Bulgaria | Sofia
the United Kingdom | London
Venezuela | Caracas
Nepal | Kathmandu
Mongolia | Ulaanbaatar; Ulan Bator
the Philippines | Manila
"""
CAPITAL_FRAMES = [
    "What is the capital of {}?",
    "Which city is the capital of {}?",
    "I'm planning a trip to {}. What is its capital city called?",
    "Tell me the name of the capital of {}.",
    "What's the capital city of {}?",
]

CONTINENTS = """
Kenya | Africa
Brazil | South America
Japan | Asia
France | Europe
Canada | North America
Nigeria | Africa
India | Asia
Poland | Europe
Peru | South America
Mexico | North America
Morocco | Africa
Thailand | Asia
Norway | Europe
Chile | South America
Ghana | Africa
Vietnam | Asia
Portugal | Europe
Zimbabwe | Africa
Bolivia | South America
Pakistan | Asia
"""
CONTINENT_FRAMES = [
    "On which continent is {}?",
    "What continent does {} belong to?",
    "Which continent is the country of {} located on?",
    "{} is a country on which continent?",
]

LANGUAGES = """
Brazil | Portuguese
Mexico | Spanish
Austria | German
Egypt | Arabic
Japan | Japanese
Argentina | Spanish
Iran | Persian; Farsi
Greece | Greek
Italy | Italian
Poland | Polish
Cuba | Spanish
Australia | English
Hungary | Hungarian
Thailand | Thai
Sweden | Swedish
Saudi Arabia | Arabic
"""
LANGUAGE_FRAMES = [
    "What language do most people speak in {}?",
    "Which language is mainly spoken in {}?",
    "What is the main language of {}?",
]

CURRENCIES = """
Japan | yen
the United Kingdom | pound; pounds
India | rupee; rupees
Germany | euro; euros
the United States | dollar; dollars
China | yuan; renminbi
Russia | ruble; rubles; rouble; roubles
Mexico | peso; pesos
Switzerland | franc; francs
South Africa | rand
Thailand | baht
South Korea | won
"""
CURRENCY_FRAMES = [
    "What currency is used in {}?",
    "Which money do people pay with in {}? Name the currency.",
    "What is the currency of {} called?",
]

AUTHORS = """
Romeo and Juliet | Shakespeare
Hamlet | Shakespeare
Pride and Prejudice | Austen
Oliver Twist | Dickens
A Christmas Carol | Dickens
the Harry Potter books | Rowling
The Lord of the Rings | Tolkien
The Hobbit | Tolkien
War and Peace | Tolstoy
Crime and Punishment | Dostoevsky; Dostoyevsky
Don Quixote | Cervantes
The Odyssey | Homer
Frankenstein | Shelley
1984 | Orwell
Animal Farm | Orwell
The Great Gatsby | Fitzgerald
Moby-Dick | Melville
The Adventures of Tom Sawyer | Twain; Clemens
To Kill a Mockingbird | Lee
The Old Man and the Sea | Hemingway
Jane Eyre | Brontë; Bronte
Dracula | Stoker
Alice's Adventures in Wonderland | Carroll; Dodgson
On the Origin of Species | Darwin
"""
AUTHOR_FRAMES = [
    "Who wrote {}?",
    "Which author wrote {}?",
    "Who is the author of {}?",
]

ORDERS = """
Which month comes right after March? | April
Which month comes right after June? | July
Which month comes right before December? | November
What is the first month of the year? | January
What is the last month of the year? | December
Which day comes after Monday? | Tuesday
Which day comes after Friday? | Saturday
What day of the week follows Wednesday? | Thursday
Which day comes just before Sunday? | Saturday
How many days are there in a week? | seven; 7
How many months does a year have? | twelve; 12
How many hours does a day have? | 24; twenty-four
How many minutes are in an hour? | 60; sixty
How many seconds make up one minute? | 60; sixty
How many days does a normal year have? | 365
How many years are there in a century? | 100; one hundred; hundred
How many years is a decade? | 10; ten
Which letter comes after A in the English alphabet? | B
What is the last letter of the English alphabet? | Z
How many letters does the English alphabet have? | 26; twenty-six
How many legs does a spider have? | eight; 8
How many legs does an insect have? | six; 6
How many legs does a dog have? | four; 4
How many sides does a triangle have? | three; 3
How many sides does a square have? | four; 4
How many wheels does a bicycle have? | two; 2
How many planets are there in our solar system? | eight; 8
How many continents are there on Earth? | seven; 7
How many players does a football team have on the pitch? | eleven; 11
How many strings does a violin have? | four; 4
How many cents make one US dollar? | 100; one hundred; hundred
How many grams are there in a kilogram? | 1000; 1,000; thousand
How many centimetres are in a metre? | 100; hundred
How many fingers are on one human hand, thumb included? | five; 5
"""

NATURE = """
What colour is the sky on a clear day? | blue
What colour is fresh grass? | green
What color is a ripe banana? | yellow
What color is snow? | white
What colour is blood? | red
Which colour do you get by mixing blue and yellow? | green
What color do you get when you mix red and yellow? | orange
Which colour results from mixing red and white? | pink
What do bees make that people like to eat? | honey
What do cows give us to drink? | milk
What do we call a baby dog? | puppy; pup; puppies
What do we call a baby cat? | kitten; kittens
What is a young sheep called? | lamb; lambs
What is a baby cow called? | calf; calves
What is a young horse called? | foal; foals; colt; filly
What is a baby frog called? | tadpole; tadpoles; froglet
What do caterpillars turn into? | butterfly; butterflies; moth
What is the largest animal on Earth? | blue whale; blue whales
What is the tallest animal in the world? | giraffe; giraffes
What is the fastest land animal? | cheetah; cheetahs
Which big cat has stripes? | tiger; tigers
Which animal is known as the king of the jungle? | lion; lions
Which large grey animal has a trunk? | elephant; elephants
Which black and white bear eats bamboo? | panda; pandas
Which Australian animal carries its young in a pouch and hops? | kangaroo; kangaroos
What is the largest bird in the world? | ostrich; ostriches
Which black and white bird lives in Antarctica and cannot fly? | penguin; penguins
Which insect makes silk? | silkworm; silkworms; silk worm; silk moth
What do pandas mostly eat? | bamboo
What is the home of a bee colony called? | hive; beehive
What is the home of a bird called? | nest; nests
Which animal says "moo"? | cow; cows
Which part of a plant takes up water from the soil? | root; roots
Which part of a plant makes most of its food from sunlight? | leaf; leaves
What gas do plants take in from the air for photosynthesis? | carbon dioxide; CO2
What gas do people need to breathe to stay alive? | oxygen
Which fruit is dried to make raisins? | grape; grapes
What grain is bread usually made from? | wheat
What is the hardest natural substance? | diamond; diamonds
What is frozen water called? | ice
What falls from clouds as drops of water? | rain; raindrops; raindrop
Which season comes after winter? | spring
Which season is the coldest? | winter
In which season do leaves turn brown and drop from the trees? | autumn; fall
What do we call a scientist who studies stars and planets? | astronomer; astronomers; astrophysicist
What kind of animal is a salmon? | fish
What kind of animal is an eagle? | bird; birds
What kind of animal is a cobra? | snake; snakes; reptile; reptiles
"""

SCIENCE = """
What is the chemical symbol for gold? | Au
What is the chemical symbol for iron? | Fe
What is the chemical symbol for oxygen? | O
What is the chemical formula of water? | H2O; H₂O
Which planet is closest to the Sun? | Mercury
Which planet is known as the Red Planet? | Mars
What is the largest planet in our solar system? | Jupiter
Which planet is famous for its rings? | Saturn
What is the name of the star at the centre of our solar system? | Sun
What natural satellite goes around the Earth? | Moon
What force pulls things towards the Earth? | gravity; gravitation; gravitational
At how many degrees Celsius does water boil at sea level? | 100
At what temperature in degrees Celsius does water freeze? | 0; zero
Which organ pumps blood through the body? | heart
Which organ do we think with? | brain
Which organs do we use to breathe? | lung; lungs
Which sense do we use our ears for? | hearing
Which organ do we see with? | eye; eyes
What is the largest organ of the human body? | skin
What do we call molecules that carry our genetic information? | DNA; deoxyribonucleic acid; genes
What is the process called by which plants turn sunlight into food? | photosynthesis
What instrument measures temperature? | thermometer; thermometers
Which instrument is used to look at distant stars? | telescope; telescopes
Which instrument lets us see very small things like cells? | microscope; microscopes; electron microscope
What do we call an animal that eats only plants? | herbivore; herbivores
What do we call an animal that eats only meat? | carnivore; carnivores
Which gas makes up most of the Earth's atmosphere? | nitrogen
What is the centre of an atom called? | nucleus
Which particle in an atom has a negative charge? | electron; electrons
What is the unit of electric current? | ampere; amperes; amp; amps
What is the unit of force named after a famous physicist? | newton; newtons
Who developed the theory of relativity? | Einstein
Who formulated the law of universal gravitation? | Newton
Who discovered penicillin? | Fleming
Who invented the telephone? | Bell
Which scientist proposed evolution by natural selection? | Darwin
What vitamin does the body make in sunlight? | D
What do we call melted rock that flows out of a volcano? | lava; magma
What is the boundary of a circle called? | circumference
What do you call a shape with five sides? | pentagon; pentagons; pentagonal
What do you call a shape with six sides? | hexagon; hexagons; hexagonal
"""

WORLD = """
What is the largest ocean on Earth? | Pacific
What is the highest mountain in the world? | Everest
Which river is often called the longest in the world and flows through Egypt? | Nile
What is the largest country in the world by area? | Russia
Which desert covers much of North Africa? | Sahara
In which country are the ancient pyramids of Giza? | Egypt
In which city is the Eiffel Tower? | Paris
In which country is the Taj Mahal? | India
Which country is shaped like a boot? | Italy
In which city would you find the Colosseum? | Rome
In which city does Big Ben stand? | London
In which country is the Great Wall? | China
In which city is the Statue of Liberty? | New York
Which country gave the Statue of Liberty to the United States? | France
Which country is famous for kangaroos and koalas? | Australia
Which country is known as the Land of the Rising Sun? | Japan
What ocean lies between Europe and America? | Atlantic
What is the smallest continent? | Australia; Oceania
What is the largest continent? | Asia
Which continent is covered almost wholly by ice? | Antarctica
Which mountain range runs along the west of South America? | Andes
Which mountains lie between France and Italy? | Alps
Which river flows through London? | Thames
Which river flows through Paris? | Seine
Who was the first president of the United States? | Washington
Who was the first person to walk on the Moon? | Armstrong
Who painted the Mona Lisa? | Leonardo; da Vinci
Who painted The Starry Night? | Gogh
Which president ended slavery in the United States during the Civil War? | Lincoln
Who gave the speech "I Have a Dream"? | King
Which explorer reached the Americas in 1492? | Columbus
Which ship sank after hitting an iceberg in 1912? | Titanic
In which year did World War II end? | 1945
In which year did World War I begin? | 1914
Who led India's movement for independence without violence? | Gandhi
Which South African leader spent 27 years in prison before he became president? | Mandela
Which Polish-born scientist discovered radium together with her husband? | Curie
Which composer wrote nine symphonies and became deaf? | Beethoven
Which sport is played at Wimbledon? | tennis
Which game ends with checkmate? | chess
Which sport uses a bat, bases and a pitcher? | baseball
Which instrument has 88 black and white keys? | piano; pianos
Which country do people associate with pizza and pasta? | Italy
Which country does sushi come from? | Japan
What is the main ingredient of an omelette? | egg; eggs
What do you call the meal eaten in the morning? | breakfast
What vehicle runs on rails and carries many passengers? | train; trains; tram; locomotive
Who treats sick animals? | veterinarian; veterinarians; vet; vets
Who repairs leaking pipes in a house? | plumber; plumbers
Who puts out fires? | firefighter; firefighters; fireman; firemen; fire department; fire brigade
Which building keeps many books that people can borrow? | library; libraries
What do you use to cut paper? | scissors; knife; cutter
What do people open to keep dry when it rains? | umbrella; umbrellas
"""


def items() -> list[dict[str, object]]:
    """About 300 questions with their accepted answers."""
    framed = [
        ("capital", CAPITALS, CAPITAL_FRAMES),
        ("continent", CONTINENTS, CONTINENT_FRAMES),
        ("language", LANGUAGES, LANGUAGE_FRAMES),
        ("currency", CURRENCIES, CURRENCY_FRAMES),
        ("author", AUTHORS, AUTHOR_FRAMES),
    ]
    found: list[dict[str, object]] = []
    for family, block, frames in framed:
        for index, (subject, reply) in enumerate(table(block)):
            question = take_turns(frames, index).format(subject)
            question = question[0].upper() + question[1:]
            cluster = f"{family}:{index % len(frames)}"
            found.append({"prompt": question, "answer": answer(reply), "cluster": cluster, "note": family})
    for family, block in [("order", ORDERS), ("nature", NATURE), ("science", SCIENCE), ("world", WORLD)]:
        found += [{"prompt": q, "answer": answer(reply), "note": family} for q, reply in table(block)]
    return found
