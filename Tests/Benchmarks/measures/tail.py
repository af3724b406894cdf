"""Whether updates slow reads: p99 of 100-example requests at half the saturated rate, with deltas against without.

`sluice bench feed` stands in for a server node: it pushes deltas of random rows at a steady rate, also 10 M rows/s, which
no trainer on this machine could cause. The worker has a core of its own; the feed and h2load share the other.
"""

import os
import shutil
import tempfile

from measuring import CLIENT_CORE, ROUNDS, SERVER_CORE, alternate, emit, median, need_two_cores, spread
from serving import Requests, load, steady_p99
from support.http import ask
from support.nodes import Node, until

BITS = 22
MODEL = "bench"
EXAMPLES = 100
# Deltas of 10,000 and 100,000 rows. The checksum of one of a million takes the feed a millisecond of h2load's core.
PUBLISH_EVERY = "10ms"
CLIENTS, STREAMS = 4, 10


def tail():
    need_two_cores()
    rounds = max(3, ROUNDS)
    rate = saturated() / 2
    for name, rows_per_second in (("tail_1m", 1_000_000), ("tail_10m", 10_000_000)):
        ours, peer = alternate(lambda rows=rows_per_second: p99(rows, rate), lambda: p99(0, rate), rounds=rounds, what=name)
        emit(name, median(ours), median(peer), "ms p99",
             f"requests of {EXAMPLES} examples at {rate:,.0f}/s, half the saturated rate; {rows_per_second:,} rows/s of "
             f"deltas, one every {PUBLISH_EVERY}, against none; {rounds} runs each, {spread(ours)} against {spread(peer)}; less is better")


class Fed:
    """A worker that follows a feed of that many rows a second."""

    def __init__(self, rows_per_second):
        self.folder = tempfile.mkdtemp(prefix="sluice-tail-")
        self.feed = Node("sluice", ["bench", "feed", "--listen", "127.0.0.1:0", "--bits", BITS,
                                    "--rows-per-second", rows_per_second, "--publish-every", PUBLISH_EVERY, "--model",
                                    MODEL], self.folder, CLIENT_CORE)
        # On a machine of its own it would take nothing from the clients; here it gives way to them.
        for thread in os.listdir(f"/proc/{self.feed.pid}/task"):
            os.setpriority(os.PRIO_PROCESS, int(thread), 19)
        self.worker = Node("sluice-worker", ["--listen", "127.0.0.1:0", "--server", self.feed.peer], self.folder, SERVER_CORE)
        model = until(lambda: self._model(), seconds=30)
        self.requests = Requests(self.worker, MODEL, BITS, model["parameters"]["fingerprint"], self.folder)

    def _model(self):
        answer = ask(self.worker.http, "GET", f"/v2/models/{MODEL}")
        return answer.json() if answer.status == 200 else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for node in (self.worker, self.feed):
            if node.terminate(seconds=5) is None:
                node.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def saturated():
    with Fed(0) as fed:
        options, _ = fed.requests.options(EXAMPLES, with_values=False)
        return median(load(fed.requests.infer_url, fed.worker.pid, options, 20_000, CLIENTS, STREAMS)[0] for _ in range(3))


def p99(rows_per_second, rate):
    with Fed(rows_per_second) as fed:
        options, _ = fed.requests.options(EXAMPLES, with_values=False)
        return steady_p99(fed.requests.infer_url, options, fed.folder, rate, CLIENTS, STREAMS, pin=CLIENT_CORE)[0]
