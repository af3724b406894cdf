"""One answer, whatever the way in: text or hashes, JSON or binary, HTTP or `sluice score`, one example or a hundred."""

import json
import struct
import subprocess

from subject import BITS, CROSSES, GOOD, MODEL, SPEC, TRAINED, infer
from support import examples, project, v2, vw_features
from support.http import ask
from support.nodes import until
from support.report import expect, expect_that

LINES = examples.scored(100)


def checks(subject):
    reference = {}

    def first():
        """The reference: `line` in binary; the ways below must give its bits."""
        reference.update(answer_bits(subject, *v2.binary_body([v2.line_tensor(LINES)], ["probability", "margin"])))
        expect(len(reference["probability"]), len(LINES), "probabilities")
        expect_that(len(set(reference["probability"])) > 40, "the lines differ in their answers")

    yield "bits: 100 lines as binary BYTES", first
    for name, body in ways(subject):
        yield f"bits: {name}", same(subject, body, reference)
    for k in (0, 1, 17, 99):
        yield f"bits: line {k + 1} alone", alone(subject, k, reference)
    yield "bits: both workers", both_workers(subject, reference)
    yield "bits: a label in front changes nothing", same(
        subject, v2.binary_body([v2.line_tensor(["1 0.5 'tag " + line for line in LINES])], BOTH), reference)
    yield "bits: `sluice learn` and `sluice score` on the same lines", score(subject, reference)
    yield "bits: digests of learn, the server node and both workers", digests(subject, reference)
    yield "bits: exported weights give the workers' margins", exported(subject, reference)
    yield "bits: float text in JSON reads back", shortest_text(subject, reference)


BOTH = ["probability", "margin"]


def answer_bits(subject, headers, body, worker=0):
    answer = infer(subject.workers[worker], body, headers)
    expect(answer.status, 200, f"status ({answer})")
    arrays, _ = v2.outputs(answer)
    return {name: v2.bits(array) for name, array in arrays.items()}


def ways(subject):
    indices, values, offsets = vw_features.csr(LINES, BITS, crosses=CROSSES)
    csr = v2.csr_tensors(indices, values, offsets)
    given = {"fingerprint": subject.fingerprint}
    yield "line as JSON", (None, v2.json_body([v2.line_tensor(LINES)], BOTH))
    yield "line as JSON, [B, 1] and nested", (None, v2.json_body(
        [v2.tensor("line", "BYTES", [len(LINES), 1], [[line] for line in LINES])], BOTH))
    yield "line in binary, answer in JSON", v2.binary_body([v2.line_tensor(LINES)], BOTH, all_binary=False)
    yield "CSR in binary (hashed in Python)", v2.binary_body(csr, BOTH, given)
    yield "CSR in binary, tensors in another order", v2.binary_body(csr[::-1], BOTH, given)
    yield "CSR as JSON (hashed in Python)", (None, v2.json_body(csr, BOTH, given))
    yield "CSR as JSON, version in the path", (None, v2.json_body(csr, BOTH, given))


def same(subject, request, reference):
    def check():
        headers, body = request
        got = answer_bits(subject, headers, body)
        for name in BOTH:
            expect(differing(got[name], reference[name]), [], f"lines whose {name} differs")
    return check


def differing(got, wanted):
    """The first lines that differ, with both bits."""
    found = [(LINES[k], f"{b:x}", f"{a:x}") for k, (a, b) in enumerate(zip(got, wanted)) if a != b]
    return found[:3] + ([f"{len(found)} in all"] if found else []) + (
        [] if len(got) == len(wanted) else [f"{len(got)} answers"])


def alone(subject, k, reference):
    def check():
        got = answer_bits(subject, *v2.binary_body([v2.line_tensor([LINES[k]])], BOTH))
        for name in BOTH:
            expect(got[name], [reference[name][k]], name)
    return check


def both_workers(subject, reference):
    def check():
        got = answer_bits(subject, *v2.binary_body([v2.line_tensor(LINES)], BOTH), worker=1)
        expect(got, {name: reference[name] for name in BOTH}, "the second worker's bits")
    return check


