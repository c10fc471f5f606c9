"""Summary: that of artifacts.runs, by W&B's name of its module."""

from artifacts.runs import Summary

__all__ = ["Summary"]
