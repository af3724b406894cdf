"""Every bad request we know, as data: one row, one check. See checks/bad_input.py for what is done with a row.

A row's status may be several where the contract leaves it open. `says` must occur in the error's text.
"""

import dataclasses
import itertools
import json
import math
import struct

from subject import BITS, MODEL
from support import v2

INFER = f"/v2/models/{MODEL}/infer"
TRAIN = f"/v1/models/{MODEL}/examples"
JSON = {"Content-Type": "application/json"}
MIB = 1 << 20


@dataclasses.dataclass
class Row:
    name: str
    to: str  # server or worker
    method: str
    path: str
    status: object  # a number, or a tuple of them
    body: object = None
    headers: dict = dataclasses.field(default_factory=dict)
    says: str = ""


@dataclasses.dataclass
class BadLine:
    """A line for training: refused, with its column and a word of the reason."""

    name: str
    line: str
    column: int
    says: str


BAD_LINES = [
    BadLine("no bar and no label", "hello world", 1, "label"),
    BadLine("no label", "|a x", 1, "label"),
    BadLine("an absurd label", "7 |a x", 1, "label"),
    BadLine("a label that is NaN", "nan |a x", 1, "label"),
    BadLine("an importance below 0", "1 -1 |a x", 3, "importance"),
    BadLine("an absurd importance", "1 1e9 |a x", 3, "importance"),
    BadLine("too many tokens before the bar", "1 1 0 0 0 0 |a x", 9, "token"),
    BadLine("a second colon", "1 |a x:1:2", 9, "':'"),
    BadLine("a value that is missing", "1 |a x: y", 8, "value"),
    BadLine("NaN", "1 |a x:nan", 8, "NaN"),
    BadLine("inf", "1 |a x:inf", 8, "infinite"),
    BadLine("-inf", "1 |a ok x:-inf", 11, "infinite"),
    BadLine("an overflowing number", "1 |a x:1e99", 8, "infinite"),
    BadLine("an absurd value", "1 |a x:1e20", 8, "beyond"),
    BadLine("an absurd product of namespace weight and value", "1 |a:1e9 x:1e9", 12, "beyond"),
    BadLine("a namespace weight that is NaN", "1 |a:nan x", 6, "weight"),
    BadLine("too many features", "1 |a " + " ".join(f"f{k}" for k in range(4096)), 0, "4096"),
    BadLine("a line too long", "1 |a " + "x" * 300_000, 0, "262144"),
]


def infer_row(name, inputs, status=400, parameters=None, says="", **more):
    return Row(name, "worker", "POST", INFER, status, v2.json_body(inputs, parameters=parameters, **more), JSON, says)


def rows(fingerprint):
    yield from line_rows()
    yield from csr_rows(fingerprint)
    yield from body_rows(fingerprint)
    yield from route_rows()
    yield from training_rows()
    yield from spec_rows()


def line_rows():
    good = "|a x"
    for name, line in (("NaN", "|a x:nan"), ("inf", "|a x:inf"), ("an absurd value", "|a x:1e20"),
                       ("a second colon", "|a x:1:2"), ("a namespace weight that is NaN", "|a:nan x"),
                       ("too many features", "|a " + " ".join(f"f{k}" for k in range(4096))),
                       ("a line too long", "|a " + "x" * 300_000)):
        yield infer_row(f"line: {name}, among good ones", [v2.line_tensor([good, line, good])])
    line = v2.line_tensor([good])
    for name, changed in (
            ("shape [2] for one line", {"shape": [2]}), ("shape [1, 2]", {"shape": [1, 2]}),
            ("shape [-1]", {"shape": [-1]}), ("shape []", {"shape": []}), ("a shape of text", {"shape": ["1"]}),
            ("a shape beyond 64 bits", {"shape": [1 << 40, 1 << 40]}),
            ("datatype INT32", {"datatype": "INT32"}), ("datatype FP32", {"datatype": "FP32"}),
            ("datatype of nobody", {"datatype": "STRING"}), ("numbers for BYTES", {"data": [1]}),
            ("data missing", {"data": None}), ("an unknown input", {"name": "text"})):
        yield infer_row(f"line: {name}", [{**line, **changed}])
    yield infer_row("line: given twice", [line, line])
    yield infer_row("line: 5,001 examples", [v2.line_tensor([good] * 5001)])
    yield infer_row("line: an unknown output", [line], outputs=["nobody"])
    yield infer_row("line: min_version that is text", [line], parameters={"min_version": "soon"})


