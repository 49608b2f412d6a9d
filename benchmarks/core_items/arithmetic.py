"""Small sums, differences and products. The last number of the reply counts.

Half are asked at once, half after one or two solved examples as earlier turns of the conversation.
"""

from __future__ import annotations

import random
from typing import Any

from rewriting import asked

FRAMES: dict[str, list[str]] = {
    "add": [
        "What is {a} + {b}? Answer with the number only.",
        "What is the sum of {a} and {b}?",
        "Complete the equation: {a} + {b} =",
        "What is {a} plus {b}?",
        "Tell me the result of {a} + {b}.",
        "What is 3 + 4? -> 3 + 4 = 7 || What is {a} + {b}? ->",
        "What is 3 + 4? -> 3 + 4 = 7 || What is 6 + 5? -> 6 + 5 = 11 || What is {a} + {b}? ->",
        "How much is 2 plus 5? -> 2 plus 5 is 7. || How much is {a} plus {b}? ->",
        "Add 4 and 8. -> 4 + 8 = 12 || Add {a} and {b}. ->",
        "Calculate 5 + 2. -> The result is 7. || Calculate {a} + {b}. ->",
    ],
    "subtract": [
        "Complete the equation: {a} - {b} =",
        "What is {a} - {b}? Answer with the number only.",
        "What is 9 - 4? -> 9 - 4 = 5 || What is {a} - {b}? ->",
        "What is 9 - 4? -> 9 - 4 = 5 || What is 8 - 2? -> 8 - 2 = 6 || What is {a} - {b}? ->",
        "How much is 7 minus 2? -> 7 minus 2 is 5. || How much is {a} minus {b}? ->",
        "Take 3 from 7. -> 7 - 3 = 4 || Take {b} from {a}. ->",
    ],
    "multiply": [
        "What is {a} x {b}? Answer with the number only.",
        "What is the product of {a} and {b}?",
        "Complete the equation: {a} x {b} =",
        "How much is {a} times {b}?",
        "What is 3 x 4? -> 3 x 4 = 12 || What is {a} x {b}? ->",
        "Multiply 2 by 7. -> 2 x 7 = 14 || Multiply {a} by {b}. ->",
        "How much is 4 times 5? -> 4 times 5 is 20. || How much is {a} times {b}? ->",
        "What is 3 x 4? -> 3 x 4 = 12 || What is 6 x 2? -> 6 x 2 = 12 || What is {a} x {b}? ->",
    ],
    "tens": [
        "What is {a} + {b}? Answer with the number only.",
        "What is 20 + 30? -> 20 + 30 = 50 || What is {a} + {b}? ->",
        "How much is 12 plus 5? -> 12 plus 5 is 17. || How much is {a} plus {b}? ->",
        "Complete the equation: {a} + {b} =",
    ],
    "story": [
        "I have 3 apples and get 2 more. How many do I have? -> 3 + 2 = 5 apples. || "
        "I have {a} pens and get {b} more. How many do I have? ->",
        "There are 4 birds and 1 joins them. How many are there? -> 4 + 1 = 5 birds. || "
        "There are {a} ducks and {b} join them. How many are there? ->",
        "Ann reads 2 pages, then 6 pages. How many pages is that? -> 2 + 6 = 8 pages. || "
        "Ben reads {a} pages, then {b} pages. How many pages is that? ->",
        "A pen costs 3 dollars, a book 4 dollars. What do both cost? -> 3 + 4 = 7 dollars. || "
        "A mug costs {a} dollars, a plate {b} dollars. What do both cost? ->",
        "A bag holds 3 balls. How many balls are in 2 bags? -> 3 x 2 = 6 balls. || "
        "A box holds {a} pencils. How many pencils are in {b} boxes? ->",
        "One ticket costs 5 dollars. What do 2 tickets cost? -> 5 x 2 = 10 dollars. || "
        "One cake costs {a} dollars. What do {b} cakes cost? ->",
    ],
}
COUNTS = {"add": 88, "subtract": 24, "multiply": 84, "tens": 20, "story": 48}
SEED = 20


def _numbers(family: str, frame: str, rng: random.Random) -> tuple[int, int, int]:
    """Two numbers and the result."""
    if family == "subtract":
        a = rng.randint(5, 15)
        b = rng.randint(2, min(a - 2, 9))
        return a, b, a - b
    if family == "tens":
        a, b = rng.randint(10, 60), rng.choice([2, 3, 4, 5, 10, 20, 30])
        return a, b, a + b
    a, b = rng.randint(2, 9), rng.randint(2, 9)
    if family == "multiply" or " x " in frame:
        return a, b, a * b
    return a, b, a + b


def items() -> list[dict[str, Any]]:
    """About 270 questions with one number as the answer; the answer never stands in the question."""
    rng = random.Random(SEED)
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    for family, count in COUNTS.items():
        frames = FRAMES[family]
        for index in range(count):
            frame = frames[index % len(frames)]
            while True:
                a, b, result = _numbers(family, frame, rng)
                question = asked(frame.replace("{a}", str(a)).replace("{b}", str(b)), "")
                key = str(question)
                if key not in seen and result not in (a, b):
                    break
            seen.add(key)
            cluster = f"{family}:{index % len(frames)}"
            found.append({**question, "answer": str(result), "cluster": cluster, "note": family})
    return found
