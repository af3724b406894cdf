"""The second writing of VW's hashing, which the CSR checks lean on, gives the indices VW itself printed."""

import json

from support import project, vw_features
from support.report import Mismatch, Skip, expect

AUDIT_BITS = 24
# Vectors of VW's own tests, at 2^18 (name, namespace, mode).
VECTORS = [
    (b"a", None, "strings", 92594), (b"b", None, "strings", 163331), (b"c", None, "strings", 185951),
    (b"abc", b"ns", "strings", 16258), (b"feature", b"namespace", "strings", 242309),
    (b"feature", b"n", "strings", 35795), (b"1", b"a", "strings", 92595), (b"1", b"a", "all", 112195),
    (b"2", b"a", "all", 1080), (b"c3", b"b", "all", 46188), (b"c57", b"b", "all", 166454),
]


def checks(_):
    yield "hash in Python: the vectors of VW's tests", vectors
    yield "hash in Python: every line of VW's audits", audits


def vectors():
    for name, namespace, mode, wanted in VECTORS:
        seed = vw_features.hash_name(namespace, 0, mode) if namespace else 0
        expect(vw_features.hash_name(name, seed, mode) & 0x3FFFF, wanted, f"{namespace}^{name} ({mode})")
    expect(vw_features.CONSTANT_INDEX & 0x3FFFF, 116060, "the constant")


def audits():
    folder = project.data_folder()
    if folder is None or not (folder / "vw_audit").is_dir():
        raise Skip("no vw_audit folder; set SLUICE_DATA")
    folder = folder / "vw_audit"
    compared = 0
    for case in json.loads((folder / "audit.json").read_text()):
        if "audit" not in case:
            continue
        mode = "all" if "--hash all" in case["options"] else "strings"
        seed = 7 if "--hash_seed 7" in case["options"] else 0
        lines = [line for line in (folder / case["input"]).read_bytes().split(b"\n") if line]
        printed = [
            features_of(row) for row in (folder / case["audit"]).read_bytes().split(b"\n") if row.startswith(b"\t")]
        expect(len(printed), len(lines), f"{case['audit']}: lines")
        for number, (line, wanted) in enumerate(zip(lines, printed), 1):
            pairs = [(i & ((1 << AUDIT_BITS) - 1), f"{v:.6g}") for i, v in
                     vw_features.features(line, mode=mode, hash_seed=seed)]
            # Crosses come last; VW gathers repeated namespaces, so order is not compared.
            if sorted(pairs) != sorted(wanted[:len(pairs)]):
                raise Mismatch(f"{case['audit']} line {number}: expected {wanted[:len(pairs)]}, got {pairs}")
            compared += 1
    expect(compared > 1000, True, f"compared only {compared} lines: over 1000")


def features_of(row):
    """(index, value) of the features in a row of an audit: namespace^name:index:value:weight, tab-separated."""
    pairs = []
    for entry in row.decode().strip("\t").split("\t"):
        _, index, value, _ = entry.rsplit(":", 3)
        pairs.append((int(index), f"{float(value):.6g}"))
    return pairs
