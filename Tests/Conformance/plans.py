"""What trains makes the features that what serves makes, under any plan; see `plans`. Exits with 1 when anything differs."""

import gzip
import itertools
import json
import pathlib
import struct
import subprocess
import sys

from subject import follows, infer, train
from support import corners, examples, project, transforms, v2, vw_features
from support.http import ask
from support.nodes import Cluster
from support.report import Report, Skip, expect, expect_that

BITS = 20
SPEC = f"bits: {BITS}\nlearner: {{rule: ftrl, alpha: 0.5, beta: 1}}\n"
FIT_LINES, TRAINED_LINES, SCORED_LINES = 20_000, 3000, 600
CORNERS_LINES = 4000
BOTH = ["probability", "margin"]


class Planned:
    """One model under one plan: on the cluster, and learned from the same lines by `sluice learn`."""

    def __init__(self, cluster, name, title, spec, options, trained, scored):
        self.cluster, self.name, self.title, self.spec, self.scored = cluster, name, title, spec, scored
        self.options = {**options, "transforms": transforms.Plan(spec)}
        self.trained = examples.text(trained)
        made = ask(cluster.server.http, "PUT", f"/v1/models/{name}", spec)
        expect(made.status, 201, f"PUT ({made})")
        self.fingerprint = made.json()["fingerprint"]

    def learn(self):
        """Trains the model on both sides; their losses and digests."""
        answer = train(self.cluster.server, self.name, self.trained)
        expect(answer.status, 200, f"POST ({answer})")
        told = answer.lines()[-1]
        expect(told.get("errors", [])[:2], [], "refused lines")
        follows(self.cluster.workers[0], self.name, told["version"])
        folder = pathlib.Path(self.cluster.folder) / f"{self.name}.model"
        done = sluice("learn", self.cluster.file(f"{self.name}.vw", self.trained), "--spec",
                      self.cluster.file(f"{self.name}.yaml", self.spec), "--save", folder, "--quiet", "--json")
        alone = json.loads(done.splitlines()[-1])
        model = ask(self.cluster.server.http, "GET", f"/v1/models/{self.name}").json()
        digest = ask(self.cluster.server.http, "POST", f"/v1/models/{self.name}/digest").json()
        followed = ask(self.cluster.workers[0].http, "GET", f"/v1/models/{self.name}/digest?version={digest['version']}")
        expect(model["validation"]["log_loss"], alone["log_loss"], "the server's loss, and learn's")
        expect(digest["digest"], alone["digest"], "the server's digest, and learn's")
        expect(followed.json().get("digest"), alone["digest"], "the worker's digest, and learn's")

    def lines(self):
        """The worker's answers to lines are those of `sluice score`."""
        self.answered = self._bits(*v2.binary_body([v2.line_tensor(self.scored)], BOTH))
        text = sluice("score", pathlib.Path(self.cluster.folder) / f"{self.name}.model",
                      self.cluster.file(f"{self.name}-scored.vw", examples.text(self.scored)))
        wanted = [struct.unpack("<I", struct.pack("<f", float(each)))[0] for each in text.split()]
        expect_that(len(set(wanted)) > len(wanted) // 50, "the lines differ in their answers")
        self._expect_equal(self.answered["probability"], wanted)

    def hashes(self):
        """The worker's answers to the features that Python makes of the lines are those to the lines."""
        tensors = v2.csr_tensors(*vw_features.csr(self.scored, BITS, **self.options))
        got = self._bits(*v2.binary_body(tensors, BOTH, {"fingerprint": self.fingerprint}))
        for output in BOTH:
            self._expect_equal(got[output], self.answered[output])

    def refuses(self, other):
        """Features made under another plan are refused, and the answer names both."""
        tensors = v2.csr_tensors(*vw_features.csr(self.scored[:3], BITS, **self.options))
        headers, body = v2.binary_body(tensors, ["probability"], {"fingerprint": other.fingerprint})
        answer = infer(self.cluster.workers[0], body, headers, model=self.name)
        expect(answer.status, 400, f"status ({answer})")
        for fingerprint in (self.fingerprint, other.fingerprint):
            expect_that(fingerprint in answer.json()["error"], f"the answer names {fingerprint}: {answer}")

    def delete(self):
        ask(self.cluster.server.http, "DELETE", f"/v1/models/{self.name}")

    def _bits(self, headers, body):
        answer = infer(self.cluster.workers[0], body, headers, model=self.name)
        expect(answer.status, 200, f"status ({answer})")
        return {name: v2.bits(array) for name, array in v2.outputs(answer)[0].items()}

    def _expect_equal(self, got, wanted):
        expect(len(got), len(wanted), "answers")
        apart = [line for line, one, other in zip(self.scored, got, wanted) if one != other]
        expect_that(not apart, f"{len(apart)} of {len(wanted)} lines differ, such as {apart[:1]}")


def sluice(*command):
    done = subprocess.run([project.binary("sluice"), *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"sluice {command[0]} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def specs(cluster, stream, fit_lines):
    """By plan the spec of a stream and its crosses; None for a plan that needs numbers where there are none."""
    letters = list(dict.fromkeys(piece[:1] for piece in fit_lines[0].split("|")[1:]))
    crosses = [letters[0] + letters[1 % len(letters)], letters[-1] + ":"]
    made = {"none": (SPEC, []), "crosses": (SPEC + f"crosses: {json.dumps(crosses)}\n", crosses)}
    numeric = any(":" in piece.partition(" ")[2] for line in fit_lines for piece in line.split("|")[1:])
    if not numeric:
        return {**made, "mdl": None, "tree": None, "all": None}
    text = cluster.file(f"{stream}-fit.vw", examples.text(fit_lines))
    path = {plan: cluster.file(f"{stream}-{plan}.yaml", SPEC) for plan in ("none", "mdl", "tree", "all")}
    sluice("fit", "mdl", text, "--spec", path["none"], "--to", path["mdl"])
    sluice("fit", "tree", text, "--leaves", 16, "--spec", path["none"], "--to", path["tree"])
    read = {plan: pathlib.Path(path[plan]).read_text() for plan in ("mdl", "tree")}
    # The namespace of a binned feature, or where no cut paid of a number, with the leaves'.
    plan = transforms.Plan(read["mdl"])
    binned = plan.bins[0].namespace if plan.bins else transforms.Plan(read["tree"]).lists[0].inputs[0][0]
    crosses = [binned.decode()[:1] + "t", *crosses]
    cluster.file(f"{stream}-all.yaml", SPEC + f"crosses: {json.dumps(crosses)}\n")
    sluice("fit", "mdl", text, "--spec", path["all"], "--to", path["all"])
    sluice("fit", "tree", text, "--leaves", 16, "--spec", path["all"], "--to", path["all"])
    read["all"] = pathlib.Path(path["all"]).read_text()
    return {**made, "mdl": (read["mdl"], []), "tree": (read["tree"], []), "all": (read["all"], crosses)}


def check_models(report, stream, planned):
    """The checks of one stream's models, plan by plan; then the models are gone."""
    for model, other in zip(planned, planned[1:] + planned[:1]):
        plan = model.title
        report.run(f"{stream}, {plan}: server node, worker and learn have one loss and one digest", model.learn)
        report.run(f"{stream}, {plan}: {len(model.scored)} lines have the probabilities of `sluice score`", model.lines)
        report.run(f"{stream}, {plan}: features made in Python have the probabilities of the lines", model.hashes)
        report.run(f"{stream}, {plan}: the features of the plan '{other.title}' are refused",
                   lambda model=model, other=other: model.refuses(other))
    for model in planned:
        model.delete()


def check_stream(report, cluster, path):
    stream = path.name.removesuffix(".vw.gz")
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as packed:
        lines = [line.rstrip("\n") for line in itertools.islice(packed, FIT_LINES)]
    planned = []

    def make():
        for plan, found in specs(cluster, stream, lines).items():
            if not found:
                report.run(f"{stream}, {plan}", skipped)
                continue
            spec, crosses = found
            planned.append(Planned(cluster, f"{stream}-{plan}", plan, spec, {"crosses": crosses}, lines[:TRAINED_LINES],
                                   lines[-SCORED_LINES:]))

    report.run(f"{stream}: plans are fitted to {len(lines)} lines, and taken by a server node", make)
    check_models(report, stream, planned)


def skipped():
    raise Skip("the stream has no numbers")


def check_corners(report, cluster):
    planned = []

    def make():
        for k, (plan, (spec, options)) in enumerate(corners.SPECS.items()):
            lines = corners.lines(CORNERS_LINES, transforms.Plan(spec))
            planned.append(
                Planned(cluster, f"corners-{k}", plan, spec, options, lines[:-SCORED_LINES], lines[-SCORED_LINES:]))

    report.run("corners: plans are taken by a server node", make)
    check_models(report, "corners", planned)


def main():
    for program in ("sluice", "sluice-server", "sluice-worker"):
        project.binary(program)
    report = Report()
    cluster = Cluster(worker_count=1, server_options=["--publish-every", "20ms"])
    chosen = sys.argv[1:]
    if not chosen or "corners" in chosen:
        check_corners(report, cluster)
    folder = project.data_folder()
    files = sorted(folder.glob("*.vw.gz")) if folder else []
    if not files:
        print("SKIPPED: no event streams; set SLUICE_DATA to a folder with *.vw.gz")
    for path in files:
        if not chosen or path.name.removesuffix(".vw.gz") in chosen:
            check_stream(report, cluster, path)
    cluster.stop()
    report.finish()


if __name__ == "__main__":
    main()
