"""Measures that only the product can take of itself, from `sluice bench ... --json`."""

import json
import subprocess

from support import project
from support.report import Skip
from support.training import has_command


def bench(name, *options, pin=None):
    """Runs `sluice bench NAME ... --json` and returns what its last line says; skipped when this build lacks it."""
    if not has_command("bench", name):
        raise Skip(f"this build has no `sluice bench {name}`")
    command = [project.binary("sluice"), "bench", name, *map(str, options), "--json"]
    if pin is not None:
        command = ["taskset", "-c", str(pin), *command]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[-5:])}: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout.splitlines()[-1])
