"""Journal: a run's write-ahead files: written, held, read again, and found when left behind."""
