"""Vowpal Wabbit's parsing and hashing, written a second time from its rules, to hold the product's against.

Only what a scored line needs: namespaces, names, values, text values, transforms, the constant, crosses.
"""

import itertools
import re

import mmh3
import numpy

from .transforms import NUMBER, float32

CONSTANT_INDEX = 11650396
BLANKS = bytes(range(0x21))
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


def features(line, mode="strings", hash_seed=0, constant=True, crosses=(), bits=32, transforms=None):
    """The (hash, value) pairs of one line, in order, hashes not yet masked; zero values left out, as VW does. Crosses are of
    indices masked to `bits`. `transforms`: a `transforms.Plan`."""
    if isinstance(line, str):
        line = line.encode()
    made = _Made(bits)
    numbers = {}
    bins, inputs = _looked_at(transforms, mode, hash_seed)
    bar = line.find(b"|")
    for part in line.rstrip(b"\r\n")[bar + 1:].split(b"|") if bar >= 0 else []:
        head = b"" if part[:1] in (b" ", b"\t", b"") else re.split(rb"[ \t]", part, maxsplit=1)[0]
        name, _, weight_text = head.partition(b":")
        weight = float32(weight_text) if weight_text else numpy.float32(1)
        namespace = _namespace_hash(name, hash_seed, mode)
        for index, number, is_named in _namespace_features(part[len(head):], namespace, mode):
            if is_named and (index in bins or index in inputs):
                numbers[index] = number
            if is_named and index in bins:
                made.append(name, hash_name(bins[index].name_of(number), namespace, mode), weight)
            elif not (is_named and index in inputs) or numpy.isfinite(number):
                made.append(name, index, number * weight)
    for index, one in bins.items():
        if index not in numbers:
            namespace = _namespace_hash(one.namespace, hash_seed, mode)
            made.append(one.namespace, hash_name(one.missing, namespace, mode), numpy.float32(1))
    for each in transforms.lists if transforms else []:
        namespace = _namespace_hash(each.namespace, hash_seed, mode)
        given = [numbers.get(_feature_hash(*feature, hash_seed, mode)) for feature in each.inputs]
        for name in each.names(given):
            made.append(each.namespace, hash_name(name, namespace, mode), numpy.float32(1))
    if constant:
        made.pairs.append((CONSTANT_INDEX, 1.0))
    return made.pairs + list(_crossed(made.spaces, crosses))


class _Made:
    """The features made so far, and what crosses see of them."""

    def __init__(self, bits):
        self.mask = (1 << bits) - 1
        self.pairs, self.spaces = [], {}

    def append(self, namespace, index, value):
        if value != 0:
            self.pairs.append((index, float(value)))
            self.spaces.setdefault(namespace[:1] or b" ", []).append((index & self.mask, float(value)))


def _namespace_hash(name, hash_seed, mode):
    if name:
        return hash_name(name, hash_seed, mode)
    return mmh3.hash(b"", hash_seed, signed=False) if hash_seed else 0


def _feature_hash(namespace, name, hash_seed, mode):
    return hash_name(name, _namespace_hash(namespace, hash_seed, mode), mode)


def _looked_at(transforms, mode, hash_seed):
    """By hash the bins of a plan, in the order of `namespace^name`, and the hashes of trees' inputs."""
    if not transforms:
        return {}, set()
    return ({_feature_hash(bins.namespace, bins.name, hash_seed, mode): bins for bins in transforms.bins},
            {_feature_hash(*feature, hash_seed, mode) for each in transforms.lists for feature in each.inputs})


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


def _namespace_features(text, namespace, mode):
    """(hash, number, whether it is a name with a number) of each feature of a namespace, without the namespace's weight."""
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
        if colon and NUMBER.match(value_text):
            yield index, float32(value_text), bool(name)
        elif colon:
            yield hash_name(value_text, index, mode), numpy.float32(1), False
        else:
            yield index, numpy.float32(1), bool(name)


def csr(lines, bits, **options):
    """The CSR tensors of lines: indices (masked to 2^bits), values, offsets, as plain lists."""
    indices, values, offsets = [], [], [0]
    for line in lines:
        for index, value in features(line, bits=bits, **options):
            indices.append(index & ((1 << bits) - 1))
            values.append(value)
        offsets.append(len(indices))
    return indices, values, offsets
