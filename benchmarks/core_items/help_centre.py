# ruff: noqa: E501 (one text a line)
"""The rankings of examples/reranker: a shop's help articles, questions about short texts, and general queries.

Every article and question was written for this project. The task's queries are the quickstart's messages; the texts are
those of ``language.py``, the first kind of which are asked about and the others cut into queries and documents.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import language
import reading
import tickets

ARTICLES: dict[str, str] = {
    "refund request": """
Repayment after a return. Once goods have reached our warehouse and been checked, the amount goes back by the way you paid. Banks need up to ten working days; store credit is only given where you chose it.
What happens to expired cards. If the card you used is no longer valid, tell us an account or a wallet of yours. We transfer the sum there after confirming your identity, shipping fees included where the law demands it.
Partial credits. When several articles were sent back and not all of them show on your statement, compare the return slip with our confirmation. The rest follows separately as soon as the second parcel was opened.
Deposits and courses. Deposits for hired equipment are released after inspection. Courses that we call off are paid back in full without a form.
""",
    "late delivery": """
Tracking says nothing. Carriers scan parcels only at their hubs, so that two days may pass without news. If there was no movement for five working days, we open an inquiry and send a replacement where the parcel is lost.
Our delivery times. Standard shipping takes three to five working days, express one to two. Before holidays and during strikes of the carriers expect some days more; we tell you of longer waits by message.
Marked as delivered, but not there. Ask neighbours and look at the place of deposit that the driver named. Write to us within seven days and we have the carrier prove whom it was handed to.
Several parcels. Bulky goods travel apart from small ones and can arrive days later. Each has a number of its own, which you find under My Orders.
""",
    "wrong item": """
You received something else. Mix-ups in the warehouse happen. Keep the article unused, photograph its label, and we send the right one at once with a prepaid slip for the other.
Size or colour differ from the order. Compare the code on the tag with that in your confirmation. If they are not the same, the exchange is on us and goes out before the false piece has come back.
Somebody else's parcel. Should the box hold another customer's goods, do not open further bags. The courier fetches it from your door, and yours is packed anew.
Sets and missing parts. If a piece of a set belongs to another model or is not enclosed, name the number printed on the leaflet; we post the fitting part alone.
""",
    "damaged item": """
Broken on arrival. Take pictures of the carton and of the article before you throw anything away. With them the carrier's insurance pays, and you choose between a new piece and a repair.
Faults within two years. Seams that open, zips that jam, poles that snap: the legal warranty covers defects in material and making. Wear, cuts and burns are not part of it.
Repair service. Our workshop mends tents, boots and stoves. Estimate within three days; spare parts are kept for eight years.
Leaks and electrical defects. Stop using stoves, lamps and filters that leak, spark or smell. We take them back at once, since safety comes before any test.
""",
    "login problem": """
Forgotten password. Ask for a new one on the sign-in page. The link is valid for an hour and often lands in the junk folder; codes from an authenticator must be typed within thirty seconds.
Account locked. After five failed tries access is blocked for a day to keep others out. A phone call with your customer number opens it sooner.
Changed e-mail or telephone. If you can no longer read messages to the address of your profile, prove who you are with an old invoice number, and we enter the new one.
App and browser. When the page keeps loading or throws you out, delete cookies, update the app and switch off blockers. Two profiles of one person can be merged.
""",
    "address change": """
Send it somewhere else. As long as a parcel has not been packed, you can alter street, name or floor yourself under My Orders. Afterwards only the carrier can redirect it.
Moving house. Change your home in the profile before you place orders; those already on their way keep the old destination. Standing orders must be changed one by one.
Pick-up points and lockers. Instead of your door a shop or a locker can be chosen. Shipments stay there for seven days.
Typing errors. A false house number or postcode usually makes the box return to us. Write at once and we correct the label, even at night.
""",
    "order cancellation": """
Calling off a purchase. Until the warehouse starts packing, one click under My Orders ends it and nothing is charged. Later, refuse the parcel or use the return slip.
Ordered twice by mistake. Tell us which of the two numbers shall live on; the other is stopped and the reserved money becomes free.
Pre-orders and waiting lists. You may withdraw from goods that are not yet available at any time, without giving reasons.
Single articles of a bigger order. Pieces can be taken out while the rest is sent as planned; free shipping stays.
""",
    "invoice request": """
Where to find your bill. Every document lies as a PDF under My Orders on the day of dispatch. Guests receive it by message with the order's number.
Company details. For bookkeeping we add firm, VAT number and cost centre afterwards, if you write within the same tax year.
Copies for warranty or insurance. Receipts of the last ten years are kept; state name, month and article and you get a duplicate.
Corrections. If the amount, the name or the tax on the paper is not right, we cancel it and write a new one; please do not change it by hand.
""",
    "stock question": """
