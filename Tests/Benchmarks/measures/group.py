"""Several server nodes learning one model, and models spread over nodes: examples/s, rounds, CPU an example."""

import gzip
import os
import shutil
import subprocess
import threading
import time

import clickstream
from measuring import ROUNDS, cpu_seconds, emit, median, need_two_cores, spread
from support import project
from support.http import ask
from support.nodes import Group
from support.report import Skip
from support.training import train_file

# The stream of the reference data, repeated so that a run takes about two seconds.
REPEATED = 6
SPEC = "bits: 22\nlearner: {rule: ftrl, alpha: 0.4, beta: 1}\n"


def flights():
    folder = project.data_folder()
    packed = folder / "flights_pnw2014.vw.gz" if folder else None
    if not packed or not packed.is_file():
        raise Skip("flights_pnw2014 is not here; set SLUICE_DATA")
    clickstream.FOLDER.mkdir(parents=True, exist_ok=True)
    file = clickstream.FOLDER / f"flights{REPEATED}.vw"
    if not file.exists():
        unfinished = file.with_suffix(".unfinished")
        with open(unfinished, "wb") as out:
            for _ in range(REPEATED):
                with gzip.open(packed) as text:
                    shutil.copyfileobj(text, out)
        unfinished.rename(file)
    return file


def group():
    file = flights()
    for name, owners, settle in (("group_exact", 2, "exact"), ("group_tolerant", 2, "tolerant"), ("group_one", 1, "exact")):
        runs = [trained(file, owners, settle) for _ in range(ROUNDS)]
        rates = [run["rate"] for run in runs]
        rounds = ("" if owners == 1 else
                  f"accepted a round {median(run['accepted'] for run in runs):.1f}, a round "
                  f"{median(run['round_us'] for run in runs):.0f} us; ")
        emit(name, median(rates), None, "examples/s",
             f"{owners} owners of two nodes, settle {settle}, flights_pnw2014 {REPEATED} times, batches of 1,000 lines by "
             f"sluice train to the clock's node, all on two cores; {rounds}server CPU "
             f"{1e6 * median(run['cpu'] for run in runs):.2f} us an example; {len(runs)} runs {spread(rates)}")


def trained(file, owners, settle):
    nodes = Group(2, {"m": range(owners)})
    try:
        made = ask(nodes.servers[0].http, "PUT", "/v1/models/m", SPEC + f"settle: {settle}\n")
        if made.status != 201:
            raise RuntimeError(f"PUT: {made}")
        before = sum(cpu_seconds(server.pid) for server in nodes.servers)
        seconds = train_file(nodes.servers[0], "m", file)
        cpu = sum(cpu_seconds(server.pid) for server in nodes.servers) - before
        model = ask(nodes.servers[0].http, "GET", "/v1/models/m").json()
        return {"rate": model["version"] / seconds, "cpu": cpu / model["version"],
                "accepted": model["accepted_per_round"] or 0, "round_us": model["round_us"]}
    finally:
        nodes.stop()


def spread_models():
    """Two models on two nodes of a core each, against one model on one of them."""
    need_two_cores()
    file = clickstream.path()
    pairs = [(spread_over(file, 1), spread_over(file, 2)) for _ in range(ROUNDS)]
    ones, twos = [one for one, _ in pairs], [two for _, two in pairs]
    ratios = [two["rate"] / one["rate"] for one, two in pairs]
    emit("spread_models", median(run["rate"] for run in twos), median(run["rate"] for run in ones), "examples/s",
         f"two nodes bound to a core each, a model and a trainer each, against one; trainers' CPU "
         f"{100 * median(run['trainers'] for run in twos):.0f} % of a core in the second, {100 * median(run['trainers'] for run in ones):.0f} % "
         f"in the first, on the nodes' cores in both; {len(pairs)} pairs, ratios {spread(ratios)}", ratio=median(ratios))


def spread_over(file, count):
    nodes = Group(2, {"a": [0], "b": [1]}, pins=(0, 1))
    try:
        models = ["a", "b"][:count]
        for place, model in enumerate(models):
            ask(nodes.servers[place].http, "PUT", f"/v1/models/{model}", SPEC)
        took = {}
        cpu = [0.0] * count

        def train(place):
            took[place], cpu[place] = pinned_training(nodes.servers[place], models[place], file, place)
        threads = [threading.Thread(target=train, args=(place,)) for place in range(count)]
        start = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - start
        examples = sum(ask(nodes.servers[place].http, "GET", f"/v1/models/{model}").json()["version"]
                       for place, model in enumerate(models))
        return {"rate": examples / seconds, "trainers": sum(cpu) / seconds}
    finally:
        nodes.stop()


def pinned_training(node, model, file, core):
    """Seconds of a training run by a trainer on a core, and the CPU it used."""
    start = time.monotonic()
    process = subprocess.Popen(["taskset", "-c", str(core), project.binary("sluice"), "train", "--server", node.http,
                                "--model", model, "--quiet", str(file)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"sluice train ended with {process.returncode}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime
