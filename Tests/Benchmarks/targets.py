"""What each measure must reach and what it aims at, as ratios of ours to the peer; None where nothing is promised.

Where `better` is `less` (CPU, latency, bytes), the ratio must stay at or below the number.
"""

TARGETS = {  # measure: (must, aim, better)
    "learn1": (6, 10, "more"),
    "learn2": (5, 9, "more"),
    "train": (4, 7, "more"),
    "predict100": (60, 150, "more"),
    "predict100_index_only": (60, 150, "more"),
    "single": (1.1, 1.5, "more"),
    "single_cpu": (0.75, 0.5, "less"),
    "kernel_22": (0.35, 0.55, "more"),
    "kernel_26": (0.5, 0.75, "more"),
    # Milliseconds beyond the publish interval, as a share of what is allowed beyond it.
    "freshness_p50": (1, None, "less"),
    "freshness_p99": (1, None, "less"),
    "tail_1m": (None, None, "less"),
    "tail_10m": (None, None, "less"),
    # Bytes per changed weight against the 8 of a plain index and float.
    "delta": (0.40, 0.30, "less"),
    "memory_worker_following": (1, None, "less"),
    "memory_worker_static": (1, None, "less"),
    "memory_server": (1, None, "less"),
}
