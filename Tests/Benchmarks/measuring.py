"""How things are measured here: alternated runs, medians, cores, and the CPU time a process says it used."""

import json
import os
import statistics
import sys

from targets import TARGETS

ROUNDS = int(os.environ.get("SLUICE_ROUNDS", "5"))
SERVER_CORE, CLIENT_CORE = 0, 1
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def need_two_cores():
    from support.report import Skip
    if (os.cpu_count() or 1) < 2:
        raise Skip("server and client want a core each; this machine has one")


def cpu_seconds(pid):
    """User and system time of a process with all its threads, so far."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def resident_bytes(pid):
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError(f"no VmRSS of process {pid}")


def alternate(ours, *peers, rounds=ROUNDS, what=""):
    """Runs ours, peer, ours, peer... so that a noisy hour hits all: a list of values for each."""
    values = [[] for _ in (ours, *peers)]
    for number in range(rounds):
        for side, run in enumerate((ours, *peers)):
            values[side].append(run())
        told = ", ".join(f"peer {shown(side[-1])}" for side in values[1:])
        say(f"{what} round {number + 1} of {rounds}: ours {shown(values[0][-1])}, {told}")
    return values


def shown(value):
    return ", ".join(f"{v:.6g}" for v in (value if isinstance(value, tuple) else (value,)))


median = statistics.median


def percentile(values, share):
    """The smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def emit(measure, ours, peer, unit, note, ratio=None):
    """Prints a measure's line; the ratio is ours to the peer's unless given."""
    must, aim, better = TARGETS[measure]
    if ratio is None and peer:
        ratio = ours / peer
    print(json.dumps({"measure": measure, "ours": rounded(ours), "peer": rounded(peer), "ratio": rounded(ratio),
                      "must": must, "aim": aim, "unit": unit, "note": note}), flush=True)
    if must is not None and ratio is not None:
        reached = ratio >= must if better == "more" else ratio <= must
        say(f"{measure}: {ratio:.3g} {'reaches' if reached else 'MISSES'} {must}")


def rounded(value):
    return None if value is None else float(f"{value:.5g}")


def spread(values):
    return f"[{min(values):.4g}..{max(values):.4g}]"


def say(text):
    print(text, file=sys.stderr, flush=True)
