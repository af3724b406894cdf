"""Training as a stream: many batches in one body, an answer line for each as it is learned, exactly once by name."""

import json
import select
import subprocess

from subject import SPEC, follows, train
from support import examples, project, tools
from support.http import ask
from support.report import expect, expect_that

MODEL = "streamed"
BATCH_LINES = 100
BAD = {5: "1 |a x:nan", 100: "maybe |a x", 101: "", 250: "1 |a x:1:2", 777: "|a x", 1050: "1 |a x:1e20"}
REASONS = {5: (8, "NaN"), 100: (1, "label"), 250: (9, "':'"), 777: (1, "label"), 1050: (8, "beyond")}


def stream_lines():
    """1,050 lines, some bad and one empty: eleven batches of 100, the last one short."""
    lines = examples.lines(1050, seed=21)
    for number, bad in BAD.items():
        lines[number - 1] = bad
    return lines


def checks(subject):
    state = {}
    url = f"{subject.server.url}/v1/models/{MODEL}/examples"
    yield "streaming: one body over HTTP/2 gives an answer line per batch", one_per_batch(subject, url, state)
    yield "streaming: errors carry the line of the body, the column and the reason", error_lines(state)
    yield "streaming: the result is `sluice learn`'s, to the last bit", as_learned(subject)
    yield "streaming: the same body again is all duplicates, with the same versions", again(url, state)
    yield "streaming: a part of it again, numbered on, is duplicates and then new", overlap(url, state)
    yield "streaming: GET trainers/{t}", trainer(subject, state)
    yield "streaming: the same sequence with other bytes ends the stream with a conflict", conflict(url)
    yield "streaming: a gap is the last line, with status 200 and next", gap(url)
    yield "streaming: the answer to a batch comes before the body has ended", incremental(subject)
    yield "streaming: HTTP/1.1 gets the lines after the body", over_http1(subject)
    yield "streaming: without a trainer's name batches have no sequence", unnamed(subject)
    yield "all nodes stand after the streams", subject.stands


def post(url, lines, *options, http="--http2-prior-knowledge"):
    got = tools.curl(url, http, "-N", *options, "--data-binary", "@-", given=examples.text(lines))
    expect(got.status, 200, f"status ({got.body[:300]})")
    return [json.loads(line) for line in got.body.splitlines()]


def named(trainer, sequence, batch_lines=BATCH_LINES):
    return ["-H", f"Sluice-Trainer: {trainer}", "-H", f"Sluice-Sequence: {sequence}",
            "-H", f"Sluice-Batch-Lines: {batch_lines}"]


def one_per_batch(subject, url, state):
    def check():
        expect(ask(subject.server.http, "PUT", f"/v1/models/{MODEL}", SPEC).status, 201, "PUT")
        lines = stream_lines()
        state["answers"] = answers = post(url, lines, *named("t1", 1))
        expect([a["sequence"] for a in answers], list(range(1, 12)), "sequences")
        expect({a["outcome"] for a in answers}, {"learned"}, "outcomes")
        version = 0
        for k, answer in enumerate(answers):
            part = lines[k * BATCH_LINES:(k + 1) * BATCH_LINES]
            refused = sum(1 for line in part if line and line in BAD.values())
            expect((answer["examples"], answer["refused"]), (len([x for x in part if x]) - refused, refused),
                   f"batch {k + 1}: examples and refused")
            version += answer["examples"]
            expect(answer["version"], version, f"batch {k + 1}: version")
    return check


def error_lines(state):
    def check():
        errors = [error for answer in state["answers"] for error in answer.get("errors", [])]
        expect([e["line"] for e in errors], sorted(REASONS), "lines")
        for error in errors:
            column, word = REASONS[error["line"]]
            expect(error["column"], column, f"column in line {error['line']}")
            expect_that(word in error["reason"], f"the reason of line {error['line']} names {word}: {error}")
        expect([e["line"] for e in state["answers"][1].get("errors", [])], [], "errors of batch 2: an empty line is none")
    return check


def as_learned(subject):
    def check():
        file = subject.cluster.file("streamed.vw", examples.text(stream_lines()))
        spec = subject.cluster.file("streamed.yaml", SPEC)
        done = subprocess.run([project.binary("sluice"), "learn", file, "--spec", spec, "--json", "--quiet"],
                              check=True, capture_output=True, text=True)
        learned = json.loads(done.stdout)
        model = ask(subject.server.http, "GET", f"/v1/models/{MODEL}").json()
        expect(model["validation"]["log_loss"], learned["log_loss"], "log loss")
        for worker in subject.workers:
            follows(worker, MODEL, model["version"])
        digest = ask(subject.server.http, "POST", f"/v1/models/{MODEL}/digest").json()
        expect(digest["digest"], learned["digest"], "digest")
        for worker in subject.workers:
            told = ask(worker.http, "GET", f"/v1/models/{MODEL}/digest?version={digest['version']}")
            expect((told.status, told.json().get("digest")), (200, learned["digest"]), "a worker's digest")
    return check


