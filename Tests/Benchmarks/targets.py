"""What each measure must reach and what it aims at, as ratios of ours to the peer; None where nothing is promised.

Where `better` is `less` (CPU, latency, bytes), the ratio must stay at or below the number.
"""

TARGETS = {  # measure: (must, aim, better)
    "learn1": (6, 10, "more"),
    "learn2": (4, 9, "more"),
    "train": (2.5, 5, "more"),
    "predict100": (60, 150, "more"),
    "predict100_index_only": (60, 150, "more"),
    "single": (1.0, 1.5, "more"),
    "single_cpu": (0.8, 0.5, "less"),
    "single_cpu_small": (None, None, "less"),
    "kernel_22": (0.35, 0.55, "more"),
    "kernel_22_values": (0.35, 0.55, "more"),
    "kernel_26": (0.5, 0.75, "more"),
    "kernel_26_values": (0.5, 0.75, "more"),
    "vw_command1": (5, None, "more"),
    "vw_command2": (5, None, "more"),
    # Milliseconds.
    "freshness_p50": (None, None, "less"),
    "freshness_p99": (25, 15, "less"),
    "tail_1m": (1.3, 1.1, "less"),
    "tail_10m": (1.3, 1.1, "less"),
    "swap": (1.3, None, "less"),
    # Microseconds.
    "round_idle": (None, None, "less"),
    "round_busy": (None, None, "less"),
    "round_busy_not_nice": (None, None, "less"),
    # Examples a second of a model over two owners, and of one owner beside another node.
    "group_exact": (80_000, 250_000, "more"),
    "group_tolerant": (300_000, 1_000_000, "more"),
    "group_one": (None, None, "more"),
    "spread_models": (1.6, 1.9, "more"),
    # The talk's problems: bytes a worker receives, per byte of training traffic; a node's memory; CPU of a worker.
    "worker_bytes": (None, None, "less"),
    "node_memory": (1, None, "less"),
    "worker_cpu": (None, None, "less"),
    # Nanoseconds; times as fast; times as slow; share of the kernel.
    "bins": (15, None, "less"),
    "candidates": (3, 4, "more"),
    "collocated": (1.6, 1.3, "less"),
    "library": (0.9, None, "more"),
    # Cost against the same crosses written out.
    "crosses": (1.3, 1.0, "less"),
    "durability": (0.85, 0.95, "more"),
    "recovery": (0.3, 0.7, "more"),
    # Milliseconds.
    "ack_p50": (5, None, "less"),
    "ack_p99": (30, None, "less"),
    # While a snapshot of 2^26 rows is taken, against without.
    "snapshot_train": (0.85, None, "more"),
    "snapshot_tail": (1.1, None, "less"),
    # Megabytes of text a second, one core.
    "parse_vw": (None, None, "more"),
    "parse_libsvm": (300, None, "more"),
    "parse_libffm": (None, None, "more"),
    "parse_criteo": (300, None, "more"),
    "parse_csv": (None, None, "more"),
    "parse_ndjson": (150, None, "more"),
    # Bytes per changed weight against the 8 of a plain index and float.
    "delta": (0.65, 0.55, "less"),
    "memory_worker_following": (1, None, "less"),
    "memory_worker_static": (1, None, "less"),
    "memory_server": (1, None, "less"),
}
