"""Vowpal Wabbit through its Python module: run as a program it learns one file and prints its seconds and its loss.

The seconds run from before the workspace is made until after it is finished: the whole run without Python's own start.
"""

import json
import subprocess
import sys
import time

ALPHA = BETA = "0.1"
OPTIONS = ["--ftrl", "--ftrl_alpha", ALPHA, "--ftrl_beta", BETA, "-b", "22", "--loss_function", "logistic", "--quiet"]


def learn(path, cores):
    """(examples/s, log loss) of VW over a file, on a taskset list of cores, in a process of its own."""
    from support.report import Skip
    done = subprocess.run(["taskset", "-c", cores, sys.executable, __file__, str(path)], capture_output=True, text=True)
    if "ModuleNotFoundError" in done.stderr or "ImportError" in done.stderr:
        raise Skip("the Python package vowpalwabbit cannot be had")
    if done.returncode:
        raise RuntimeError(f"vw: {done.stderr[-300:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    return told["examples"] / told["seconds"], told["loss"]


def main():
    from vowpalwabbit import Workspace
    start = time.monotonic()
    workspace = Workspace(arg_list=["-d", sys.argv[1], *OPTIONS])
    loss, weight = workspace.get_sum_loss(), workspace.get_weighted_examples()
    workspace.finish()
    print(json.dumps({"seconds": time.monotonic() - start, "loss": loss / weight, "examples": weight}))


if __name__ == "__main__":
    main()
