"""SIGTERM under load: what was taken is answered, the node leaves with 0, and workers serve on without a server node."""

import http.client
import json
import subprocess
import threading

from subject import GOOD, MODEL, follows, infer
from support import examples, tools, v2
from support.http import ask
from support.nodes import Cluster, Node, until
from support.report import expect, expect_that


def checks(subject):
    yield "SIGTERM: a worker that follows a living server node leaves within 5 s, exit 0", follower_leaves(subject)
    yield "SIGTERM: a server node with followers leaves within 5 s, exit 0", idle_leaves
    yield "SIGTERM: a server node drains while it learns, exit 0", server_drains(subject)
    yield "a worker serves on without its server node, growing older", serves_on(subject)
    yield "SIGTERM: a worker drains under h2load, a waiting request is answered, exit 0", worker_drains(subject)


def follower_leaves(subject):
    def check():
        worker = Node("sluice-worker", ["--listen", "127.0.0.1:0", "--server", subject.server.peer],
                      subject.cluster.folder)
        follows(worker, MODEL, subject.version)
        status = worker.terminate(seconds=5)
        worker.kill()
        expect(status, 0, f"exit status, None when it is still there (log: {worker.log_tail(300)})")
        subject.stands()
    return check


def idle_leaves():
    cluster = Cluster(worker_count=1)
    status = cluster.server.terminate(seconds=5)
    cluster.stop()
    expect(status, 0, "exit status, None when it is still there")


def server_drains(subject):
    def check():
        tools.needs("curl")
        ask(subject.server.http, "PUT", "/v1/models/drained", "bits: 18\n")
        process = subprocess.Popen(
            ["curl", "-sS", "-N", "--http2-prior-knowledge", "-X", "POST", "-T", ".", "-H", "Sluice-Trainer: t",
             "-H", "Sluice-Sequence: 1", "-H", "Sluice-Batch-Lines: 50",
             f"{subject.server.url}/v1/models/drained/examples"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        batch = examples.text(examples.lines(50, seed=51))

        def feed():
            try:
                for _ in range(100_000):
                    process.stdin.write(batch)
                process.stdin.close()
            except BrokenPipeError:
                pass  # The node drained; this is how curl ends.
        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        first = json.loads(process.stdout.readline())
        expect(first["outcome"], "learned", "the first batch")
        status = subject.server.terminate()
        rest = [json.loads(line) for line in process.stdout.read().splitlines() if line.endswith(b"}")]
        process.kill()
        process.wait()
        feeder.join(5)
        expect(status, 0, f"exit status (log: {subject.server.log_tail(300)})")
        learned = [first, *(a for a in rest if a["outcome"] == "learned")]
        expect([a["sequence"] for a in learned], list(range(1, len(learned) + 1)), "sequences acknowledged")
    return check


def serves_on(subject):
    def check():
        expect_that(not subject.server.is_alive(), "the server node is gone")
        ages = []

        def older():
            for worker in subject.workers:
                answer = infer(worker, v2.json_body([v2.line_tensor(GOOD)], ["probability", "margin"]))
                expect(answer.status, 200, f"status ({answer})")
                arrays, told = v2.outputs(answer)
                expect(v2.bits(arrays["probability"]) + v2.bits(arrays["margin"]), subject.good_bits, "bits")
                ages.append(told["parameters"]["age_ms"])
            return max(ages) > ages[0] + 300
        expect_that(until(older), f"age_ms grows: {ages[:3]} ... {ages[-3:]}")
    return check


def worker_drains(subject):
    def check():
        tools.needs("h2load")
        worker = subject.workers[0]
        body = subject.cluster.file("drain.json", v2.json_body([v2.line_tensor(GOOD)]))
        load = subprocess.Popen(
            ["h2load", "-n", "2000000", "-c", "4", "-m", "10", "-d", body, f"{worker.url}/v2/models/{MODEL}/infer"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        answers = []
        waiting = v2.json_body([v2.line_tensor(GOOD)], parameters={
            "min_version": subject.version + 1_000_000, "history": subject.history, "timeout": 2_000_000})

        def wait():
            try:
                answers.append(infer(worker, waiting).status)
            except (OSError, http.client.HTTPException) as error:
                answers.append(repr(error))
        reader = threading.Thread(target=wait)
        reader.start()
        # Nothing is shown by a worker that leaves before the load has come.
        before = requests_answered(worker)
        expect_that(until(lambda: requests_answered(worker) > before + 1000), "h2load's requests are answered")
        served = lambda: infer(worker, v2.json_body([v2.line_tensor(GOOD)])).status == 200
        for _ in range(20):
            expect(served(), True, "answers under load")
        status = worker.terminate()
        reader.join(10)
        output, _ = load.communicate(timeout=60)
        expect(status, 0, f"exit status (log: {worker.log_tail(300)})")
        expect(answers, [503], "the request that was waiting for a version")
        expect_that(tools.read_h2load(output.decode()).good > 0, "h2load was answered before")
        expect(subject.workers[1].terminate(), 0, "the other worker's exit status")
    return check


def requests_answered(worker):
    """How many requests for scores the worker has answered, as its metrics tell."""
    text = ask(worker.http, "GET", "/metrics").body.decode()
    return int(float(next(line.split()[-1] for line in text.splitlines() if line.startswith("sluice_infer_requests_total"))))
