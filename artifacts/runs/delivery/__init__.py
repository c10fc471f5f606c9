"""Delivery: how what a journal holds comes into the store, by the run itself or by who finds it."""
