"""Prints a line per check and the final count. A check is a function that returns or raises."""

import sys
import traceback


class Mismatch(AssertionError):
    """What was expected and what came instead."""


class Skip(Exception):
    """A peer this machine does not have; said aloud, never counted as passed."""


def expect(got, wanted, what="answer"):
    if got != wanted:
        raise Mismatch(f"{what}: expected {wanted!r}, got {got!r}")


def expect_that(truth, what):
    if not truth:
        raise Mismatch(what)


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def run(self, name, check):
        try:
            check()
        except Skip as reason:
            self.skipped += 1
            print(f"SKIPPED: {name}: {reason}", flush=True)
        except Mismatch as mismatch:
            self._fail(name, str(mismatch))
        except Exception as error:  # A check that broke is a check that failed.
            place = traceback.extract_tb(error.__traceback__)[-1]
            self._fail(name, f"{type(error).__name__}: {error} ({place.filename.rsplit('/', 1)[-1]}:{place.lineno})")
        else:
            self.passed += 1
            print(f"ok   {name}", flush=True)

    def _fail(self, name, why):
        self.failed += 1
        print(f"FAIL {name}: {why}", flush=True)

    def finish(self):
        tail = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{self.passed} passed, {self.failed} failed{tail}")
        sys.exit(1 if self.failed else 0)
