"""The checks of `vw`. Ends with how many passed and failed; cases with an option that is refused are listed as skipped."""

import argparse
import gzip
import itertools
import json
import math
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

from support import project
from support.http import ask
from support.nodes import Node
from support.report import Mismatch, Report, Skip, expect_that
from support.vw_outputs import expect_model_near, expect_near, near

USAGE = 64
# Of an imported model's margins beside Vowpal Wabbit's: relative above 1.
IMPORT_TOLERANCE = 1e-5
# A readable model has six digits of each weight: a margin of some twenty may be that much off before it is imported.
READABLE_TOLERANCE = 5e-5
# Streams of the import check, with Vowpal Wabbit's options.
IMPORTED = [("flights_pnw2014", ["-q", "cp", "-q", "ph"]), ("movielens_small", [])]


def sluice_vw(options, folder, given=None):
    program = pathlib.Path(project.binary("sluice")).resolve()
    return subprocess.run([program, "vw", *options], cwd=folder, capture_output=True, input=given, timeout=600)


def run_or_skip(options, folder):
    done = sluice_vw(options, folder)
    if done.returncode == USAGE:
        raise Skip(done.stderr.decode(errors="replace").strip().splitlines()[-1])
    if done.returncode:
        raise Mismatch(f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-300:]}")
    return done


def text(path):
    return path.read_text(errors="replace")


def check_case(case, folder):
    """One of Vowpal Wabbit's own tests: its streams and files, then what version 9.11.9 predicts and learns."""
    options = shlex.split(case["command"])
    done = run_or_skip(options, folder)
    streams = {"stderr": done.stderr, "stdout": done.stdout}
    for name, expected in case["expected"].items():
        ours = streams[name].decode(errors="replace") if name in streams else text(folder / name)
        theirs = text(folder / expected)
        (expect_model_near if theirs.startswith("Version") else expect_near)(ours, theirs, name)
    more = case.get("vw9119") or {}
    if "predict" in more:
        given = options[options.index("-p") + 1] if "-p" in options else None
        run_or_skip([*options, *([] if given else ["-p", "again.predict"])], folder)
        theirs = text(folder / more["predict"])
        if theirs:  # One of the reference's files is empty, though its case has an example.
            expect_near(text(folder / (given or "again.predict")), theirs, "predictions of 9.11.9")
    if "invert_hash" in more:
        run_or_skip([*options, "--invert_hash", "again.invert_hash"], folder)
        expect_model_near(text(folder / "again.invert_hash"), text(folder / more["invert_hash"]), "model of 9.11.9")


def cases(report, data, folder, only):
    shutil.copytree(data / "vw_cases", folder, dirs_exist_ok=True)
    (folder / "models").mkdir(exist_ok=True)
    categories = {}
    for case in json.loads(text(folder / "cases.json")):
        if only and str(case["id"]) not in only:
            continue
        passed = report.passed
        report.run(f"case {case['id']} ({case['category']}): {case['command']}", lambda: check_case(case, folder))
        counts = categories.setdefault(case["category"], [0, 0])
        counts[0] += report.passed - passed
        counts[1] += 1
    for category, (agreed, count) in sorted(categories.items()):
        print(f"     {category}: {agreed} of {count} agree")


def first_lines(data, name, count):
    with gzip.open(data / name) as lines:
        return b"".join(itertools.islice(lines, count))


def check_stream(one, data, folder):
    """The progressive predictions of a stream's first lines under one rule."""
    (folder / "stream.vw").write_bytes(first_lines(data, one["input"], one["rows"]))
    done = run_or_skip(["-d", "stream.vw", *shlex.split(one["options"]), "-p", "ours"], folder)
    ours = [float(line.split()[0]) for line in text(folder / "ours").splitlines()]
    theirs = [float(line.split()[0]) for line in text(data / "vw_learn" / one["predict"]).splitlines()]
    expect_that(len(ours) == len(theirs), f"{len(theirs)} predictions expected, got {len(ours)}")
    for number, (a, b) in enumerate(zip(ours, theirs), 1):
        expect_that(near(a, b), f"prediction {number}: expected {b}, got {a}")
    loss = float(done.stderr.decode().split("average loss = ")[1].split()[0])
    expect_that(near(loss, one["average_loss"]), f"average loss: expected {one['average_loss']}, got {loss}")


def streams(report, data, folder):
    for one in json.loads(text(data / "vw_learn" / "learn.json")):
        report.run(f"{one['input']} {one['options']}", lambda: check_stream(one, data, folder))


def check_edges(data, folder):
    """Lines with every corner of the format, learned."""
    shutil.copy(data / "vw_audit" / "edge.vw", folder / "edge.vw")
    done = run_or_skip(["-d", "edge.vw", "--loss_function", "logistic", "-P", "1", "-p", "edge.predict"], folder)
    expect_near(text(folder / "edge.predict"), text(data / "vw_audit" / "edge.train.predict"), "predictions")
    ours = [line for line in done.stderr.decode().splitlines() if not line.startswith(("predictions", "Reading"))]
    expect_near("\n".join(ours), text(data / "vw_audit" / "edge.train.stderr"), "stderr")


