"""Whether updates slow reads: p99 of 100-example requests at half the saturated rate, with deltas against without."""

from console import bench
from measuring import ROUNDS, alternate, emit, median, spread


def tail():
    rounds = min(3, ROUNDS)
    for name, rows_per_second in (("tail_1m", 1_000_000), ("tail_10m", 10_000_000)):
        ours, peer = alternate(lambda rows=rows_per_second: p99(rows), lambda: p99(0), rounds, what=name)
        emit(name, median(ours), median(peer), "ms p99",
             f"requests of 100 examples at half the saturated rate, {rows_per_second:,} rows/s of deltas against none; "
             f"{rounds} runs each, {spread(ours)} against {spread(peer)}; less is better")


def p99(rows_per_second):
    return bench("tail", "--rows-per-second", rows_per_second)["p99_ms"]
