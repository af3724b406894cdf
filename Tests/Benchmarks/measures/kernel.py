"""What the network costs: batches of 100 over HTTP/2 against the same kernel in memory, for 2^22 and 2^26 indices.

The kernel's features all have value 1, as most of a click model's do. `kernel_N` leaves such values out of the request, as
clients may; `kernel_N_values` sends each.
"""

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
            pid = serving.worker.pid
            bodies = [serving.request(EXAMPLES, with_values) for with_values in (False, True)]
            count = enough(serving.infer_url, pid, bodies[1][0], clients=4, streams=10)
            ask = lambda options: load(serving.infer_url, pid, options, count, clients=4, streams=10)
            *ours, peer = alternate(
                lambda: ask(bodies[0][0]), lambda: ask(bodies[1][0]), in_memory, what=f"kernel 2^{bits}")
        for name, runs, (_, byte_count) in zip((f"kernel_{bits}", f"kernel_{bits}_values"), ours, bodies):
            rates = [rate * EXAMPLES for rate, _ in runs]
            cost = median(cost for _, cost in runs)
            emit(name, median(rates), median(peer), "predictions/s",
                 f"batches of 100 over HTTP/2 (one static body of {byte_count} B) against `sluice bench kernel --bits "
                 f"{bits}`, core {SERVER_CORE}; {cost * 1e6:.1f} us server CPU a request, so {EXAMPLES / cost:,.0f} "
                 f"predictions a second of its core; {len(rates)} runs each, ours {spread(rates)} in memory {spread(peer)}")
