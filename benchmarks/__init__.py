"""Benchmarks: the product beside its peers, whole processes, same data, same disk."""
