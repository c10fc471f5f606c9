"""Api: read-only questions to a store, without a run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from artifacts.artifact import Artifact, ArtifactCollection, Artifacts, Filter, Listed
from artifacts.catalog import Session
from artifacts.errors import NotFoundError, WrongTypeError
from artifacts.names import check_entity, check_project
from artifacts.query.places import collection_of, place_of
from artifacts.query.registries import Registries
from artifacts.query.search import find
from artifacts.query.types import (
    ArtifactCollections,
    ArtifactType,
    ArtifactTypes,
    find_collection,
)
from artifacts.settings import Settings

_NOT_YET = frozenset(("project", "projects", "run", "runs", "sweep"))


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

    if not TYPE_CHECKING:  # for which a name that is not here is a mistake

        def __getattr__(self, name: str) -> NoReturn:
            if name in _NOT_YET:
                raise AttributeError(
                    f"this version asks for no runs, projects and sweeps yet, so no Api().{name}: "
                    "`art run ls` and `art run show` tell of runs"
                )
            raise AttributeError(f"'Api' object has no attribute {name!r}")

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

    def artifacts(
        self,
        type_name: str,
        name: str,
        per_page: int | None = 50,
        tags: list[str] | None = None,
        *,
        filters: Filter | None = None,
    ) -> Artifacts:
        """The versions of a collection, newest first; with `tags` those that have all of them.

        `filters` are written as for MongoDB: {"metadata.accuracy": {"$gt": 0.9}}. Raises
        ValueError for a bad name or filter, CommError (ArtifactNotFoundError, WrongTypeError)
        when the first version is asked for.
        """
        collection = collection_of(name, self._session.settings)
        make = Artifact.of_version
        return Artifacts(
            self._session,
            collection,
            make,
            type=type_name,
            filters=filters,
            per_page=per_page,
            tags=tags,
        )

    def artifact_versions(self, type_name: str, name: str, per_page: int | None = 50) -> Artifacts:
        """W&B's older name for `artifacts`."""
        return self.artifacts(type_name, name, per_page)

    def find_artifacts(
        self,
        filters: Filter,
        *,
        project: str | None = None,
        type_name: str | None = None,
        per_page: int | None = 50,
    ) -> Listed[Artifact]:
        """The versions of all collections of a project that match, as `artifacts` has it.

        Reads every collection's log. Newest first within each; collections in order of name.
        """
        entity, project = place_of(project, self._session.settings)
        return find(self._session, entity, project, filters, type_name, per_page)

    def artifact_collection(self, type_name: str, name: str) -> ArtifactCollection:
        """The collection that `[[entity/]project/]name` stands for.

        Raises CommError (ArtifactNotFoundError, WrongTypeError), ValueError for a bad name.
        """
        collection = collection_of(name, self._session.settings)
        return find_collection(self._session, collection, type_name)

    def artifact_collection_exists(self, name: str, type: str) -> bool:
        """Whether `artifact_collection` would find one. Raises ValueError for a bad name."""
        try:
            self.artifact_collection(type, name)
        except (NotFoundError, WrongTypeError):
            return False
        return True

    def artifact_collections(
        self, project_name: str, type_name: str, per_page: int | None = 50
    ) -> ArtifactCollections:
        """The collections of a type in `[entity/]project`, in order of name."""
        entity, project = place_of(project_name, self._session.settings)
        return ArtifactCollections(self._session, entity, project, type_name, per_page)

    def artifact_type(self, type_name: str, project: str | None = None) -> ArtifactType:
        """A type of `[entity/]project`. Raises CommError (ArtifactNotFoundError) if it has none."""
        found = ArtifactType(self._session, *place_of(project, self._session.settings), type_name)
        found.load()
        return found

    def artifact_types(self, project: str | None = None) -> ArtifactTypes:
        """The types of `[entity/]project`, in order of name."""
        return ArtifactTypes(self._session, *place_of(project, self._session.settings))

    def registries(
        self, organization: str | None = None, filter: Filter | None = None
    ) -> Registries:
        """The registries of an entity that match, in order of name; see Registries.

        `filter` is written as for MongoDB: {"name": {"$regex": "model"}}. Raises ValueError for
        a bad one.
        """
        entity = check_entity(organization or self._session.settings.entity)
        return Registries(self._session, entity, filter)

    def create_project(self, name: str, entity: str) -> None:
        """Make a project that has nothing in it yet; one that is there stays as it is.

        Raises ValueError for a bad name.
        """
        self._session.writable.make_project(check_entity(entity), check_project(name))
