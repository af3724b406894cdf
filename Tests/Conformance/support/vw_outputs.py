"""Compares what two builds of Vowpal Wabbit print: texts word for word, numbers as near as builds are to each other."""

import re

from .report import Mismatch

# Relative above 1, absolute below: Vowpal Wabbit's own builds differ by that much.
TOLERANCE = 1e-3
# Lines about the build or the file system rather than about examples.
IGNORED = re.compile(r"Version |Id|Checksum: |\[info\] VW 9\.0\.0 introduced")
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def near(ours, theirs, tolerance=TOLERANCE):
    return ours == theirs or abs(ours - theirs) <= tolerance * max(1.0, abs(theirs))


def lines_of(text):
    return [line.rstrip() for line in text.splitlines() if line.strip() and not IGNORED.match(line)]


def is_word_near(ours, theirs):
    """Whether two words are the same but for numbers in them that are near."""
    if ours == theirs:
        return True
    if NUMBER.sub("#", ours) != NUMBER.sub("#", theirs):
        return False
    return all(near(float(a), float(b)) for a, b in zip(NUMBER.findall(ours), NUMBER.findall(theirs)))


def expect_near(ours, theirs, what):
    """Raises at the first line that differs."""
    ours, theirs = lines_of(ours), lines_of(theirs)
    for number, (a, b) in enumerate(zip(ours, theirs), 1):
        words, wanted = a.split(), b.split()
        if len(words) != len(wanted) or not all(map(is_word_near, words, wanted)):
            raise Mismatch(f"{what}, line {number}: expected {b!r}, got {a!r}")
    if len(ours) != len(theirs):
        raise Mismatch(f"{what}: expected {len(theirs)} lines, got {len(ours)}")


def rows(text):
    """The weights of a readable model by index: of rows whose last word is `index:weight …`, maybe with names in front."""
    found = {}
    for line in text.splitlines():
        row = re.match(r"(?:.*:)?(\d+):(\S+(?: \S+)*)$", line)
        if row and not line.startswith(("bits:", "lda:", "Min label:", "Max label:")):
            found[int(row[1])] = [float(number) for number in row[2].split()]
    return found


def expect_model_near(ours, theirs, what):
    """Rows of a readable model, in any order; a weight of a millionth may be missing on either side."""
    ours, theirs = rows(ours), rows(theirs)
    for index in sorted(set(ours) | set(theirs)):
        a, b = ours.get(index), theirs.get(index)
        if a is None or b is None:
            if max(map(abs, (a or b)[:1])) > 1e-6:
                raise Mismatch(f"{what}, index {index}: expected {b}, got {a}")
        elif len(a) != len(b) or not all(map(near, a, b)):
            raise Mismatch(f"{what}, index {index}: expected {b}, got {a}")
