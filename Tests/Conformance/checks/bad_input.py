"""Nothing a client sends may stop a node, change a model or alter an answer: after every row a good request is asked
again, of both workers, and must give the bits it gave before."""

import json
import socket
import struct
import threading

from bad_requests import BAD_LINES, INFER, TRAIN, rows
from subject import MODEL, SPEC, train
from support import examples, http2_frames, tools, v2
from support.http import ask, connect
from support.report import expect, expect_that


def checks(subject):
    for row in BAD_LINES:
        yield f"bad line: {row.name}", then_stands(subject, refused_line(subject, row))
    yield "bad lines: more than are told are counted", then_stands(subject, many_refused(subject))
    for row in rows(subject.fingerprint):
        yield f"bad: {row.name} ({row.to}) is {row.status}", then_stands(subject, refused_request(subject, row))
    yield "bad: a body over 16 MiB over HTTP/2", then_stands(subject, too_large_over_http2(subject))
    for name, content in cut_requests(subject):
        for how in ("closed", "reset"):
            yield f"bad: {name}, then {how}", then_stands(subject, cut(subject, name, content, how))
    yield from sequence_checks(subject)
    yield "bad: 200 connections that say nothing, then a good request", then_stands(subject, silent(subject))


def then_stands(subject, check):
    def both():
        check()
        subject.stands()
    return both


def refused_line(subject, row):
    def check():
        answer = train(subject.server, MODEL, row.line.encode() + b"\n")
        expect(answer.status, 200, f"status ({answer})")
        told = answer.lines()[0]
        expect((told["outcome"], told["examples"], told["refused"]), ("learned", 0, 1), "outcome, examples, refused")
        error = told["errors"][0]
        expect(error["line"], 1, "line")
        if row.column:
            expect(error["column"], row.column, "column")
        expect_that(row.says in error["reason"], f"the reason says {row.says!r}: {error}")
    return check


def many_refused(subject):
    def check():
        told = train(subject.server, MODEL, b"1 |a x:nan\n" * 1000).lines()[0]
        expect((told["examples"], told["refused"]), (0, 1000), "examples and refused")
        expect_that(0 < len(told["errors"]) <= 1000, f"some of the errors: {len(told['errors'])}")
    return check


def refused_request(subject, row):
    def check():
        node = subject.server if row.to == "server" else subject.workers[0]
        answer = ask(node.http, row.method, row.path, row.body, row.headers)
        allowed = row.status if isinstance(row.status, tuple) else (row.status,)
        expect_that(answer.status in allowed, f"status: expected {row.status}, got {answer}")
        if row.path.endswith("/ready"):
            return
        expect(answer.headers.get("content-type"), "application/json", "content type")
        text = answer.json()["error"]
        expect_that(text and row.says.lower() in text.lower(), f"the error says {row.says!r}: {text!r}")
    return check


def too_large_over_http2(subject):
    def check():
        body = b" " * ((16 << 20) + 1)
        got = tools.curl(f"{subject.workers[0].url}{INFER}", "--http2-prior-knowledge", "-H",
                         "content-type: application/json", "--data-binary", "@-", given=body)
        expect(got.status, 413, f"status ({got.body[:200]})")
    return check


