"""Run: that of artifacts.runs, by W&B's name of its module."""

from artifacts.runs import Run

__all__ = ["Run"]
