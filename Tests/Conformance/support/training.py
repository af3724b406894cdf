"""Sends a file to a server node as a trainer does: `sluice train` where the build has it, else curl."""

import subprocess
import time

from . import project, tools

BATCH_LINES = 1000


def has_command(*words):
    """Whether this build of `sluice` knows a command; asked for an unknown one's help, it gives its own and 0."""
    done = subprocess.run([project.binary("sluice"), *words, "--help"], capture_output=True, text=True)
    return f"USAGE: {' '.join(['sluice', *words])}" in done.stdout


def train_file(node, model, path, trainer="file", batch_lines=BATCH_LINES):
    """Posts a file over HTTP/2 in batches of lines; returns the seconds until the last was acknowledged."""
    if has_command("train"):
        command = [project.binary("sluice"), "train", "--server", node.http, "--model", model,
                   "--batch-lines", str(batch_lines), str(path)]
    else:
        tools.needs("curl")
        command = ["curl", "-sS", "-f", "-N", "--http2-prior-knowledge", "-X", "POST", "-T", str(path),
                   "-H", f"Sluice-Trainer: {trainer}", "-H", "Sluice-Sequence: 1",
                   "-H", f"Sluice-Batch-Lines: {batch_lines}", f"{node.url}/v1/models/{model}/examples"]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.monotonic() - start
    if done.returncode:
        raise RuntimeError(f"{command[0].rsplit('/', 1)[-1]} ended with {done.returncode}: {done.stderr[-300:]}")
    unlearned = [line for line in done.stdout.splitlines() if '"outcome"' in line and '"learned"' not in line]
    if unlearned:
        raise RuntimeError(f"not learned: {unlearned[0]}")
    return seconds
