"""Lasting: how long an artifact lasts, and its end."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

from artifacts.artifact.life import Living
from artifacts.catalog import FOR_EVER
from artifacts.errors import ArtifactNotLoggedError, InvalidError

_OF_HISTORIES = "wandb-history"


class ArtifactTTL(Enum):
    """What `ttl` may be set to beside a time. Source: W&B SDK 0.19.8."""

    INHERIT = 0


class Lasting(Living):
    """Time to live, counted from the artifact's creation."""

    @property
    def ttl(self) -> timedelta | None:
        """How long it lasts from its creation on, None for ever; changed of a logged one by `save`.

        When it is over the artifact is gone for all who read, and `art gc` deletes what only it
        needs. Set to ArtifactTTL.INHERIT, which a new artifact has, it is what the collection says,
        and if that says nothing the project. Raises ArtifactNotLoggedError where it is inherited
        and not logged or saved so yet; ValueError for what is not more than no time.
        """
        if self._ttl is not None:
            return timedelta(seconds=self._ttl) if self._ttl else None
        if self._version is None or self._saved.ttl is not None:
            raise ArtifactNotLoggedError("Artifact.ttl")
        seconds = self._the_session.catalog.lasting_s(self._version)
        return None if seconds is None else timedelta(seconds=seconds)

    @ttl.setter
    def ttl(self, ttl: timedelta | ArtifactTTL | None) -> None:
        if self._type == _OF_HISTORIES:
            raise InvalidError(f"an artifact of type {_OF_HISTORIES} has no ttl of its own")
        if isinstance(ttl, ArtifactTTL):
            self._ttl = None
        elif ttl is None:
            self._ttl = FOR_EVER
        elif isinstance(ttl, timedelta):
            self._ttl = _seconds(ttl)
        else:
            raise InvalidError(f"ttl is {ttl!r}, expected a timedelta, None or ArtifactTTL.INHERIT")

    def delete(self, delete_aliases: bool = False) -> None:
        """Delete the version: nobody can name it any more, and its number is never used again.

        What only it needs is for `art gc`. One that was found in a portfolio is only unlinked
        there, and links to a deleted one lead nowhere. Raises CommError if it has aliases, unless
        they are to be deleted too; ArtifactNotLoggedError.
        """
        version, catalog = self._logged("delete"), self._the_session.writable
        if version.link is not None:
            catalog.unlink(version)
        else:
            catalog.drop(version, with_aliases=delete_aliases)
            self._aliases = []


def _seconds(ttl: timedelta) -> int:
    if ttl.total_seconds() <= 0:
        raise InvalidError(f"Artifact TTL Duration has to be positive. ttl: {ttl.total_seconds()}")
    return max(1, int(ttl.total_seconds()))