Is it available? The green dot beside each size shows what lies in the warehouse. Branches have shelves of their own, which are counted every evening.
When sold-out goods return. Press Notify Me and a message comes with the next shipment from the maker. Seasonal models are made once and do not come again.
Setting aside in a branch. A shop keeps an article at the till for two days, if you phone before noon.
Large quantities. Schools and clubs that need more than twenty pieces get a date from our supply team, as makers produce on demand.
""",
    "discount problem": """
The code is refused. Codes hold for one purchase, until the date on the card and above a least amount. Capital letters count, and spaces at the end make them fail.
Promotions and sale goods. Reduced prices cannot be combined with coupons. What the basket shows before the last click is what counts.
Forgotten at checkout. Write within a day, and the difference is credited, provided that the campaign still ran when you bought.
Gift cards and points. Their value is taken off in the last step. A balance that seems too low may be reserved by an unfinished purchase.
""",
}

QUESTIONS: dict[int, tuple[str, str]] = {
    0: ("Why may heavy vehicles no longer cross the river?", "how long is the detour for truck drivers"),
    1: ("Which school gave up ringing in lessons?", "pupils listening to nature instead of an alarm"),
    2: ("Who let in two goals shortly before the end?", "what did the trainer say about the defeat"),
    3: ("What did the drought do to the wheat?", "help from the state for growers after a dry year"),
    4: ("How were the lost walkers found?", "people stuck overnight on a cliff"),
    5: ("Where can I see old bikes without pedals?", "do children pay to get into the exhibition"),
    6: ("Why has my morning espresso become dearer?", "rain hurting plantations"),
    7: ("What was hidden behind the radiator?", "how high would a late fee be after seventy years"),
    8: ("Why are there fewer birds on farms?", "nesting boxes handed out for free"),
    9: ("Who caused the blackout at the port?", "restaurants without electricity"),
    28: ("How long should batter stand before frying?", "recipe with eggs, milk and flour in a thin layer"),
    29: ("In which order do I decorate a room?", "brush or roller, one coat or two"),
    30: ("My flower has outgrown its container, what now?", "drainage at the bottom of a pot"),
    31: ("What do I do when the gears lose their chain?", "getting oily hands while fixing a bike"),
    32: ("How can I return the device to its factory state?", "does a restart delete what I recorded"),
    33: ("How do children make something that flies from a page?", "folding corners to the middle line"),
    34: ("What goes into a broth with leek and celery?", "how many potatoes for the starter"),
    35: ("Tips against stage fright while presenting", "what if I forget what I wanted to say to an audience"),
    36: ("May I use the elevator when it burns?", "meeting place after an evacuation"),
    37: ("How do I clean a sweater without shrinking it?", "drying knitwear far from radiators"),
    38: ("Why does cooking take longer at high altitude?", "what makes a pressure cooker so quick"),
    39: ("What happens to the poles if the bar is broken in two?", "is our planet magnetic"),
    40: ("Which half of the heart feeds the lungs?", "how often does an adult's pulse beat"),
    41: ("How old is the sunshine that we see?", "why looking at stars means looking back in time"),
    42: ("What do leaves make out of air and water?", "do trees need oxygen in the dark"),
    43: ("Can explosions be heard in outer space?", "through which material does noise move fastest"),
    44: ("How does an injection protect from illness?", "training the body's defence with a harmless germ"),
    45: ("How does snow turn into a river of ice?", "what forms valleys in the mountains"),
    46: ("Do animals with eight legs see well?", "which one hunts by sight"),
    47: ("Which two metals were mixed for ancient weapons?", "why is a whole age called after an alloy"),
    48: ("Why is a mean alone misleading?", "drowning in shallow water as a lesson in statistics"),
    49: ("Why does the sea come and go?", "when are high waters at their highest"),
    50: ("A firm apologises for scratched furniture", "voucher to make up for a bad surface"),
    51: ("To which day was the appointment shifted?", "who takes part by telephone"),
    52: ("Which pet destroyed Father's slippers?", "thank you for the knitted present"),
    53: ("Why will the taps be dry on Monday morning?", "fill buckets before the plumber comes"),
    54: ("A reader protests against parking on a meadow", "last green place for kites"),
    55: ("Somebody wants to look after plants in parks", "application with experience of fruit trees"),
    82: ("What became of the fishermen's warehouses?", "watching the sunset by the bay"),
    83: ("Why does such a tiny place have a huge church?", "how often does public transport go there"),
    84: ("May I bring my pet to my holiday room?", "until when can guests eat in the morning"),
    85: ("What lives where it almost never rains?", "seeds that sleep for years"),
    86: ("How much does it cost to rent two bedrooms?", "apartment from autumn on with a cellar"),
    87: ("How many stairs must I climb for the view?", "when is the old bell heard"),
    88: ("Where do growers sell cheese on weekends?", "why should I be there before ten"),
    89: ("How did the dynasty fall?", "ruler who built roads, and heirs who lost everything"),
    90: ("Why did clocks have to be set alike?", "what trains changed besides journeys"),
    91: ("Why did early volumes imitate handwriting?", "when did page numbers appear"),
    92: ("How did polar travellers pass the dark months?", "a paper with one copy"),
    93: ("What was so valuable that it served as money?", "how food was kept from spoiling, and towns grew rich"),
}
"""Number of a text in ``language.py`` -> what is asked about it."""
CANDIDATES = 20
"""Documents that a query comes with: the relevant ones and others by chance, in an order of chance. The sets are too
small for a first stage: most messages share no word with the articles that answer them."""
SEED = 5
CODE = range(60, 68)
"""Texts in ``language.py`` that are no sentences."""
ASKED = re.compile(r"\A(Read this text|Question|Answer in a few words):\s")
"""What comes before a story or a question."""
SHORT, LONG = 5, 30
"""Words of a sentence that becomes a query."""


def shop() -> tuple[list[dict[str, str]], list[dict[str, str]], list[str]]:
    """Documents, queries and judgements of the task: each message with the four articles of its label."""
    articles = {label: block.strip().splitlines() for label, block in ARTICLES.items()}
    keys = {
        label: [f"{label.replace(' ', '-')}-{number}" for number in range(len(articles[label]))] for label in articles
    }
    documents = [
        {"_id": key, "title": "", "text": text}
        for label in articles
        for key, text in zip(keys[label], articles[label], strict=True)
    ]
    queries, judged = [], ["query-id\tcorpus-id\tscore"]
    for number, row in enumerate(tickets.rows()):
        asked, label = (message["content"] for message in row["messages"])  # type: ignore[attr-defined]
        queries.append({"_id": str(number), "text": asked})
        judged += [f"{number}\t{key}\t1" for key in keys[label]]
    return documents, queries, judged


def texts() -> tuple[list[dict[str, str]], list[dict[str, str]], list[str]]:
    """The same of what should be kept: questions about fifty texts of many kinds."""
    every = [one["text"] for one in language.items()]
    documents = [{"_id": str(number), "title": "", "text": every[number]} for number in QUESTIONS]
    queries, judged = [], ["query-id\tcorpus-id\tscore"]
    for number, both in QUESTIONS.items():
        for place, asked in enumerate(both):
            queries.append({"_id": f"{number}-{place}", "text": asked})
            judged.append(f"{number}-{place}\t{number}\t1")
    return documents, queries, judged


def run(documents: list[dict[str, str]], judged: list[str]) -> list[str]:
    """The documents that each query comes with, in TREC's format."""
    relevant: dict[str, list[str]] = {}
    for line in judged[1:]:
        query, document, _ = line.split("\t")
        relevant.setdefault(query, []).append(document)
    rng, found = random.Random(SEED), []
    for query, known in relevant.items():
        others = rng.sample([one["_id"] for one in documents if one["_id"] not in known], CANDIDATES - len(known))
        order = rng.sample([*known, *others], CANDIDATES)
        found += [f"{query} Q0 {key} {place} {CANDIDATES - place} drawn" for place, key in enumerate(order)]
    return found


def general() -> Iterator[dict[str, Any]]:
    """General queries: each sentence of the other texts with the rest of its text, and questions about small stories."""
    for number, one in enumerate(language.items()):
        if number in QUESTIONS or number in CODE:
            continue
        sentences = [part.strip() for part in re.split(r"(?<=[.!?])[\"']?\s+", one["text"]) if part.strip()]
        for sentence in sentences:
            if SHORT <= len(sentence.split()) <= LONG:
                yield {"query": sentence, "pos": [" ".join(other for other in sentences if other != sentence)]}
    for row in reading.items():
        parts = row["prompt"].split("\n\n")
        story, question = max(parts, key=len), min(parts, key=len)
        if len(parts) == 2 and question.endswith("?"):
            yield {"query": ASKED.sub("", question), "pos": [ASKED.sub("", story)]}
