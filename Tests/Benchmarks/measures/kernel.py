"""What the network costs: batches of 100 over HTTP/2 against the same kernel in memory, for 2^22 and 2^26 indices."""

from console import bench
from measuring import SERVER_CORE, alternate, emit, median, need_two_cores, spread
from serving import Serving, enough, load

EXAMPLES = 100


def kernel():
    need_two_cores()
    for bits in (22, 26):
        in_memory = lambda bits=bits: bench("kernel", "--bits", bits, pin=SERVER_CORE)["predictions_per_second"]
        in_memory()
        with Serving(bits) as serving:
            options, byte_count = serving.request(EXAMPLES)
            pid = serving.worker.pid
            count = enough(serving.infer_url, pid, options, clients=4, streams=10)
            ours, peer = alternate(
                lambda: load(serving.infer_url, pid, options, count, clients=4, streams=10)[0] * EXAMPLES,
                in_memory, what=f"kernel 2^{bits}")
        emit(f"kernel_{bits}", median(ours), median(peer), "predictions/s",
             f"batches of 100 over HTTP/2 (one static body of {byte_count} B) against `sluice bench kernel --bits {bits}`, "
             f"core {SERVER_CORE}; {len(ours)} runs each, ours {spread(ours)} in memory {spread(peer)}")
