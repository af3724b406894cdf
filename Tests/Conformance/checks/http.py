"""Every client speaks its own HTTP: 1.1 and 2, kept alive, chunked, pipelined, with `Expect: 100-continue`."""

import json
import re
import time

from subject import GOOD, MODEL
from support import examples, tools, v2
from support.http import Connection, connect
from support.report import expect, expect_that

H1, H2 = "--http1.1", "--http2-prior-knowledge"
JSON = ["-H", "content-type: application/json"]


def checks(subject):
    worker, server = subject.workers[0], subject.server
    body = v2.json_body([v2.line_tensor(GOOD)])
    good_file = subject.cluster.file("good.json", body)
    infer_url = f"{worker.url}/v2/models/{MODEL}/infer"

    for flag, version in ((H1, "1.1"), (H2, "2")):
        for node in (server, worker):
            for word in ("live", "ready"):
                yield f"curl {flag}: {node.program} is {word}", health(node, word, flag, version)
        yield f"curl {flag}: model metadata", metadata(subject, flag)
        yield f"curl {flag}: Triton's model config", config(subject, flag)
        yield f"curl {flag}: infer JSON", curl_infer(subject, infer_url, flag, body)
        yield f"curl {flag}: infer answers with the request's id", echo_id(infer_url, flag)
        yield f"curl {flag}: an error is JSON with the exact content type", error_shape(worker, flag)
        for node in (server, worker):
            yield f"curl {flag}: {node.program} has Prometheus metrics", metrics(node, flag)
            yield f"curl {flag}: {node.program} has a JSON status", status(node, flag)
    yield "curl --http2 (Upgrade: h2c) is answered", upgrade(infer_url, body)
    yield "curl: a chunked body over HTTP/1.1", chunked(infer_url, body)
    for name, node in (("infer", worker), ("training", server)):
        yield f"curl: a large {name} POST is not held up by Expect: 100-continue", large_post(subject, name, node)
    yield "HTTP/1.1: 100 Continue comes before the body is sent", continue_first(worker, body)
    yield "HTTP/1.1: a connection is kept alive, 50 requests", kept_alive(worker, body)
    yield "HTTP/1.1: two pipelined requests are answered in order", pipelined(worker)
    yield "nghttp: GET and POST over one connection", nghttp(worker, infer_url, good_file)
    yield "h2load: 2,000 requests over HTTP/2 all succeed", load(infer_url, good_file, [])
    yield "h2load: 2,000 requests over HTTP/1.1 all succeed", load(infer_url, good_file, ["--h1"])
    yield "all nodes stand after the clients", subject.stands


def health(node, word, flag, version):
    def check():
        got = tools.curl(f"{node.url}/v2/health/{word}", flag)
        expect((got.status, got.http), (200, version), "status and HTTP version")
        answer = json.loads(got.body)
        expect((answer.get("live"), answer.get("ready")), (True, True), "live and ready")
    return check


def metadata(subject, flag):
    def check():
        got = tools.curl(f"{subject.workers[0].url}/v2/models/{MODEL}", flag)
        expect(got.status, 200, "status")
        told = json.loads(got.body)
        expect(told["name"], MODEL, "name")
        expect(told["platform"], "sluice_linear", "platform")
        expect(told["versions"], [str(subject.version)], "versions")
        expect(told["parameters"]["fingerprint"], subject.fingerprint, "fingerprint")
        expect({i["name"]: i["datatype"] for i in told["inputs"]},
               {"line": "BYTES", "indices": "UINT32", "values": "FP32", "offsets": "INT32"}, "inputs")
        expect({o["name"]: o["datatype"] for o in told["outputs"]}, {"probability": "FP32", "margin": "FP64"},
               "outputs")
        top = json.loads(tools.curl(f"{subject.workers[0].url}/v2", flag).body)
        expect_that("binary_tensor_data" in top["extensions"], f"extensions name binary_tensor_data: {top}")
        expect_that(top["name"] and top["version"], f"name and version: {top}")
    return check


def config(subject, flag):
    def check():
        got = tools.curl(f"{subject.workers[0].url}/v2/models/{MODEL}/config", flag)
        expect(got.status, 200, "status")
        told = json.loads(got.body)
        expect(told["name"], MODEL, "name")
        expect_that(isinstance(told["max_batch_size"], int), f"max_batch_size: {told}")
        expect_that({"line", "indices", "offsets"} <= {i["name"] for i in told["input"]}, f"input: {told}")
        expect_that("probability" in {o["name"] for o in told["output"]}, f"output: {told}")
    return check


def curl_infer(subject, url, flag, body):
    def check():
        got = tools.curl(url, flag, *JSON, "--data-binary", "@-", given=body)
        expect(got.status, 200, f"status ({got.body[:200]})")
        told = json.loads(got.body)
        expect(told["model_name"], MODEL, "model_name")
        expect(told["model_version"], str(subject.version), "model_version")
        expect([(o["name"], o["datatype"], o["shape"]) for o in told["outputs"]],
               [("probability", "FP32", [len(GOOD), 1])], "outputs")
        expect(told["parameters"]["version"], subject.version, "parameters.version")
        expect(told["parameters"]["history"], subject.history, "parameters.history")
        expect_that(told["parameters"]["age_ms"] >= 0, f"age_ms: {told['parameters']}")
        probabilities = [p for row in told["outputs"][0]["data"] for p in (row if isinstance(row, list) else [row])]
        expect_that(all(0 < p < 1 for p in probabilities), f"probabilities: {probabilities}")
    return check


def echo_id(url, flag):
    def check():
        for given in ("", "request-1"):
            got = tools.curl(url, flag, *JSON, "--data-binary", "@-",
                             given=v2.json_body([v2.line_tensor(GOOD)], id=given))
            expect(json.loads(got.body).get("id", ""), given, "id")
    return check


