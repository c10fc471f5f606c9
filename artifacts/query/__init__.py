"""Query: read-only questions to a store."""

from artifacts.query.api import Api

__all__ = ["Api"]