def workspace(*options):
    """Vowpal Wabbit itself, run over a file by its Python module."""
    try:
        from vowpalwabbit import Workspace
    except ImportError as error:
        raise Skip("the Python package vowpalwabbit cannot be had") from error
    Workspace(arg_list=[*map(str, options), "--quiet"]).finish()


def check_import(name, crosses, is_readable, data, folder):
    """A model that Vowpal Wabbit trained, imported, scores the whole stream as Vowpal Wabbit does."""
    stream = folder / f"{name}.vw"
    if not stream.exists():
        stream.write_bytes(gzip.decompress((data / f"{name}.vw.gz").read_bytes()))
    options = ["-b", "18", "--loss_function", "logistic", *crosses]
    model, predictions = folder / f"{name}.model", folder / f"{name}.theirs"
    workspace("-d", stream, *options, "-f", model, "--readable_model", f"{model}.txt", "--predict_only_model")
    workspace("-d", stream, "-t", "-i", model, "-r", predictions, "--loss_function", "logistic")
    saved = folder / f"{name}.saved"
    sluice = project.binary("sluice")
    subprocess.run([sluice, "import", "vw", f"{model}.txt" if is_readable else model, "--to", saved], check=True,
                   capture_output=True)
    scored = subprocess.run([sluice, "score", saved, stream, "--margins"], check=True, capture_output=True)
    ours = [float(line) for line in scored.stdout.split()]
    theirs = [float(line.split()[0]) for line in text(predictions).splitlines()]
    expect_that(len(ours) == len(theirs), f"{len(theirs)} predictions expected, got {len(ours)}")
    # Predictions are printed with six digits behind the point.
    for number, (a, b) in enumerate(zip(ours, theirs), 1):
        expect_that(near(a, b, READABLE_TOLERANCE if is_readable else IMPORT_TOLERANCE), f"example {number}: expected {b}, got {a}")
    check_served(saved, stream, ours)


def check_served(saved, stream, ours):
    """A worker that serves the imported model answers as `sluice score` does, to the bit."""
    lines = stream.read_text().splitlines()[:2000]
    worker = Node("sluice-worker", ["--listen", "127.0.0.1:0", "--model-folder", f"m={saved}"], saved)
    try:
        for start in range(0, len(lines), 500):
            body = {"models": ["m"], "examples": lines[start:start + 500], "outputs": ["margin"]}
            answer = ask(worker.http, "POST", "/v1/score", json.dumps(body))
            expect_that(answer.status == 200, f"/v1/score: {answer}")
            margins = answer.json()["models"][0]["margin"]
            expect_that(margins == ours[start:start + 500], f"the worker's margins of lines {start} on differ")
    finally:
        worker.kill()


def check_rule(name, crosses, data, folder):
    """Rule nag beside Vowpal Wabbit's default: progressive loss, and predictions of what was learned."""
    stream = folder / f"{name}.vw"
    if not stream.exists():
        stream.write_bytes(gzip.decompress((data / f"{name}.vw.gz").read_bytes()))
    model, predictions, saved = folder / f"{name}.theirs", folder / f"{name}.margins", folder / f"{name}.nag"
    progress = folder / f"{name}.progress"
    workspace("-d", stream, "-b", 18, "--loss_function", "logistic", *crosses, "-f", model, "-r", progress)
    workspace("-d", stream, "-t", "-i", model, "-r", predictions, "--loss_function", "logistic")
    sluice = project.binary("sluice")
    done = subprocess.run([sluice, "learn", "-b", "18", "--rule", "nag", *crosses, "--save", saved, "--json", "--quiet", stream],
                          check=True, capture_output=True)
    loss = json.loads(done.stdout.splitlines()[-1])["log_loss"]
    labels = [1 if line.startswith("1") else -1 for line in text(stream).splitlines()]
    margins = [float(line.split()[0]) for line in text(progress).splitlines()]
    theirs = sum(math.log1p(math.exp(-y * min(max(m, -50), 50))) for y, m in zip(labels, margins)) / len(labels)
    expect_that(near(loss, theirs, 1e-5), f"progressive log loss: expected {theirs}, got {loss}")
    scored = subprocess.run([sluice, "score", saved, stream, "--margins"], check=True, capture_output=True)
    ours = [float(line) for line in scored.stdout.split()]
    theirs = [float(line.split()[0]) for line in text(predictions).splitlines()]
    expect_that(len(ours) == len(theirs), f"{len(theirs)} predictions expected, got {len(ours)}")
    for number, (a, b) in enumerate(zip(ours, theirs), 1):
        expect_that(near(a, b), f"example {number}: expected {b}, got {a}")


