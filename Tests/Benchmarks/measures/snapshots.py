"""What a snapshot of 2^26 rows costs while it is taken: training at full speed, and the p99 of reads at half load beside
training at half speed. One is under way all the time, which is far more than any interval asks for."""

import shutil
import tempfile
import threading
import time

import clickstream
from measuring import ROUNDS, alternate, emit, median, spread
from serving import Requests, load, steady_p99
from support.http import ask
from support.nodes import Cluster, until
from support.training import train_file

BITS = 26
PASSES = 3
EXAMPLES = 100
CLIENTS, STREAMS = 4, 10


class Busy:
    """A server that journals and a worker, on both cores; a snapshot under way all the time, or none."""

    def __init__(self, takes_snapshots, worker_count=0):
        self.state = tempfile.mkdtemp(prefix="sluice-snapshots-")
        self.cluster = Cluster(worker_count=worker_count, server_options=["--state-folder", self.state, "--snapshot-every", "604800s"])
        made = ask(self.cluster.server.http, "PUT", "/v1/models/m", f"bits: {BITS}\n")
        if made.status != 201:
            raise RuntimeError(f"PUT: {made}")
        self.fingerprint = made.json()["fingerprint"]
        self.over, self.taken = threading.Event(), 0
        if takes_snapshots:
            threading.Thread(target=self._take, daemon=True).start()

    def _take(self):
        while not self.over.is_set():
            try:
                if ask(self.cluster.server.http, "POST", "/v1/models/m/snapshots", seconds=60).status == 200:
                    self.taken += 1
                else:
                    time.sleep(0.05)  # Nothing was learned yet.
            except OSError:
                return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.cluster.stop()
        shutil.rmtree(self.state, ignore_errors=True)


def snapshots():
    taken = []
    ours, none = alternate(lambda: trained(True, taken), lambda: trained(False, []), what="snapshot_train")
    emit("snapshot_train", median(ours), median(none), "examples/s",
         f"sluice train, {PASSES} million lines, 2^{BITS} rows, one snapshot after the other under way, {median(taken):.0f} finished, against none; "
         f"{spread(ours)} against {spread(none)}; the ratio is the median of the pairs'",
         ratio=median(a / b for a, b in zip(ours, none)))
    rate = saturated() / 2
    ours, none = alternate(lambda: p99(True, rate), lambda: p99(False, rate), rounds=max(3, ROUNDS), what="snapshot_tail")
    emit("snapshot_tail", median(ours), median(none), "ms p99",
         f"requests of {EXAMPLES} examples at {rate:,.0f}/s, half the saturated rate, beside training in 1,000-line batches, "
         f"with snapshots of 2^{BITS} rows against without; {spread(ours)} against {spread(none)}; less is better")


def trained(takes_snapshots, taken):
    with Busy(takes_snapshots) as busy:
        seconds = sum(train_file(busy.cluster.server, "m", clickstream.path()) for _ in range(PASSES))
        taken.append(busy.taken)
        return ask(busy.cluster.server.http, "GET", "/v1/models/m").json()["version"] / seconds


def served(busy):
    """Requests for the worker, once it has the model."""
    learned = ask(busy.cluster.server.http, "POST", "/v1/models/m/examples",
                  b"\n".join(clickstream.first_lines(10_000)) + b"\n", seconds=60)
    if learned.status != 200:
        raise RuntimeError(f"training: {learned}")
    worker = busy.cluster.workers[0]
    until(lambda: ask(worker.http, "GET", "/v2/models/m").status == 200, seconds=60)
    return Requests(worker, "m", BITS, busy.fingerprint, busy.cluster.folder)


def saturated():
    with Busy(False, worker_count=1) as busy:
        requests = served(busy)
        options, _ = requests.options(EXAMPLES, with_values=False)
        return median(load(requests.infer_url, busy.cluster.workers[0].pid, options, 20_000, CLIENTS, STREAMS)[0]
                      for _ in range(3)) / 2


def p99(takes_snapshots, rate):
    with Busy(takes_snapshots, worker_count=1) as busy:
        requests = served(busy)
        over = threading.Event()

        def train():
            body = b"\n".join(clickstream.first_lines(1000)) + b"\n"
            while not over.is_set():
                ask(busy.cluster.server.http, "POST", "/v1/models/m/examples", body, seconds=60)
                time.sleep(0.01)

        trainer = threading.Thread(target=train, daemon=True)
        trainer.start()
        options, _ = requests.options(EXAMPLES, with_values=False)
        milliseconds, _ = steady_p99(requests.infer_url, options, busy.cluster.folder, rate, CLIENTS, STREAMS)
        over.set()
        trainer.join(timeout=10)
        return milliseconds
