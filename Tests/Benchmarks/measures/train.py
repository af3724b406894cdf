"""Training over HTTP/2, through a server node to a worker that follows, against Vowpal Wabbit reading the same file."""

import os

import clickstream
import vw
from measuring import alternate, emit, median, spread
from support.http import ask
from support.nodes import Cluster, until
from support.training import has_command, train_file

SPEC = f"bits: 22\nlearner: {{rule: ftrl, alpha: {vw.ALPHA}, beta: {vw.BETA}}}\n"


def train():
    file = clickstream.path()
    cores = f"0-{(os.cpu_count() or 1) - 1}"
    ours, peer = alternate(lambda: trained(file), lambda: vw.learn(file, cores), what="train")
    rates, losses = [rate for rate, _ in ours], [loss for _, loss in ours]
    vw_rates, vw_losses = [rate for rate, _ in peer], [loss for _, loss in peer]
    client = "sluice train" if has_command("train") else "curl"
    emit("train", median(rates), median(vw_rates), "examples/s",
         f"{client} over HTTP/2 to a server node, one worker following, timed until the last batch is "
         f"acknowledged; both cores shared by all; {len(rates)} runs each, ours {spread(rates)} VW {spread(vw_rates)}; "
         f"log loss {median(losses):.6f} VW {median(vw_losses):.6f}")


def trained(file):
    """(examples/s, log loss) of a fresh cluster; the worker must hold the last version in the end."""
    cluster = Cluster(worker_count=1)
    try:
        made = ask(cluster.server.http, "PUT", "/v1/models/m", SPEC)
        if made.status != 201:
            raise RuntimeError(f"PUT: {made}")
        seconds = train_file(cluster.server, "m", file)
        model = ask(cluster.server.http, "GET", "/v1/models/m").json()
        # A short run can be over before the worker has heard of the model.
        until(lambda: ask(cluster.workers[0].http, "GET", "/v2/models/m").status == 200, seconds=15)
        digest = ask(cluster.server.http, "POST", "/v1/models/m/digest").json()
        followed = ask(cluster.workers[0].http, "GET", f"/v1/models/m/digest?version={digest['version']}")
        if followed.status != 200 or followed.json()["digest"] != digest["digest"]:
            raise RuntimeError(f"the worker's digest: {followed}, the server node's: {digest}")
        return model["version"] / seconds, model["validation"]["log_loss"]
    finally:
        cluster.stop()
