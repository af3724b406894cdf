"""The stream all measures read: a million lines of 25 features, made once and kept under .build."""

import itertools
import os
import pathlib
import subprocess
import sys

from measuring import say
from support import project

LINES = 1_000_000
FOLDER = project.ROOT / ".build" / "benchmarks"


def path():
    """The file of a million lines: $SLUICE_STREAM, or one made here on first use."""
    given = os.environ.get("SLUICE_STREAM")
    if given:
        return pathlib.Path(given)
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / "train1m.vw"
    if not file.exists():
        say(f"making {file.name}")
        unfinished = file.with_suffix(".unfinished")
        generator = project.ROOT.parent / "shared" / "tools" / "generate_ctr.py"
        if generator.is_file():
            subprocess.run([sys.executable, str(generator), str(LINES), str(unfinished)], check=True)
        else:
            with open(unfinished, "wb") as out:
                subprocess.run([project.binary("sluice"), "generate", "--examples", str(LINES)], stdout=out, check=True)
        unfinished.rename(file)
    return file


def first_lines(count):
    with open(path(), "rb") as file:
        return [line.rstrip(b"\n") for line in itertools.islice(file, count)]


def unlabelled(count):
    return [line.split(b" ", 1)[1] for line in first_lines(count)]
