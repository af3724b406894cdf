"""A plain HTTP/1.1 client that reads the answer even when the server stops reading the body, as a refusal does."""

import dataclasses
import http.client
import json
import socket


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)

    def lines(self):
        """The JSON lines of a training answer."""
        return [json.loads(line) for line in self.body.splitlines() if line]

    def __str__(self):
        return f"{self.status} {self.body[:300]!r}"


class Connection:
    """One kept-alive connection; `ask` sends one request and reads its answer."""

    def __init__(self, address, seconds=30):
        host, port = address.rsplit(":", 1)
        self._connection = http.client.HTTPConnection(host, int(port), timeout=seconds)

    def ask(self, method, path, body=None, headers=None):
        try:
            self._connection.request(method, path, body=body, headers=headers or {})
        except (BrokenPipeError, ConnectionResetError):
            # Refused before the body was read: the answer says why, if the connection still stands.
            if self._connection.sock is None:
                raise
        response = self._connection.getresponse()
        content = response.read()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, content)

    def close(self):
        self._connection.close()


def ask(address, method, path, body=None, headers=None, seconds=30):
    """One request on a connection of its own."""
    connection = Connection(address, seconds)
    try:
        return connection.ask(method, path, body, headers)
    finally:
        connection.close()


def connect(address, seconds=10):
    """A bare socket, for requests no well-behaved client sends."""
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=seconds)
