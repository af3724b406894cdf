"""Bytes a changed weight takes on the wire, against 8 for an index and a float sent plainly."""

from console import bench
from measuring import emit

PLAIN_BYTES = 8


def delta():
    told = bench("delta")
    emit("delta", told["bytes_per_weight"], PLAIN_BYTES, "bytes/weight",
         "`sluice bench delta`; " + ", ".join(f"{k} {v}" for k, v in told.items() if k != "bytes_per_weight"))