def check_their_model(data, folder, options):
    """`sluice vw` goes on with a model of Vowpal Wabbit as Vowpal Wabbit does, and the other way round."""
    lines = folder / "half.vw"
    lines.write_bytes(first_lines(data, "football_results.vw.gz", 2000))
    common = ["-d", lines, "--loss_function", "logistic"]
    workspace(*common, *options, "-f", folder / "theirs")
    workspace(*common, "-i", folder / "theirs", "-p", folder / "theirs.again")
    run_or_skip([*map(str, common), "-i", "theirs", "-p", "ours.again"], folder)
    expect_near(text(folder / "ours.again"), text(folder / "theirs.again"), "their model, learned on here")
    run_or_skip([*map(str, common), *options, "-f", "ours"], folder)
    workspace(*common, "-i", folder / "ours", "-p", folder / "theirs.again")
    run_or_skip([*map(str, common), "-i", "ours", "-p", "ours.again"], folder)
    expect_near(text(folder / "theirs.again"), text(folder / "ours.again"), "our model, learned on by Vowpal Wabbit")


def refusal(options, folder, *words):
    """A run that must end in one sentence with these words."""
    done = sluice_vw(options, folder)
    said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    expect_that(done.returncode in (1, USAGE) and said and all(word in said[0] for word in words),
                f"expected a sentence with {words}, got exit {done.returncode}: {said}")


def check_bad_models(data, folder):
    """Every cut of a model, wrong magic, a wrong bit: each said in a sentence."""
    (folder / "few.vw").write_bytes(b"1 |a x y\n-1 |a y z\n")
    run_or_skip(["-d", "few.vw", "-f", "few.model", "--quiet"], folder)
    whole = (folder / "few.model").read_bytes()
    for count in range(len(whole)):
        (folder / "bad.model").write_bytes(whole[:count])
        refusal(["-t", "-i", "bad.model", "-d", "few.vw", "--quiet"], folder, "bad.model")
    for place in (0, 4, 12, len(whole) // 2, len(whole) - 1):
        damaged = bytearray(whole)
        damaged[place] ^= 0x40
        (folder / "bad.model").write_bytes(damaged)
        refusal(["-t", "-i", "bad.model", "-d", "few.vw", "--quiet"], folder, "bad.model")
    (folder / "bad.model").write_bytes(b"this is no model at all")
    refusal(["-t", "-i", "bad.model", "-d", "few.vw"], folder, "bad.model", "not a model")


def check_bad_caches(data, folder):
    (folder / "few.vw").write_bytes(b"1 |a x y\n-1 |a y z\n")
    run_or_skip(["-d", "few.vw", "-c", "-k", "--passes", "2", "--quiet"], folder)
    cache = folder / "few.vw.cache"
    whole = cache.read_bytes()
    for count in range(len(whole)):
        cache.write_bytes(whole[:count])
        refusal(["-d", "few.vw", "-c", "--quiet"], folder, "few.vw.cache")
    cache.write_bytes(whole[:-20] + bytes([whole[-20] ^ 1]) + whole[-19:])
    refusal(["-d", "few.vw", "-c", "--quiet"], folder, "damaged")


def check_bad_options(data, folder):
    refusal(["--oaa", "3"], folder, "--oaa")
    refusal(["-d", "few.vw", "--bfgs"], folder, "--bfgs")
    refusal(["-d", "few.vw", "-b", "many"], folder, "bit_precision", "many")
    refusal(["-d", "few.vw", "--loss_function", "none"], folder, "none")
    refusal(["-d", "missing.vw"], folder, "missing.vw")
    refusal(["-d", "few.vw", "--passes", "2"], folder, "cache")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", nargs="*", help="numbers of cases; without them everything is checked")
    only = parser.parse_args().case
    report = Report()
    data = project.data_folder()
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        if data is None or not (data / "vw_cases").is_dir():
            print("SKIPPED: Vowpal Wabbit's cases and streams: there is no data folder (SLUICE_DATA)", flush=True)
        else:
            cases(report, data, folder / "cases", only)
            if not only:
                report.run("lines with the format's corners", lambda: check_edges(data, folder))
                streams(report, data, folder)
                for (name, crosses), is_readable in itertools.product(IMPORTED, (False, True)):
                    kind = "readable" if is_readable else "binary"
                    report.run(f"a {kind} model of {name} {' '.join(crosses)} imported",
                               lambda: check_import(name, crosses, is_readable, data, folder))
                for name, crosses in IMPORTED:
                    report.run(f"rule nag on {name} {' '.join(crosses)}", lambda: check_rule(name, crosses, data, folder))
                for options in ([], ["-q", "ha"], ["--ftrl"], ["--coin"], ["--pistol"], ["--adaptive"], ["--sgd"],
                                ["--l1", "1e-4", "--l2", "1e-4"], ["--ngram", "2", "--hash", "all"]):
                    report.run(f"models read by the other, {' '.join(options) or 'default'}",
                               lambda: check_their_model(data, folder, options))
        if not only:
            report.run("models that are cut or damaged are refused", lambda: check_bad_models(data, folder))
            report.run("caches that are cut or damaged are refused", lambda: check_bad_caches(data, folder))
            report.run("options that are not taken are refused by name", lambda: check_bad_options(data, folder))
    report.finish()


if __name__ == "__main__":
    main()
