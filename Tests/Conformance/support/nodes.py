"""Starts and stops nodes as an operator would: as processes, on free ports, told apart by their `listening` line.

Nothing waits by the clock for a node to be up: the line it writes when ready to answer is what is waited for.
"""

import atexit
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

from . import project
from .http import ask

START_SECONDS_MAX = 20
STOP_SECONDS_MAX = 20


class StartFailed(Exception):
    """A node ended, or said nothing, instead of listening."""


class Node:
    """One running process. `http` and `peer` are host:port; `log` is the file its standard error goes to."""

    def __init__(self, program, arguments, folder, pin=None, prefix=()):
        self.program = program
        self.log = pathlib.Path(folder) / f"{program}-{os.urandom(3).hex()}.log"
        command = [*prefix, project.binary(program), *map(str, arguments)]
        if pin is not None:
            command = ["taskset", "-c", str(pin), *command]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        running.append(self)
        self.listening = self._first_line()
        addresses = dict(re.findall(r"(\w+)=(\S+)", self.listening))
        if not self.listening.startswith("listening ") or "http" not in addresses:
            self.kill()
            raise StartFailed(f"{' '.join(command)}: first line {self.listening!r}, log: {self.log_tail()}")
        self.http = addresses["http"]
        self.peer = addresses.get("peer")

    def _first_line(self):
        line = b""
        descriptor = self.process.stdout.fileno()
        while not line.endswith(b"\n"):
            if not select.select([descriptor], [], [], START_SECONDS_MAX)[0]:
                break
            got = os.read(descriptor, 1)
            if not got:
                break
            line += got
        return line.decode(errors="replace").strip()

    @property
    def url(self):
        return f"http://{self.http}"

    @property
    def pid(self):
        return self.process.pid

    def is_alive(self):
        return self.process.poll() is None

    def log_tail(self, byte_count=1500):
        return self.log.read_bytes()[-byte_count:].decode(errors="replace").strip()

    def terminate(self, seconds=STOP_SECONDS_MAX):
        """Sends SIGTERM and returns the exit status; None when the node is still there after `seconds`."""
        if self.is_alive():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill(self):
        if self.is_alive():
            # With whatever it runs under: its process group is its own.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()
        if self in running:
            running.remove(self)


running = []
# So that a test stopped from outside takes its nodes with it.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


@atexit.register
def _stop_all():
    for node in list(running):
        node.kill()


class Cluster:
    """One server node and its workers, with a folder of their own that goes when they do."""

    def __init__(self, worker_count=2, server_options=(), worker_options=(), server_pin=None, worker_pin=None):
        self.folder = tempfile.mkdtemp(prefix="sluice-test-")
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.server = Node(
            "sluice-server", ["--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0", *server_options],
            self.folder, server_pin)
        self.workers = [
            Node("sluice-worker",
                 ["--name", f"worker-{k}", "--listen", "127.0.0.1:0", "--server", self.server.peer, *worker_options],
                 self.folder, worker_pin)
            for k in range(worker_count)
        ]

    @property
    def nodes(self):
        return [self.server, *self.workers]

    def file(self, name, content):
        """Writes a file into the cluster's folder and returns its path."""
        path = pathlib.Path(self.folder) / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def stop(self):
        for node in self.nodes:
            if node.terminate(seconds=5) is None:
                node.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Group:
    """Server nodes s0, s1 … that own models together, and workers that follow them all.

    `owners` maps a model's name to its owners, by place. The nodes can be killed and started again, each on its ports;
    with `journals` each keeps a state folder.
    """

    def __init__(self, node_count, owners, worker_count=0, pins=(), worker_pin=None, publish_every="100ms",
                 journals=False):
        self.folder = tempfile.mkdtemp(prefix="sluice-test-")
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        (pathlib.Path(self.folder) / "mirror").mkdir()
        ports = free_ports(3 * node_count)
        lines = ["servers:"]
        for k in range(node_count):
            http, peer, control = ports[3 * k:3 * k + 3]
            lines.append(f"  - {{name: s{k}, listen: 127.0.0.1:{http}, peer_listen: 127.0.0.1:{peer}, "
                         f"control_listen: 127.0.0.1:{control}}}")
        lines.append("owners:")
        for model, places in owners.items():
            lines.append(f"  {model}: [{', '.join(f's{place}' for place in places)}]")
        self.path = pathlib.Path(self.folder) / "cluster.yaml"
        self.path.write_text("\n".join(lines) + "\n")
        self.pins = pins
        self.publish_every = publish_every
        self.journals = journals
        self.servers = [None] * node_count
        for k in range(node_count):
            self.start(k)
        self.workers = [
            Node("sluice-worker",
                 ["--name", f"worker-{k}", "--listen", "127.0.0.1:0",
                  *(word for server in self.servers for word in ("--server", server.peer))],
                 self.folder, worker_pin)
            for k in range(worker_count)
        ]
        self.wait()

    def start(self, k):
        pin = self.pins[k] if k < len(self.pins) else None
        self.servers[k] = Node(
            "sluice-server",
            ["--cluster", self.path, "--name", f"s{k}", "--publish-every", self.publish_every,
             *(["--state-folder", self.state(k), "--snapshot-every", "2s", "--tape-mebibytes", "256",
                "--mirror", pathlib.Path(self.folder) / "mirror"]
               if self.journals else [])],
            self.folder, pin)

    def state(self, k):
        """A node's state folder."""
        return pathlib.Path(self.folder) / f"state-{k}"

    def wait(self):
        """Until every node reaches every other."""
        def reached():
            return all(node["reached"] for server in self.servers
                       for node in ask(server.http, "GET", "/v1/status").json()["nodes"])
        if not until(reached, seconds=10):
            raise StartFailed("the server nodes do not reach each other")

    def stop(self):
        nodes = [*self.servers, *self.workers]
        for node in nodes:
            if node.is_alive():
                node.process.send_signal(signal.SIGTERM)
        for node in nodes:
            if node.terminate(seconds=5) is None:
                node.kill()
        for log in pathlib.Path(self.folder).glob("*.log"):
            told = log.read_text(errors="replace")
            if "Backtracing" in told or "Program crashed" in told or "Fatal error" in told:
                print(f"{log.name}: a process crashed:\n{told[told.find('Swift runtime failure') - 100:][:4000]}", flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def free_ports(count):
    """Ports nobody has now; the system gives them out again late."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def refused_start(program, *arguments, seconds=10):
    """Starts a node that must refuse to start: its exit status (None: it ran on) and its lines of standard error."""
    process = subprocess.Popen(
        [project.binary(program), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        _, errors = process.communicate()
        return None, errors.decode(errors="replace").splitlines()
    return process.returncode, errors.decode(errors="replace").splitlines()


def until(condition, seconds=10, every=0.02):
    """Waits for a condition another process makes true: its value, or the last false one when the time is over."""
    pause = threading.Event()
    for _ in range(max(1, int(seconds / every))):
        value = condition()
        if value:
            return value
        pause.wait(every)
    return condition()
