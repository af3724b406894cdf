"""Specs with transforms and lines with every kind of number, for the corners that event streams do not have."""

import random

BINS = """  bins:
    "n^age": [0x1.4p+4, 0x1p+5, 40]
    "n^inc": [-3e0, 0.1, 3]
    "n^007": [5]
    "n^0": [0.5, 2]
    "m^a^b": [-0x1p-149, 0, 0x1p-149]
    "^x": [0.30000001]
    "never^seen": [1, 2]
"""
TREES = """  trees:
  - namespace: tree
    inputs: ["n^age", "n^z", "m^w"]
    trees:
    - "0<0x1.4p+4,l =0 1<0x1p+3,r =1 =2"
    - "1<0x1p-1,L 2<0x1p+0,R =5 =4 2<-0x1p+0,r =3 0<0x1p+5,L 1<0x1p+1,l =2 =1 =0"
    - "=0"
  - namespace: "leaves"
    inputs: ["m^w", "never^seen"]
    trees: ["0<0x0p+0,R 1<0x1p+0,l =0 =1 0<0x1p+3,L =2 =3"]
"""
# Slow, so that numbers as large as these do not drive the margins to where all probabilities are 0 or 1.
FRONT = "bits: 20\nlearner: {rule: ftrl, alpha: 0.02, beta: 1}\n"
# By name: the spec, and what `vw_features.features` is told to make the same features.
SPECS = {
    "bins": (FRONT + "transforms:\n" + BINS, {}),
    "trees": (FRONT + "transforms:\n" + TREES, {}),
    "all": (FRONT + 'crosses: [nt, " tl", "mm", "n:"]\ntransforms:\n' + BINS + TREES,
            {"crosses": ["nt", " tl", "mm", "n:"]}),
    "all, every name hashed": (FRONT + "hash: all\ntransforms:\n" + BINS + TREES, {"mode": "all"}),
    "all, a hash seed, no constant": (
        FRONT + "hash_seed: 7\nconstant: false\ncrosses: [mt]\ntransforms:\n" + BINS + TREES,
        {"hash_seed": 7, "constant": False, "crosses": ["mt"]}),
}
NUMBERS = ["20", "19.999999", "20.000001", "32", "40", "-3", "0.1", "0.099999994", "0.10000000149", "3", "0", "-0", "1e-36",
           "-1e-35", "1.0000001e-35", "1e-45", "0.30000001192092896", "0.3", "8", "0.5", "2", "-3.5e0", "+.5e1", "7.",
           # Halfway between two Floats, and just beside: a double on the way would round twice.
           "1.00000005960464477539", "1.000000059604644775390626", "5.0000002384185791015625",
           "5.00000023841857910156250000001"]
# Only for what the plan looks at, and trees' inputs that are not bins take no number beyond 2^32.
ODD_NUMBERS = ["nan", "NaN", "-nan", "inf", "-inf", "Infinity", "1e99", "-1e39"]


def lines(count, plan, seed=31):
    """Labelled lines: a number of a plan's features each, some of them twice, missing, not finite or text."""
    chance = random.Random(seed)
    odd = {(bins.namespace, bins.name) for bins in plan.bins} | {
        feature for each in plan.lists for feature in each.inputs}
    made = []
    for _ in range(count):
        parts = []
        for namespace in chance.sample(["n", "m", "", "n", "tree", "nn", "never"], chance.randrange(1, 6)):
            weight = chance.choice(["", "", "", ":0.5", ":-2", ":0", ":0.1"]) if namespace else ""
            parts.append(f"|{namespace}{weight} " + " ".join(
                _feature(chance, namespace, odd) for _ in range(chance.randrange(1, 5))))
        label = 1 if ("age:2" in "".join(parts)) ^ (chance.random() < 0.3) else -1
        made.append(f"{label} " + " ".join(parts))
    return made


def _feature(chance, namespace, odd):
    name = chance.choice({"n": ["age", "age", "inc", "z", "z", "7", "007", "id"], "m": ["a^b", "w", "w", "id"], "": ["x", "y"],
                          "never": ["other", "other", "seen"]}.get(namespace, ["0=1", "age", "k"]))
    kind = chance.random()
    if kind < 0.1:
        return name
    if kind < 0.15:
        return f"{name}:text{chance.randrange(3)}"
    if kind < 0.2:
        return f":{chance.choice(NUMBERS)}"
    # In mode `strings` 7 is 007.
    known = (namespace.encode(), name.encode()) in odd and name != "7"
    return f"{name}:{chance.choice(ODD_NUMBERS if known and kind < 0.4 else NUMBERS)}"
