"""Whether a newer version of a saved model, put in place under load, fails or slows reads: p99 of 100-example requests at
half the saturated rate, with a swap about every second against none.

The worker serves a folder of saved models, on one core, which also reads each new file. No request may fail.
"""

import concurrent.futures
import itertools
import os
import shutil
import subprocess
import tempfile

import clickstream
from measuring import CLIENT_CORE, ROUNDS, SERVER_CORE, alternate, emit, median, need_two_cores, spread
from serving import Requests, load, steady_p99
from support import project
from support.http import ask
from support.nodes import Node, until

BITS = 22
MODEL = "bench"
EXAMPLES = 100
# What each version has learned, and so its number.
VERSIONS = (800_000, 900_000, 1_000_000)
# The worker looks for a new file twice a second.
SWAP_SECONDS = 1
CLIENTS, STREAMS = 4, 10


def swap():
    need_two_cores()
    with Saved() as saved:
        rate = median(saved.saturated() for _ in range(3)) / 2
        ours, peer = alternate(lambda: saved.p99(rate, swaps=True), lambda: saved.p99(rate, swaps=False),
                               rounds=max(3, ROUNDS), what="swap")
        emit("swap", median(ours), median(peer), "ms p99",
             f"requests of {EXAMPLES} examples at {rate:,.0f}/s, half the saturated rate; {saved.swaps} swaps of a model of "
             f"2^{BITS}, one about every {SWAP_SECONDS} s, each served before the next, against none; 0 of {saved.asked:,} "
             f"requests failed; {len(ours)} runs each, {spread(ours)} against {spread(peer)}; less is better")


class Saved:
    """A worker that serves a folder of one saved model, and further versions of it beside the folder."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sluice-swap-")
        self.swaps = self.asked = 0
        for version in VERSIONS:
            self._learn(version)
        self.next = itertools.cycle(VERSIONS)
        os.makedirs(self._path("models", MODEL))
        self._put()
        self.worker = Node("sluice-worker", ["--listen", "127.0.0.1:0", "--models", self._path("models")], self.folder,
                           SERVER_CORE)
        self._wait()
        requests = Requests(self.worker, MODEL, BITS, self._metadata()["parameters"]["fingerprint"], self.folder)
        self.url = requests.infer_url
        self.options, _ = requests.options(EXAMPLES, with_values=False)

    def _path(self, *names):
        return os.path.join(self.folder, *names)

    def _learn(self, version):
        with subprocess.Popen(["head", "-n", str(version), str(clickstream.path())], stdout=subprocess.PIPE) as lines:
            subprocess.run([project.binary("sluice"), "learn", "-b", str(BITS), "--save", self._path(str(version)), "--quiet"],
                           stdin=lines.stdout, check=True)

    def _put(self):
        """Renames the next version into place: a link to it, so that no copy takes the client's core."""
        self.newest = next(self.next)
        link = self._path("models", MODEL, "model.sluice.unfinished")
        os.link(self._path(str(self.newest), "model.sluice"), link)
        os.rename(link, self._path("models", MODEL, "model.sluice"))

    def _metadata(self):
        answer = ask(self.worker.http, "GET", f"/v2/models/{MODEL}")
        return answer.json() if answer.status == 200 else None

    def _serves_newest(self):
        told = self._metadata()
        return told is not None and told["versions"] == [str(self.newest)]

    def _wait(self):
        if not until(self._serves_newest, seconds=30):
            raise RuntimeError(f"version {self.newest} is not served: {self._metadata()}; log: {self.worker.log_tail()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.worker.terminate(seconds=5) is None:
            self.worker.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def saturated(self):
        return load(self.url, self.worker.pid, self.options, 20_000, CLIENTS, STREAMS)[0]

    def p99(self, rate, swaps):
        with concurrent.futures.ThreadPoolExecutor(1) as side:
            loading = side.submit(steady_p99, self.url, self.options, self.folder, rate, CLIENTS, STREAMS, pin=CLIENT_CORE)
            while not concurrent.futures.wait([loading], SWAP_SECONDS).done:
                # Asked without swaps, too, so that the asking costs both.
                if self._serves_newest() and swaps:
                    self._put()
                    self.swaps += 1
        self._wait()
        milliseconds, asked = loading.result()
        self.asked += asked
        return milliseconds
