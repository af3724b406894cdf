"""Bodies of the Open Inference Protocol V2, JSON and binary tensors, built by hand.

tritonclient builds good requests; these build any request, bad ones too, and whole files for h2load.
"""

import json
import struct

import numpy

TYPES = {"UINT32": "<u4", "INT32": "<i4", "INT64": "<i8", "UINT64": "<u8", "FP32": "<f4", "FP64": "<f8"}


def tensor(name, datatype, shape, data):
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def line_tensor(lines, columns=False):
    return tensor("line", "BYTES", [len(lines), 1] if columns else [len(lines)], lines)


def csr_tensors(indices, values, offsets):
    """The CSR inputs; `values` None leaves the tensor out: every value is 1."""
    tensors = [tensor("indices", "UINT32", [len(indices)], indices)]
    if values is not None:
        tensors.append(tensor("values", "FP32", [len(values)], values))
    return tensors + [tensor("offsets", "INT32", [len(offsets)], offsets)]


def json_body(inputs, outputs=None, parameters=None, **more):
    body = {"inputs": inputs, **more}
    if outputs is not None:
        body["outputs"] = [{"name": name} for name in outputs]
    if parameters:
        body["parameters"] = parameters
    return json.dumps(body).encode()


def raw(datatype, data):
    if datatype == "BYTES":
        encoded = [x.encode() if isinstance(x, str) else x for x in data]
        return b"".join(struct.pack("<I", len(x)) + x for x in encoded)
    return numpy.asarray(data).astype(TYPES[datatype]).tobytes()


def binary_body(inputs, outputs=None, parameters=None, all_binary=True):
    """The headers and the body of a binary request; answers are asked for in binary too unless `all_binary` is off."""
    tensors, described = [], []
    for given in inputs:
        content = raw(given["datatype"], given["data"])
        tensors.append(content)
        described.append({
            "name": given["name"], "datatype": given["datatype"], "shape": given["shape"],
            "parameters": {"binary_data_size": len(content)}})
    head = {"inputs": described, "parameters": {**(parameters or {})}}
    if outputs is not None:
        head["outputs"] = [{"name": name, "parameters": {"binary_data": all_binary}} for name in outputs]
    elif all_binary:
        head["parameters"]["binary_data_output"] = True
    text = json.dumps(head, separators=(",", ":")).encode()
    return binary_headers(len(text)), text + b"".join(tensors)


def binary_headers(json_byte_count):
    return {"Inference-Header-Content-Length": str(json_byte_count), "Content-Type": "application/octet-stream"}


def outputs(answer):
    """The outputs of an answer by name, as numpy arrays of their exact bits, and the answer's JSON."""
    length = answer.headers.get("inference-header-content-length")
    head = json.loads(answer.body[:int(length)] if length else answer.body)
    rest = answer.body[int(length):] if length else b""
    arrays = {}
    for output in head["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if size is None:
            array = numpy.array(output["data"]).astype(TYPES[output["datatype"]])
        else:
            array, rest = numpy.frombuffer(rest[:size], TYPES[output["datatype"]]), rest[size:]
        arrays[output["name"]] = array.reshape(output["shape"])
    if rest:
        raise ValueError(f"{len(rest)} bytes behind the last tensor")
    return arrays, head


def bits(array):
    """The bits of floats as whole numbers: equal lists, equal answers."""
    flat = numpy.ascontiguousarray(array).reshape(-1)
    return flat.view("<u4" if flat.dtype.itemsize == 4 else "<u8").tolist()
