"""ArtifactCollection: a named series of versions, as W&B's users see it, and its versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from artifacts.artifact.facts import without
from artifacts.artifact.filters import Filter, check_filter, matches
from artifacts.artifact.paged import Listed
from artifacts.catalog import CollectionState, Session, Version
from artifacts.errors import ArtifactNotFoundError, WrongTypeError
from artifacts.metadata import check_text
from artifacts.names import CollectionName, check_collection_name, check_tags, check_type
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

        def chosen() -> Iterator[Version]:
            for version in session.catalog.versions(name):
                if type is not None and version.type != type:
                    raise WrongTypeError(name.qualified, version.type, type)
                is_tagged = tagged <= {*version.row.tags}
                if is_tagged and (not wanted or matches(told_of(version), wanted)):
                    yield version

        super().__init__(
            lambda: (make(version, session) for version in chosen()),
            per_page,
            lambda: sum(1 for _ in chosen()),
        )

    def __repr__(self) -> str:
        return f"<Artifacts {self.collection.qualified}>"


ASKED = (
    "name",
    "version",
    "alias",
    "tag",
    "description",
    "metadata",
    "created_at",
    "updated_at",
    "size",
)
"""What filters of versions may ask for."""


def told_of(version: Version) -> dict[str, Any]:
    """What filters of versions look at, each of `ASKED`."""
    row = version.row
    return {
        "name": version.name,
        "version": version.number,
        "alias": version.aliases,
        "tag": [*row.tags],
        "description": row.description,
        "metadata": row.metadata,
        "created_at": row.created,
        "updated_at": row.updated,
        "size": row.size,
    }


class ArtifactCollection:
    """A named series of versions of one type, or a portfolio that shows versions of others.

    Its facts are read when one is asked for; what is changed of it is recorded by `save`. Asking
    raises ArtifactNotFoundError, if it was deleted meanwhile. Source: W&B SDK 0.19.8.
    """

    def __init__(self, session: Session, home: CollectionName, type: str, make: Make) -> None:
        self._session = session
        self._home = home
        self._make = make
        self._name = home.collection
        self._type = type
        self._kept: _Facts | None = None

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
        """Of all its versions; change it, then `save`. Raises ValueError for a reserved one."""
        return self._type

    @type.setter  # noqa: A003
    def type(self, type: str) -> None:
        self._type = check_type(type)

    @property
    def description(self) -> str | None:
        """Markdown; change it, then `save`."""
        return self._facts.description

    @description.setter
    def description(self, description: str | None) -> None:
        self._facts.description = check_text(description, "description")

    @property
    def tags(self) -> list[str]:
        """Labels of the collection as a whole; change the list, then `save`."""
        return self._facts.tags

    @tags.setter
    def tags(self, tags: list[str]) -> None:
        self._facts.tags = [*check_tags(tags)]

    @property
    def id(self) -> str:
        """Names it in its store for ever, whatever it is called."""
        return self._facts.fold.log.name.rpartition("/")[2]

    @property
    def aliases(self) -> list[str]:
        """Of all its versions."""
        return [*self._facts.state.aliases]

    @property
    def created_at(self) -> str:
        """ISO 8601, UTC."""
        return self._facts.state.created

    @property
    def updated_at(self) -> str:
        """When anything happened to it or to a version of it last: ISO 8601, UTC."""
        fold = self._facts.fold
        return fold.log.read(fold.tail.number - 1).time

    def artifacts(self, per_page: int | None = 50) -> Artifacts:
        """Its versions, newest first."""
        return Artifacts(self._session, self._home, self._make, per_page=per_page)

    def is_sequence(self) -> bool:
        """Whether versions are committed to it; a portfolio shows those of others."""
        return not self._facts.state.is_portfolio

    def load(self) -> None:
        """Read anew what is known of it; what was changed here and not saved is lost."""
        self._kept = None
        self._name, self._type = self._home.collection, self._facts.state.type

    def change_type(self, new_type: str) -> None:
        """At once. Raises ValueError for a reserved one, and for a portfolio."""
        self._session.writable.retype(self._home, check_type(new_type))
        self._type = new_type

    def save(self) -> None:
        """Record what was changed here; what others changed meanwhile is kept.

        Raises ValueError for a bad tag, for another type of a portfolio, and if another
        collection has or had the name.
        """
        catalog, facts = self._session.writable, self._facts
        tags = check_tags(facts.tags)
        if facts.description != facts.saved_description:
            catalog.describe(self._home, facts.description)
        new, gone = without(tags, facts.saved_tags), without(facts.saved_tags, tags)
        if new or gone:
            catalog.label(self._home, new, gone)
        if self._type != facts.state.type:
            catalog.retype(self._home, self._type)
        if self._name != self._home.collection:
            self._home = catalog.rename(self._home, self._name)
        self._kept = None

    def delete(self) -> None:
        """Delete it with all its versions; of a portfolio, what it shows stays.

        Version numbers are never used again, also not by a new collection of that name.
        """
        self._session.writable.delete(self._home)

    @property
    def _facts(self) -> _Facts:
        if self._kept is None:
            fold = self._session.catalog.collection(self._home)
            if fold is None:
                raise ArtifactNotFoundError(self._home.qualified, self._session.catalog.store.url)
            self._kept = _Facts(fold)
        return self._kept

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self._home.qualified} ({self._type})>"


class _Facts:
    """Of a collection: what can be changed of it, and as it was when it was read."""

    def __init__(self, fold: Fold[CollectionState]) -> None:
        self.fold, self.state = fold, fold.state
        self.saved_tags = (*fold.state.tags,)
        self.saved_description = fold.state.description
        self.tags = [*self.saved_tags]
        self.description = self.saved_description
