#!/usr/bin/env python3
"""Make the texts of the GPU benchmark, one a line, the same on every machine.

    python texts.py DIR

    payload.txt   five times the shape of the payload that embedding servers are compared by: "1" and 254 texts of 451
                  common words (453 tokens)
    short.txt     20,000 texts of 38 to 58 words (about 50 tokens)
    mixed.txt     20,000 texts of 3 to 300 words
"""

import random
import sys
from pathlib import Path

WORDS = """time year people way day man thing woman life child world school state family student group country problem
hand part place case week company system program question work government number night point home water room mother
area money story fact month lot right study book eye job word business issue side kind head house service friend father
power hour game line end member law car city community name president team minute idea body information back parent face
others level office door health person art war history party result change morning reason research girl guy moment air
teacher force education""".split()


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(0)

    def text(words):
        return " ".join(rng.choice(WORDS) for _ in range(words))

    payload = [line for _ in range(5) for line in ["1"] + [text(451) for _ in range(254)]]
    files = {
        "payload.txt": payload,
        "short.txt": [text(rng.randint(38, 58)) for _ in range(20000)],
        "mixed.txt": [text(rng.randint(3, 300)) for _ in range(20000)],
    }
    for name, lines in files.items():
        (out / name).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
