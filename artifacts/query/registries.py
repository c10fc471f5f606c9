"""Registries: projects that hold portfolios, shared by whoever uses the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from artifacts.artifact import (
    Artifact,
    ArtifactCollection,
    Filter,
    Listed,
    check_filter,
    matches,
    told_of,
)
from artifacts.catalog import Session
from artifacts.errors import ArtifactNotFoundError
from artifacts.names import REGISTRY, CollectionName


class Registry:
    """A project called `wandb-registry-<name>`. Source: W&B SDK 0.19.8."""

    def __init__(self, session: Session, entity: str, full_name: str) -> None:
        self._session = session
        self._entity = entity
        self._full_name = full_name

    @property
    def name(self) -> str:
        """Without what all of them begin with."""
        return self._full_name.removeprefix(REGISTRY)

    @property
    def full_name(self) -> str:
        """As a project."""
        return self._full_name

    @property
    def entity(self) -> str:
        """Who it belongs to."""
        return self._entity

    @property
    def organization(self) -> str:
        """W&B's word for the entity of a registry."""
        return self._entity

    @property
    def path(self) -> list[str]:
        """Entity and full name."""
        return [self._entity, self._full_name]

    @property
    def description(self) -> str:
        """Nothing: what a registry is for is said by its name."""
        return ""

    @property
    def allow_all_artifact_types(self) -> bool:
        """Always: a store keeps no list of types."""
        return True

    @property
    def artifact_types(self) -> list[str]:
        """Those of its collections, in order of name."""
        return sorted({type_ for _, type_ in self._portfolios()})

    @property
    def created_at(self) -> str:
        """When its first collection was made: ISO 8601, UTC; nothing if it never had one."""
        return self._times()[0]

    @property
    def updated_at(self) -> str:
        """When a collection was made, renamed or deleted last, as `created_at`."""
        return self._times()[1]

    def collections(self, filter: Filter | None = None) -> Collections:
        """Its collections that match: by `name`, `tag`, `description`, `created_at`, `type`."""
        return Collections(self._session, lambda: [self], filter)

    def versions(self, filter: Filter | None = None) -> Versions:
        """The versions of all its collections that match, as Api.artifacts has it."""
        return self.collections().versions(filter)

    def _portfolios(self) -> list[tuple[str, str]]:
        return [*self._session.catalog.portfolios(self._entity, self._full_name)]

    def _times(self) -> tuple[str, str]:
        logs = self._session.catalog.logs
        with logs.operation():
            directory = logs.project(self._entity, self._full_name)
            if directory is None:
                raise ArtifactNotFoundError("/".join(self.path), logs.store.url)
            if not directory.tail.number:
                return "", ""
            first, last = (directory.log.read(each) for each in (0, directory.tail.number - 1))
            return first.time, last.time

    def __repr__(self) -> str:
        return f"<Registry {self._entity}/{self.name}>"


class Registries(Listed[Registry]):
    """The registries of an entity that match, in order of name: by `name`, `created_at`.

    Source: W&B SDK 0.19.8.
    """

    def __init__(
        self,
        session: Session,
        organization: str,
        filter: Filter | None = None,
        per_page: int | None = 100,
    ) -> None:
        wanted = check_filter(filter)

        def found() -> Iterator[Registry]:
            for entity, project in session.catalog.projects():
                if entity == organization and project.startswith(REGISTRY):
                    registry = Registry(session, entity, project)
                    if not wanted or matches(_told_of_registry(registry), wanted):
                        yield registry

        super().__init__(found, per_page)
        self._session = session
        self.organization = organization

    def collections(self, filter: Filter | None = None) -> Collections:
        """Those of these registries that match: by `name`, `tag`, `description`, and times."""
        return Collections(self._session, lambda: self, filter)

    def versions(self, filter: Filter | None = None) -> Versions:
        """The versions in these registries that match, as Api.artifacts has it."""
        return self.collections().versions(filter)

    def __repr__(self) -> str:
        return f"<Registries {self.organization}>"


class Collections(Listed[ArtifactCollection]):
    """The collections of registries that match. Source: W&B SDK 0.19.8."""

    def __init__(
        self,
        session: Session,
        registries: Callable[[], Iterable[Registry]],
        filter: Filter | None = None,
        per_page: int | None = 100,
    ) -> None:
        wanted = check_filter(filter)

        def found() -> Iterator[ArtifactCollection]:
            for registry in registries():
                place = registry.entity, registry.full_name
                for name, type_ in session.catalog.portfolios(*place):
                    home = CollectionName(*place, name)
                    each = ArtifactCollection(session, home, type_, Artifact.of_version)
                    if not wanted or matches(_told_of_collection(each), wanted):
                        yield each

        super().__init__(found, per_page)
        self._session = session

    def versions(self, filter: Filter | None = None) -> Versions:
        """The versions in these collections that match, as Api.artifacts has it."""
        return Versions(self._session, self, filter)


class Versions(Listed[Artifact]):
    """The versions that collections of registries show. Source: W&B SDK 0.19.8."""

    def __init__(
        self,
        session: Session,
        collections: Iterable[ArtifactCollection],
        filter: Filter | None = None,
        per_page: int | None = 100,
    ) -> None:
        wanted = check_filter(filter)

        def found() -> Iterator[Artifact]:
            for each in collections:
                home = CollectionName(each.entity, each.project, each.name)
                for version in session.catalog.versions(home):
                    if not wanted or matches(told_of(version), wanted):
                        yield Artifact.of_version(version, session)

        super().__init__(found, per_page)


def _told_of_registry(registry: Registry) -> dict[str, Any]:
    """Its name may be written as a project's, too."""
    return {
        "name": [registry.name, registry.full_name],
        "description": registry.description,
        "created_at": registry.created_at,
        "updated_at": registry.updated_at,
    }


def _told_of_collection(collection: ArtifactCollection) -> dict[str, Any]:
    return {
        "name": collection.name,
        "type": collection.type,
        "tag": collection.tags,
        "alias": collection.aliases,
        "description": collection.description,
        "created_at": collection.created_at,
        "updated_at": collection.updated_at,
    }
