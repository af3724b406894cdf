"""One example a request, pipelined, against nghttpd answering POSTs of 208 bytes with a file of 4: what is HTTP's cost.

The client's core saturates first, so the server's CPU time per request is the fairer figure.
"""

from measuring import alternate, emit, median, need_two_cores, spread
from nghttpd import Nghttpd
from serving import Serving, enough, load

PEER_BODY_BYTES = 208
CLIENTS, STREAMS = 4, 100


def single():
    need_two_cores()
    with Serving() as serving, Nghttpd() as peer:
        options, byte_count = serving.request(1)
        pid = serving.worker.pid
        peer_options = peer.body(PEER_BODY_BYTES)
        count = enough(serving.infer_url, pid, options, CLIENTS, STREAMS)
        peer_count = enough(peer.url, peer.pid, peer_options, CLIENTS, STREAMS)
        ours, theirs = alternate(
            lambda: load(serving.infer_url, pid, options, count, CLIENTS, STREAMS),
            lambda: load(peer.url, peer.pid, peer_options, peer_count, CLIENTS, STREAMS), what="single")
        rates, costs = [r for r, _ in ours], [c * 1e6 for _, c in ours]
        peer_rates, peer_costs = [r for r, _ in theirs], [c * 1e6 for _, c in theirs]
        note = (f"h2load -t1 -c{CLIENTS} -m{STREAMS}; our body has {byte_count} B (JSON head, 26 features in binary), "
                f"nghttpd's {PEER_BODY_BYTES} B; {len(rates)} runs each")
        emit("single", median(rates), median(peer_rates), "requests/s",
             f"{note}, ours {spread(rates)} nghttpd {spread(peer_rates)}")
        emit("single_cpu", median(costs), median(peer_costs), "us CPU/request",
             f"{note}, ours {spread(costs)} nghttpd {spread(peer_costs)}; less is better")
