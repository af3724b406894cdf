"""A spec's transforms, written a second time from docs/FORMAT.md, "Text": which bin a number is in, which leaf it leads to.

Knows the page, never the sources. `vw_features.features` makes the features; here are only the plan and its arithmetic.
"""

import bisect
import fractions
import math
import re

import numpy

NUMBER = re.compile(rb"[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|nan|inf|infinity)$", re.IGNORECASE)
NODE = re.compile(r"(\d+)<([^,]+),([lrLR])$")
# A split with its side in capitals takes a number this near to 0 for a missing one.
NEAR_ZERO = float(numpy.float32(1e-35))


def float32(text):
    """The Float nearest to a number's text, decimal or hexadecimal; not by way of a double, which would round twice."""
    text = text.decode() if isinstance(text, bytes) else text
    if "0x" in text.lower():
        return numpy.float32(float.fromhex(text))
    wide = float(text)
    with numpy.errstate(over="ignore"):
        near = numpy.float32(wide)
    if not math.isfinite(wide) or not numpy.isfinite(near) or float(near) == wide:
        return near
    exact = fractions.Fraction(text)
    off = abs(fractions.Fraction(float(near)) - exact)
    for toward in (-numpy.inf, numpy.inf):
        beside = numpy.nextafter(near, numpy.float32(toward))
        if numpy.isfinite(beside) and abs(fractions.Fraction(float(beside)) - exact) < off:
            return beside
    return near


class Bins:
    """The bins of one feature, `namespace^name`."""

    def __init__(self, feature, edges):
        self.feature = feature.encode()
        self.namespace, _, self.name = self.feature.partition(b"^")
        self.edges = [float(float32(edge)) for edge in edges]

    def name_of(self, number):
        """The name of the feature that stands for a number: its bin, or `missing` for NaN."""
        if math.isnan(number):
            return self.missing
        return self.name + b"=%d" % bisect.bisect_right(self.edges, float(number))

    @property
    def missing(self):
        return self.name + b"=missing"


class Trees:
    """One list of trees, whose leaves are features of one namespace."""

    def __init__(self, namespace, inputs, trees):
        self.namespace = namespace.encode()
        self.inputs = [feature.encode().partition(b"^")[::2] for feature in inputs]
        self.trees = [_tree(iter(text.split())) for text in trees]

    def names(self, numbers):
        """The names of the leaves that the inputs' numbers lead to; None and NaN are missing."""
        for place, node in enumerate(self.trees):
            while isinstance(node, tuple):
                node = _next(node, numbers)
            yield b"%d=%d" % (place, node)


def _tree(words):
    word = next(words)
    if word.startswith("="):
        return int(word[1:])
    found = NODE.match(word)
    if not found:
        raise ValueError(f"no node of a tree: {word!r}")
    left = _tree(words)
    return int(found[1]), float(float32(found[2])), found[3], left, _tree(words)


def _next(node, numbers):
    place, edge, side, left, right = node
    number = numbers[place]
    missing = number is None or math.isnan(number) or (side.isupper() and abs(float(number)) <= NEAR_ZERO)
    goes_left = side.lower() == "l" if missing else float(number) < edge
    return left if goes_left else right


class Plan:
    """The transforms of a spec's text."""

    def __init__(self, spec):
        # PyYAML without types: edges stay the text that they are.
        import yaml
        found = (yaml.load(spec, yaml.BaseLoader) or {}).get("transforms") or {}
        self.bins = sorted((Bins(feature, edges) for feature, edges in (found.get("bins") or {}).items()),
                           key=lambda bins: bins.feature)
        self.lists = [Trees(each["namespace"], each["inputs"], each["trees"]) for each in found.get("trees") or []]
