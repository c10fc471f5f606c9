"""Util: what W&B's users take from the module of that name."""

from artifacts.runs import generate_id

__all__ = ["generate_id"]
