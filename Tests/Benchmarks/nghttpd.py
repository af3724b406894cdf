"""nghttp2's own server on the server's core: reads requests, throws them away, answers with a file."""

import pathlib
import socket
import subprocess
import tempfile

from measuring import SERVER_CORE
from support import tools
from support.nodes import until


class Nghttpd:
    def __init__(self, *answer_byte_counts):
        tools.needs("nghttpd")
        self.folder = tempfile.TemporaryDirectory()
        for byte_count in answer_byte_counts:
            (pathlib.Path(self.folder.name) / str(byte_count)).write_bytes(b"1" * byte_count)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), "nghttpd", "--no-tls", "-a", "127.0.0.1", "-n1", "-d",
             self.folder.name, str(self.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not until(self._answers):
            raise RuntimeError("nghttpd does not listen")

    def _answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def url(self, answer_byte_count):
        return f"http://127.0.0.1:{self.port}/{answer_byte_count}"

    @property
    def pid(self):
        return self.process.pid

    def body(self, byte_count):
        path = pathlib.Path(self.folder.name) / "body"
        path.write_bytes(bytes(byte_count))
        return ["-d", str(path)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()