def cut_requests(subject):
    """Requests that end in the middle: the node, and what is sent before the connection is closed."""
    body = v2.json_body([v2.line_tensor(["|a x"] * 50)])
    lines = examples.text(examples.lines(100, seed=31))
    for node, path, content, name in ((subject.workers[0], INFER, body, "infer"),
                                      (subject.server, TRAIN, lines, "training")):
        head = (f"POST {path} HTTP/1.1\r\nhost: {node.http}\r\ncontent-type: text/plain\r\n"
                f"content-length: {len(content)}\r\n\r\n").encode()
        begun = http2_frames.begin_post(node.http, path, ("content-type", "text/plain"))
        half = content[:len(content) // 2]
        yield f"HTTP/1.1 {name} cut in its head", (node, head[:40])
        yield f"HTTP/1.1 {name} cut in its body", (node, head + half)
        yield f"HTTP/2 {name} cut in its body", (node, begun + http2_frames.data(half))
        yield f"HTTP/2 {name} cancelled in its body", (node, begun + http2_frames.data(half) + http2_frames.reset())
        yield f"HTTP/2 {name} with a frame cut short", (node, begun + http2_frames.data(half)[:-5])


def cut(subject, name, content, how):
    def check():
        node, sent = content
        connection = connect(node.http)
        connection.sendall(sent)
        if how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        # A batch cut short is not learned: `stands` looks at the version, after the node has seen the end.
        expect(ask(node.http, "GET", "/v2/health/live").status, 200, "the node lives")
    return check


def silent(subject):
    def check():
        connections = [connect(node.http) for node in (subject.server, subject.workers[0]) for _ in range(100)]
        subject.stands()
        for connection in connections:
            connection.close()
    return check


def sequence_checks(subject):
    """Sequences, on a model of their own since good lines are learned."""
    first, other = (examples.text(examples.lines(20, seed=seed)) for seed in (41, 42))
    learned = {}

    def post(sequence, content, trainer="t"):
        return train(subject.server, "sequences", content, sluice_trainer=trainer, sluice_sequence=sequence)

    def begin():
        expect(ask(subject.server.http, "PUT", "/v1/models/sequences", SPEC).status, 201, "PUT")
        answer = post(1, first)
        expect(answer.status, 200, f"status ({answer})")
        learned.update(answer.lines()[0])
        expect((learned["outcome"], learned["sequence"], learned["examples"]), ("learned", 1, 20), "batch 1")

    def same_spec():
        answer = ask(subject.server.http, "PUT", "/v1/models/sequences", SPEC)
        expect((answer.status, answer.json()["version"]), (200, learned["version"]), "status and version")

    def duplicate():
        answer = post(1, first)
        expect(answer.status, 200, f"status ({answer})")
        told = answer.lines()[0]
        expect((told["outcome"], told["version"]), ("duplicate", learned["version"]), "outcome and version")

    def conflict():
        answer = post(1, other)
        expect((answer.status, answer.lines()[0]["outcome"]), (409, "conflict"), "status and outcome")

    def far_gap():
        answer = post(1000, other)
        expect(answer.status, 409, f"status ({answer})")
        told = answer.lines()[0]
        expect((told["outcome"], told["next"]), ("gap", 2), "outcome and next")

    def near_gap():
        answer = post(3, other)
        expect(answer.status, 409, f"status ({answer})")
        told = answer.lines()[0]
        expect((told["outcome"], told["next"]), ("gap", 2), "outcome and next")

    def in_any_order():
        answers = {}
        later = threading.Thread(target=lambda: answers.update({3: post(3, b"1 |a y\n")}))
        later.start()
        answers[2] = post(2, b"1 |a x\n")
        later.join()
        for sequence, answer in answers.items():
            expect((answer.status, answer.lines()[0]["outcome"]), (200, "learned"), f"batch {sequence}")

    def another_trainer():
        answer = post(1, other, trainer="u")
        expect((answer.status, answer.lines()[0]["outcome"]), (200, "learned"), "status and outcome")

    def too_old():
        for sequence in range(4, 70):
            expect(post(sequence, b"1 |a x\n").status, 200, f"batch {sequence}")
        answer = post(1, first)
        expect((answer.status, answer.lines()[0]["outcome"]), (409, "conflict"), "status and outcome")
        told = ask(subject.server.http, "GET", "/v1/models/sequences/trainers/t").json()
        expect(told["next"], 70, "next")

    def deleted():
        expect(ask(subject.server.http, "DELETE", "/v1/models/sequences").status, 200, "DELETE")

    for name, check in (("a first batch is learned", begin), ("the same spec again is 200", same_spec),
                        ("a duplicate tells its version", duplicate),
                        ("the same sequence with other bytes is 409 conflict", conflict),
                        ("a gap of 998 is 409 with next, at once", far_gap),
                        ("a gap of 1 is 409 with next, after waiting", near_gap),
                        ("a batch one ahead waits for the one before it", in_any_order),
                        ("another trainer counts from 1", another_trainer),
                        ("a sequence older than the last 64 is a conflict", too_old),
                        ("the model is deleted", deleted)):
        yield f"sequences: {name}", then_stands(subject, check)
