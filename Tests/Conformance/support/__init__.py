"""What conformance checks and benchmarks share: nodes, requests, hashing, reporting."""
