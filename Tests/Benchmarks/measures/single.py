"""One example a request, pipelined, against nghttpd: what is HTTP's cost.

`single` and `single_cpu`: nghttpd gets the very same request and answers with as many bytes as we do; it throws the body
away and sends a file. `single_cpu_small`: nghttpd gets a body of 208 bytes and answers with 4, the least that a scorer
could be asked and say.

The client's core saturates first, so the server's CPU time per request is the fairer figure.
"""

from measuring import alternate, emit, median, need_two_cores, spread
from nghttpd import Nghttpd
from serving import Serving, enough, load

SMALL_BODY_BYTES, SMALL_ANSWER_BYTES = 208, 4
CLIENTS, STREAMS = 4, 100


def single():
    need_two_cores()
    with Serving() as serving:
        options, byte_count = serving.request(1)
        answer_byte_count = serving.requests.answer_byte_count(options)
        with Nghttpd(answer_byte_count, SMALL_ANSWER_BYTES) as peer:
            pid = serving.worker.pid
            count = enough(serving.infer_url, pid, options, CLIENTS, STREAMS)
            small = peer.body(SMALL_BODY_BYTES)

            def ask(url, pid, options):
                return load(url, pid, options, count, CLIENTS, STREAMS)

            ours, theirs, smalls = alternate(
                lambda: ask(serving.infer_url, pid, options),
                lambda: ask(peer.url(answer_byte_count), peer.pid, options),
                lambda: ask(peer.url(SMALL_ANSWER_BYTES), peer.pid, small), what="single")
        rates, costs = [r for r, _ in ours], [c * 1e6 for _, c in ours]
        peer_rates, peer_costs = [r for r, _ in theirs], [c * 1e6 for _, c in theirs]
        small_costs = [c * 1e6 for _, c in smalls]
        note = (f"h2load -t1 -c{CLIENTS} -m{STREAMS}; a body of {byte_count} B (JSON head, 26 features in binary), an answer "
                f"of {answer_byte_count} B, the same for both; {len(rates)} runs each")
        emit("single", median(rates), median(peer_rates), "requests/s",
             f"{note}, ours {spread(rates)} nghttpd {spread(peer_rates)}")
        emit("single_cpu", median(costs), median(peer_costs), "us CPU/request",
             f"{note}, ours {spread(costs)} nghttpd {spread(peer_costs)}; less is better")
        emit("single_cpu_small", median(costs), median(small_costs), "us CPU/request",
             f"ours as above; nghttpd a body of {SMALL_BODY_BYTES} B, an answer of {SMALL_ANSWER_BYTES} B "
             f"{spread(small_costs)}; less is better")
