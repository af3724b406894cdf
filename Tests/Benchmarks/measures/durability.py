"""Training into a journal against training into memory, at full speed; bytes a journal takes; how long an acknowledgement
takes at half of that speed; how fast a node reads its journal when it begins."""

import os
import pathlib
import time

import clickstream
from measuring import ROUNDS, emit, median, percentile, say, spread
from support.http import Connection, ask
from support.nodes import Cluster, Node
from support.training import train_file

SPEC = "bits: 22\nlearner: {rule: ftrl, alpha: 0.4, beta: 1}\n"


def durability():
    file = clickstream.path()
    every, none = [], []
    for number in range(ROUNDS):
        every.append(trained(file, True))
        none.append(trained(file, False))
        say(f"durability round {number + 1} of {ROUNDS}: {every[-1]}, none {none[-1]}")
    rates = [run["rate"] for run in every]
    ratios = [a["rate"] / b["rate"] for a, b in zip(every, none)]
    emit("durability", median(rates), median([run["rate"] for run in none]), "examples/s",
         f"every-commit against none, sluice train, 1,000-line batches, one owner; {spread(rates)}; the ratio is the "
         f"median of the pairs' {spread(ratios)}; journal "
         f"{median([run['bytes'] for run in every]):.1f} bytes/example, {median([run['writes'] for run in every]):.0f} "
         f"writes of {median([run['us'] for run in every]):.0f} us", ratio=median(ratios))
    emit("recovery", median([run["read_rate"] for run in every]), sequential_read_rate(), "MB/s",
         "a node's journal read until the model is open again, against reading a file of the disk")
    acknowledgements(file, median(rates) / 2)


def cluster(journals):
    if not journals:
        return Cluster(worker_count=0)
    folder = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"sluice-journal-{os.urandom(3).hex()}"
    made = Cluster(worker_count=0, server_options=["--state-folder", folder])
    made.state = folder
    return made


def trained(file, journals):
    one = cluster(journals)
    try:
        if ask(one.server.http, "PUT", "/v1/models/m", SPEC).status != 201:
            raise RuntimeError("PUT")
        seconds = train_file(one.server, "m", file)
        model = ask(one.server.http, "GET", "/v1/models/m").json()
        run = {"rate": model["version"] / seconds}
        if journals:
            journal = ask(one.server.http, "GET", "/v1/status").json()["journal"]
            run.update(bytes=journal["bytes"] / model["version"], writes=journal["writes"], us=journal["write_us"])
            digest = ask(one.server.http, "POST", "/v1/models/m/digest").json()
            run["read_rate"] = reread(one, journal["bytes"], digest)
        return run
    finally:
        one.stop()


def reread(one, byte_count, digest):
    """MB/s from a process's start after kill -9 to the model's being open, with the same digest."""
    one.server.kill()
    start = time.monotonic()
    one.server = Node("sluice-server", ["--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0",
                                        "--state-folder", one.state], one.folder)
    while ask(one.server.http, "GET", "/v1/models/m").json()["state"] != "open":
        time.sleep(0.002)
    seconds = time.monotonic() - start
    again = ask(one.server.http, "POST", "/v1/models/m/digest").json()
    if again != digest:
        raise RuntimeError(f"read again: {again}, before: {digest}")
    return byte_count / seconds / 1e6


def sequential_read_rate():
    """MB/s of a file of 256 MiB that the system does not hold in memory."""
    path = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"sluice-read-{os.urandom(3).hex()}"
    with open(path, "wb") as file:
        block = os.urandom(1 << 20)
        for _ in range(256):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    start = time.monotonic()
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
    seconds = time.monotonic() - start
    path.unlink()
    return 256 * 1.048576 / seconds


def acknowledgements(file, rate):
    """Milliseconds from a batch's being sent to its acknowledgement, 1,000 lines at a time at `rate` examples/s."""
    one = cluster(True)
    try:
        ask(one.server.http, "PUT", "/v1/models/m", SPEC)
        batches = []
        with open(file, "rb") as lines:
            batch = []
            for line in lines:
                batch.append(line)
                if len(batch) == 1000:
                    batches.append(b"".join(batch))
                    batch = []
                if len(batches) == 1000:
                    break
        connection = Connection(one.server.http)
        took, start = [], time.monotonic()
        for k, body in enumerate(batches):
            due = start + k * 1000 / rate
            if due > time.monotonic():
                time.sleep(due - time.monotonic())
            sent = time.monotonic()
            answer = connection.ask("POST", "/v1/models/m/examples", body)
            if answer.status != 200:
                raise RuntimeError(f"{answer}")
            took.append((time.monotonic() - sent) * 1000)
        achieved = len(batches) * 1000 / (time.monotonic() - start)
        note = f"1,000-line batches one after the other, {achieved:.0f} examples/s"
        for share in (50, 99):
            value = percentile(took, share / 100)
            emit(f"ack_p{share}", value, None, "ms", note, ratio=value)
    finally:
        one.stop()
