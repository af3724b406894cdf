"""Faults against real server groups; see `faults` beside `run`. Exits with 1 when something was lost, doubled or mixed."""

import argparse
import concurrent.futures
import fcntl
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

from support import examples, project
from support.http import ask
from support.nodes import Group, Node, StartFailed, free_ports, until
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
        return judged(group, trainers, f"{kill_count} times intakes killed in {seconds:.0f} s")
    finally:
        group.stop()


def crashes(seconds, seed, together=False, gently=False):
    """Four trainers, and kill -9 of any server node, owners too: with journals everything acknowledged exactly once.
    `together` kills all at once, `gently` asks one to stop, as an operator does."""
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
                if gently:
                    if group.servers[victim].terminate() != 0:
                        return f"s{victim} did not stop: {group.servers[victim].log_tail()}"
                else:
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
        what, done = "all server nodes" if together else "any server node", "stopped" if gently else "killed"
        return judged(group, trainers, f"{kill_count} times {what} {done} in {seconds:.0f} s")
    finally:
        group.stop()


class Operator:
    """Posts as two trainers and commands the model; knows what the weights have learned at every version."""

    def __init__(self, group, chance):
        self.group, self.chance = group, chance
        self.lines = examples.lines(4000, seed=9)
        self.sequences = {"good": 0, "bad": 0}
        # What the weights have learned, (trainer, text) each; as it was at each version.
        self.learned = []
        self.states = {0: []}
        self.done = {"rolled back": 0, "un-learned": 0, "refused": 0, "interrupted": 0, "learned": 0}

    def model(self):
        return ask(self.group.servers[0].http, "GET", "/v1/models/m").json()

    def opened(self):
        """The model, when all nodes are there and its owners have joined."""
        self.group.wait()
        if not until(lambda: self.model().get("state") == "open", seconds=20):
            raise RuntimeError(f"the model does not open: {self.model()}")
        return self.model()

    def command(self, path):
        try:
            return ask(self.group.servers[self.chance.randrange(3)].http, "POST", f"/v1/models/m{path}", seconds=30)
        except (OSError, http.client.HTTPException):
            return None  # Killed under us.

    def post(self):
        trainer = self.chance.choice(["good", "good", "bad"])
        self.sequences[trainer] += 1
        start = self.chance.randrange(len(self.lines) - 200)
        text = examples.text(self.lines[start:start + self.chance.randrange(1, 200)])
        headers = {"sluice-trainer": trainer, "sluice-sequence": str(self.sequences[trainer])}
        deadline = time.monotonic() + 30
        while True:
            answer = ask(self.group.servers[self.chance.randrange(3)].http, "POST", "/v1/models/m/examples", text, headers,
                         seconds=15)
            if answer.status == 200:
                break
            if time.monotonic() > deadline:
                raise RuntimeError(f"not learned: {answer}")
            time.sleep(0.02)
        self.learned.append((trainer, text))
        self.states[answer.json()["version"]] = list(self.learned)
        self.done["learned"] += 1

    def while_killing(self, path, is_killed):
        """A command, and perhaps the end of a node in the middle of it."""
        if not is_killed:
            return self.command(path)
        answers = []
        asking = threading.Thread(target=lambda: answers.append(self.command(path)), daemon=True)
        asking.start()
        time.sleep(self.chance.uniform(0, 0.06))
        victim = self.chance.choice([0, 1])
        self.group.servers[victim].kill()
        # Silence of an owner is a stall: the command waits for it.
        time.sleep(self.chance.uniform(0, 0.2))
        self.group.start(victim)
        asking.join(timeout=60)
        return answers[0] if answers else None

    def kept(self):
        snapshots = ask(self.group.servers[0].http, "GET", "/v1/models/m/snapshots").json()["snapshots"]
        return [s["version"] for s in snapshots]

    def roll_back(self, is_killed):
        versions = [v for v in self.kept() if v in self.states]
        if not versions:
            return
        target, before = self.chance.choice(versions), self.opened()["version"]
        self.while_killing(f":rollback?to={target}", is_killed)
        after = self.opened()["version"]
        if after == before + 1:
            self.learned = list(self.states[target])
            self.states[after] = list(self.learned)
            self.done["rolled back"] += 1
        elif after == before:
            self.done["refused"] += 1
        else:
            raise RuntimeError(f"rolled back from {before} to {target}, the version is {after}")

    def unlearn(self, is_killed):
        kept, before = self.kept(), self.opened()["version"]
        since = self.chance.choice(sorted(self.states)[-20:])
        answer = self.while_killing(f":unlearn?trainer=bad&since={since}", is_killed)
        model = self.opened()
        if model["version"] == before:
            if model["frozen"]:
                self.must(":thaw")
            self.done["refused" if not is_killed else "interrupted"] += 1
        elif model["frozen"]:
            self.must(f":rollback?to={before}")
            self.must(":thaw")
            self.states[self.opened()["version"]] = list(self.learned)
            self.done["interrupted"] += 1
        else:
            base = [v for v in kept if v <= since][0]
            if base not in self.states:
                raise RuntimeError(f"un-learned since {base}, where no batch ends: {answer}")
            count = len(self.states[base])
            if self.learned[:count] != self.states[base]:
                raise RuntimeError(f"un-learned since {base}, which was taken back: {answer}")
            self.learned = self.learned[:count] + [b for b in self.learned[count:] if b[0] != "bad"]
            self.states[model["version"]] = list(self.learned)
            self.done["un-learned"] += 1

    def must(self, path):
        answer = self.command(path)
        if not answer or answer.status != 200:
            raise RuntimeError(f"{path}: {answer}")

    def judged(self):
        digest = ask(self.group.servers[0].http, "POST", "/v1/models/m/digest").json()
        with tempfile.NamedTemporaryFile(suffix=".vw") as file:
            file.write(b"".join(text for _, text in self.learned))
            file.flush()
            wanted = learned(file.name)["digest"] if self.learned else None
        if wanted and digest["digest"] != wanted:
            return f"servers {digest}, learn {wanted} after {len(self.learned)} batches"
        told = lambda: ask(self.group.workers[0].http, "GET", f"/v1/models/m/digest?version={digest['version']}").json()
        if not until(lambda: told().get("digest") == digest["digest"], seconds=15):
            return f"servers {digest}, the worker {told()}"
        return None


def commands(seconds, seed):
    """An operator who rolls back and un-learns, half of the time with an owner killed in the middle: the weights are always
    those of `learn` over what is left, the worker's too, and it never stops answering."""
    chance = random.Random(seed)
    group = Group(3, {"m": [0, 1]}, worker_count=1, journals=True)
    try:
        ask(group.servers[2].http, "PUT", "/v1/models/m", SPEC)
        operator = Operator(group, chance)
        operator.post()
        watch = VersionWatch(group.workers[0])
        watch.start()
        end, kill_count = time.monotonic() + seconds, 0
        while time.monotonic() < end and not watch.wrong:
            for _ in range(chance.randrange(6)):
                operator.post()
            is_killed = chance.random() < 0.5
            kill_count += is_killed
            step = chance.randrange(3)
            if step == 0:
                operator.while_killing("/snapshots", is_killed)
                operator.opened()
            elif step == 1:
                operator.roll_back(is_killed)
            else:
                operator.unlearn(is_killed)
            wrong = operator.judged()
            if wrong:
                return wrong
        watch.over.set()
        watch.join(timeout=10)
        if watch.wrong:
            return watch.wrong
        done = ", ".join(f"{count} {what}" for what, count in operator.done.items())
        print(f"{kill_count} owners killed in the middle of commands in {seconds:.0f} s ({done}): digest equal to learn's over "
              "what is left after each, the worker's too")
        return None
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


def learned(path):
    """What `sluice learn` makes of a file, under SPEC."""
    done = subprocess.run(
        [project.binary("sluice"), "learn", path, "--bits", "18", "--rule", "ftrl", "--alpha", "0.4", "--beta", "1",
         "--quiet", "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def judged(group, trainers, done):
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
        wanted = learned(file.name)
    if (digest["digest"], digest["version"]) != (wanted["digest"], wanted["version"]):
        return f"servers {digest}, learn {wanted['digest']} at {wanted['version']}"
    followed = ask(group.workers[0].http, "GET", f"/v1/models/m/digest?version={digest['version']}").json()
    if followed.get("digest") != digest["digest"]:
        return f"the worker: {followed}"
    retries = sum(trainer.retries for trainer in trainers)
    print(f"{done}, {len(acknowledged)} batches of 4 trainers "
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


class Alone:
    """One server node with a state folder, and a trainer's batches posted one after the other."""

    def __init__(self, state, tracer=()):
        self.folder = tempfile.mkdtemp(prefix="sluice-test-")
        self.state, self.tracer = pathlib.Path(state or f"{self.folder}/state"), list(tracer)
        self.lines = examples.lines(4000, seed=5)
        self.node, self.acknowledged = None, 0
        self.ports = free_ports(2)

    def start(self, tracer=None):
        self.node = Node("sluice-server", ["--listen", f"127.0.0.1:{self.ports[0]}", "--peer-listen",
                                           f"127.0.0.1:{self.ports[1]}", "--state-folder", self.state,
                                           "--snapshot-every", "1s"],
                         self.folder, prefix=self.tracer if tracer is None else tracer)
        return self

    def create(self):
        made = ask(self.node.http, "PUT", "/v1/models/m", SPEC)
        if made.status not in (200, 201):
            raise RuntimeError(f"PUT: {made}")

    def batch(self, sequence):
        start = sequence * 37 % 3800
        return examples.text(self.lines[start:start + 20])

    def post(self, sequence, seconds=15):
        return ask(self.node.http, "POST", "/v1/models/m/examples", self.batch(sequence),
                   {"sluice-trainer": "robot", "sluice-sequence": str(sequence)}, seconds=seconds)

    def is_open(self):
        try:
            return ask(self.node.http, "GET", "/v1/models/m").json().get("state") == "open"
        except OSError:
            return False

    def judged(self, count):
        """Posts up to `count` again, and compares with one that learned them in order."""
        # The last 64 are remembered.
        for sequence in range(max(1, count - 60), count + 1):
            answer = self.post(sequence)
            if answer.status != 200:
                return f"batch {sequence}, posted again: {answer}"
        digest = ask(self.node.http, "POST", "/v1/models/m/digest").json()
        with tempfile.NamedTemporaryFile(suffix=".vw") as file:
            for sequence in range(1, count + 1):
                file.write(self.batch(sequence))
            file.flush()
            wanted = learned(file.name)
        if (digest["digest"], digest["version"]) != (wanted["digest"], wanted["version"]):
            return f"the node {digest}, learn {wanted['digest']} at {wanted['version']}"
        return None

    def stop(self):
        if self.node:
            self.node.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def need(*programs):
    missing = [program for program in programs if not shutil.which(program)]
    if missing or os.geteuid() != 0:
        print(f"SKIPPED: needs root and {', '.join(programs)}", flush=True)
        return False
    return True


def calls(seconds, seed):
    """T2: SIGKILL at the Nth write, fsync and rename of a node that writes a snapshot and 100 commits, for one N after the other until
    there is no Nth; each restarts whole."""
    if not need("strace"):
        return None
    tried, end = 0, time.monotonic() + seconds
    # The next N of each call; from the seed on, so that short runs of several seeds differ.
    following = {call: seed for call in ("pwrite64", "write", "fdatasync", "fsync", "rename")}
    exhausted = {}
    while time.monotonic() < end and following:
        call = min(following, key=following.get)
        when = following[call]
        following[call] += 1
        one = Alone(None)
        try:
            files = f"-P{one.state}/journal -P{one.state}/snapshots"
            tracer = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                      f"inject={call}:signal=SIGKILL:when={when}"]
            acknowledged = 0
            try:
                one.start(tracer)
                one.create()
                for sequence in range(1, 101):
                    if one.post(sequence, seconds=5).status == 200:
                        acknowledged = sequence
                    if sequence == 50:
                        until(lambda: ask(one.node.http, "GET", "/v1/models/m").json()["snapshot_version"], seconds=3)
            except (OSError, StartFailed, http.client.HTTPException, RuntimeError, ValueError):
                pass  # Killed.
            if acknowledged == 100 and one.node.is_alive():
                exhausted[call] = following.pop(call) - 2
            if one.node:
                one.node.kill()
            one.start([])
            if not until(lambda: ask(one.node.http, "GET", "/v1/models").status == 200, seconds=10):
                return f"{call} {when}: the node does not start: {one.node.log_tail()}"
            if acknowledged == 0:
                one.create()
            if not until(one.is_open, seconds=10):
                return f"{call} {when}: the model does not open: {one.node.log_tail()}"
            mark = ask(one.node.http, "GET", "/v1/models/m/trainers/robot")
            if acknowledged and mark.json()["next"] <= acknowledged:
                return f"{call} {when}: batch {acknowledged} was acknowledged, the node expects {mark.json()['next']}"
            # What was written and not acknowledged may be there, too.
            wrong = one.judged(max(acknowledged, 5, mark.json().get("next", 1) - 1))
            if wrong:
                return f"{call} {when}: {wrong}"
            tried += 1
        except StartFailed as error:
            return f"{call} {when}: {error}"
        finally:
            one.stop()
    last = ", ".join(f"{call} {when}" for call, when in sorted(exhausted.items()))
    print(f"calls: killed {tried} times at a write, fsync or rename; each time everything acknowledged was there, and the digest equal "
          f"to learn's; all there are of {last or 'none of them yet'}")
    return None


def shorts(seconds, seed):
    """T9: writes of one byte at a time, short reads, and every third call on a file interrupted: nothing shows of it."""
    compiler = shutil.which("clang") or shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        print("SKIPPED: needs a C compiler", flush=True)
        return None
    with tempfile.TemporaryDirectory() as folder:
        library = f"{folder}/shorts.so"
        source = pathlib.Path(__file__).parent / "support" / "shorts.c"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
        one = Alone(None)
        try:
            tracer = ["env", f"LD_PRELOAD={library}"]
            one.start(tracer)
            one.create()
            for sequence in range(1, 61):
                answer = one.post(sequence)
                if answer.status != 200:
                    return f"batch {sequence}: {answer}"
            if not until(lambda: ask(one.node.http, "GET", "/v1/models/m").json()["snapshot_version"], seconds=10):
                return f"no snapshot: {one.node.log_tail()}"
            for sequence in range(61, 81):
                one.post(sequence)
            for _ in range(2):
                one.node.kill()
                one.start(tracer)
                if not until(one.is_open, seconds=20):
                    return f"the model does not open: {one.node.log_tail()}"
                told = one.node.log.read_text(errors="replace")
                if "torn" in told or "cannot be read" in told:
                    return f"something was not read as it was written: {told}"
                wrong = one.judged(80)
                if wrong:
                    return wrong
        finally:
            one.stop()
    print("shorts: written byte by byte, read in pieces, every third call interrupted: read again twice, the digest equal to learn's")
    return None


class RepeatingTrainer(Trainer):
    """Posts six batches at a time, each several times, in any order, by any node: those that come early wait for theirs."""

    def run(self):
        try:
            first, batches = 1, {}
            while not self.over.is_set() and not self.wrong:
                numbers = range(first, first + 6)
                for number in numbers:
                    start = self.chance.randrange(len(self.lines) - 300)
                    batches[number] = examples.text(self.lines[start:start + self.chance.randrange(1, 300)])
                waiting = set(numbers)
                while waiting and not self.wrong:
                    order = [*waiting, *waiting, *self.chance.sample(range(max(1, first - 20), first + 6), 3)]
                    self.chance.shuffle(order)
                    with concurrent.futures.ThreadPoolExecutor(len(order)) as pool:
                        offers = [pool.submit(self.offer, number, batches[number], self.chance.choice(self.intakes))
                                  for number in order if number in batches]
                    for number, answer in (offer.result() for offer in offers):
                        self.take(number, answer, batches[number], waiting)
                first += 6
        except Exception as error:  # The main thread tells it.
            self.wrong = f"{type(error).__name__}: {error}"

    def offer(self, number, text, intake):
        return number, ask(self.group.servers[intake].http, "POST", "/v1/models/m/examples", text,
                           {"sluice-trainer": self.name_of_trainer, "sluice-sequence": str(number)}, seconds=15)

    def take(self, number, answer, text, waiting):
        told = answer.json()
        mine = (told.get("version"), text, number)
        if answer.status == 200 and number in waiting:
            waiting.discard(number)
            self.acknowledged.append(mine)
        elif answer.status == 200:
            self.retries += 1
            if mine not in self.acknowledged[-60:]:
                self.wrong = f"batch {number}, sent again: {answer}"
        elif answer.status in (409, 503) and told.get("outcome") != "conflict":
            self.retries += 1
        else:
            self.wrong = f"batch {number}: {answer}"


def repeats(seconds, seed):
    """T15: four trainers send every batch several times, in any order, by any node: each is learned once, and said so each time."""
    group = Group(3, {"m": [0, 1]}, worker_count=1, journals=True)
    try:
        made = ask(group.servers[2].http, "PUT", "/v1/models/m", SPEC)
        if made.status != 201:
            return f"PUT: {made}"
        over = threading.Event()
        trainers = [RepeatingTrainer(k, group, [0, 1, 2], random.Random(seed * 10 + k), over) for k in range(4)]
        for trainer in trainers:
            trainer.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end and all(trainer.is_alive() for trainer in trainers):
            time.sleep(0.1)
        over.set()
        for trainer in trainers:
            trainer.join(timeout=90)
        wrong = [trainer.wrong for trainer in trainers if trainer.wrong]
        return wrong[0] if wrong else judged(
            group, trainers, f"repeats: every batch several times, in any order, by any node, for {seconds:.0f} s")
    finally:
        group.stop()


def failing(seconds, seed):
    """T7: an fsync that fails ends the node with status 74; what was acknowledged is there when it begins again."""
    if not need("strace"):
        return None
    for when in (3, 9, 20):
        one = Alone(None)
        try:
            one.start(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e",
                       f"inject=fdatasync:error=EIO:when={when}"])
            one.create()
            acknowledged = 0
            try:
                for sequence in range(1, 60):
                    if one.post(sequence, seconds=5).status == 200:
                        acknowledged = sequence
            except (OSError, http.client.HTTPException):
                pass  # It ended.
            status = one.node.process.wait(10)
            if status != 74:
                return f"fsync {when} failed and the node ended with {status}"
            one.start([])
            if not until(one.is_open, seconds=10):
                return f"fsync {when}: the model does not open again: {one.node.log_tail()}"
            known = ask(one.node.http, "GET", "/v1/models/m/trainers/robot").json().get("next", 1) - 1
            if known < acknowledged:
                return f"fsync {when}: {acknowledged} batches were acknowledged, {known} are known"
            wrong = one.judged(max(1, known))
            if wrong:
                return f"fsync {when}: {wrong}"
        finally:
            one.stop()
    print("failing: three failed fsyncs each ended the node, and nothing acknowledged was missing")
    return None


def full(seconds, seed):
    """T8: a disk without room: training is refused with 507, reads go on, and it learns again when there is room."""
    if not need("mount", "umount"):
        return None
    place = tempfile.mkdtemp(prefix="sluice-full-")
    # Room for one segment and not for two.
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", place], check=True)
    one = Alone(f"{place}/state")
    try:
        one.start()
        one.create()
        sequence, refused, chance = 0, None, random.Random(seed)
        while not refused and sequence < 1000:
            sequence += 1
            body = "".join(f"{k % 2} | {' '.join(str(chance.randrange(1 << 18)) for _ in range(25))}\n"
                           for k in range(2000)).encode()
            answer = ask(one.node.http, "POST", "/v1/models/m/examples", body, seconds=20)
            refused = answer if answer.status != 200 else None
        if not until(lambda: ask(one.node.http, "POST", "/v1/models/m/examples", one.batch(1)).status == 507,
                     seconds=15):
            return f"no 507 on a full disk, but {refused}"
        answer = ask(one.node.http, "POST", "/v1/models/m/examples", one.batch(1))
        if "retry-after" not in answer.headers or ask(one.node.http, "GET", "/v1/models/m").status != 200:
            return f"a full disk: {answer.headers}"
        subprocess.run(["mount", "-o", "remount,size=300m", place], check=True)
        if not until(lambda: ask(one.node.http, "POST", "/v1/models/m/examples", one.batch(1)).status == 200,
                     seconds=15):
            return "it does not learn again when there is room"
        digest = ask(one.node.http, "POST", "/v1/models/m/digest").json()
        one.node.kill()
        one.start([])
        if not until(one.is_open, seconds=10):
            return f"it does not open again: {one.node.log_tail()}"
        again = ask(one.node.http, "POST", "/v1/models/m/digest").json()
        if again != digest:
            return f"before {digest}, read again {again}"
        print(f"full: 507 after {sequence} batches, learned again when there was room, read again with the same digest")
        return None
    finally:
        one.stop()
        subprocess.run(["umount", "-l", place], check=False)


def power(seconds, seed):
    """T3: power lost at any moment, by ext4's own shutdown on a loop device: everything acknowledged is there."""
    if not need("mount", "umount", "mkfs.ext4", "losetup"):
        return None
    chance = random.Random(seed)
    place = tempfile.mkdtemp(prefix="sluice-power-")
    image = f"{place}.image"
    with open(image, "wb") as file:
        file.truncate(400 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, f"{place}"], capture_output=True).returncode != 0:
        print("SKIPPED: no loop device here; the simulated disks lose power", flush=True)
        os.unlink(image)
        return None
    one, acknowledged, losses, end = Alone(f"{place}/state"), 0, 0, time.monotonic() + seconds
    try:
        one.start()
        one.create()
        while time.monotonic() < end:
            stop = time.monotonic() + chance.uniform(0.05, 1.5)
            while time.monotonic() < stop:
                if one.post(acknowledged + 1).status == 200:
                    acknowledged += 1
            folder = os.open(place, os.O_RDONLY)
            fcntl.ioctl(folder, 0x8004587D, struct.pack("I", 2))  # EXT4_IOC_SHUTDOWN, without a flush of the log.
            os.close(folder)
            one.node.kill()
            subprocess.run(["umount", place], check=True)
            subprocess.run(["mount", "-o", "loop", image, place], check=True)
            losses += 1
            one.start()
            if not until(one.is_open, seconds=10):
                return f"loss {losses}: the model does not open: {one.node.log_tail()}"
            known = ask(one.node.http, "GET", "/v1/models/m/trainers/robot").json().get("next", 1) - 1
            if known < acknowledged:
                return f"loss {losses}: {acknowledged} batches were acknowledged, {known} are known"
            acknowledged = known
        wrong = one.judged(acknowledged)
        if wrong:
            return wrong
        print(f"power: lost {losses} times (ext4 shutdown on a loop device), {acknowledged} batches acknowledged and "
              "there, digest equal to learn's")
        return None
    finally:
        one.stop()
        subprocess.run(["umount", "-l", place], capture_output=True)
        os.unlink(image)


def runbook(seconds, seed):
    """What docs/RUNBOOK.md says of a lost disk, a disk put back, a corrupt journal and a torn tail."""
    group = Group(2, {"m": [0, 1]}, worker_count=1, journals=True)
    try:
        lines = examples.lines(3000, seed=seed)
        post = lambda: ask(group.servers[0].http, "POST", "/v1/models/m/examples", examples.text(lines[:500]), seconds=20)
        state = lambda: ask(group.servers[0].http, "GET", "/v1/models/m").json()
        ask(group.servers[0].http, "PUT", "/v1/models/m", SPEC)
        if any(post().status != 200 for _ in range(5)):
            return "it does not learn"
        digest = ask(group.servers[0].http, "POST", "/v1/models/m/digest").json()
        served = lambda: ask(group.workers[0].http, "GET", "/v2/models/m").status == 200
        if not until(served, seconds=10):
            return "the worker has no model"
        # A lost disk: refused, and by name.
        group.servers[1].kill()
        kept = group.state(1).with_name("kept")
        group.state(1).rename(kept)
        group.start(1)
        if not until(lambda: "s1 restarted without its rows" in str(state().get("reason")), seconds=10):
            return f"a lost disk: {state()}"
        if post().status != 503 or not served():
            return "a lost disk: training is not refused, or the worker does not serve on"
        # A creation that fails, as an owner is not there, leaves what the other owner's disk holds.
        group.servers[1].kill()
        made = ask(group.servers[0].http, "PUT", "/v1/models/m", SPEC, seconds=20)
        if made.status != 503 or "s1 restarted without its rows" not in str(state().get("reason")):
            return f"a creation without an owner: {made}, then {state()}"
        # Put back: the owners' nodes are restarted.
        for k in (0, 1):
            group.servers[k].kill()
        shutil.rmtree(group.state(1))
        kept.rename(group.state(1))
        for k in (0, 1):
            group.start(k)
        if not until(lambda: state().get("state") == "open", seconds=10):
            return f"the disk was put back: {state()}"
        again = ask(group.servers[0].http, "POST", "/v1/models/m/digest").json()
        if again != digest:
            return f"the disk was put back: {again}, before {digest}"
        # A torn tail, then damage before it.
        group.servers[1].kill()
        segments = sorted((group.state(1) / "journal").glob("*.journal"))
        content = bytearray(segments[-1].read_bytes())
        heads = [at for at in range(0, len(content), 8) if content[at:at + 4] == b"SLJF"]
        first, last = heads[0], heads[-1]
        content[first + 60] ^= 1
        segments[-1].write_bytes(content)
        try:
            group.start(1)
            return "it begins from a damaged journal"
        except StartFailed as error:
            if f"damaged at byte {first}" not in str(error):
                return f"a damaged journal: {error}"
        content[first + 60] ^= 1
        segments[-1].write_bytes(content)
        group.start(1)
        if not until(lambda: state().get("state") == "open", seconds=10):
            return f"the segment was put back: {state()}"
        # Lost for good: what the mirror has is taken, by command.
        # The node that has just begun may not have joined yet.
        take = lambda: ask(group.servers[0].http, "POST", "/v1/models/m/snapshots", seconds=20)
        if not until(lambda: take().status == 200, seconds=10):
            return f"a snapshot: {take()}"
        newest = take().json()["version"]
        mirrored = lambda k: sorted((pathlib.Path(group.folder) / "mirror" / f"s{k}").glob(f"*/*-{newest}.snapshot"))
        if not until(lambda: mirrored(0) and mirrored(1), seconds=10):
            return f"version {newest} is not in the mirror"
        digest = ask(group.servers[0].http, "POST", "/v1/models/m/digest").json()
        if post().status != 200:
            return "it does not learn behind the snapshot"
        for k in (0, 1):
            group.servers[k].kill()
        shutil.rmtree(group.state(1))
        group.state(1).mkdir()
        history = []
        for k in (0, 1):
            command = [project.binary("sluice-server"), "restore", "--accept-loss", "--name", f"s{k}", "--cluster", group.path,
                       "--state-folder", group.state(k), *history, "m", mirrored(k)[0]]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                return f"restore on s{k}: {done.stderr}"
            history = ["--history", re.search(r"history ([0-9a-f]{16}:\d+)", done.stdout).group(1)]
        for k in (0, 1):
            group.start(k)
        if not until(lambda: state().get("state") == "open", seconds=10):
            return f"restored from the mirror: {state()}"
        again = ask(group.servers[0].http, "POST", "/v1/models/m/digest").json()
        history = history[1].partition(":")[0]
        if (again["digest"], again["version"], again["history"]) != (digest["digest"], newest, history):
            return f"restored from the mirror: {again}, the snapshot was {digest}"
        if post().status != 200:
            return "restored from the mirror, it does not learn"
        told = lambda: ask(group.workers[0].http, "GET", "/v1/status").json()["models"][0]
        if not until(lambda: told()["history"] == history and told()["version"] > newest, seconds=10):
            return f"restored from the mirror, the worker has {told()}"
        print("runbook: a disk lost for good: restored from the mirror, under a new history, with the snapshot's digest; the worker follows")
        print("runbook: a lost disk is named and refused, one put back goes on with the same digest, a damaged journal is "
              f"refused at byte {first} of {segments[-1].name} ({len(heads)} frames, the last at {last})")
        return None
    finally:
        group.stop()


