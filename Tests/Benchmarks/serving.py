"""A worker to send requests to, on a core of its own, and what h2load makes of it."""

import os

import clickstream
from measuring import CLIENT_CORE, SERVER_CORE, cpu_seconds, percentile
from support import tools, v2, vw_features
from support.http import ask
from support.nodes import Cluster, until

MODEL = "ctr"
TRAINED_LINES = 50_000
# Of a run at a steady rate.
SECONDS = float(os.environ.get("SLUICE_SECONDS", "5"))


class Serving:
    """One server node, idle after it has learned, and one worker that follows it, alone on its core."""

    def __init__(self, bits=22):
        self.bits = bits
        self.cluster = Cluster(worker_count=1, server_pin=CLIENT_CORE, worker_pin=SERVER_CORE)
        self.worker = self.cluster.workers[0]
        server = self.cluster.server
        made = ask(server.http, "PUT", f"/v1/models/{MODEL}", f"bits: {bits}\n")
        if made.status != 201:
            raise RuntimeError(f"PUT: {made}")
        self.fingerprint = made.json()["fingerprint"]
        lines = clickstream.first_lines(TRAINED_LINES)
        for start in range(0, len(lines), 10_000):
            learned = ask(server.http, "POST", f"/v1/models/{MODEL}/examples",
                          b"\n".join(lines[start:start + 10_000]) + b"\n", seconds=60)
            if learned.status != 200:
                raise RuntimeError(f"training: {learned}")
        version = learned.lines()[-1]["version"]
        if not until(lambda: self._version() == version, seconds=60):
            raise RuntimeError(f"the worker stays at version {self._version()}, not {version}")
        self.requests = Requests(self.worker, MODEL, bits, self.fingerprint, self.cluster.folder)

    def _version(self):
        answer = ask(self.worker.http, "GET", f"/v2/models/{MODEL}")
        return int(answer.json()["versions"][-1]) if answer.status == 200 else -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cluster.stop()

    @property
    def infer_url(self):
        return self.requests.infer_url

    def request(self, example_count, with_values=True):
        return self.requests.options(example_count, with_values)


class Requests:
    """Static infer requests for one worker, as h2load's options."""

    def __init__(self, worker, model, bits, fingerprint, folder):
        self.worker, self.model, self.bits = worker, model, bits
        self.fingerprint, self.folder = fingerprint, folder

    @property
    def infer_url(self):
        return f"{self.worker.url}/v2/models/{self.model}/infer"

    def options(self, example_count, with_values=True):
        """A static binary CSR request for the stream's first examples: h2load's options and the body's size.

        26 features each, the constant among them.
        """
        indices, values, offsets = vw_features.csr(clickstream.unlabelled(example_count), self.bits)
        headers, body = v2.binary_body(
            v2.csr_tensors(indices, values if with_values else None, offsets), None, {"fingerprint": self.fingerprint})
        answer = ask(self.worker.http, "POST", f"/v2/models/{self.model}/infer", body, headers)
        if answer.status != 200 or len(v2.outputs(answer)[0]["probability"]) != example_count:
            raise RuntimeError(f"the request to measure with: {answer}")
        path = os.path.join(self.folder, f"request-{example_count}-{with_values}.bin")
        with open(path, "wb") as file:
            file.write(body)
        options = ["-d", path]
        for name, value in headers.items():
            options += ["-H", f"{name.lower()}: {value}"]
        return options, len(body)


    def answer_byte_count(self, options):
        """The size of the answer to a request of `options`."""
        pairs = dict(pair.split(": ", 1) for pair in options[3::2])
        with open(options[1], "rb") as body:
            return len(ask(self.worker.http, "POST", f"/v2/models/{self.model}/infer", body.read(), pairs).body)


def load(url, pid, options, requests, clients, streams):
    """Runs h2load on the client's core: requests/s, and the server's CPU seconds per request."""
    before = cpu_seconds(pid)
    done = tools.h2load(url, "-t", 1, "-n", requests, "-c", clients, "-m", streams, *options, pin=CLIENT_CORE)
    if done.good != requests:
        raise RuntimeError(f"h2load: {done.good} of {requests} answered with 2xx: {done.text[-300:]}")
    return done.requests_per_second, (cpu_seconds(pid) - before) / requests


def steady_p99(url, options, folder, rate, clients, streams, pin=None):
    """Runs h2load at a steady rate: the p99 of its requests in milliseconds, and how many there were.

    The first fifth is left out. A request that fails, or is not answered with 2xx, is an error.
    """
    log = os.path.join(folder, "requests.log")
    each = max(1, int(rate / clients))
    count = int(each * clients * SECONDS)
    done = tools.h2load(url, "-t", 1, "-n", count, "-c", clients, "-m", streams, "--rps", each, "--log-file", log, *options,
                        pin=pin)
    if done.good != count:
        raise RuntimeError(f"h2load: {done.good} of {count} answered with 2xx: {done.text[-300:]}")
    with open(log) as lines:
        # Start in microseconds, status, duration in microseconds.
        took = [int(line.split("\t")[2]) / 1000 for line in lines]
    os.remove(log)
    return percentile(took[len(took) // 5:], 0.99), count


def enough(url, pid, options, clients, streams, seconds=3, probe=2000):
    """How many requests keep the server busy that long."""
    rate, _ = load(url, pid, options, probe, clients, streams)
    rate, _ = load(url, pid, options, max(probe, int(rate * 0.3)), clients, streams)
    return max(probe, int(rate * seconds))
