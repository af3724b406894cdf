"""Vowpal Wabbit's parsing and hashing, written a second time from its rules, to hold the product's against.

Only what a scored line needs: namespaces, names, values, text values, the constant. No crosses.
"""

import re

import mmh3

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


def features(line, mode="strings", hash_seed=0, constant=True):
    """The (hash, value) pairs of one line, in order, hashes not yet masked; zero values left out, as VW does."""
    if isinstance(line, str):
        line = line.encode()
    pairs = []
    bar = line.find(b"|")
    for part in line.rstrip(b"\r\n")[bar + 1:].split(b"|") if bar >= 0 else []:
        head = b"" if part[:1] in (b" ", b"\t", b"") else re.split(rb"[ \t]", part, maxsplit=1)[0]
        name, _, weight_text = head.partition(b":")
        weight = float(weight_text) if weight_text else 1.0
        namespace = hash_name(name, hash_seed, mode) if name else 0
        pairs += _namespace_features(part[len(head):], namespace, weight, mode)
    if constant:
        pairs.append((CONSTANT_INDEX, 1.0))
    return pairs


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
        for index, value in features(line, **options):
            indices.append(index & ((1 << bits) - 1))
            values.append(value)
        offsets.append(len(indices))
    return indices, values, offsets
