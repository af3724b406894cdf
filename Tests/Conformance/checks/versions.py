"""A reader can ask for at least a version, or for exactly one, and every answer says which it got and how old it is."""

import threading
import time

from subject import GOOD, SPEC, follows, infer, train
from support import examples, v2
from support.http import ask
from support.report import expect, expect_that

MODEL = "versions"
LINES = [v2.line_tensor(GOOD)]


def checks(subject):
    state = {}
    yield "versions: a second model is made and followed", begin(subject, state)
    yield "min_version: what was acknowledged is read from both workers", read_own_writes(subject, state)
    yield "min_version: a request waits for a version that comes", waits(subject, state)
    yield "min_version: 503 when it does not come within `timeout`", times_out(subject, state)
    yield "min_version: the default timeout is 1 s", default_timeout(subject, state)
    yield "min_version: 409 for another history", other_history(subject, state)
    yield "versions/{v}: the current one answers, others are 404", in_the_path(subject, state)
    yield "every answer says version, history, age_ms", every_answer(subject, state)
    yield "the version counts the examples learned", counts(subject, state)
    yield "DELETE: the model is gone from server node and workers, and comes back under a new history", delete(
        subject, state)
    yield "all nodes stand after the versions", subject.stands


def begin(subject, state):
    def check():
        made = ask(subject.server.http, "PUT", f"/v1/models/{MODEL}", SPEC)
        expect(made.status, 201, f"status ({made})")
        state.update(made.json())
        learn(subject, state, 100)
        for worker in subject.workers:
            follows(worker, MODEL, state["version"])
    return check


def learn(subject, state, count):
    lines = examples.lines(count, seed=state.get("version", 0) + 1)
    answer = train(subject.server, MODEL, examples.text(lines))
    expect(answer.status, 200, f"training ({answer})")
    told = answer.lines()[-1]
    expect((told["outcome"], told["examples"]), ("learned", count), "outcome and examples")
    state["version"] = told["version"]
    return told


def asking(state, version, worker, history=None, timeout=None):
    parameters = {"min_version": version, "history": history or state["history"]}
    if timeout is not None:
        parameters["timeout"] = timeout
    start = time.monotonic()
    answer = infer(worker, v2.json_body(LINES, parameters=parameters), model=MODEL)
    return answer, time.monotonic() - start


def read_own_writes(subject, state):
    def check():
        for _ in range(20):
            learn(subject, state, 50)
            for worker in subject.workers:
                answer, _ = asking(state, state["version"], worker)
                expect(answer.status, 200, f"status ({answer})")
                expect_that(answer.json()["parameters"]["version"] >= state["version"],
                            f"at least version {state['version']}: {answer}")
    return check


def waits(subject, state):
    def check():
        wanted = state["version"] + 30
        got = []
        readers = [threading.Thread(target=lambda w=worker: got.append(asking(state, wanted, w, timeout=8_000_000)))
                   for worker in subject.workers]
        for reader in readers:
            reader.start()
        # Both requests are waiting, for a version nobody has, while half of its examples come, then the rest.
        learn(subject, state, 15)
        expect(got, [], "answers before the version exists")
        learn(subject, state, 15)
        for reader in readers:
            reader.join()
        for answer, _ in got:
            expect(answer.status, 200, f"status ({answer})")
            expect(answer.json()["parameters"]["version"], wanted, "version")
    return check


def times_out(subject, state):
    def check():
        answer, taken = asking(state, state["version"] + 1_000_000, subject.workers[0], timeout=300_000)
        expect(answer.status, 503, f"status ({answer})")
        expect_that(0.25 < taken < 1, f"after about 0.3 s: took {taken:.2f} s")
        expect_that("error" in answer.json(), f"an error in JSON: {answer}")
    return check


def default_timeout(subject, state):
    def check():
        answer, taken = asking(state, state["version"] + 1_000_000, subject.workers[0])
        expect(answer.status, 503, f"status ({answer})")
        expect_that(0.9 < taken < 2, f"after about 1 s: took {taken:.2f} s")
    return check


def other_history(subject, state):
    def check():
        other = ("0" if state["history"][0] != "0" else "1") + state["history"][1:]
        answer, taken = asking(state, state["version"], subject.workers[0], history=other)
        expect(answer.status, 409, f"status ({answer})")
        expect_that(taken < 0.5, f"at once: took {taken:.2f} s")
    return check


def in_the_path(subject, state):
    def check():
        worker, now = subject.workers[0], state["version"]
        follows(worker, MODEL, now)
        body = v2.json_body(LINES)
        answer = infer(worker, body, model=MODEL, version=now)
        expect((answer.status, answer.json().get("model_version")), (200, str(now)), "infer at the current version")
        for other in (now + 1, now - 1, 0, "x"):
            expect(infer(worker, body, model=MODEL, version=other).status, 404, f"infer at version {other}")
        for tail in ("", "/ready", "/config"):
            expect(ask(worker.http, "GET", f"/v2/models/{MODEL}/versions/{now}{tail}").status, 200, f"GET {tail}")
            expect(ask(worker.http, "GET", f"/v2/models/{MODEL}/versions/{now + 1}{tail}").status, 404,
                   f"GET {tail} of another version")
    return check


def every_answer(subject, state):
    def check():
        for worker in subject.workers:
            for headers, body in ((None, v2.json_body(LINES)), v2.binary_body(LINES)):
                _, told = v2.outputs(infer(worker, body, headers, model=MODEL))
                parameters = told["parameters"]
                expect((parameters["version"], parameters["history"], told["model_version"]),
                       (state["version"], state["history"], str(state["version"])), "version, history, model_version")
                age = parameters["age_ms"]
                # The server node publishes every 20 ms: an idle model is as fresh as its last heartbeat.
                expect_that(isinstance(age, (int, float)) and 0 <= age < 5000, f"age_ms in 0..<5000: {age}")
    return check


def counts(subject, state):
    def check():
        before = state["version"]
        learn(subject, state, 37)
        expect(state["version"], before + 37, "version after 37 examples")
        told = ask(subject.server.http, "GET", f"/v1/models/{MODEL}").json()
        expect((told["version"], told["history"], told["fingerprint"]),
               (state["version"], state["history"], state["fingerprint"]), "GET's version, history, fingerprint")
        names = {m["model"] for m in ask(subject.server.http, "GET", "/v1/models").json()["models"]}
        expect_that({MODEL, subject.model} <= names, f"both models are listed: {names}")
    return check


def delete(subject, state):
    def check():
        from support.nodes import until
        expect(ask(subject.server.http, "DELETE", f"/v1/models/{MODEL}").status, 200, "DELETE")
        expect(ask(subject.server.http, "GET", f"/v1/models/{MODEL}").status, 404, "GET after DELETE")
        expect(train(subject.server, MODEL, b"1 |a x\n").status, 404, "training after DELETE")
        expect(ask(subject.server.http, "DELETE", f"/v1/models/{MODEL}").status, 404, "DELETE again")
        made = ask(subject.server.http, "PUT", f"/v1/models/{MODEL}", SPEC)
        expect(made.status, 201, "PUT again")
        expect_that(made.json()["history"] != state["history"], "a new history")
        expect(made.json()["version"], 0, "version")
        state["history"], state["version"] = made.json()["history"], 0
        learn(subject, state, 10)
        for worker in subject.workers:
            def switched(worker=worker):
                answer, _ = asking(state, state["version"], worker)
                return answer.status == 200 and answer.json()["parameters"]["history"] == state["history"]
            expect_that(until(switched), f"{worker.http} follows the new history")
    return check
