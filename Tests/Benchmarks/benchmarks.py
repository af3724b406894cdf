"""Runs measures by name, each from its own file in `measures`; one that breaks does not stop the others."""

import importlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Conformance"))

from support.report import Skip  # noqa: E402 (the path above makes it importable)

# Names and the file that measures them.
MEASURES = {
    "learn1": "learn", "learn2": "learn", "train": "train", "predict100": "predict100", "single": "single",
    "kernel": "kernel", "freshness": "freshness", "tail": "tail", "swap": "swap", "delta": "delta", "memory": "memory",
    "round": "round", "group": "group", "spread_models": "group", "three_problems": "three_problems",
    "bins": "scoring", "candidates": "scoring", "collocated": "scoring", "library": "scoring",
    "crosses": "crosses", "vw_command": "vw_command", "durability": "durability", "snapshots": "snapshots", "parse": "parse",
}


def main():
    if "--list" in sys.argv:
        print("\n".join(MEASURES))
        return 0
    chosen = sys.argv[1:] or list(MEASURES)
    unknown = [name for name in chosen if name not in MEASURES]
    if unknown:
        raise SystemExit(f"unknown: {' '.join(unknown)}; known are {' '.join(MEASURES)}")
    broken = 0
    for name in chosen:
        try:
            getattr(importlib.import_module(f"measures.{MEASURES[name]}"), name)()
        except Skip as reason:
            print(f"SKIPPED: {name}: {reason}", flush=True)
        except (Exception, SystemExit) as error:
            broken += 1
            print(f"BROKEN: {name}: {type(error).__name__}: {error}", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
