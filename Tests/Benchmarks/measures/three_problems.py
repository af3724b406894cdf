"""The three reasons to split learning from serving, measured gone; docs/THREE_PROBLEMS.md tells what they are.

1. What each worker receives, against all training traffic.
2. A model that one node's memory does not hold, learned by two; many models, spread over nodes.
3. A worker's CPU for following, against what learning the same traffic costs.
"""

import json
import resource
import subprocess

import clickstream
from measuring import cpu_seconds, emit
from support import project
from support.http import ask
from support.nodes import Group, until
from support.training import train_file

SPEC = "learner: {rule: ftrl, alpha: 0.4, beta: 1}\nsettle: tolerant\n"
# Address space of a node: a table of 2^27 rows, 1 GiB, does not fit beside its code and threads; half of it does.
NODE_BYTES = 1_500 << 20
BIG_BITS = 27


def three_problems():
    traffic()
    memory()
    spread()


def traffic():
    """Two owners learn the click stream, two workers follow."""
    file = clickstream.path()
    group = Group(2, {"m": [0, 1]}, worker_count=2)
    try:
        ask(group.servers[0].http, "PUT", "/v1/models/m", "bits: 22\n" + SPEC)
        for worker in group.workers:
            until(lambda: ask(worker.http, "GET", "/v2/models/m").status == 200, seconds=15)
        before = [cpu_seconds(node.pid) for node in (*group.servers, *group.workers)]
        seconds = train_file(group.servers[0], "m", file)
        digest = ask(group.servers[0].http, "POST", "/v1/models/m/digest").json()
        for worker in group.workers:
            followed = ask(worker.http, "GET", f"/v1/models/m/digest?version={digest['version']}").json()
            if followed.get("digest") != digest["digest"]:
                raise RuntimeError(f"a worker: {followed}, servers: {digest}")
        after = [cpu_seconds(node.pid) for node in (*group.servers, *group.workers)]
        spent = [end - start for end, start in zip(after, before)]
        published = sum(model["published_bytes"] for server in group.servers
                        for model in ask(server.http, "GET", "/v1/status").json()["models"])
        sent = file.stat().st_size
        examples = digest["version"]
        emit("worker_bytes", published, sent, "bytes",
             f"deltas that each worker received while the servers learned {examples:,} examples in {seconds:.1f} s, "
             f"a delta every 100 ms, against the training traffic; a worker received no example; less is better")
        learning, following = sum(spent[:2]) / examples, max(spent[2:]) / examples
        emit("worker_cpu", following * 1e6, learning * 1e6, "us an example",
             f"CPU of a worker that follows, against that of both servers that take, parse and learn; at 100,000 examples/s "
             f"following takes {following * 1e5:.1%} of a core, learning {learning * 1e5:.1%}; less is better")
    finally:
        group.stop()


def memory():
    """2^27 rows: refused by one node within its limit, learned by two within the same, with one machine's digest."""
    limit = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (NODE_BYTES, limit[1]))
    try:
        group = Group(2, {"alone": [0], "shared": [0, 1]})
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limit)
    try:
        spec = f"bits: {BIG_BITS}\n" + SPEC
        alone = ask(group.servers[0].http, "PUT", "/v1/models/alone", spec)
        shared = ask(group.servers[0].http, "PUT", "/v1/models/shared", spec)
        if alone.status != 503 or shared.status != 201:
            raise RuntimeError(f"alone {alone}, shared {shared}")
        lines = clickstream.first_lines(100_000)
        file = clickstream.FOLDER / "first.vw"
        file.write_bytes(b"\n".join(lines) + b"\n")
        train_file(group.servers[1], "shared", file)
        digest = ask(group.servers[0].http, "POST", "/v1/models/shared/digest").json()
        done = subprocess.run([project.binary("sluice"), "learn", str(file), "--bits", str(BIG_BITS), "--rule", "ftrl",
                               "--alpha", "0.4", "--beta", "1", "--settle", "tolerant", "--quiet", "--json"],
                              capture_output=True, text=True, check=True)
        if json.loads(done.stdout.splitlines()[-1])["digest"] != digest["digest"]:
            raise RuntimeError("the digest is not learn's")
        used = max(virtual_bytes(server.pid) for server in group.servers)
        emit("node_memory", used, NODE_BYTES, "bytes of address space",
             f"the larger of two nodes that learn 2^{BIG_BITS} rows together, against the limit of each, in which one alone "
             f"answers: {alone.json()['error'][-120:]}", ratio=used / NODE_BYTES)
    finally:
        group.stop()


def virtual_bytes(pid):
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmSize:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError(f"no VmSize of process {pid}")


def spread():
    """Models that the cluster file does not name, over four nodes."""
    group = Group(4, {"named": [0]})
    try:
        owners = {}
        for k in range(32):
            made = ask(group.servers[k % 4].http, "PUT", f"/v1/models/model-{k}", "bits: 18\n").json()
            owners.setdefault(made["owners"][0], []).append(k)
        print(json.dumps({"models": {name: len(models) for name, models in sorted(owners.items())},
                          "note": "32 models made by any node, by the node that owns each"}), flush=True)
    finally:
        group.stop()