def stall(seconds, seed):
    """T12: an owner that is stopped stalls its model and nothing else; status says whom it waits for; then it goes on."""
    group = Group(2, {"m": [0, 1], "other": [0]}, worker_count=1, journals=True)
    try:
        for model in ("m", "other"):
            ask(group.servers[0].http, "PUT", f"/v1/models/{model}", SPEC)
        lines = examples.lines(2000, seed=seed)
        post = lambda model: ask(group.servers[0].http, "POST", f"/v1/models/{model}/examples",
                                 examples.text(lines[:100]), seconds=20)
        if post("m").status != 200:
            return "it does not learn"
        until(lambda: ask(group.workers[0].http, "GET", "/v2/models/m").status == 200, seconds=10)
        group.servers[1].process.send_signal(signal.SIGSTOP)
        told, over = set(), time.monotonic() + seconds
        stalled = threading.Thread(target=post, args=("m",), daemon=True)
        stalled.start()
        body = json.dumps({"inputs": [{"name": "line", "shape": [1], "datatype": "BYTES", "data": ["|a b c"]}]})
        while time.monotonic() < over:
            told.add(ask(group.servers[0].http, "GET", "/v1/models/m").json()["waits_for"])
            if ask(group.workers[0].http, "POST", "/v2/models/m/infer", body).status != 200:
                return "the worker does not answer"
            if post("other").status != 200:
                return "another model does not learn"
            time.sleep(0.05)
        if not any(text and "s1" in text for text in told):
            return f"status did not say that it waits for s1, but {told}"
        group.servers[1].process.send_signal(signal.SIGCONT)
        if not until(lambda: post("m").status == 200, seconds=20):
            return "it does not learn on"
        digest = ask(group.servers[0].http, "POST", "/v1/models/m/digest").json()
        path = f"/v1/models/m/digest?version={digest['version']}"
        if not until(lambda: ask(group.workers[0].http, "GET", path).json().get("digest") == digest["digest"],
                     seconds=20):
            return "the worker's digest differs"
        print(f"stall: an owner stopped for {seconds:.0f} s; status said {sorted(filter(None, told))}; it went on")
        return None
    finally:
        group.servers[1].process.send_signal(signal.SIGCONT)
        group.stop()


FAULTS = {"kills": (kills, 600), "crashes": (crashes, 600),
          "outages": (lambda seconds, seed: crashes(seconds, seed, together=True), 60),
          "restarts": (lambda seconds, seed: crashes(seconds, seed, gently=True), 60), "cut": (cut, 60),
          "calls": (calls, 600), "shorts": (shorts, 0), "repeats": (repeats, 60), "failing": (failing, 0), "full": (full, 0), "power": (power, 120), "runbook": (runbook, 0),
          "commands": (commands, 300), "stall": (stall, 30)}


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
