"""The quickstart's rows: messages to the inbox of an invented outdoor shop, each with one of ten labels.

Every message was written for this project, one by one; no sentence frame is filled with swapped nouns.
"""

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "refund request": """
I sent the tent back two weeks ago and my money still hasn't arrived.
Please return the 49 euros to my card, the jacket simply doesn't suit me.
Your courier collected the parcel on Monday. When will I be reimbursed?
The stove never worked properly, so I'd like my money back rather than a replacement.
I was charged twice for the same pair of boots, kindly give back one of the payments.
How do I get reimbursed for the sleeping mat I returned to your branch in Leeds?
It's been ten working days since you confirmed the return. Where is the money?
Could you put the purchase price back on my credit card? The backpack is too small for me.
My husband already had this lamp, so I returned mine unopened and am waiting for the payment.
I don't want a voucher, I want the full amount transferred to my bank account.
You promised to pay back the shipping costs too, but only the price of the mug came through.
The trousers went back to you in the original box; the 80 dollars have not shown up yet.
I changed my mind about the hammock within the fourteen days and would like to be repaid.
Only half of what I paid was credited to me. Please send the other half.
Hi there, the return slip says five days for the repayment, we're at day twelve now.
After one wash the fleece looked terrible. I posted it back and expect to be paid in full.
My bank says you never issued the credit. Can someone look into it?
Since the kayak course was called off by you, I expect the fee to be repaid.
What a disappointment this watch was. Money back, please.
The price dropped a day after I bought it and your policy says I get the difference back.
I returned three shirts and was paid for two of them.
Is there a way to have the sum paid to PayPal instead of the expired card?
Please reverse the charge of 129 pounds from the third of March; I returned that coat.
I dropped off the gloves at the collection point last Friday, how long until I see the money?
We gave the second bicycle helmet back at your counter and the clerk said the cash would follow by transfer.
The gift I sent back was worth 35 euros. To whom will this sum be paid, me or my aunt?
Your email from Tuesday said "repayment approved" but my statement shows nothing.
Kindly repay the extended warranty, I never agreed to buy it.
I am not satisfied with the rain cover at all and wish to be compensated in full.
Nobody told me that returning sale goods takes this long. Please transfer what you owe me.
I've attached the proof of return for the skis. Please pay me back soon, rent is due.
Can the sixty dollars for the returned climbing rope go to my new bank account?
You took the deposit for the rental bike but did not release it after I brought the bike back.
Why was I given store credit? I paid with real money and would like real money.
My return arrived at your warehouse on the ninth according to tracking. Payment?
The sunglasses are on their way back to you. Please credit my Visa once they arrive.
I paid for express shipping and got standard, so please hand back the extra charge.
Having returned the camping chair, I wonder when I can expect to be paid back.
Please repay me for the water filter; it tastes of plastic and I have already shipped it back.
One month of waiting for 22 euros is enough. Pay it back or I will dispute the charge.
""",
    "late delivery": """
My parcel was supposed to be here on Thursday and there is no trace of it.
The tracking page has said "in transit" for nine days now.
Where are my hiking boots? I ordered them three weeks ago.
We leave for Norway on Saturday and the tent is still not here!
Has my package gone missing? It should have come last Tuesday.
You advertise next-day shipping, yet I have been waiting since Monday.
Order number 5512 still hasn't reached me, could you find out where it is?
The driver never showed up yesterday although I stayed at home all day.
It's been a month. Is anyone going to bring me my sleeping bag?
I got a message that my order would come between 9 and 11. It is now six in the evening.
My daughter's birthday was yesterday and her present from your shop is still somewhere on the road.
Could you tell me why it takes so long to ship a pair of socks?
The parcel has been sitting in the depot in Cologne for a week.
Still nothing in the mail. Did you even send it?
I was told two to three days. We are at day eight.
According to the courier the box was handed over, but nobody in the house has received it.
Any news about my shipment? The estimated date passed last weekend.
The second half of my order has not turned up, only the first box came.
Sorry to bother you again, but the lantern has yet to arrive.
My neighbour ordered after me and already has hers. What is holding mine up?
I keep refreshing the tracking link, and the date moves one day further every morning.
How much longer do I have to wait for the bike rack?
The expedition starts in two days and the ropes I paid express for aren't here.
Your status page claims that my package left on the fourth; today is the twentieth.
Nothing has come so far, and your hotline puts me on hold forever.
Is there a strike at your carrier? My order from the first of May is overdue.
The stove should have been delivered before the holidays. The holidays are over.
I have been looking out of the window for the van since Wednesday, no luck.
What happened to my shipment? The last scan was in Madrid ten days ago.
The estimated arrival has been changed for the fourth time.
It seems my snowshoes got lost on the way, they were due a week ago.
Please check on order 90217, it hasn't moved since it was packed.
My package is overdue by six days and I can't reach the courier.
When will the backpack finally get here? School starts tomorrow.
You wrote that everything had been shipped on Friday, but the courier knows of no such parcel.
Ordered on the second, promised for the fifth, today is the fifteenth.
Hello, could you chase up my delivery, it's a good deal later than announced.
The canoe paddles were to be here before our trip, and the trip is over now.
I'm still waiting for the raincoat, and it rains every day.
No parcel, no card in the letterbox, no email. What is going on with my order?
""",
    "wrong item": """
I ordered a blue jacket and you sent me a green one.
The box contained a size 38, but I need the 42 that I had chosen.
Instead of the two-person tent there was a beach umbrella inside.
Somebody must have mixed up the labels, I got another customer's fishing gear.
These are children's gloves. I asked for men's large.
My parcel came today, but the stove is a different model from the one on my receipt.
You sent left-handed scissors. I'm right-handed and ordered the normal kind.
What I unpacked was a cookbook, not a headlamp.
I wanted the wool socks and received cotton ones.
The lamp you delivered runs on batteries; the one I paid for is solar powered.
There are two left boots in the box!
I got three mugs of the same colour though I picked red, white and black.
The description says 60 litres, the backpack in my hallway holds 30.
This is not what I bought. I ordered a knife and here is a spoon.
The packing list is right, but the thing in the bag is a scarf instead of a hat.
Someone in your warehouse packed a women's bike saddle for me, mine should be the men's.
I received gas cartridges that don't match the type I selected.
Thanks for the quick shipping, sadly you shipped a hammock when I wanted a sleeping bag.
The trousers are the short version, I definitely clicked on long.
Why did I get a poster? My order was for a map of the Alps.
My order said 12 metres of rope, this one is 8 metres.
The helmet is yellow and medium. It was meant to be black and large.
I seem to have someone else's package: the name on the slip is Mr. Okafor.
Got a thermos in place of the water filter, how do we swap them?
You exchanged the shoes, but the new pair is again not the model I asked for.
I opened the box and found ski goggles. I don't ski. I ordered swimming goggles.
The charger has an American plug although I chose the European one.
I asked for a pair of poles and you sent a single one for cross-country skiing.
Different brand, different colour, different size: nothing here matches my order.
The kids wanted the dinosaur lunch box and you packed the unicorn.
Is this a mistake? I bought a winter mat and the one that came is for summer.
The article number on the bag is 7731, mine was 7713.
Please collect this rain poncho, I never ordered it. I wanted the umbrella.
The book arrived in German, my order was for the English edition.
I've been sent a left-side pannier twice; the right-side one is missing from my order.
A tin of shoe polish was in the parcel where the tent pegs should have been.
The shirt you mailed me is long-sleeved, the one in my basket was short-sleeved.
My sister ordered a compass and unwrapped a whistle.
You've given me the old version of the watch, not the new one from the website.
We got a cat bed. We have a dog, and we ordered the dog bed.
""",
    "damaged item": """
The glass of the lantern was shattered when I opened the box.
There is a hole in the tent floor, straight out of the packaging.
My new mug has a crack running down the side.
The zip of the jacket broke the very first time I used it.
The parcel looked as if a truck had driven over it, and the cooker inside is bent.
One of the trekking poles snapped on the first walk.
A strap on the backpack is torn off at the seam.
The screen of the watch came scratched all over.
Water leaks out of the bottle from a split in the bottom.
The chair collapsed under me because a weld had given way.
When we unpacked the lamp, the switch was loose and half the bulbs were smashed.
The sole is coming off my boots after just two days.
Everything in the box was soaked and the map is ruined.
The air mattress loses all its air overnight, there must be a puncture.
Paint is flaking off the helmet and there is a dent in the back.
I found a burn mark on the sleeping bag.
The compass needle is stuck and the casing is chipped.
Two of the plates arrived in pieces.
The rope is frayed in the middle, that can't be safe.
Unfortunately the pump was broken on arrival, the handle is in two parts.
A corner of the cool box is smashed in and the lid doesn't close anymore.
The binoculars rattle and one lens is cracked.
Half of the buttons were missing from the shirt and the collar is ripped.
The umbrella's frame is bent out of shape, and I have not even opened it outdoors.
My kayak has a gash along the hull from transport.
The headlamp came with a corroded battery compartment.
Your packing is awful: the thermos was dented and its cup broken off.
The seam of the trousers burst when I put them on.
The display of the bike computer is shattered, only a bit of paper protected it.
The fabric is stained with oil on both sleeves, and it's supposed to be new.
The tent poles are splintered at one end.
I'm sad to say the vase for my mother arrived as a heap of shards.
The wheel of the trolley fell off as I took it out of the carton.
There's mould on the rucksack, it smells and has black spots.
The buckle was cracked right through, so the belt can't be fastened.
One arm of the sunglasses is broken off.
The stove's valve is crooked and gas hisses out of it.
My goggles arrived with a deep scratch across the left lens.
The handle of the pan came off in my hand while cooking.
The whole box was crushed and the picture frame in it is splintered.
""",
    "login problem": """
I can't get into my account, the page keeps saying the password is invalid.
The reset email for my password never comes.
After the update your app throws me out every time I try to sign in.
My account is locked after three attempts. How can I open it again?
I forgot which email I registered with and cannot sign in.
The confirmation code you text me is always rejected.
It says my user name doesn't exist, but I've been a customer for years.
Every time I enter my password the page just reloads.
I changed my phone and the authenticator app no longer gives me the right code.
The link to set a new password has expired before I could click it.
Why am I asked to register again? My profile seems to have vanished.
I can sign in on my laptop but not on my phone.
Your site tells me "too many attempts", and I have only tried once.
Since yesterday I am unable to access my customer profile.
My son changed the password and nobody remembers it now, please help me get in.
The two-step verification sends the text to my old number.
An error 403 appears as soon as I press the sign-in button.
I typed my details correctly, caps lock is off, and still I'm refused.
The app wants a fingerprint, and then says that no account is linked to it.
Help, someone may have taken over my account, my password doesn't work anymore!
I get as far as the captcha and then it spins for ever.
Can you unlock my profile? I mistyped the password too often.
The button "forgot password" leads to an empty page.
I no longer have the email address that I used to sign up with and so cannot get a reset link.
After I sign in I land on the front page and am signed out again.
Signing in with Google stopped working last night.
My password manager fills in everything, your page answers "unknown user".
How do I activate my account? The activation link is dead.
I've requested five reset codes and none of them is accepted.
The site claims that my session has ended before it even started.
I'd like to see my order history, but I'm not let into my account.
Your website will not accept my new password though it ticks all the rules.
I can't log on at all, neither in the browser nor in the app.
My wife and I share one account and now neither of us can sign in.
It keeps asking me to verify my email, which I did three times already.
Access denied. That's all I see when I try to open my profile.
The sign-in form doesn't take special characters and my password has two of them.
I was logged out in the middle of shopping and can't get back in.
Please reset my password by hand, the automatic mails end up nowhere.
Since I renamed my account I can enter neither with the old nor with the new name.
""",
    "address change": """
I moved last week, please send my order to 14 Mill Lane instead.
Can you ship the parcel to my office rather than to my home?
The street number in my order is wrong, it should be 27 and not 72.
We are relocating to Dublin in June, how do I update where you send things?
I forgot to add the apartment number: it's flat 3B.
Please deliver to my neighbour, Mrs. Lindqvist, at number 9.
My postcode has a typo. The correct one is 80331.
Is it possible to redirect the package to a pick-up station?
I have a new home, kindly update my details to 5 Rue des Lilas, Lyon.
I'll be at my parents' house that week, could the box go there? They live in 8 Oak Road.
The order is still set to our old place in Hamburg, we now live in Bremen.
Change the destination to my hotel, please, I'm travelling.
You have my maiden name and my former flat on file, please update both.
Would you mind sending it to the school instead? I work there until four.
My order has the billing details right but the shipping place is my ex-husband's house.
I mistyped the city: Newport, not Newark.
From the first of next month on, please use my new residence for all orders.
The parcel must not go to the summer cottage, send it to the flat in town.
Could the courier leave it at the bakery on the ground floor? The entrance is on Bell Street.
I'd like the tent to be shipped to my friend in Austria directly.
Our company moved to Harbour Road 112, please adjust the place of delivery.
When I ordered, the form filled in my old street by itself. I live in Garden Close now.
How can I edit the place my package is going to? It hasn't been shipped yet.
The house has been renumbered by the council, we used to be 6 and are 8 now.
Please add "c/o Fernandez" to the label, otherwise the postman won't find me.
I am moving between the order and the shipping date. Please note my future home: 31 Station Road.
Your system won't let me save my new street, can you enter it for me?
I've chosen the wrong entry from my list, the parcel should go to my workplace.
Send it to the Brighton store for collection instead of to my house, please.
My zip code is missing a digit in the order confirmation.
We gave up the post box, please use the street from now on.
The order for Anna should go to her dormitory, room 214, rather than to me.
Please forward my shipment to Canada, where I'll be living from Monday.
There's no one at home on weekdays, please have it brought to my sister's on Elm Street.
I just noticed that the country in my profile is Spain, I moved to Portugal.
Could you correct the spelling of my street? It's Thackeray, with a k.
I've switched apartments within the same building, it's now the fourth floor, door 17.
Kindly replace my old residence with the new one for the magazine and for future parcels.
The gift should be sent to the person receiving it and not to me, here is where she lives.
My delivery place needs to be switched to the campsite reception before Friday.
""",
    "order cancellation": """
Please cancel order 4471, I don't need the tent anymore.
I pressed the buy button by accident, can you stop the order?
I've found the boots cheaper elsewhere, so please don't ship mine.
Call off my order from this morning, the date of our trip has changed.
Could you take the lamp out of my order? The rest is fine.
I would like to withdraw from the purchase before it leaves your warehouse.
Don't send the jacket please, my brother gave me his.
My son ordered twelve hammocks with my phone. Please make sure none of them are shipped.
I placed the same order twice, please delete one of them.
Is it too late to stop the shipment of my bike rack?
We won't be going camping after all. Scrap the whole order, please.
The shipping time is too long for me, please drop the order.
Hold everything! I picked the wrong date and want to call the order off.
I'd like to cancel my subscription to the monthly trail box.
Kindly void the purchase I made ten minutes ago.
Since the sleeping bag won't arrive before my holiday, I no longer want it. Please don't send it.
How can I undo an order that has not been packed yet?
My wife already bought the same stove, so please cancel mine.
I can't find a button to cancel order 8120 on your site.
Please annul the pre-order of the new watch, I've decided against it.
Stop the order, I have just lost my job and cannot afford it.
I booked the climbing course for May, but I'm injured and have to pull out.
Remove the two poles from my basket order and keep the socks.
Can I back out of the purchase? I only placed it an hour ago.
I no longer wish to receive the kayak. Please take it off my account before it's sent.
Terminate my order please, I was told I'm allergic to down.
The pre-ordered boots have been postponed three times, I'm not interested anymore. Cancel it.
I made a mistake with the quantity, please cancel and I will order again.
Please don't process yesterday's order, my card has been stolen and someone else placed it.
The customs fees are too high for me. I'd like to call the whole thing off.
Our school trip was cancelled, so the thirty rain ponchos are not needed.
I changed my mind about the helmet, it hasn't been shipped yet, right? Then leave it.
Please withdraw my order for the grill; our landlord forbids it.
I want to step back from the contract for the rental skis.
Kill the order with the green backpack please, thanks.
You can put the shoes back on the shelf, I won't be taking them.
Please cancel just the second item, the water bottle.
My order is "being prepared", could you still halt it?
I ordered as a guest and want to revoke it, what do I have to do?
Abort the purchase from 3 pm please, I was using the wrong account.
""",
    "invoice request": """
Could you send me the invoice for my March order as a PDF?
I need a receipt with the VAT shown separately for my tax office.
The bill wasn't in the box, please email it to me.
My company wants its name on the bill, can you issue a new one?
Where can I download the receipts for everything I bought last year?
For the warranty claim I need a copy of the sales receipt.
Please send the paperwork for order 3390 to accounting@example.com.
My employer repays my work boots if I hand in a proper invoice.
There's no tax number on the document you sent me, I need one with it.
I lost the receipt for my stove, can I have a duplicate?
Our bookkeeper is asking for the bill of the twelve sleeping bags.
Kindly provide a proof of purchase for my insurance, the bike was stolen.
The invoice is made out to my old name. Please write a corrected one.
Can I get a paper bill by post? I don't have a printer.
We're a school and need a formal invoice before we can pay.
Please split the bill in two, one for each of my companies.
I never got an invoice, only a shipping confirmation.
May I have a receipt in English? The one I got is in Dutch.
The link to the bill in your email doesn't open, could you attach the file?
I need a document that shows what I paid for the kayak in 2023.
Please add our purchase order number 77-204 to the bill.
My accountant says that the receipt must state the date of delivery.
How do I print an invoice for an order that I made as a guest?
Would you be so kind as to mail me the receipt from my visit to your shop on Saturday?
Send me a statement of all my purchases from January to June, please.
I'm self-employed and would like my bills to show my business name from now on.
The club's treasurer needs a receipt for the first-aid kits, it was order 1186.
The invoice lists only two of the three things I bought, please fix it and send it again.
I require a pro forma invoice for customs.
Is there a bill for the course I attended? I'd like to deduct it from my taxes.
Please resend the invoice, my dog ate the first one, no joke.
The total on the receipt doesn't show the discount, may I have an updated one?
For our grant report we need the bills of all the equipment bought from you this spring.
Could you put the VAT ID of our firm on the invoice? It's DE123456789.
I am missing the receipt for the gift cards.
Do you send invoices automatically, or must I ask for each one? I need last week's.
Please make out the bill to the Riverside Scout Group.
The tax adviser asks for the original bill, and I only have the confirmation email.
I'd be grateful for a copy of the bill from order 6254, mine got wet.
Can the receipt be sent to my boss's mailbox as well as to mine?
""",
    "stock question": """
When will the red rain jacket be available in size M again?
Do you have the Trekker 60 backpack in your Manchester shop?
Is the titanium mug coming back?
How many of the two-burner stoves do you have left?
The website says sold out. Will there be more of these boots?
Will you get the children's sleeping bag in before Easter?
Are the wool socks still to be had in grey?
I'm looking for fifteen identical helmets. Could you supply that many?
Is the folding kayak something you keep in the warehouse or must it be ordered from the maker?
Could you let me know as soon as the headlamp can be bought again?
Does your branch in Bristol carry climbing shoes in size 48?
You used to sell a blue enamel kettle. Do you still have any?
Is the dome tent in the catalogue discontinued?
I can't find the left-handed knife on your site anymore, has it been taken out of the range?
Which sizes of the ladies' fleece do you have at the moment?
Any chance of getting the limited edition watch, or are they all gone?
Will there be a new delivery of gas cartridges this week?
If I come by on Saturday, will there be snowshoes on the shelf?
The green version is greyed out. Does this mean you've run out?
Could you put one of the last hammocks aside for me, if there are any?
How soon do you expect the solar charger to be back on the shelves?
Are there still places to be had for the February shipment of the cargo bike?
I'd need eight paddles by the end of the month. Do you have that many lying around?
Do you stock spare poles for the Nomad 3 tent?
Does any of your shops have the 2022 edition of the Pyrenees map?
It says "only 2 left". Is that really true?
Can I still buy last year's model of the binoculars from you?
Do you carry replacement buckles for the child carrier?
Will the winter collection be in the shops by October?
Your app shows the boots as available, your website doesn't. Which one is right?
I was wondering if the extra long sleeping mat is ever going to return to your range.
Do you have the purple water bottle anywhere, even without a box?
Is it worth waiting for the restock of the crampons, or will it take months?
Is the trail running vest available in both XS and S right now?
Have you got any tents for six people ready to take away?
Please tell me whether the stainless steel flask is in at your airport shop.
Since the lamp is on backorder: how long does that usually take?
Are you going to sell those fishing rods again next season?
My local store has no more merino shirts. Where could I find one?
Does the ski wax come back in every autumn, or was that a one-off?
""",
    "discount problem": """
The code SPRING20 is not accepted at the checkout.
I had a 10 euro voucher, but the full price was taken from my card.
Your newsletter promised fifteen percent off, and the basket shows the normal price.
My student rebate isn't being applied.
It says my gift card has no balance, although I've never used it.
Why doesn't the sale price show up when I go to pay?
The coupon says it is valid until Sunday, yet the site tells me it has expired.
I was to get a third pair of socks for free, and I'm being charged for all three.
Your loyalty points page says 500 points, but I can't redeem them.
Two promotions were running, only one was deducted.
I entered the birthday code you mailed me, and nothing happened.
The black Friday price was 59, you charged 89.
My voucher was swallowed by the system when the payment failed.
Members should get free shipping, why do I see a fee of six pounds?
The promo code works for my friend but not for me.
I typed in the gift card number and it says "unknown code".
The banner offers half off all tents. Mine is still at full price.
You charged me more than the price on the tag in the window.
Where do I enter the coupon? There is no field for it in the app.
I referred two friends and still don't see the reward deducted.
The code can only be used once, it says. I have never used it before.
My basket is above 100 dollars, so why isn't the promised 20 taken off?
The voucher from my return cannot be combined with sale goods, nobody told me that.
The senior rebate was forgotten on my last purchase.
I scratched off the gift card too hard, and the last two digits of the code are unreadable.
Your ad said "buy two, pay for one". The till said otherwise.
The welcome coupon for new customers is refused because I'm supposedly not new.
The flash sale ended at midnight, I paid at 11:50 and got the regular price.
My employee code from our partner firm gives me an error.
The points I earned in January have vanished and I wanted to pay with them.
The reduced price disappeared when I changed the size.
Your chat agent gave me a code for 5 off, it doesn't do anything.
I see the rebate in the basket, but in the last step it's gone.
The bundle should be cheaper than the single pieces, and it comes out dearer.
Can you apply my coupon afterwards? I forgot to type it in.
I got a voucher for writing a review, it's declared invalid.
The app told me of a price cut of 30 percent, the checkout knows nothing of it.
The reward for my tenth purchase was meant to come off automatically, it did not.
The voucher shows 25 euros on paper and 15 in the system.
Is the code ALPINE case sensitive? None of my attempts brings the price down.
""",
}


def rows() -> list[dict[str, object]]:
    """The training rows, labels interleaved, so that any slice of the file holds all ten."""
    columns = [[(text, label) for text in block.strip().splitlines()] for label, block in MESSAGES.items()]
    return [
        {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": label}]}
        for rank in zip(*columns, strict=True)
        for text, label in rank
    ]