def csr_rows(fingerprint):
    given = {"fingerprint": fingerprint}

    def csr(indices=(1, 2, 3), values=(1.0, 1.0, 1.0), offsets=(0, 1, 3)):
        return v2.csr_tensors(list(indices), values and list(values), list(offsets))

    def changed(which, **changes):
        tensors = csr()
        tensors[which].update(changes)
        return tensors

    yield infer_row("CSR: fingerprint missing", csr(), says="fingerprint")
    yield infer_row("CSR: a wrong fingerprint", csr(), (400, 409), {"fingerprint": "0" * len(fingerprint)},
                    "fingerprint")
    yield infer_row("CSR: a fingerprint that is a number", csr(), 400, {"fingerprint": 7})
    for name, offsets in (("not sorted", (0, 2, 1, 3)), ("not starting at 0", (1, 3)), ("ending before nnz", (0, 2)),
                          ("ending behind nnz", (0, 4)), ("negative", (0, -1, 3)), ("empty", ()),
                          ("beyond 32 bits", (0, 1 << 40))):
        yield infer_row(f"CSR: offsets {name}", csr(offsets=offsets), 400, given)
    for name, indices in (("just beyond 2^bits", (1, 2, 1 << BITS)), ("the largest UINT32", (1, 2, (1 << 32) - 1)),
                          ("negative", (1, 2, -3)), ("a fraction", (1, 2, 2.5)), ("beyond 32 bits", (1, 2, 1 << 40))):
        yield infer_row(f"CSR: an index {name}", csr(indices), 400, given)
    yield infer_row("CSR: 4,097 features in one example", csr(range(4097), None, (0, 4097)), 400, given)
    yield infer_row("CSR: an absurd value", csr(values=(1, 1, 1e20)), 400, given)
    yield infer_row("CSR: fewer values than indices", csr(values=(1.0, 1.0)), 400, given)
    yield infer_row("CSR: offsets missing", csr()[:2], 400, given)
    yield infer_row("CSR: indices missing", csr()[1:], 400, given)
    yield infer_row("CSR: indices as INT64", changed(0, datatype="INT64"), 400, given)
    yield infer_row("CSR: values as FP64", changed(1, datatype="FP64"), 400, given)
    yield infer_row("CSR: offsets as UINT32", changed(2, datatype="UINT32"), 400, given)
    yield infer_row("CSR: indices of shape [3, 1]", changed(0, shape=[3, 1]), 400, given)
    yield infer_row("CSR: offsets of shape [2] for three", changed(2, shape=[2]), 400, given)
    yield infer_row("CSR: line and indices together", [v2.line_tensor(["|a x"]), *csr()], 400, given)
    for name, value in (("NaN", math.nan), ("inf", math.inf), ("an absurd value", 1e20)):
        headers, body = v2.binary_body(csr(values=(1.0, value, 1.0)), None, given)
        yield Row(f"CSR in binary: {name}", "worker", "POST", INFER, 400, body, headers)
    headers, body = v2.binary_body(csr(indices=(1, 2, 1 << BITS)), None, given)
    yield Row("CSR in binary: an index beyond 2^bits", "worker", "POST", INFER, 400, body, headers)
    headers, body = v2.binary_body(csr(offsets=(0, 2, 1, 3)), None, given)
    yield Row("CSR in binary: offsets not sorted", "worker", "POST", INFER, 400, body, headers)


def body_rows(fingerprint):
    headers, body = v2.binary_body([v2.line_tensor(["|a x", "|b y"])])
    length = int(headers["Inference-Header-Content-Length"])

    def binary(name, body_bytes, header=None):
        given = headers if header is None else {**headers, "Inference-Header-Content-Length": header}
        return Row(f"binary: {name}", "worker", "POST", INFER, 400, body_bytes, given)

    yield binary("the last byte is missing", body[:-1])
    yield binary("a byte too many", body + b"x")
    yield binary("a BYTES element longer than its tensor", body[:length] + struct.pack("<I", 1 << 31) + body[length + 4:])
    yield binary("a header length beyond the body", body, str(len(body) + 1))
    yield binary("a header length of -1", body, "-1")
    yield binary("a header length that is text", body, "long")
    yield binary("a header length that cuts the JSON", body, str(length - 3))
    for name, size in (("negative", -1), ("beyond 64 bits", 1 << 70), ("too small", 3), ("text", "9")):
        head = json.loads(body[:length])
        head["inputs"][0]["parameters"]["binary_data_size"] = size
        text = json.dumps(head).encode()
        yield binary(f"a binary_data_size {name}", text + body[length:], str(len(text)))
    for name, text in (("empty", b""), ("no JSON", b"{not json"), ("a list", b"[]"), ("null", b"null"),
                       ("no inputs", b"{}"), ("inputs that are text", b'{"inputs":"line"}'),
                       ("no input", b'{"inputs":[]}'), ("nested 100,000 deep", b"[" * 100_000),
                       ("nested data 50,000 deep", b'{"inputs":[{"name":"line","datatype":"BYTES","shape":[1],"data":'
                        + b"[" * 50_000 + b"]" * 50_000 + b"}]}"),
                       ("not UTF-8", b'{"inputs":[{"name":"\xff\xfe","shape":[1],"datatype":"BYTES","data":["x"]}]}'),
                       ("half a surrogate pair",
                        rb'{"inputs":[{"name":"line\ud800","shape":[1],"datatype":"BYTES","data":["x"]}]}')):
        yield Row(f"JSON: {name}", "worker", "POST", INFER, 400, text, JSON)
    yield Row("a body over 16 MiB", "worker", "POST", INFER, 413, b" " * (16 * MIB + 1), JSON)


