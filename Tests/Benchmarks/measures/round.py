"""The round trip between a clock and an owner, two processes on this machine's cores, idle and with both parsing.

`sluice bench round` sends what settled rounds send, windows of 256, over the nodes' own transport, and computes nothing.
"""

import os
import signal
import subprocess

from console import bench
from measuring import ROUNDS, emit, median, spread
from support import project

WINDOW = 256


def round():
    cores = f"0-{(os.cpu_count() or 1) - 1}"
    for name, parsers, niceness in (("round_idle", 0, 19), ("round_busy", 1, 19), ("round_busy_not_nice", 1, 0)):
        runs = [measured(cores, parsers, niceness) for _ in range(ROUNDS)]
        means = [run["mean_us"] for run in runs]
        emit(name, median(means), None, "us",
             f"mean of a round, window {WINDOW}, {parsers} thread parsing in each process at nice {niceness}, unpinned; "
             f"p99 {median(run['p99_us'] for run in runs):.0f} us, {median(run['parsed_per_second'] for run in runs):,.0f} "
             f"lines parsed a second by the clock's process; {len(runs)} runs {spread(means)}")


def measured(cores, parsers, niceness):
    options = ["--window", str(WINDOW), "--parsers", str(parsers), "--niceness", str(niceness)]
    owner = subprocess.Popen(["taskset", "-c", cores, project.binary("sluice"), "bench", "round", "--listen",
                              "127.0.0.1:0", *options], stdout=subprocess.PIPE, text=True)
    try:
        address = owner.stdout.readline().split("http=")[1].strip()
        return bench("round", "--server", address, *options, "--seconds", 1, pin=cores)
    finally:
        owner.send_signal(signal.SIGTERM)
        owner.wait(timeout=10)
