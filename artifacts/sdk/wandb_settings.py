"""Settings: that of artifacts.settings, by W&B's name of its module."""

from artifacts.settings import Settings

__all__ = ["Settings"]
