"""Triton's own Python clients, unmodified, both of them: what they send is what most users will send."""

import asyncio

from subject import BITS, CROSSES, MODEL
from support import examples, v2, vw_features
from support.report import Skip, expect, expect_that

try:
    import numpy
    import tritonclient.http as triton
    import tritonclient.http.aio as triton_aio
    missing = None
except ImportError as error:
    missing = str(error)

ONE, HUNDRED = examples.scored(30)[-1:], examples.scored(100)


def checks(subject):
    if missing:
        yield "tritonclient", unavailable
        return
    for name, client in (("tritonclient.http", blocking(subject)), ("tritonclient.http.aio", asynchronous(subject))):
        yield f"{name}: live, ready, metadata, config, repository index", about(name, client, subject)
        for lines in (ONE, HUNDRED):
            for kind, inputs in (("line", line_inputs), ("CSR", csr_inputs)):
                for binary in (True, False):
                    yield (f"{name}: infer {kind}, {'binary' if binary else 'JSON'}, B={len(lines)}, nothing requested",
                           infer(client, subject, inputs, lines, binary, None))
                    yield (f"{name}: infer {kind}, {'binary' if binary else 'JSON'}, B={len(lines)}, both outputs",
                           infer(client, subject, inputs, lines, binary, ["margin", "probability"]))
        yield f"{name}: line as [B, 1]", infer(client, subject, column_inputs, HUNDRED, True, None)
        yield f"{name}: CSR without values means 1", without_values(client, subject)
        yield f"{name}: a version in the path", versioned(client, subject)
        yield f"{name}: an unknown model raises with the error's text", unknown(client)
    yield "all nodes stand after tritonclient", subject.stands


def unavailable():
    raise Skip(missing)


def blocking(subject):
    """Calls one method of a fresh blocking client."""
    def call(method, *arguments, **options):
        client = triton.InferenceServerClient(subject.workers[0].http)
        try:
            return getattr(client, method)(*arguments, **options)
        finally:
            client.close()
    return call


def asynchronous(subject):
    """Calls one method of a fresh asyncio client."""
    def call(method, *arguments, **options):
        async def once():
            async with triton_aio.InferenceServerClient(subject.workers[1].http) as client:
                return await getattr(client, method)(*arguments, **options)
        return asyncio.run(once())
    return call


def about(name, client, subject):
    def check():
        expect(client("is_server_live"), True, "live")
        expect(client("is_server_ready"), True, "ready")
        expect(client("is_model_ready", MODEL), True, "model ready")
        expect(client("is_model_ready", "nobody"), False, "unknown model ready")
        expect_that("extensions" in client("get_server_metadata"), "server metadata has extensions")
        expect(client("get_model_metadata", MODEL)["parameters"]["fingerprint"], subject.fingerprint, "fingerprint")
        expect(client("get_model_config", MODEL)["name"], MODEL, "config")
        expect([m for m in client("get_model_repository_index") if m["name"] == MODEL],
               [{"name": MODEL, "version": str(subject.version), "state": "READY"}], "repository index")
    return check


def line_inputs(lines, binary, shape=None):
    given = triton.InferInput("line", shape or [len(lines)], "BYTES")
    data = numpy.array([line.encode() for line in lines], dtype=numpy.object_).reshape(shape or [len(lines)])
    given.set_data_from_numpy(data, binary_data=binary)
    return [given], {}


def column_inputs(lines, binary):
    return line_inputs(lines, binary, [len(lines), 1])


def csr_inputs(lines, binary, with_values=True):
    indices, values, offsets = vw_features.csr(lines, BITS, crosses=CROSSES)
    inputs = []
    for name, datatype, data, kind in (("indices", "UINT32", indices, "u4"), ("values", "FP32", values, "f4"),
                                       ("offsets", "INT32", offsets, "i4")):
        if name == "values" and not with_values:
            continue
        given = triton.InferInput(name, [len(data)], datatype)
        given.set_data_from_numpy(numpy.array(data, dtype=kind), binary_data=binary)
        inputs.append(given)
    return inputs, {"fingerprint": None}


def with_fingerprint(parameters, subject):
    return {key: subject.fingerprint for key in parameters}


def infer(client, subject, make, lines, binary, requested):
    def check():
        inputs, parameters = make(lines, binary)
        outputs = requested and [triton.InferRequestedOutput(name, binary_data=binary) for name in requested]
        result = client("infer", MODEL, inputs, outputs=outputs, parameters=with_fingerprint(parameters, subject))
        told = result.get_response()
        expect(sorted(o["name"] for o in told["outputs"]), requested or ["probability"], "outputs, bound by name")
        probability = result.as_numpy("probability")
        expect((probability.shape, str(probability.dtype)), ((len(lines), 1), "float32"), "probability")
        expect_that(((probability > 0) & (probability < 1)).all(), f"between 0 and 1: {probability[:3]}")
        expect(told["parameters"]["version"], subject.version, "parameters.version")
        if requested:
            margin = result.as_numpy("margin")
            expect((margin.shape, str(margin.dtype)), ((len(lines), 1), "float64"), "margin")
            apart = numpy.abs(1 / (1 + numpy.exp(-margin)) - probability).max()
            expect_that(apart < 1e-6, f"probability is the sigmoid of the margin: {apart} apart")
    return check


def without_values(client, subject):
    def check():
        line = "|u a b c |ad 7"
        wanted = client("infer", MODEL, line_inputs([line], True)[0]).as_numpy("probability")
        inputs, parameters = csr_inputs([line], True, with_values=False)
        got = client("infer", MODEL, inputs, parameters=with_fingerprint(parameters, subject)).as_numpy("probability")
        expect(v2.bits(got), v2.bits(wanted), "bits")
    return check


def versioned(client, subject):
    def check():
        inputs, _ = line_inputs(ONE, True)
        told = client("infer", MODEL, inputs, model_version=str(subject.version)).get_response()
        expect(told["model_version"], str(subject.version), "model_version")
        expect(client("is_model_ready", MODEL, str(subject.version)), True, "ready at that version")
    return check


def unknown(client):
    def check():
        from tritonclient.utils import InferenceServerException
        try:
            client("infer", "nobody", line_inputs(ONE, True)[0])
        except InferenceServerException as error:
            expect_that("nobody" in error.message(), f"names the model: {error.message()}")
        else:
            expect_that(False, "no exception")
    return check
