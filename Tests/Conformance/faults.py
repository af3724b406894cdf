"""Faults against real server groups; see `faults` beside `run`. Exits with 1 when something was lost, doubled or mixed."""

import argparse
import http.client
import json
import random
import subprocess
import sys
import tempfile
import threading
import time

from support import examples, project
from support.http import ask
from support.nodes import Group, Node, StartFailed, until
from support.relay import Relay

SPEC = "bits: 18\nlearner: {rule: ftrl, alpha: 0.4, beta: 1}\n"


class Trainer(threading.Thread):
    """Posts numbered batches, each again by the other intake until it is acknowledged."""

    def __init__(self, number, group, intakes, chance, over):
        super().__init__(daemon=True)
        self.name_of_trainer = f"trainer-{number}"
        self.group, self.intakes, self.chance, self.over = group, intakes, chance, over
        self.lines = examples.lines(4000, seed=100 + number)
        # Acknowledged: (version, text, example count).
        self.acknowledged = []
        self.retries = 0
        self.wrong = None

    def run(self):
        try:
            sequence = 1
            while not self.over.is_set():
                start = self.chance.randrange(len(self.lines) - 300)
                batch = self.lines[start:start + self.chance.randrange(1, 300)]
                self.post(sequence, examples.text(batch))
                sequence += 1
        except Exception as error:  # The main thread tells it.
            self.wrong = f"{type(error).__name__}: {error}"

    def post(self, sequence, text):
        intake = self.chance.choice(self.intakes)
        deadline = time.monotonic() + 60
        while True:
            try:
                answer = ask(self.group.servers[intake].http, "POST", "/v1/models/m/examples", text,
                             {"sluice-trainer": self.name_of_trainer, "sluice-sequence": str(sequence)}, seconds=15)
                if answer.status == 200:
                    self.acknowledged.append((answer.json()["version"], text, sequence))
                    return
                if answer.status not in (409, 503) or "next" in answer.json() and answer.json()["next"] > sequence:
                    raise RuntimeError(f"batch {sequence}: {answer}")
            except (OSError, http.client.HTTPException):
                pass  # Killed under us: by the other one.
            if time.monotonic() > deadline:
                raise RuntimeError(f"batch {sequence} was not taken for a minute")
            self.retries += 1
            intake = self.chance.choice(self.intakes)
            time.sleep(0.02)


def kills(seconds, seed):
    """Four trainers on two intakes, one of which is killed every few seconds: everything acknowledged exactly once."""
    chance = random.Random(seed)
    group = Group(4, {"m": [0, 1]}, worker_count=1)
    try:
        made = ask(group.servers[2].http, "PUT", "/v1/models/m", SPEC)
        if made.status != 201:
            return f"PUT: {made}"
        over = threading.Event()
        trainers = [Trainer(k, group, [2, 3], random.Random(seed * 10 + k), over) for k in range(4)]
        for trainer in trainers:
            trainer.start()
        kill_count, end = 0, time.monotonic() + seconds
        while time.monotonic() < end and all(trainer.is_alive() for trainer in trainers):
            time.sleep(chance.uniform(0.5, 4))
            victim = chance.choice([2, 3])
            group.servers[victim].kill()
            time.sleep(chance.uniform(0, 0.5))
            group.start(victim)
            kill_count += 1
        over.set()
        for trainer in trainers:
            trainer.join(timeout=90)
        wrong = [trainer.wrong for trainer in trainers if trainer.wrong]
        if wrong:
            return wrong[0]
        return judged(group, trainers, kill_count, seconds)
    finally:
        group.stop()


def crashes(seconds, seed, together=False):
    """Four trainers, and kill -9 of any server node, owners too: with journals everything acknowledged exactly once."""
    chance = random.Random(seed)
    group = Group(3, {"m": [0, 1]}, worker_count=1, journals=True)
    try:
        made = ask(group.servers[2].http, "PUT", "/v1/models/m", SPEC)
        if made.status != 201:
            return f"PUT: {made}"
        over = threading.Event()
        trainers = [Trainer(k, group, [0, 1, 2], random.Random(seed * 10 + k), over) for k in range(4)]
        for trainer in trainers:
            trainer.start()
        watch = VersionWatch(group.workers[0])
        watch.start()
        kill_count, end = 0, time.monotonic() + seconds
        while time.monotonic() < end and all(trainer.is_alive() for trainer in trainers):
            time.sleep(chance.uniform(0.05, 0.6))
            victims = [0, 1, 2] if together else [chance.choice([0, 0, 1, 1, 2])]
            for victim in victims:
                group.servers[victim].process.kill()
            for victim in victims:
                group.servers[victim].kill()
            time.sleep(chance.uniform(0, 0.1))
            for victim in victims:
                group.start(victim)
            kill_count += 1
        over.set()
        for trainer in trainers:
            trainer.join(timeout=90)
        watch.over.set()
        watch.join(timeout=10)
        wrong = [trainer.wrong for trainer in trainers if trainer.wrong] + [w for w in [watch.wrong] if w]
        if wrong:
            return wrong[0]
        return judged(group, trainers, kill_count, seconds, "all server nodes" if together else "any server node")
    finally:
        group.stop()