def again(url, state):
    def check():
        answers = post(url, stream_lines(), *named("t1", 1))
        expect({a["outcome"] for a in answers}, {"duplicate"}, "outcomes")
        expect([a["version"] for a in answers], [a["version"] for a in state["answers"]], "versions")
    return check


def overlap(url, state):
    def check():
        # The eleventh batch again, its 50 lines filled up by none: then one batch more.
        lines = stream_lines()[1000:]
        fresh = examples.lines(50, seed=22)
        expect([a["outcome"] for a in post(url, lines, *named("t1", 11))], ["duplicate"], "the last batch again")
        answers = post(url, fresh, *named("t1", 12))
        expect([(a["sequence"], a["outcome"]) for a in answers], [(12, "learned")], "the next batch")
        expect(answers[0]["version"], state["answers"][-1]["version"] + 50, "version")
        state["version"] = answers[0]["version"]
    return check


def trainer(subject, state):
    def check():
        told = ask(subject.server.http, "GET", f"/v1/models/{MODEL}/trainers/t1")
        expect(told.status, 200, f"status ({told})")
        expect(told.json(), {"trainer": "t1", "next": 13, "version": state["version"]}, "trainer")
        expect(ask(subject.server.http, "GET", f"/v1/models/{MODEL}/trainers/nobody").status, 404, "an unknown name")
    return check


def conflict(url):
    def check():
        lines = stream_lines()[:300]
        lines[150] = "1 |other bytes"
        answers = post(url, lines, *named("t1", 1))
        expect([a["outcome"] for a in answers], ["duplicate", "conflict"], "outcomes")
    return check


def gap(url):
    def check():
        answers = post(url, examples.lines(300, seed=23), *named("t1", 200))
        expect([(a["outcome"], a.get("next")) for a in answers], [("gap", 13)], "outcome and next")
    return check


def incremental(subject):
    """curl sends a body it does not know the end of (`-T .` reads on while it sends); no answer waits for the end."""
    def check():
        tools.needs("curl")
        expect(ask(subject.server.http, "PUT", "/v1/models/slowly", SPEC).status, 201, "PUT")
        process = subprocess.Popen(
            ["curl", "-sS", "-N", "--http2-prior-knowledge", "-X", "POST", "-T", ".", *named("t", 1),
             f"{subject.server.url}/v1/models/slowly/examples"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            lines = examples.lines(200, seed=24)
            for k in range(2):
                process.stdin.write(examples.text(lines[k * 100:(k + 1) * 100]))
                process.stdin.flush()
                ready = select.select([process.stdout], [], [], 5)[0]
                expect_that(ready, f"an answer to batch {k + 1} within 5 s, the body still open")
                expect(json.loads(process.stdout.readline()).get("sequence"), k + 1, "sequence")
            process.stdin.close()
            expect(process.stdout.read(), b"", "more answers")
            expect(process.wait(10), 0, "curl's exit status")
        finally:
            process.kill()
            process.wait()
        ask(subject.server.http, "DELETE", "/v1/models/slowly")
    return check


def over_http1(subject):
    def check():
        expect(ask(subject.server.http, "PUT", "/v1/models/http1", SPEC).status, 201, "PUT")
        answers = post(f"{subject.server.url}/v1/models/http1/examples", stream_lines(), *named("t", 1),
                       http="--http1.1")
        expect([a["sequence"] for a in answers], list(range(1, 12)), "sequences")
        ask(subject.server.http, "DELETE", "/v1/models/http1")
    return check


def unnamed(subject):
    def check():
        expect(ask(subject.server.http, "PUT", "/v1/models/unnamed", SPEC).status, 201, "PUT")
        answer = train(subject.server, "unnamed", examples.text(examples.lines(250)), sluice_batch_lines=100)
        expect(answer.status, 200, f"status ({answer})")
        expect([(a["outcome"], a["examples"], "sequence" in a) for a in answer.lines()],
               [("learned", 100, False), ("learned", 100, False), ("learned", 50, False)], "answers")
        ask(subject.server.http, "DELETE", "/v1/models/unnamed")
    return check
