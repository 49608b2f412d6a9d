"""Open questions that want several sentences, each with beginnings of words that an answer would use."""

from __future__ import annotations

from typing import Any

from tables import alternatives, table

QUESTIONS = """
Explain why the sky is blue. | light; scatter; atmosphere; sun; blue
Why do leaves change their colour in autumn? | chlorophyll; pigment; leaves; colo; sunlight
How does a bicycle stay upright while it is moving? | wheel; balance; rider; bicycle; steer
Give me three tips for a good night's sleep. | sleep; bed; night; relax; routine
What should I think about before I adopt a dog? | dog; pet; breed; care; time; space
Explain what a volcano is. | lava; magma; erupt; volcan; rock
Why is it important to drink enough water? | water; hydrat; body; fluid
Describe how bread is made. | flour; dough; yeast; bake; bread
What are the advantages of riding a bicycle to work? | bicycl; bike; cycl; health; traffic; exercise
How can I learn to cook? | cook; recipe; ingredient; kitchen; meal
Why do people dream? | dream; sleep; brain; mind
Explain how rain is formed. | water; cloud; evaporat; condens; rain
What makes a good friend? | friend; trust; listen; honest; loyal; support
How does a refrigerator keep food cold? | refriger; cool; heat; cold; gas
Describe a typical day on a farm. | farm; animal; crop; field; morning
What can I do when I cannot concentrate? | focus; concentrat; distract; break; task
Why is the ocean salty? | salt; mineral; ocean; sea; water; river
What happens to water after it has rained? | water; evaporat; cloud; rain
How do bees make honey? | nectar; bee; honey; hive; flower
Give some advice to somebody who starts a new job. | job; work; colleague; learn; ask; compan
Why are forests important? | forest; tree; oxygen; animal; habitat; carbon
What is the difference between weather and climate? | weather; climate; temperature; long; day
How do I prepare for a job interview? | interview; question; practi; compan; research
Explain what a computer program is. | program; computer; instruction; code; software
Why do cats purr? | cat; purr; comfort; content; sound
What are the benefits of reading books? | read; book; knowledge; vocabular; learn; imagin
How does the heart work? | heart; blood; pump; vein; arter; muscle
Describe the four seasons. | spring; summer; autumn; fall; winter; season
How can a family save money at home? | money; save; budget; spend; cost
Why do we have day and night? | earth; rotat; sun; day; night; axis
What should I pack for a weekend in the mountains? | cloth; water; hik; boot; jacket; mountain; gear
Explain how to plant a tree. | tree; soil; hole; root; plant; dig
Why is exercise good for you? | exercise; health; body; muscle; heart; physical
What is democracy? | democra; vote; people; govern; elect
How does a plane fly? | wing; lift; air; engine; plane
Give me some ideas for a rainy afternoon with children. | game; child; kid; read; paint; play; movie; book; craft
Why should people recycle? | recycl; waste; environment; resource; landfill
Explain what inflation means. | price; inflation; money; econom; goods
What is photosynthesis? | plant; light; sun; carbon; oxygen; energy
How do vaccines protect us? | vaccin; immune; body; virus; disease
Describe the life of a butterfly. | caterpillar; egg; butterfl; larva; pupa
What makes a story exciting? | story; character; plot; reader; suspense; tension
How can I make my flat more cosy? | room; light; furniture; plant; cushion; blanket; space; cosy; cozy
Why do some animals sleep through the winter? | hibernat; winter; food; energy; cold; animal
Explain the rules of hide and seek. | hide; seek; player; count; find
What can I do to be less nervous before a speech? | speech; breath; practi; audience; nerv; confiden
Why is honesty important? | honest; trust; truth; relationship; integrity
How is glass made? | glass; sand; heat; melt; furnace
What are the main parts of a plant? | root; stem; leaf; leaves; flower
Describe what a librarian does. | book; librar; reader; help; catalog; information
How can I remember names better? | name; remember; repeat; associat; person
Why do ships float? | water; float; density; buoyan; ship; weight
Give a short description of the city of Paris. | paris; france; french; eiffel; city
What is a good breakfast, and why? | breakfast; egg; fruit; protein; energy; meal; food
How do magnets work? | magnet; pole; field; attract; iron
Explain what a budget is good for. | budget; money; spend; income; financ
What causes earthquakes? | earth; plate; fault; tectonic; crust
How can I get along with my neighbours? | neighbo; respect; friendly; noise; communicat; polite
Why do people keep diaries? | diar; thought; feeling; write; record; memor; emotion
Explain how a candle burns. | candle; wax; wick; flame; burn
What should a beginner know about gardening? | garden; plant; soil; water; seed
Describe a thunderstorm. | thunder; lightning; rain; storm; cloud
How did people live without electricity? | candle; fire; light; lamp; electric; people
What is the job of a firefighter? | fire; rescue; emergenc; firefight
Why is breakfast sometimes called the most important meal? | breakfast; energy; meal; day; morning
Tell me about the planet Mars. | mars; planet; red; sun; atmosphere
How does a telephone carry a voice? | sound; signal; electr; voice; phone; wave
What are some good habits for students? | study; student; time; note; habit; learn; plan
Explain what friendship means to you. | friend; trust; support; care; bond
Why do we need laws? | law; society; protect; order; rule; justice
How can I start running? | run; shoe; walk; slow; goal; jog; train
Describe how cheese is made. | milk; cheese; curd; whey
What is a rainbow? | light; rain; water; colo; sun; rainbow
Why are some people afraid of spiders? | spider; fear; afraid; phobia; evol
Give some tips for taking good photographs. | photo; light; camera; picture; compos; shot
How do fish breathe? | gill; water; oxygen; fish
What happens in a court of law? | court; judge; law; jury; lawyer; trial; case
Explain why teeth need care. | teeth; tooth; brush; cavit; gum; dental; oral
What are the benefits of learning a second language? | language; communicat; cultur; brain; learn
Describe a market in a small town. | market; fruit; vegetable; vendor; stall; town; shop
How should you behave in a museum? | museum; art; touch; exhibit; quiet; respect; artifact
Why does ice float on water? | ice; water; dens; float
What does a gardener do in spring? | plant; garden; seed; soil; spring; prun
How can children learn to handle money? | money; child; save; budget; allowance; spend
Explain what gravity is. | gravity; force; mass; object; earth; attract
What makes a good teacher? | teach; student; patien; learn; listen; classroom
Describe the taste of chocolate. | chocolate; sweet; bitter; rich; flavo; taste
Why do birds migrate? | bird; migrat; food; winter; warm; breed
How do I write a letter of complaint? | letter; complain; problem; issue; state; polite
What is the internet? | internet; network; computer; information; connect
Why do people travel? | travel; cultur; place; experience; explore; people
Explain how a clock tells the time. | clock; hand; hour; minute; time
What should one do after a small car accident? | police; insurance; accident; car; injur; call; safe
How is paper made from wood? | paper; wood; pulp; tree; fiber; fibre
What is stress, and what helps against it? | stress; relax; exercise; breath; body; anxi
Describe a beach in summer. | beach; sand; sea; sun; wave; ocean; water
Why do stars twinkle? | star; light; atmosphere; air; twinkle
How can a shy person meet new people? | people; friend; conversation; join; social; talk; shy
What are the duties of a nurse? | nurse; patient; care; medic; health
Explain why sleep is important for children. | sleep; child; brain; growth; develop; rest
What are the differences between cats and dogs? | cat; dog; pet; independent; loyal
How does soap clean your hands? | soap; dirt; water; oil; germ; hand; bacteria
Why do we celebrate birthdays? | birthday; celebrat; life; year; famil; friend
Describe how a seed becomes a flower. | seed; soil; root; water; grow; flower; germinat; plant
What is a healthy lunch for a school day? | fruit; vegetable; sandwich; protein; lunch; healthy; food
How can one save water at home? | water; shower; leak; tap; faucet; conserv
Why is teamwork useful? | team; work; goal; together; collaborat; skill
Explain what an election is. | vote; elect; candidate; people; govern
What is the purpose of a passport? | passport; travel; countr; identit; border
How do camels survive in the desert? | camel; desert; water; hump; fat
Give me some advice on buying a used car. | car; price; mileage; condition; inspect; vehicle; seller; test; history
Why do some people prefer tea to coffee? | tea; coffee; caffeine; taste; flavo
Describe what happens during a solar eclipse. | moon; sun; earth; eclipse; shadow; block
How do I calm a crying baby? | baby; cry; hold; rock; feed; diaper; calm; sooth
What are the advantages of living in the countryside? | nature; quiet; countryside; air; rural; peace; space
Explain how the moon causes the tides. | moon; tide; gravit; ocean; water; earth
Why do we yawn? | yawn; brain; tired; oxygen; breath; sleep; body
How can a small shop attract more customers? | customer; shop; product; market; price; online; store
What is the role of a judge? | judge; court; law; case; justice; legal
Describe your idea of a perfect holiday. | holiday; vacation; beach; travel; relax; famil; enjoy
Why do people listen to music? | music; mood; emotion; listen; song; feel
How does an umbrella keep you dry? | umbrella; rain; water; fabric; cover
Explain what a recipe is and how to follow one. | recipe; ingredient; cook; step; instruction; dish
What can be done against noise in a city? | noise; traffic; city; sound; quiet; reduc
Why is the Amazon rainforest special? | amazon; forest; species; animal; plant; tree; biodivers
How can I improve my handwriting? | write; handwriting; practi; pen; letter; hand
What are fossils, and what do they tell us? | fossil; rock; animal; plant; past; dinosaur; ancient; organism
Describe how a spider builds its web. | spider; web; silk; thread
Why do we shake hands? | hand; greet; trust; friend; shak; respect; gesture
How does a thermos bottle keep tea hot? | heat; vacuum; insulat; thermos; temperature; hot
What is a hobby, and why is it good to have one? | hobb; enjoy; interest; activit; time; relax
Explain why bridges do not collapse. | bridge; weight; load; support; beam; structur; material
What should I do when I get lost in a forest? | forest; stay; calm; path; trail; water; direction; shelter; map; safe
How do plants get from one place to another? | seed; wind; animal; plant; pollen; root; water
Why do old buildings need protection? | building; histor; preserv; heritage; cultur; damage; protect
Describe the work of a baker. | bread; bak; dough; oven; cake; flour; pastr
How can you tell whether fruit is ripe? | fruit; ripe; colo; smell; soft; sweet; firm; touch
What are the causes of traffic jams? | traffic; car; road; vehicle; accident; congest
Explain the idea of supply and demand. | supply; demand; price; market; goods; product
Why do people climb mountains? | mountain; climb; challenge; nature; summit; view
How do glasses help people to see? | glass; lens; light; eye; vision; see; focus
What is the difference between a lake and a sea? | lake; sea; water; salt; fresh; ocean
Give three reasons for learning to swim. | swim; water; safe; drown; exercise; health; fitness
Describe a house that you would like to live in. | house; room; garden; kitchen; window; home; wall
Why do dogs wag their tails? | dog; tail; wag; happy; emotion; communicat
How can parents help their children with homework? | child; homework; parent; help; school; encourag; question
What is jazz? | jazz; music; improvis; rhythm; swing
Explain why the sun is important for life on Earth. | sun; light; energy; heat; plant; warm; earth
"""


def items() -> list[dict[str, Any]]:
    """About 155 questions."""
    return [
        {"prompt": question, "about": alternatives(stems), "min_sentences": 3} for question, stems in table(QUESTIONS)
    ]
