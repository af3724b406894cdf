"""Vowpal Wabbit's parsing and hashing, written a second time from its rules, to hold the product's against.

Only what a scored line needs: namespaces, names, values, text values, the constant, crosses.
"""

import itertools
import re

import mmh3
import numpy

CONSTANT_INDEX = 11650396
BLANKS = bytes(range(0x21))
FLOAT = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
WORD = 0xFFFFFFFF


def hash_name(name, seed, mode="strings"):
    """H(name, seed): murmur3 32, but in mode `strings` a name of digits only is its number plus the seed."""
    if mode == "strings":
        trimmed = name.strip(BLANKS)
        if trimmed.isdigit():
            return (int(trimmed) + seed) & WORD
        if not trimmed:
            return seed
        name = trimmed
    return mmh3.hash(name, seed & WORD, signed=False)


def features(line, mode="strings", hash_seed=0, constant=True, crosses=(), bits=32):
    """The (hash, value) pairs of one line, in order, hashes not yet masked; zero values left out, as VW does. Crosses are of
    indices masked to `bits`."""
    if isinstance(line, str):
        line = line.encode()
    pairs, spaces = [], {}
    bar = line.find(b"|")
    for part in line.rstrip(b"\r\n")[bar + 1:].split(b"|") if bar >= 0 else []:
        head = b"" if part[:1] in (b" ", b"\t", b"") else re.split(rb"[ \t]", part, maxsplit=1)[0]
        name, _, weight_text = head.partition(b":")
        weight = float(weight_text) if weight_text else 1.0
        namespace = hash_name(name, hash_seed, mode) if name else 0
        found = list(_namespace_features(part[len(head):], namespace, weight, mode))
        pairs += found
        if found:
            spaces.setdefault(name[:1] or b" ", []).extend((index & ((1 << bits) - 1), value) for index, value in found)
    if constant:
        pairs.append((CONSTANT_INDEX, 1.0))
    return pairs + list(_crossed(spaces, crosses))


def _crossed(spaces, crosses):
    """The products of the terms of `crosses`, such as "ab" or "a:", each set of namespaces once."""
    seen = set()
    for cross in crosses:
        letters = cross.encode()
        for chosen in itertools.combinations_with_replacement(sorted(spaces), letters.count(b":")):
            fill = iter(chosen)
            term = [next(fill) if letter == ord(":") else bytes([letter]) for letter in letters]
            key = tuple(sorted(term))
            if key in seen:
                continue
            seen.add(key)
            if 1 < len(set(term)) < len(term):
                term = sorted(term)
            if all(name in spaces for name in term):
                yield from _products(spaces, term)


def _products(spaces, term):
    ranges = [range(len(spaces[name])) for name in term]
    for places in itertools.product(*ranges):
        # Of one namespace twice in a row no choice twice.
        if any(a == b and i > j for a, b, i, j in zip(term, term[1:], places, places[1:])):
            continue
        index, value = spaces[term[0]][places[0]]
        value = numpy.float32(value)
        for name, place in zip(term[1:], places[1:]):
            other, factor = spaces[name][place]
            index, value = (16777619 * index & WORD) ^ other, value * numpy.float32(factor)
        yield index, float(value)


def _namespace_features(text, namespace, weight, mode):
    unnamed_count = 0
    for token in re.split(rb"[ \t]+", text.strip(b" \t")):
        if not token:
            continue
        name, colon, value_text = token.partition(b":")
        if name:
            index = hash_name(name, namespace, mode)
        else:
            index = (namespace + unnamed_count) & WORD
            unnamed_count += 1
        value = 1.0
        if colon and FLOAT.match(value_text):
            value = float(value_text)
        elif colon:
            index = hash_name(value_text, index, mode)
        if value * weight != 0:
            yield index, value * weight


def csr(lines, bits, **options):
    """The CSR tensors of lines: indices (masked to 2^bits), values, offsets, as plain lists."""
    indices, values, offsets = [], [], [0]
    for line in lines:
        for index, value in features(line, bits=bits, **options):
            indices.append(index & ((1 << bits) - 1))
            values.append(value)
        offsets.append(len(indices))
    return indices, values, offsets
