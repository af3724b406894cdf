"""Text to batches, one core: megabytes a second of each format, of the same generated clicks."""

from console import bench
from measuring import SERVER_CORE, alternate, emit, median, spread

FORMATS = ["vw", "libsvm", "libffm", "criteo", "csv", "ndjson"]


def parse():
    runs = alternate(*[lambda name=name: rates(name) for name in FORMATS], what="parse")
    for name, told in zip(FORMATS, runs):
        megabytes = [rate for rate, _ in told]
        emit(f"parse_{name}", median(megabytes), None, "MB/s",
             f"`sluice bench parse --format {name}`, core {SERVER_CORE}; {median(lines for _, lines in told):,.0f} examples/s "
             f"of about 34 features, {len(told)} runs {spread(megabytes)}", ratio=median(megabytes))


def rates(name):
    """Megabytes and examples a second."""
    told = bench("parse", "--format", name, pin=SERVER_CORE)
    return told["bytes_per_second"] / 1e6, told["examples_per_second"]
