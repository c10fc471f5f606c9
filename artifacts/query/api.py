"""Api: read-only questions to a store, without a run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from artifacts.artifact import Artifact
from artifacts.catalog import Session
from artifacts.errors import NotFoundError, WrongTypeError
from artifacts.settings import Settings


class Api:
    """Asks the store of the settings, or another. Source: W&B SDK 0.19.8.

    `overrides` may set "entity" and "project"; `timeout` and `api_key` mean nothing without a
    server.
    """

    def __init__(
        self,
        overrides: Mapping[str, Any] | None = None,
        timeout: int | None = None,
        api_key: str | None = None,
        *,
        store: str | os.PathLike[str] | None = None,
    ) -> None:
        given = overrides or {}
        settings = Settings.load(store=store)
        self._session = Session(settings.within(given.get("entity"), given.get("project")))

    @property
    def default_entity(self) -> str:
        """The entity of names that have none."""
        return self._session.settings.entity

    @property
    def settings(self) -> dict[str, str]:
        """Entity and project of names that have none."""
        settings = self._session.settings
        return {"entity": settings.entity, "project": settings.project}

    def artifact(self, name: str, type: str | None = None) -> Artifact:
        """The version that `[[entity/]project/]name[:version-or-alias]` stands for.

        Raises CommError (ArtifactNotFoundError, StoreNotFoundError, WrongTypeError), ValueError
        for a bad name.
        """
        return Artifact.of_version(self._session.resolve(name, type), self._session)

    def artifact_exists(self, name: str, type: str | None = None) -> bool:
        """Whether `artifact` would find one, of that type if it is given.

        Raises ValueError for a bad name.
        """
        try:
            self.artifact(name, type)
        except (NotFoundError, WrongTypeError):
            return False
        return True
