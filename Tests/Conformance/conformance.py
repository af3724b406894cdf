"""Starts one server node and two workers, trains a model, and runs the check modules in order.

The modules that stop nodes come last. See `run` for how to call it.
"""

import importlib
import sys

from support.report import Report

MODULES = ["hashing", "http", "triton", "bits", "versions", "streaming", "formats", "bad_input", "starting", "draining"]


def main():
    chosen = sys.argv[1:] or MODULES
    unknown = [name for name in chosen if name not in MODULES]
    if unknown:
        raise SystemExit(f"unknown: {' '.join(unknown)}; known are {' '.join(MODULES)}")
    from subject import Subject
    subject = None if chosen == ["hashing"] else Subject()
    report = Report()
    for name in chosen:
        for title, check in importlib.import_module(f"checks.{name}").checks(subject):
            report.run(title, check)
    if subject:
        subject.cluster.stop()
    report.finish()


if __name__ == "__main__":
    main()