class VersionWatch(threading.Thread):
    """Asks a worker all the time: it always answers, and its version never falls."""

    def __init__(self, worker):
        super().__init__(daemon=True)
        self.worker = worker
        self.over = threading.Event()
        self.wrong = None

    def run(self):
        body = json.dumps({"inputs": [{"name": "line", "shape": [1], "datatype": "BYTES", "data": ["|a b c"]}]})
        last = -1
        while not self.over.is_set():
            try:
                answer = ask(self.worker.http, "POST", "/v2/models/m/infer", body)
            except OSError as error:
                self.wrong = f"the worker does not answer: {error}"
                return
            if answer.status == 200:
                version = answer.json()["parameters"]["version"]
                if version < last:
                    self.wrong = f"the worker went from version {last} back to {version}"
                    return
                last = version
            elif last >= 0:
                self.wrong = f"the worker answers {answer}"
                return
            time.sleep(0.005)


def judged(group, trainers, kill_count, seconds, what="intakes"):
    acknowledged = sorted(batch for trainer in trainers for batch in trainer.acknowledged)
    digest = ask(group.servers[0].http, "POST", "/v1/models/m/digest").json()
    version = 0
    with tempfile.NamedTemporaryFile(suffix=".vw") as file:
        for reached, text, _ in acknowledged:
            version += sum(1 for line in text.splitlines() if line)
            # A batch whose end is not where the one before and its own examples lead was lost, doubled or cut.
            if reached != version:
                return f"a batch ends at {reached}, those before it lead to {version}"
            file.write(text)
        file.flush()
        done = subprocess.run(
            [project.binary("sluice"), "learn", file.name, "--bits", "18", "--rule", "ftrl", "--alpha", "0.4",
             "--beta", "1", "--quiet", "--json"], capture_output=True, text=True, check=True)
    wanted = json.loads(done.stdout.splitlines()[-1])
    if (digest["digest"], digest["version"]) != (wanted["digest"], wanted["version"]):
        return f"servers {digest}, learn {wanted['digest']} at {wanted['version']}"
    followed = ask(group.workers[0].http, "GET", f"/v1/models/m/digest?version={digest['version']}").json()
    if followed.get("digest") != digest["digest"]:
        return f"the worker: {followed}"
    retries = sum(trainer.retries for trainer in trainers)
    print(f"{kill_count} times {what} killed in {seconds:.0f} s, {len(acknowledged)} batches of 4 trainers "
          f"({retries} posts again), {version} examples, digest equal to learn's in the order of the versions")
    return None


def connected_owners(worker):
    models = ask(worker.http, "GET", "/v1/status").json()["models"]
    return models[0]["connected_owners"] if models else 0


def cut(seconds, seed):
    """A worker whose link to one of two servers is cut keeps one version, then meets both at their digest."""
    group = Group(2, {"m": [0, 1]})
    relay = Relay(group.servers[1].peer)
    try:
        ask(group.servers[0].http, "PUT", "/v1/models/m", SPEC)
        worker = Node("sluice-worker", ["--listen", "127.0.0.1:0", "--server", group.servers[0].peer,
                                        "--server", relay.address], group.folder)
        lines = examples.lines(4000, seed=seed)
        post = lambda k: ask(group.servers[k % 2].http, "POST", "/v1/models/m/examples",
                             examples.text(lines[50 * (k % 70):50 * (k % 70) + 50]))
        post(0)
        if not until(lambda: ask(worker.http, "GET", "/v2/models/m").status == 200, seconds=10):
            return "the worker has no model"
        if not until(lambda: connected_owners(worker) == 2, seconds=10):
            return "the worker does not follow both owners"
        relay.cut()
        # What had come before the cut is in: from here on nothing new may be shown.
        if not until(lambda: connected_owners(worker) == 1, seconds=10):
            return "the worker does not notice the cut"
        shown, answers, posted, end = set(), 0, 0, time.monotonic() + seconds
        body = json.dumps({"inputs": [{"name": "line", "shape": [1], "datatype": "BYTES", "data": [lines[3]]}]})
        while time.monotonic() < end:
            posted += 1
            post(posted)
            answer = ask(worker.http, "POST", "/v2/models/m/infer", body)
            if answer.status != 200:
                return f"the worker answers {answer}"
            shown.add(answer.json()["parameters"]["version"])
            answers += 1
        if len(shown) != 1:
            return f"versions {sorted(shown)} were shown while a link was cut"
        relay.mend()
        digest = ask(group.servers[0].http, "POST", "/v1/models/m/digest").json()
        path = f"/v1/models/m/digest?version={digest['version']}"
        met = until(lambda: ask(worker.http, "GET", path).json().get("digest") == digest["digest"], seconds=20)
        if not met:
            return f"servers {digest}, the worker {ask(worker.http, 'GET', path)}"
        print(f"cut: link cut for {seconds:.0f} s, {answers} answers all of version {shown.pop()}, "
              f"then equal at version {digest['version']}")
        return None
    finally:
        relay.stop()
        group.stop()


FAULTS = {"kills": (kills, 600), "crashes": (crashes, 600),
          "outages": (lambda seconds, seed: crashes(seconds, seed, together=True), 60), "cut": (cut, 60)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, help="how long each fault lasts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("names", nargs="*", choices=[*FAULTS, []], help="all when none is named")
    options = parser.parse_args()
    failed = 0
    for name, (fault, seconds) in FAULTS.items():
        if options.names and name not in options.names:
            continue
        try:
            wrong = fault(options.seconds or seconds, options.seed)
        except (OSError, RuntimeError, StartFailed, subprocess.SubprocessError, ValueError, KeyError) as error:
            wrong = f"{type(error).__name__}: {error}"
        if wrong:
            failed += 1
            print(f"{name}: WRONG (seed {options.seed}): {wrong}", flush=True)
    print("faults: all as promised" if not failed else f"faults: {failed} broke a promise")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
