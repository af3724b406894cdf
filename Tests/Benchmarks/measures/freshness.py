"""From a batch's acknowledgement to an answer that knows it: both workers, publishing every 10 ms, 100,000 examples a second.

`sluice bench freshness` posts batches of 256 lines at that rate and, of every acknowledgement, asks both workers for at
least its version; a worker holds the request back until it has it.
"""

import os

import clickstream
from console import bench
from measuring import emit
from support.http import ask
from support.nodes import Cluster, until

PUBLISH_MS = 10
SECONDS = float(os.environ.get("SLUICE_SECONDS", "10"))


def freshness():
    cluster = Cluster(worker_count=2, server_options=["--publish-every", f"{PUBLISH_MS}ms"])
    try:
        ask(cluster.server.http, "PUT", "/v1/models/m", "bits: 22\n")
        ask(cluster.server.http, "POST", "/v1/models/m/examples", b"\n".join(clickstream.first_lines(256)) + b"\n")
        for worker in cluster.workers:
            until(lambda: ask(worker.http, "GET", "/v2/models/m").status == 200, seconds=15)
        workers = [option for worker in cluster.workers for option in ("--worker", worker.http)]
        told = bench("freshness", "--server", cluster.server.http, *workers, "--model", "m", "--seconds", SECONDS)
    finally:
        cluster.stop()
    for name in ("p50", "p99"):
        emit(f"freshness_{name}", told[f"{name}_ms"], None, "ms", ratio=told[f"{name}_ms"],
             note=f"acknowledged to visible, {told['count']} answers, slowest {told['max_ms']:.1f} ms; publish every "
                  f"{PUBLISH_MS} ms; trainer, server node, both workers and what asks share the cores")
