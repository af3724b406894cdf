"""Crosses made on the fly, against the same crosses written out as features; text to model, on one core."""

import itertools
import pathlib

import clickstream
from measures.learn import learn
from measuring import alternate, emit, median, spread

LINES = 200_000
TERMS = ["ab", "cf", "dg", "gj", "hmn"]


def crosses():
    plain, written = files()
    options = [word for term in TERMS for word in ("-q", term)]
    ours, peer = alternate(lambda: learn(plain, "0", options), lambda: learn(written, "0"), what="crosses")
    rates, peers = [rate for rate, _ in ours], [rate for rate, _ in peer]
    # Cost, so the other way round.
    emit("crosses", LINES / median(rates), LINES / median(peers), "s",
         f"{LINES} lines of 25 features, crosses {' '.join(TERMS)} on the fly against a file that has them as features; "
         f"{spread(rates)} against {spread(peers)} examples/s")


def files():
    """The stream's first lines, and the same with their crosses as names of a namespace of their own."""
    source = pathlib.Path(clickstream.path())
    plain, written = source.with_name("crosses.vw"), source.with_name("crosses-written.vw")
    if not written.exists():
        with open(source) as lines, open(plain, "w") as kept, open(written, "w") as out:
            for line in itertools.islice(lines, LINES):
                kept.write(line)
                names = {part.split()[0][0]: [word.split(":")[0] for word in part.split()[1:]]
                         for part in line.split("|")[1:]}
                made = ["^".join(chosen) for term in TERMS for chosen in itertools.product(*(names[n] for n in term))]
                out.write(line.rstrip("\n") + " |Z " + " ".join(made) + "\n")
    return plain, written
