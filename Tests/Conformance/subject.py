"""What the checks look at: a cluster with one trained model, and the good request that must always answer the same bits."""

from support import examples, v2
from support.http import ask
from support.nodes import Cluster, until
from support.report import Mismatch, expect

MODEL = "ctr"
BITS = 22
CROSSES = ["ut", "a:", "tta"]
SPEC = f"bits: {BITS}\nlearner: {{rule: ftrl, alpha: 0.5, beta: 1}}\ncrosses: {CROSSES}\n"
TRAINED = examples.lines(2000)
GOOD = ["|u 7 u7 |ad id7 brand0 |t h5 age:0.25", "|a x:0.5 y:-2", "|never seen before"]


class Subject:
    def __init__(self):
        self.cluster = Cluster(worker_count=2, server_options=["--publish-every", "20ms"])
        self.server = self.cluster.server
        self.workers = self.cluster.workers
        self.model = MODEL
        self.spec = SPEC
        made = ask(self.server.http, "PUT", f"/v1/models/{MODEL}", SPEC)
        if made.status != 201:
            raise SystemExit(f"PUT /v1/models/{MODEL}: expected 201, got {made}")
        learned = ask(self.server.http, "POST", f"/v1/models/{MODEL}/examples", examples.text(TRAINED))
        if learned.status != 200:
            raise SystemExit(f"POST /v1/models/{MODEL}/examples: expected 200, got {learned}")
        self.version = learned.lines()[-1]["version"]
        self.history = learned.lines()[-1]["history"]
        self.fingerprint = made.json()["fingerprint"]
        for worker in self.workers:
            follows(worker, MODEL, self.version)
        self.good_bits = self._answers()[0]

    def _answers(self):
        """The bits of the good request from each worker."""
        answers = []
        for worker in self.workers:
            answer = infer(worker, v2.json_body([v2.line_tensor(GOOD)], ["probability", "margin"]))
            expect(answer.status, 200, f"the good request: {answer}")
            arrays, _ = v2.outputs(answer)
            answers.append(v2.bits(arrays["probability"]) + v2.bits(arrays["margin"]))
        return answers

    def stands(self):
        """All nodes are alive, no example was learned, and a good request still answers the same bits."""
        for node in self.cluster.nodes:
            if not node.is_alive():
                raise Mismatch(f"{node.program} ended with {node.process.returncode}: {node.log_tail()}")
        model = ask(self.server.http, "GET", f"/v1/models/{MODEL}")
        expect(model.status, 200, "the model on the server node")
        version, self.version = self.version, model.json()["version"]
        if self.version != version:
            # One failure, not one for each check after it: from here on the new version is what must stand.
            for worker in self.workers:
                follows(worker, MODEL, self.version)
            self.good_bits = self._answers()[0]
            expect(self.version, version, "the model's version")
        for answer in self._answers():
            expect(answer, self.good_bits, "bits of the good request")


class NotFollowing(Exception):
    """A worker that does not get where the server node is."""


def infer(node, body, headers=None, model=MODEL, version=None):
    path = f"/v2/models/{model}" + (f"/versions/{version}" if version is not None else "") + "/infer"
    return ask(node.http, "POST", path, body, headers or {"Content-Type": "application/json"})


def follows(worker, model, version, seconds=15):
    """Waits until a worker answers for a model at a version or later."""

    def reached():
        answer = ask(worker.http, "GET", f"/v2/models/{model}")
        return answer.status == 200 and int(answer.json()["versions"][-1]) >= version

    if not until(reached, seconds):
        answer = ask(worker.http, "GET", f"/v2/models/{model}")
        raise NotFollowing(f"{worker.program} at {worker.http} does not reach version {version} of {model} within "
                           f"{seconds} s: {answer}; log: {worker.log_tail()}")


def train(node, model, content, **headers):
    """Posts training text; header names are given with underscores: sluice_trainer="t"."""
    named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    return ask(node.http, "POST", f"/v1/models/{model}/examples", content, named)
