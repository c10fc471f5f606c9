"""Rows: what was logged, as segments of a store: written, read back, compacted and exported."""