def error_shape(worker, flag):
    def check():
        got = tools.curl(f"{worker.url}/v2/models/nobody/infer", flag, *JSON, "--data-binary", "@-", given=b"{}")
        expect((got.status, got.content_type), (404, "application/json"), "status and content type")
        expect(list(json.loads(got.body))[0], "error", "first key")
    return check


SAMPLE = re.compile(r'[a-zA-Z_:][\w:]*(\{(\w+="([^"\\]|\\.)*",?)*\})? (NaN|[+-]Inf|[-+]?[\d.]+([eE][-+]?\d+)?)( -?\d+)?$')


def metrics(node, flag):
    def check():
        got = tools.curl(f"{node.url}/metrics", flag)
        expect(got.status, 200, "status")
        expect_that(got.content_type.replace(" ", "").startswith("text/plain;version=0.0.4"), got.content_type)
        expect_that(got.body.endswith(b"\n"), "the last line ends")
        families = set()
        for line in got.body.decode().splitlines():
            if line.startswith("# TYPE "):
                expect_that(line.split()[2] not in families, f"TYPE of {line.split()[2]} stands once")
                families.add(line.split()[2])
            elif line and not line.startswith("#"):
                expect_that(SAMPLE.match(line), f"a sample of the text format: {line!r}")
        expect_that(families, "there are families with a TYPE")
    return check


def status(node, flag):
    def check():
        got = tools.curl(f"{node.url}/v1/status", flag)
        expect((got.status, got.content_type), (200, "application/json"), "status and content type")
        json.loads(got.body)
    return check


def upgrade(url, body):
    def check():
        got = tools.curl(url, "--http2", *JSON, "--data-binary", "@-", given=body)
        expect(got.status, 200, "status")
        expect_that(got.http in ("1.1", "2"), f"HTTP version {got.http}")
    return check


def chunked(url, body):
    def check():
        got = tools.curl(url, H1, *JSON, "-H", "Transfer-Encoding: chunked", "--data-binary", "@-", given=body)
        expect(got.status, 200, f"status ({got.body[:200]})")
    return check


def large_post(subject, name, node):
    def check():
        if name == "infer":
            url = f"{node.url}/v2/models/{MODEL}/infer"
            lines = [line + " |x " + "y" * 600 for line in examples.scored(3000)]
            content = v2.json_body([v2.line_tensor(lines)])
        else:
            url = f"{node.url}/v1/models/{MODEL}/examples"
            content = b"\n" * (3 << 20)  # Empty lines: nothing to learn, so the good request keeps its bits.
        expect_that(len(content) > 1 << 20, "curl sends Expect from 1 MiB on")
        got = tools.curl(url, H1, "-H", "Expect: 100-continue", "--data-binary", "@-", given=content)
        expect(got.status, 200, f"status ({got.body[:200]})")
        expect_that("< HTTP/1.1 100" in got.trace, "100 Continue was seen")
        expect_that(got.seconds < 0.9, f"no waiting for the 1 s fallback: took {got.seconds} s")
    return check


def continue_first(worker, body):
    def check():
        with connect(worker.http, seconds=5) as socket:
            socket.sendall((f"POST /v2/models/{MODEL}/infer HTTP/1.1\r\nhost: {worker.http}\r\n"
                            f"content-length: {len(body)}\r\nexpect: 100-continue\r\n\r\n").encode())
            first = socket.recv(4096)
            expect_that(first.startswith(b"HTTP/1.1 100 "), f"before the body: {first[:100]}")
            socket.sendall(body)
            second = first.partition(b"\r\n\r\n")[2] or socket.recv(4096)
            expect_that(second.startswith(b"HTTP/1.1 200 "), f"after the body: {second[:200]}")
    return check


def kept_alive(worker, body):
    def check():
        connection = Connection(worker.http)
        start = time.monotonic()
        for _ in range(50):
            expect(connection.ask("POST", f"/v2/models/{MODEL}/infer", body).status, 200, "status")
        connection.close()
        taken = time.monotonic() - start
        # 44 ms a request is what headers and body in two segments cost with delayed acknowledgements.
        expect_that(taken < 50 * 0.02, f"50 requests take under 1 s: took {taken:.2f} s")
    return check


def pipelined(worker):
    def check():
        with connect(worker.http, seconds=5) as socket:
            for path in ("/v2/health/live", "/v2/models/nobody"):
                socket.sendall(f"GET {path} HTTP/1.1\r\nhost: {worker.http}\r\n\r\n".encode())
            got = b""
            while got.count(b"HTTP/1.1 ") < 2:
                more = socket.recv(4096)
                expect_that(more, f"two answers: got {got[:300]}")
                got += more
            expect([part[:3] for part in got.split(b"HTTP/1.1 ")[1:]], [b"200", b"404"], "statuses in order")
    return check


def nghttp(worker, url, good_file):
    def check():
        tools.needs("nghttp")
        got = tools.run("nghttp", "-v", f"{worker.url}/v2/health/live", f"{worker.url}/v2/models/{MODEL}")
        expect(got.stdout.count(b":status: 200"), 2, f"answers with 200 ({got.stdout[-300:]})")
        got = tools.run("nghttp", "-d", good_file, url)
        expect([o["name"] for o in json.loads(got.stdout)["outputs"]], ["probability"], "outputs")
    return check


def load(url, good_file, options):
    def check():
        done = tools.h2load(url, "-n", 2000, "-c", 4, "-m", 10, "-d", good_file, *options)
        expect((done.good, done.failed), (2000, 0), "2xx and failed")
    return check