def learned_folder(subject):
    """The model `sluice learn` makes of the same lines, in the cluster's folder; learned once."""
    folder = subject.cluster.folder + "/learned"
    stream = subject.cluster.file("trained.vw", examples.text(TRAINED))
    spec = subject.cluster.file("spec.yaml", SPEC)
    subprocess.run([project.binary("sluice"), "learn", stream, "--spec", spec, "--save", folder, "--quiet"], check=True)
    return folder


def score(subject, reference):
    def check():
        lines = subject.cluster.file("scored.vw", examples.text(LINES))
        done = subprocess.run([project.binary("sluice"), "score", learned_folder(subject), lines], check=True,
                              capture_output=True, text=True)
        got = [struct.unpack("<I", struct.pack("<f", float(text)))[0] for text in done.stdout.split()]
        expect(differing(got, reference["probability"]), [], "lines whose probability differs")
    return check


def exported(subject, reference):
    """Both exports of the learned model have the same weights, and what they add up to for a line is its margin."""
    def check():
        paths = {}
        for kind in ("safetensors", "vw"):
            paths[kind] = f"{subject.cluster.folder}/exported.{kind}"
            subprocess.run([project.binary("sluice"), "export", learned_folder(subject), "--format", kind, "--to", paths[kind]],
                           check=True, capture_output=True)
        with open(paths["safetensors"], "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
            body = file.read()
        count = header["weights"]["shape"][0]
        tensor = lambda name, code: struct.unpack(f"<{count}{code}", body[slice(*header[name]["data_offsets"])])
        weights = dict(zip(tensor("indices", "Q"), tensor("weights", "f")))
        expect((header["indices"]["dtype"], header["weights"]["dtype"]), ("U64", "F32"), "types")
        expect(header["__metadata__"]["version"], str(subject.version), "the version in the metadata")
        with open(paths["vw"]) as file:
            front, _, rows = file.read().partition("\n:0\n")
        expect_that(front.startswith("Version 9.") and f"bits:{BITS}" in front, "the front of a readable model")
        readable = {int(index): float32(weight) for index, _, weight in (row.partition(":") for row in rows.split())}
        expect(readable == weights and len(weights) > 100, True, "the readable model's weights are the tensors'")
        indices, values, offsets = vw_features.csr(LINES, BITS, crosses=CROSSES)
        for k in range(len(LINES)):
            margin = sum(weights.get(int(i), 0) * float(v)
                         for i, v in zip(indices[offsets[k]:offsets[k + 1]], values[offsets[k]:offsets[k + 1]]))
            told = struct.unpack("<d", struct.pack("<Q", int(reference["margin"][k])))[0]
            expect_that(abs(margin - told) < 1e-4, f"line {k + 1}: margin {told}, weights make {margin}")
    return check


def float32(text):
    return struct.unpack("<f", struct.pack("<f", float(text)))[0]


def digests(subject, _):
    def check():
        done = subprocess.run([project.binary("sluice"), "digest", learned_folder(subject)], check=True,
                              capture_output=True, text=True)
        wanted = done.stdout.split()[0]
        told = ask(subject.server.http, "POST", f"/v1/models/{MODEL}/digest").json()
        expect((told["digest"], told["version"], told["history"]), (wanted, subject.version, subject.history),
               "the server node's digest, version, history")
        for worker in subject.workers:
            # The comparison comes with the server node's publish of the digest, which the worker may not have yet.
            path = f"/v1/models/{MODEL}/digest?version={subject.version}"
            until(lambda: ask(worker.http, "GET", path).json().get("equal") is not None, seconds=5)
            answer = ask(worker.http, "GET", path)
            expect(answer.status, 200, f"a worker's digest ({answer})")
            told = answer.json()
            expect((told["digest"], told["version"], told["equal"]), (wanted, subject.version, True),
                   "a worker's digest, version, equal")
    return check


def shortest_text(subject, _):
    def check():
        binary = answer_bits(subject, *v2.binary_body([v2.line_tensor(GOOD)], BOTH))
        text = answer_bits(subject, None, v2.json_body([v2.line_tensor(GOOD)], BOTH))
        expect(text, binary, "bits")
    return check
