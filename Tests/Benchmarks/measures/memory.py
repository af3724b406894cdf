"""Resident memory of nodes after a stream that touches nearly every page of a table of 2^24, against the formulas."""

import subprocess
import tempfile

import clickstream
from measuring import emit, resident_bytes
from support import project
from support.http import ask
from support.nodes import Cluster, Node, until
from support.training import train_file

BITS = 24
MIB = 1 << 20
RING_BYTES = 64 * MIB
WORKER_BYTES_AN_INDEX, STATIC_BYTES_AN_INDEX, WORKER_BASE_BYTES = 8.4, 4.2, 64 * MIB
SERVER_BYTES_AN_INDEX, SERVER_BASE_BYTES = 9, 128 * MIB


def memory():
    file = clickstream.path()
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(worker_count=1)
        try:
            ask(cluster.server.http, "PUT", "/v1/models/m", f"bits: {BITS}\n")
            train_file(cluster.server, "m", file)
            until(lambda: ask(cluster.workers[0].http, "GET", "/v2/models/m").status == 200, seconds=15)
            told = ask(cluster.server.http, "POST", "/v1/models/m/digest").json()
            ask(cluster.workers[0].http, "GET", f"/v1/models/m/digest?version={told['version']}")
            tell("memory_worker_following", cluster.workers[0], WORKER_BYTES_AN_INDEX, WORKER_BASE_BYTES + RING_BYTES)
            tell("memory_server", cluster.server, SERVER_BYTES_AN_INDEX, SERVER_BASE_BYTES + RING_BYTES)
        finally:
            cluster.stop()
        subprocess.run([project.binary("sluice"), "learn", str(file), "-b", str(BITS), "--save", f"{folder}/m",
                        "--quiet"], check=True)
        static = Node("sluice-worker", ["--listen", "127.0.0.1:0", "--model-folder", f"m={folder}/m"], folder)
        try:
            if not until(lambda: ask(static.http, "GET", "/v2/models/m/ready").status == 200):
                raise RuntimeError("the static worker does not become ready")
            tell("memory_worker_static", static, STATIC_BYTES_AN_INDEX, WORKER_BASE_BYTES)
        finally:
            static.terminate()
            static.kill()


def tell(name, node, bytes_an_index, base_bytes):
    got, allowed = resident_bytes(node.pid), (bytes_an_index * (1 << BITS)) + base_bytes
    emit(name, got / MIB, allowed / MIB, "MiB resident",
         f"2^{BITS} indices after a million examples; allowed are {bytes_an_index} B an index + "
         f"{base_bytes // MIB} MiB; {(got - base_bytes) / (1 << BITS):.2f} B an index beyond the base; less is better")
