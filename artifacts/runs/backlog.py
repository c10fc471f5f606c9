"""Backlog: how far what was told of a run is from its store."""

from __future__ import annotations

from msgspec import Struct


class Backlog(Struct, frozen=True):
    """Of changes and records: how many were told so far, and how many the store has not."""

    told: int = 0
    waiting: int = 0
    stored_at: float | None = None
    """When something was stored last, in seconds since 1970; None before the first time."""

    def __add__(self, later: Backlog) -> Backlog:
        """Of both; what `later` told was told after this."""
        stored_at = later.stored_at or self.stored_at
        return Backlog(self.told + later.told, self.waiting + later.waiting, stored_at)
