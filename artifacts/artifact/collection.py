"""ArtifactCollection: a named series of versions, as W&B's users see it, and its versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, TypeAlias

from artifacts.artifact.filters import Filter, check_filter, matches
from artifacts.artifact.paged import Listed
from artifacts.catalog import CollectionState, Session, Version
from artifacts.errors import ArtifactNotFoundError, WrongTypeError
from artifacts.names import CollectionName, check_collection_name, check_tags
from artifacts.storage import Fold

Make: TypeAlias = Callable[[Version, Session], Any]
"""What makes an Artifact of a version."""


class Artifacts(Listed[Any]):
    """The versions of a collection, newest first. Source: W&B SDK 0.19.8.

    With `tags` those that have all of them; with `filters` those that match, by `name`,
    `version` (its number), `alias`, `tag`, `description`, `created_at`, `updated_at`, `size` and
    `metadata`, see `matches`. When the first is asked for, raises ArtifactNotFoundError if there
    is no such collection, WrongTypeError if it is of another type than `type`.
    """

    def __init__(
        self,
        session: Session,
        name: CollectionName,
        make: Make,
        *,
        type: str | None = None,
        filters: Filter | None = None,
        per_page: int | None = 50,
        tags: str | Sequence[str] | None = None,
    ) -> None:
        tagged, wanted = {*check_tags(tags)}, check_filter(filters)
        self.collection = name

        def versions() -> Iterator[Any]:
            for version in session.catalog.versions(name):
                if type is not None and version.type != type:
                    raise WrongTypeError(name.qualified, version.type, type)
                is_tagged = tagged <= {*version.row.tags}
                if is_tagged and (not wanted or matches(told_of(version), wanted)):
                    yield make(version, session)

        super().__init__(versions, per_page)

    def __repr__(self) -> str:
        return f"<Artifacts {self.collection.qualified}>"


def told_of(version: Version) -> dict[str, Any]:
    """What filters of versions look at."""
    row = version.row
    return {
        "name": version.name,
        "version": row.number,
        "alias": version.aliases,
        "tag": [*row.tags],
        "description": row.description,
        "metadata": row.metadata,
        "created_at": row.created,
        "updated_at": row.updated,
        "size": row.size,
    }


class ArtifactCollection:
    """A named series of versions of one type. Its facts are read when one is asked for.

    What is changed of it is recorded by `save`. Asking raises ArtifactNotFoundError, if it was
    deleted meanwhile. Source: W&B SDK 0.19.8.
    """

    def __init__(self, session: Session, home: CollectionName, type: str, make: Make) -> None:
        self._session = session
        self._home = home
        self._make = make
        self._name = home.collection
        self._type = type

    @property
    def entity(self) -> str:
        """Who it belongs to."""
        return self._home.entity

    @property
    def project(self) -> str:
        """Where it belongs."""
        return self._home.project

    @property
    def name(self) -> str:
        """Change it, then `save`. Raises ValueError for what is no name."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = check_collection_name(name)

    @property
    def type(self) -> str:
        """Of all its versions."""
        return self._type

    @property
    def id(self) -> str:
        """Names it in its store for ever, whatever it is called."""
        return self._fold.log.name.rpartition("/")[2]

    @property
    def aliases(self) -> list[str]:
        """Of all its versions."""
        return [*self._fold.state.aliases]

    @property
    def created_at(self) -> str:
        """When its first version was committed: ISO 8601, UTC."""
        return str(self._fold.state.rows[0]["created"])

    def artifacts(self, per_page: int | None = 50) -> Artifacts:
        """Its versions, newest first."""
        return Artifacts(self._session, self._home, self._make, per_page=per_page)

    def is_sequence(self) -> bool:
        """Whether versions are committed to it, not linked."""
        return True

    def load(self) -> None:
        """Read anew what is known of it; what was changed here and not saved is lost."""
        self.__dict__.pop("_fold", None)
        self._name, self._type = self._home.collection, self._fold.state.type

    def save(self) -> None:
        """Record what was changed. Raises ValueError if another collection has or had the name."""
        if self._name != self._home.collection:
            self._home = self._session.writable.rename(self._home, self._name)

    def delete(self) -> None:
        """Delete it with all its versions; its version numbers are never used again."""
        self._session.writable.delete(self._home)

    @cached_property
    def _fold(self) -> Fold[CollectionState]:
        fold = self._session.catalog.collection(self._home)
        if fold is None:
            raise ArtifactNotFoundError(self._home.qualified, self._session.catalog.store.url)
        return fold

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self._home.qualified} ({self._type})>"
