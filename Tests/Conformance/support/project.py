"""Where things are: the project root is found from this file, so that a clone runs anywhere."""

import os
import pathlib
import shutil

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARIES = pathlib.Path(os.environ.get("SLUICE_BIN") or ROOT / ".build" / "release")


def binary(name):
    """The path of one of the project's programs; a clear end when it is not built."""
    path = BINARIES / name
    if not path.is_file():
        raise SystemExit(f"{path} is missing: build with `swift build -c release` or set SLUICE_BIN")
    return str(path)


def has_tool(name):
    """Whether a program of the system, such as h2load, is on the path."""
    return shutil.which(name) is not None


def data_folder():
    """The folder of event streams: $SLUICE_DATA or shared/data beside the checkout; None when there is none."""
    given = os.environ.get("SLUICE_DATA")
    for folder in [pathlib.Path(given)] if given else [ROOT.parent / "shared" / "data"]:
        if folder.is_dir():
            return folder
    return None
