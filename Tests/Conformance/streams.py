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
from support.nodes import Cluster, Group, StartFailed, until
from support.training import train_file

# Vowpal Wabbit's own --ftrl, the run the data's README tells the loss of.
OPTIONS = ["--bits", "22", "--rule", "ftrl", "--alpha", "0.5", "--beta", "1"]
SPEC = "bits: 22\nlearner: {rule: ftrl, alpha: 0.5, beta: 1}\n"
APART_MAX = 0.001
ADAGRAD = ["--bits", "22", "--rule", "adagrad", "--rate", "0.25"]
# Models of several server nodes: owners, spec, lines of a batch, and what `learn` is told to get the same weights.
SHARDED = {
    "exact2": (2, SPEC, 1000, OPTIONS),
    "exact4": (4, SPEC, 137, OPTIONS),
    "adagrad2": (2, "bits: 22\nlearner: {rule: adagrad, rate: 0.25}\n", 700, ADAGRAD),
    "adagrad1": (1, "bits: 22\nlearner: {rule: adagrad, rate: 0.25}\n", 311, ADAGRAD),
    "nag1": (1, "bits: 22\nlearner: {rule: nag, rate: 0.5}\n", 311, ["--bits", "22", "--rule", "nag"]),
    "adagrad4": (4, "bits: 22\nlearner: {rule: adagrad, rate: 0.25}\n", 2000, ADAGRAD),
    "crosses2": (2, SPEC + 'crosses: ["::"]\n', 500, [*OPTIONS, "-q", "::"]),
    "tolerant2": (2, SPEC + "settle: tolerant\n", 1000, [*OPTIONS, "--settle", "tolerant"]),
    "tolerant4": (4, SPEC + "settle: tolerant\n", 1000, [*OPTIONS, "--settle", "tolerant"]),
}
# What a tolerant model's loss may be above sequential learning's.
COST_PERCENT_MAX = 0.2
COLUMNS = "{:<20} {:>20} {:>20} {:>9} {:>8} {:>10} {:>8} {:>8} {:>15} {:>9}  {}"


def vw_losses(folder):
    """Log loss of `vw --ftrl` by file name, from the table in the data's README."""
    losses = {}
    for row in (folder / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in row.split("|")]
        name = re.fullmatch(r"`(\w+)\.vw\.gz`", cells[1]) if len(cells) > 5 else None
        if name and re.match(r"0\.\d+ /", cells[4]):
            losses[name[1]] = float(cells[4].split("/")[0])
    return losses


def learned(path, *options):
    return told("learn", path, *(options or OPTIONS), "--quiet")


def settled(path, owners, settle, *options):
    """The file learned in settled rounds by several owners in memory."""
    return told("bench", "settle", path, "--owners", str(owners), "--settle", settle, *(options or OPTIONS))


def told(*command):
    done = subprocess.run([project.binary("sluice"), *command, "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def through_server(cluster, name, path, spec=SPEC):
    """Trains a fresh model of the cluster: what it says of itself, its rate, and the digests of all nodes."""
    made = ask(cluster.server.http, "PUT", f"/v1/models/{name}", spec)
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


def through_group(group, path):
    """Trains the sharded models of a group, each by another node: by name what differs from `learn`, and accepted a round."""
    wrong, accepted = [], {}
    for place, (name, (owner_count, spec, batch_lines, options)) in enumerate(SHARDED.items()):
        node = group.servers[place % len(group.servers)]
        made = ask(node.http, "PUT", f"/v1/models/{name}", spec)
        if made.status != 201:
            raise RuntimeError(f"PUT {name}: {made}")
        train_file(node, name, path, batch_lines=batch_lines)
        wanted = learned(path, *options)["digest"]
        model = ask(node.http, "GET", f"/v1/models/{name}").json()
        digest = ask(node.http, "POST", f"/v1/models/{name}/digest").json()
        worker = group.workers[0]
        until(lambda: ask(worker.http, "GET", f"/v2/models/{name}").status == 200, seconds=15)
        followed = ask(worker.http, "GET", f"/v1/models/{name}/digest?version={digest['version']}").json().get("digest")
        if digest["digest"] != wanted or followed != wanted:
            wrong.append(f"{name} over {owner_count} owners: servers {digest['digest']}, worker {followed}, learn {wanted}")
        accepted[name] = model["accepted_per_round"]
        ask(node.http, "DELETE", f"/v1/models/{name}")
    status = ask(group.workers[0].http, "GET", "/v1/status").json()
    wrong += [f"{model['model']}: {model['digest_mismatches']} digests differed on the way"
              for model in status["models"] if model["digest_mismatches"]]
    return wrong, accepted


def row(name, path, wanted):
    """One stream: prints its row and returns what is wrong with it."""
    with tempfile.NamedTemporaryFile(suffix=".vw") as text:
        with gzip.open(path) as packed:
            shutil.copyfileobj(packed, text)
        text.flush()
        alone = learned(text.name)
        tolerant_alone = learned(text.name, *OPTIONS, "--settle", "tolerant")
        exact = settled(text.name, 8, "exact")
        tolerant = settled(text.name, 8, "tolerant")
        cluster = Cluster(worker_count=2)
        try:
            model, rate, digests = through_server(cluster, name, text.name)
            _, _, tolerant_digests = through_server(
                cluster, name + "-tolerant", text.name, SPEC + "settle: tolerant\n")
        finally:
            cluster.stop()
        group = Group(4, {model: range(owners) for model, (owners, *_) in SHARDED.items()}, worker_count=1)
        try:
            differing, accepted = through_group(group, text.name)
        finally:
            group.stop()
    loss = model["validation"]["log_loss"]
    wrong = []
    if loss != alone["log_loss"]:
        wrong.append("loss")
    if any(digest != alone["digest"] for digest in digests):
        wrong.append("digest: " + ", ".join(digests))
    if exact["digest"] != alone["digest"]:
        wrong.append("exact rounds over 8 owners in memory")
    if any(digest != tolerant_alone["digest"] for digest in [*tolerant_digests, tolerant["digest"]]):
        wrong.append("tolerant rounds: " + ", ".join(tolerant_digests))
    if tolerant["cost_percent"] > COST_PERCENT_MAX:
        wrong.append("the cost of tolerance")
    wrong += differing
    ratio = alone["log_loss"] / wanted if wanted else None
    if ratio is not None and abs(ratio - 1) > APART_MAX:
        wrong.append("VW's loss")
    print(COLUMNS.format(name, repr(alone["log_loss"]), repr(loss), wanted or "-",
                         f"{ratio:.5f}" if ratio else "-", f"{rate:,.0f}", alone["digest"][:8],
                         "equal" if all(d == alone["digest"] for d in digests) else "DIFFER",
                         f"{accepted['exact2']:.1f} / {accepted['tolerant2']:.0f}",
                         f"{tolerant['cost_percent']:.3f} %", "" if not wrong else "WRONG: " + "; ".join(wrong)), flush=True)
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
                         "nodes", "accepted", "cost", "").rstrip())
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
