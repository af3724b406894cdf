"""Predictions a second over HTTP/2 in batches of 100, one server core, against Vowpal Wabbit's daemon.

The daemon cannot be run from the Python package (it accepts and closes connections), so its rate is the one measured on
a machine like this: a window of 1,000 lines in flight, server and client a core each.
"""

from measuring import ROUNDS, emit, median, need_two_cores, say, spread
from serving import Serving, enough, load

VW_DAEMON_PER_SECOND = 106_000
EXAMPLES = 100


def predict100():
    need_two_cores()
    with Serving() as serving:
        for name, with_values in (("predict100", True), ("predict100_index_only", False)):
            options, byte_count = serving.request(EXAMPLES, with_values)
            pid = serving.worker.pid
            requests = enough(serving.infer_url, pid, options, clients=4, streams=10)
            rates, costs = [], []
            for number in range(ROUNDS):
                rate, cost = load(serving.infer_url, pid, options, requests, clients=4, streams=10)
                rates.append(rate * EXAMPLES)
                costs.append(cost * 1e6)
                say(f"{name} round {number + 1} of {ROUNDS}: {rates[-1]:,.0f}/s, {cost * 1e6:.1f} us CPU a request")
            emit(name, median(rates), VW_DAEMON_PER_SECOND, "predictions/s",
                 f"h2load -t1 -c4 -m10, one static body of {byte_count} B (100 examples x 26 features hashed by the "
                 f"client, weights stay in cache); {median(costs):.1f} us server CPU a request; {len(rates)} runs "
                 f"{spread(rates)}; the daemon's rate is a constant, and it parses text")
