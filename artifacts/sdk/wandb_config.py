"""Config: that of artifacts.runs, by W&B's name of its module."""

from artifacts.runs import Config

__all__ = ["Config"]
