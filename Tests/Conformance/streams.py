"""The table of streams; see `streams`. Exits with 1 when a loss or a digest differs, or is far from VW's."""

import gzip
import json
import re
import shutil
import subprocess
import sys
import tempfile

from support import project
from support.http import ask
from support.nodes import Cluster, StartFailed, until
from support.training import train_file

# Vowpal Wabbit's own --ftrl, the run the data's README tells the loss of.
OPTIONS = ["--bits", "22", "--rule", "ftrl", "--alpha", "0.5", "--beta", "1"]
SPEC = "bits: 22\nlearner: {rule: ftrl, alpha: 0.5, beta: 1}\n"
APART_MAX = 0.001
COLUMNS = "{:<20} {:>20} {:>20} {:>9} {:>8} {:>10} {:>8} {:>8}  {}"


def vw_losses(folder):
    """Log loss of `vw --ftrl` by file name, from the table in the data's README."""
    losses = {}
    for row in (folder / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in row.split("|")]
        name = re.fullmatch(r"`(\w+)\.vw\.gz`", cells[1]) if len(cells) > 5 else None
        if name and re.match(r"0\.\d+ /", cells[4]):
            losses[name[1]] = float(cells[4].split("/")[0])
    return losses


def learned(path):
    done = subprocess.run([project.binary("sluice"), "learn", path, *OPTIONS, "--json", "--quiet"],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def through_server(cluster, name, path):
    """Trains a fresh model of the cluster: what it says of itself, its rate, and the digests of all nodes."""
    made = ask(cluster.server.http, "PUT", f"/v1/models/{name}", SPEC)
    if made.status != 201:
        raise RuntimeError(f"PUT: {made}")
    seconds = train_file(cluster.server, name, path)
    model = ask(cluster.server.http, "GET", f"/v1/models/{name}").json()
    for worker in cluster.workers:
        # A worker hears of a new model within a second or so, and compares the digests published from then on.
        until(lambda: ask(worker.http, "GET", f"/v2/models/{name}").status == 200, seconds=15)
    told = ask(cluster.server.http, "POST", f"/v1/models/{name}/digest").json()
    digests = [told["digest"]]
    for worker in cluster.workers:
        answer = ask(worker.http, "GET", f"/v1/models/{name}/digest?version={told['version']}")
        digests.append(answer.json().get("digest") if answer.status == 200 else str(answer))
    return model, model["version"] / seconds, digests


def row(name, path, wanted):
    """One stream: prints its row and returns what is wrong with it."""
    with tempfile.NamedTemporaryFile(suffix=".vw") as text:
        with gzip.open(path) as packed:
            shutil.copyfileobj(packed, text)
        text.flush()
        alone = learned(text.name)
        cluster = Cluster(worker_count=2)
        try:
            model, rate, digests = through_server(cluster, name, text.name)
        finally:
            cluster.stop()
    loss = model["validation"]["log_loss"]
    wrong = []
    if loss != alone["log_loss"]:
        wrong.append("loss")
    if any(digest != alone["digest"] for digest in digests):
        wrong.append("digest: " + ", ".join(digests))
    ratio = alone["log_loss"] / wanted if wanted else None
    if ratio is not None and abs(ratio - 1) > APART_MAX:
        wrong.append("VW's loss")
    print(COLUMNS.format(name, repr(alone["log_loss"]), repr(loss), wanted or "-",
                         f"{ratio:.5f}" if ratio else "-", f"{rate:,.0f}", alone["digest"][:8],
                         "equal" if all(d == alone["digest"] for d in digests) else "DIFFER",
                         "" if not wrong else "WRONG: " + "; ".join(wrong)), flush=True)
    return wrong


def main():
    folder = project.data_folder()
    files = sorted(folder.glob("*.vw.gz")) if folder else []
    if not files:
        print("SKIPPED: no event streams; set SLUICE_DATA to a folder with *.vw.gz")
        return 0
    for program in ("sluice", "sluice-server", "sluice-worker"):
        project.binary(program)
    wanted = vw_losses(folder)
    print(COLUMNS.format("stream", "learn's loss", "the server's loss", "VW --ftrl", "ratio", "examples/s", "digest",
                         "nodes", "").rstrip())
    wrong = 0
    for path in files:
        name = path.name.removesuffix(".vw.gz")
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        try:
            wrong += bool(row(name, path, wanted.get(name)))
        except (RuntimeError, StartFailed, OSError, subprocess.SubprocessError, KeyError, ValueError) as error:
            wrong += 1
            print(f"{name}: WRONG: {type(error).__name__}: {error}", flush=True)
    print(f"{wrong} of the streams differ" if wrong else "all streams are equal")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
