"""Scoring in memory: what a bin, a context and models beside each other cost. One core, `sluice bench`."""

import clickstream
from console import bench
from measuring import SERVER_CORE, alternate, emit, median, spread


def bins():
    found = [bench("bins", "--edges", 64, pin=SERVER_CORE)["nanoseconds"] for _ in range(5)]
    emit("bins", median(found), 1, "ns", f"a number's bin among 65, random numbers; {spread(found)}")


def candidates():
    found = [bench("candidates", clickstream.path(), pin=SERVER_CORE) for _ in range(5)]
    emit("candidates", median(run["shared"] for run in found), median(run["flat"] for run in found), "candidates/s",
         "100 candidates of 5 features behind a context of 20, against 25 features each; indices of the stream in memory, 2^22; "
         f"ratios {spread([run['ratio'] for run in found])}")


def collocated():
    found = [bench("collocated", clickstream.path(), pin=SERVER_CORE) for _ in range(5)]
    emit("collocated", median(1 / run["all"] for run in found), median(1 / run["one"] for run in found), "s a line",
         "lines of the stream, 100 a request, scored by four models of one plan against by one, text to margins, 2^22; "
         f"ratios {spread([run['ratio'] for run in found])}")


def library():
    ours, peer = alternate(
        lambda: bench("kernel", "--library", pin=SERVER_CORE)["predictions_per_second"],
        lambda: bench("kernel", pin=SERVER_CORE)["predictions_per_second"], what="library")
    emit("library", median(ours), median(peer), "predictions/s",
         "`Scorer.score(offsets:indices:values:into:)`, checks and sigmoid included, against the bare margins; 25 features, batches of "
         f"100, 2^22; {spread(ours)} against {spread(peer)}")
