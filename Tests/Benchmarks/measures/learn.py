"""Learning a file of text on one machine, against Vowpal Wabbit with the same rule, on one core and on all."""

import json
import os
import subprocess

import clickstream
import vw
from measuring import alternate, emit, median, spread
from support import project


def learn1():
    measure("learn1", "0")


def learn2():
    measure("learn2", f"0-{(os.cpu_count() or 1) - 1}")


def measure(name, cores):
    file = clickstream.path()
    ours, peer = alternate(lambda: learn(file, cores), lambda: vw.learn(file, cores), what=name)
    rates, losses = [rate for rate, _ in ours], [loss for _, loss in ours]
    vw_rates, vw_losses = [rate for rate, _ in peer], [loss for _, loss in peer]
    emit(name, median(rates), median(vw_rates), "examples/s",
         f"text to model, FTRL alpha {vw.ALPHA} beta {vw.BETA}, 2^22, cores {cores}; {len(rates)} runs each, "
         f"ours {spread(rates)} VW {spread(vw_rates)}; log loss {median(losses):.6f} VW {median(vw_losses):.6f}")


def learn(file, cores, options=()):
    """(examples/s, log loss), from opening the file to the last example learned: VW's seconds leave its start out too."""
    done = subprocess.run(
        ["taskset", "-c", cores, project.binary("sluice"), "learn", str(file), "-b", "22", "--alpha", vw.ALPHA,
         "--beta", vw.BETA, *options, "--quiet", "--json"], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    return told["examples"] / told["seconds"], told["log_loss"]
