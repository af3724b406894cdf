"""A node that cannot start as asked says why in one line and exits with 1; one with a token serves who has it."""

import os
import pathlib

from subject import SPEC, follows
from support import examples
from support.http import ask
from support.nodes import Node, refused_start
from support.report import expect, expect_that

ANY = ["--listen", "127.0.0.1:0"]
ANY_SERVER = [*ANY, "--peer-listen", "127.0.0.1:0"]


def checks(subject):
    cluster = subject.cluster
    config = cluster.file("bad.yaml", "nonsense_key: 1\n")
    broken = cluster.file("broken.yaml", "{listen: [\n")
    token = token_file(cluster, "token", 0o600)
    open_token = token_file(cluster, "open-token", 0o644)
    missing = cluster.folder + "/nowhere"
    to_server = ["--server", subject.server.peer]
    for name, program, arguments, says in (
            ("port in use (server, http)", "sluice-server",
             ["--listen", subject.server.http, "--peer-listen", "127.0.0.1:0"], subject.server.http.split(":")[1]),
            ("port in use (server, peer)", "sluice-server",
             [*ANY, "--peer-listen", subject.server.peer], subject.server.peer.split(":")[1]),
            ("port in use (worker)", "sluice-worker",
             ["--listen", subject.workers[0].http, *to_server], subject.workers[0].http.split(":")[1]),
            ("unknown --config key (server)", "sluice-server", [*ANY_SERVER, "--config", config], "nonsense_key"),
            ("unknown --config key (worker)", "sluice-worker", [*ANY, *to_server, "--config", config], "nonsense_key"),
            ("--config is no YAML", "sluice-server", [*ANY_SERVER, "--config", broken], "broken.yaml"),
            ("--config is missing", "sluice-server", [*ANY_SERVER, "--config", missing], "nowhere"),
            ("peer listener on all addresses without a token", "sluice-server",
             [*ANY, "--peer-listen", "0.0.0.0:0"], "token"),
            ("token file of mode 0644 (server)", "sluice-server",
             [*ANY_SERVER, "--token-file", open_token], "open-token"),
            ("token file of mode 0644 (worker)", "sluice-worker",
             [*ANY, *to_server, "--token-file", open_token], "open-token"),
            ("token file is missing", "sluice-server", [*ANY_SERVER, "--token-file", missing], "nowhere"),
            ("--models that is missing", "sluice-worker", [*ANY, "--models", str(missing)], "nowhere"),
            ("--model-folder that is missing", "sluice-worker", [*ANY, "--model-folder", f"m={missing}"], "nowhere")):
        yield f"refuses to start: {name}", refuses(subject, program, arguments, says)
    for name, program, arguments, says in (
            ("a listen address that is none", "sluice-server", ["--listen", "here"], "here"),
            ("a port beyond 65535", "sluice-worker", ["--listen", "127.0.0.1:70000", *to_server], "70000"),
            ("--publish-every without a unit", "sluice-server", [*ANY_SERVER, "--publish-every", "soon"], "soon"),
            ("an unknown option", "sluice-worker", [*ANY, "--lisen", "127.0.0.1:0"], "--lisen")):
        yield f"refuses to start: {name}", refuses_option(program, arguments, says)
    yield "a token: a worker that has it follows over a peer listener on all addresses", with_token(cluster, token)
    yield "a worker with a model folder and no server serves it", static(subject)


def token_file(cluster, name, mode):
    path = cluster.file(name, "correct-horse-battery-staple\n")
    os.chmod(path, mode)
    return path


def refuses(subject, program, arguments, says):
    def check():
        status, lines = refused_start(program, *arguments)
        expect(status, 1, f"exit status (standard error: {lines})")
        expect(len(lines), 1, f"lines of standard error: {lines}")
        expect_that(says in lines[0], f"the line names {says!r}: {lines[0]!r}")
        subject.stands()
    return check


def refuses_option(program, arguments, says):
    """A wrong command line: usage may follow the sentence, and its exit status may be the shell's for that, 64."""
    def check():
        status, lines = refused_start(program, *arguments)
        expect_that(status in (1, 64), f"exit status 1 or 64, got {status} (standard error: {lines})")
        expect_that(any(says in line for line in lines), f"standard error names {says!r}: {lines}")
    return check


def with_token(cluster, token):
    def check():
        wrong = cluster.file("wrong-token", "guess\n")
        os.chmod(wrong, 0o600)
        server = Node("sluice-server", [*ANY, "--peer-listen", "0.0.0.0:0", "--token-file", token], cluster.folder)
        peer = "127.0.0.1:" + server.peer.rsplit(":", 1)[1]
        ask(server.http, "PUT", "/v1/models/m", SPEC)
        version = ask(server.http, "POST", "/v1/models/m/examples", examples.text(examples.lines(50))).lines()[0]["version"]
        knowing = Node("sluice-worker", [*ANY, "--server", peer, "--token-file", token], cluster.folder)
        strangers = [Node("sluice-worker", [*ANY, "--server", peer], cluster.folder),
                     Node("sluice-worker", [*ANY, "--server", peer, "--token-file", wrong], cluster.folder)]
        try:
            follows(knowing, "m", version)
            for stranger in strangers:
                # 404: it never heard of the model. It has had the time in which the other became current.
                expect(ask(stranger.http, "GET", "/v2/models/m").status, 404, "a worker without the token")
        finally:
            for node in (*strangers, knowing, server):
                node.terminate()
                node.kill()
    return check


def static(subject):
    def check():
        from checks.bits import learned_folder
        from subject import GOOD, infer
        from support import v2
        folder = learned_folder(subject)
        expect_that(pathlib.Path(folder).is_dir(), "learn --save wrote a folder")
        worker = Node("sluice-worker", [*ANY, "--model-folder", f"ctr={folder}"], subject.cluster.folder)
        try:
            expect(ask(worker.http, "GET", "/v2/health/ready").status, 200, "ready")
            answer = infer(worker, v2.json_body([v2.line_tensor(GOOD)], ["probability", "margin"]))
            expect(answer.status, 200, f"status ({answer})")
            arrays, _ = v2.outputs(answer)
            expect(v2.bits(arrays["probability"]) + v2.bits(arrays["margin"]), subject.good_bits, "bits")
            expect(worker.terminate(), 0, "exit status")
        finally:
            worker.kill()
    return check
