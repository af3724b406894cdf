"""Other people's HTTP clients as commands, and what they print as values."""

import dataclasses
import re
import subprocess

from . import project
from .report import Mismatch, Skip


def needs(tool):
    if not project.has_tool(tool):
        raise Skip(f"{tool} is not installed")


def run(*command, given=None, seconds=60):
    return subprocess.run(command, input=given, capture_output=True, timeout=seconds)


@dataclasses.dataclass
class Curled:
    status: int
    http: str
    seconds: float
    content_type: str
    body: bytes
    trace: str


def curl(url, *options, given=None, seconds=60):
    """Runs curl; `given` is its standard input, for `--data-binary @-`."""
    needs("curl")
    marker = "\n==curl== "
    done = run("curl", "-sS", "-v", "--max-time", str(seconds), *options, "-w",
               marker + "%{http_code} %{http_version} %{time_total} %{content_type}", url, given=given,
               seconds=seconds + 5)
    body, found, told = done.stdout.rpartition(marker.encode())
    if not found:
        raise Mismatch(f"curl {url} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-300:]}")
    status, http, taken, *kind = told.decode().split(" ", 3)
    if done.returncode:
        raise Mismatch(f"curl {url}: exit {done.returncode}, status {status}: "
                       f"{done.stderr.decode(errors='replace').strip().splitlines()[-1:]}")
    return Curled(int(status), http, float(taken), kind[0] if kind else "", body, done.stderr.decode(errors="replace"))


@dataclasses.dataclass
class Loaded:
    """h2load's summary."""

    requests_per_second: float
    succeeded: int
    failed: int
    good: int
    seconds: float
    text: str


UNIT_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def read_h2load(text):
    finished = re.search(r"finished in ([\d.]+)(us|ms|s), ([\d.]+) req/s", text)
    requests = re.search(r"(\d+) succeeded, (\d+) failed", text)
    codes = re.search(r"status codes: (\d+) 2xx", text)
    if not (finished and requests and codes):
        raise Mismatch(f"h2load printed no summary: {text[-400:]}")
    return Loaded(float(finished[3]), int(requests[1]), int(requests[2]), int(codes[1]),
                  float(finished[1]) * UNIT_SECONDS[finished[2]], text)


def h2load(url, *options, pin=None, seconds=120):
    needs("h2load")
    pinned = [] if pin is None else ["taskset", "-c", str(pin)]
    done = run(*pinned, "h2load", *map(str, options), url, seconds=seconds)
    return read_h2load(done.stdout.decode(errors="replace"))
