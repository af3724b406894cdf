"""Text to batches, one core: megabytes a second of each format, of the same generated clicks."""

from console import bench
from measuring import SERVER_CORE, alternate, emit, median, spread

FORMATS = ["vw", "libsvm", "libffm", "criteo", "csv", "ndjson"]


def parse():
    runs = alternate(*[lambda name=name: bench("parse", "--format", name, pin=SERVER_CORE) for name in FORMATS],
                     what="parse")
    for name, told in zip(FORMATS, runs):
        rates = [one["bytes_per_second"] / 1e6 for one in told]
        emit(f"parse_{name}", median(rates), None, "MB/s",
             f"`sluice bench parse --format {name}`, core {SERVER_CORE}; "
             f"{median(one['examples_per_second'] for one in told):,.0f} examples/s of {told[0]['features']} features, "
             f"{len(rates)} runs {spread(rates)}", ratio=median(rates))
