"""`sluice vw` against Vowpal Wabbit's own program with the same options: a stream with interactions, from text to the last example learned."""

import gzip
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from measuring import alternate, emit, median, spread
from support import project
from support.report import Skip

STREAM, EXAMPLES = "tennis_matches_atp.vw.gz", 275_941
OPTIONS = ["--loss_function", "logistic", "-q", "as", "-q", "bs", "--quiet"]
# Run as a program of its own: the seconds from before the workspace is made until after it is finished, without Python's start.
PEER = """
import sys, time
from vowpalwabbit import Workspace
start = time.monotonic()
Workspace(arg_list=sys.argv[1:]).finish()
print(time.monotonic() - start)
"""


def vw_command():
    data = project.data_folder()
    if data is None or not (data / STREAM).is_file():
        raise Skip(f"there is no {STREAM} (SLUICE_DATA)")
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "stream.vw"
        file.write_bytes(gzip.decompress((data / STREAM).read_bytes()))
        for name, cores in (("vw_command1", "0"), ("vw_command2", f"0-{(os.cpu_count() or 1) - 1}")):
            ours, peer = alternate(lambda: run(file, cores), lambda: run_peer(file, cores), what=name)
            emit(name, median(ours), median(peer), "examples/s",
                 f"vw {' '.join(OPTIONS)}, 2^18, cores {cores}; {len(ours)} runs each, ours {spread(ours)} VW {spread(peer)}")


def run(file, cores):
    """Examples a second of the whole run, with the program's start."""
    start = time.monotonic()
    subprocess.run(["taskset", "-c", cores, project.binary("sluice"), "vw", "-d", file, *OPTIONS], check=True)
    return EXAMPLES / (time.monotonic() - start)


def run_peer(file, cores):
    done = subprocess.run(["taskset", "-c", cores, sys.executable, "-c", PEER, "-d", str(file), *OPTIONS],
                          capture_output=True, text=True)
    if "ModuleNotFoundError" in done.stderr or "ImportError" in done.stderr:
        raise Skip("the Python package vowpalwabbit cannot be had")
    return EXAMPLES / float(done.stdout.split()[-1])
