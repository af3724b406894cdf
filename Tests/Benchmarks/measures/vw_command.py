"""`sluice vw` against Vowpal Wabbit's own program with the same options: a stream with interactions, from text to the last example learned."""

import gzip
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

from measuring import alternate, emit, median, spread
from support import project
from support.report import Skip

STREAM, EXAMPLES = "tennis_matches_atp.vw.gz", 275_941
OPTIONS = ["--loss_function", "logistic", "-b", "22", "-q", "as", "-q", "bs", "--quiet"]
# Run as a program of its own: CPU and wall seconds from before the workspace is made until after it is finished, without Python's start.
PEER = """
import sys, time
from vowpalwabbit import Workspace
cpu, start = time.process_time(), time.monotonic()
Workspace(arg_list=sys.argv[1:]).finish()
print(time.process_time() - cpu, time.monotonic() - start)
"""


def vw_command():
    data = project.data_folder()
    if data is None or not (data / STREAM).is_file():
        raise Skip(f"there is no {STREAM} (SLUICE_DATA)")
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "stream.vw"
        file.write_bytes(gzip.decompress((data / STREAM).read_bytes()))
        # On one core by the CPU time used, as neighbours disturb it less; on all by the clock.
        measure("vw_command1", file, "0", 0, "of CPU time")
        measure("vw_command2", file, f"0-{(os.cpu_count() or 1) - 1}", 1, "by the clock")


def measure(name, file, cores, which, how):
    start = median([run("/dev/null", cores)[which] for _ in range(5)])
    ours, peer = alternate(
        lambda: EXAMPLES / (run(file, cores)[which] - start), lambda: EXAMPLES / run_peer(file, cores)[which], what=name)
    emit(name, median(ours), median(peer), "examples/s",
         f"{how}: vw {' '.join(OPTIONS)}, cores {cores}, both without their programs' start ({1000 * start:.0f} ms); "
         f"{len(ours)} runs each, ours {spread(ours)} VW {spread(peer)}")


def run(file, cores):
    """(CPU, wall) seconds of a whole run, with the program's start."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(["taskset", "-c", cores, project.binary("sluice"), "vw", "-d", str(file), *OPTIONS], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.monotonic() - start


def run_peer(file, cores):
    done = subprocess.run(["taskset", "-c", cores, sys.executable, "-c", PEER, "-d", str(file), *OPTIONS],
                          capture_output=True, text=True)
    if "ModuleNotFoundError" in done.stderr or "ImportError" in done.stderr:
        raise Skip("the Python package vowpalwabbit cannot be had")
    return tuple(map(float, done.stdout.split()))