def route_rows():
    good = v2.json_body([v2.line_tensor(["|a x"])])
    yield Row("infer on an unknown model", "worker", "POST", "/v2/models/nobody/infer", 404, good, JSON, "nobody")
    yield Row("metadata of an unknown model", "worker", "GET", "/v2/models/nobody", 404)
    yield Row("ready of an unknown model", "worker", "GET", "/v2/models/nobody/ready", (404, 503))
    yield Row("digest of an unknown model", "worker", "GET", "/v1/models/nobody/digest", 404)
    yield Row("an unknown path", "worker", "GET", "/v3", 404)
    yield Row("an unknown path", "server", "GET", "/v1/nothing", 404)
    yield Row("GET on infer", "worker", "GET", INFER, (404, 405))
    yield Row("DELETE on health", "server", "DELETE", "/v2/health/live", (404, 405))
    yield Row("training sent to a worker", "worker", "POST", TRAIN, 403, b"1 |a x\n")
    yield Row("a model made on a worker", "worker", "PUT", f"/v1/models/{MODEL}", 403, b"bits: 18\n")
    yield Row("infer sent to a server node", "server", "POST", INFER, 404, good, JSON)


def training_rows():
    line = b"1 |a x\n"

    def named(name, status, says="", **headers):
        return Row(name, "server", "POST", TRAIN, status, line, {k.replace("_", "-"): v for k, v in headers.items()}, says)

    yield Row("training an unknown model", "server", "POST", "/v1/models/nobody/examples", 404, line)
    yield named("training as application/json", 415, Content_Type="application/json")
    yield named("training as br", 415, "gzip, zstd", Content_Encoding="br")
    yield named("text that says it is gzip", 400, "gzip", Content_Encoding="gzip")
    yield named("text that says it is zstd", 400, "zstd", Content_Encoding="zstd")
    yield named("CSV for a model without columns", 400, "columns", Content_Type="text/csv")
    yield named("a trainer without a sequence", 400, "sequence", Sluice_Trainer="t")
    yield named("a sequence of 0", 400, Sluice_Trainer="t", Sluice_Sequence="0")
    yield named("a sequence that is text", 400, Sluice_Trainer="t", Sluice_Sequence="first")
    yield named("a sequence beyond 64 bits", 400, Sluice_Trainer="t", Sluice_Sequence="9" * 30)
    yield named("a trainer's name with a slash", 400, Sluice_Trainer="a/b", Sluice_Sequence="1")
    yield named("a trainer's name of 65 bytes", 400, Sluice_Trainer="t" * 65, Sluice_Sequence="1")
    yield named("batches of 0 lines", 400, Sluice_Batch_Lines="0")
    yield named("batches of text", 400, Sluice_Batch_Lines="many")
    yield Row("a batch over 8 MiB", "server", "POST", TRAIN, 413, b"\n" * (8 * MIB + 1))
    yield Row("a trainer nobody heard of", "server", "GET", f"/v1/models/{MODEL}/trainers/nobody", 404)


def spec_rows():
    numbers = itertools.count(1)

    def spec(name, text, says, status=400, model=None):
        path = f"/v1/models/{model or f'spec-{next(numbers)}'}"
        return Row(f"spec: {name}", "server", "PUT", path, status, text.encode(), {}, says)

    yield spec("an unknown key", "bits: 18\nbitz: 19\n", "bitz")
    yield spec("an unknown key of the learner", "learner: {rule: ftrl, gamma: 1}\n", "gamma")
    yield spec("bits of 31", "bits: 31\n", "bits")
    yield spec("bits of 0", "bits: 0\n", "bits")
    yield spec("bits that are text", "bits: many\n", "bits")
    yield spec("an unknown loss", "loss: hinge\n", "hinge")
    yield spec("an unknown rule", "learner: {rule: adam}\n", "adam")
    yield spec("a rule that has one owner, in rounds", "settle: tolerant\nlearner: {rule: nag}\n", "leave it out")
    yield spec("FTRL's alpha for rule nag", "learner: {rule: nag, alpha: 1}\n", "alpha")
    yield Row("spec: not UTF-8", "server", "PUT", "/v1/models/spec-bytes", 400, b"bits: 18 # \xff\n", {}, "UTF-8")
    yield spec("a negative alpha", "learner: {rule: ftrl, alpha: -1}\n", "alpha")
    yield spec("an alpha that is NaN", "learner: {rule: ftrl, alpha: .nan}\n", "alpha")
    yield spec("an unknown hash", "hash: md5\n", "md5")
    yield spec("a key twice", "bits: 18\nbits: 19\n", "bits")
    yield spec("a list", "- bits\n", "")
    yield spec("no YAML", "{bits: [", "")
    yield spec("an alias that grows", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "")
    yield spec("another spec for a model there is", "bits: 18\n", "", 409, MODEL)
    yield spec("a name with a leading dot", "bits: 18\n", "", (400, 404), ".hidden")
    yield spec("a name of 65 bytes", "bits: 18\n", "", (400, 404), "m" * 65)
    yield spec("a name with an escaped slash", "bits: 18\n", "", (400, 404), "a%2Fb")
