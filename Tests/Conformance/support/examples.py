"""Lines to learn and lines to score, the same on every run: a small click stream with the format's corners in it."""

import random

CORNERS = [
    "|a x y z", "|a x:0.5 y:-2 z:1e-3", "|a:2.0 x y:3", "| x y", "|a x |a y", "|a x x x", "|a 1 2 3", "|a 007 7 07",
    "|a 4294967296 99999999999", "|a -5 5 +5", "|a 3.7 12a 0x1F", "|ns1 f |n f$", "|a café naïve 日本", "|a x:0 z:1",
    "|a :1 :2.5", "|a  x   y", "|a color:red x^y x*y", "|A x |a x", "|a:0.5 x |b:-1 y", "|",
]


def lines(count, seed=11):
    """Labelled lines: ids of a few users and ads, a numeric value, and a corner every tenth line."""
    chance = random.Random(seed)
    made = []
    for k in range(count):
        user, ad, hour = chance.randrange(200), chance.randrange(50), chance.randrange(24)
        label = 1 if chance.random() < 0.1 + 0.5 * ((user * 7 + ad) % 3 == 0) else -1
        body = f"|u {user} u{user} |ad id{ad} brand{ad % 7} |t h{hour} age:{chance.random():.3f}"
        if k % 10 == 9:
            body = f"{CORNERS[k // 10 % len(CORNERS)]} |u {user}"
        made.append(f"{label} {body}")
    return made


def scored(count, seed=12):
    """Lines to score, without labels: the corners first, then the same kind of stream."""
    stream = [line.split(" ", 1)[1] for line in lines(count, seed)]
    return (CORNERS + stream)[:count]


def text(lines_to_join):
    return ("\n".join(lines_to_join) + "\n").encode()
