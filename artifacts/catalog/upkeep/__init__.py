"""Upkeep: a whole store verified, mended, collected, repacked and copied.

Each job is entered by its own module: a command loads the one that it does.
"""
