"""Types: the types of a project's collections, and the collections of a type."""

from __future__ import annotations

from collections.abc import Iterator

from artifacts.artifact import Artifact, ArtifactCollection, Listed
from artifacts.catalog import Session
from artifacts.errors import ArtifactNotFoundError, WrongTypeError
from artifacts.names import CollectionName, check_type


class ArtifactCollections(Listed[ArtifactCollection]):
    """The collections of a type, or of any, in order of name, as the project's directory has it.

    Portfolios are listed, too, as registered models are. No collection is opened until it is
    asked about. One whose first version is still on its way is listed, too. Source: W&B SDK 0.19.8.
    """

    def __init__(
        self,
        session: Session,
        entity: str,
        project: str,
        type_name: str | None,
        per_page: int | None = 50,
    ) -> None:
        def collections() -> Iterator[ArtifactCollection]:
            for name, type_ in session.catalog.listed(entity, project):
                if type_name in (None, type_):
                    home = CollectionName(entity, project, name)
                    yield ArtifactCollection(session, home, type_, Artifact.of_version)

        super().__init__(collections, per_page)
        self.entity, self.project, self.type_name = entity, project, type_name

    def __repr__(self) -> str:
        return f"<ArtifactCollections {self.entity}/{self.project} ({self.type_name})>"


class ArtifactType:
    """A type, in a project that has collections of it. Source: W&B SDK 0.19.8."""

    def __init__(self, session: Session, entity: str, project: str, type_name: str) -> None:
        self._session = session
        self.entity, self.project = entity, project
        self.type = check_type(type_name)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.type

    @property
    def id(self) -> str:
        """Names it in its store: a type has nothing but its name."""
        return f"{self.entity}/{self.project}/{self.type}"

    def load(self) -> None:
        """Raises ArtifactNotFoundError if the project has no collection of it any more."""
        if not any(True for _ in self.collections(per_page=1)):
            name = f"{self.entity}/{self.project}, of type {self.type}"
            raise ArtifactNotFoundError(name, self._session.catalog.store.url)

    def collections(self, per_page: int | None = 50) -> ArtifactCollections:
        """Those of this type, in order of name."""
        return ArtifactCollections(self._session, self.entity, self.project, self.type, per_page)

    def collection(self, name: str) -> ArtifactCollection:
        """Raises ArtifactNotFoundError, WrongTypeError."""
        return find_collection(
            self._session, CollectionName(self.entity, self.project, name), self.type
        )

    def __repr__(self) -> str:
        return f"<ArtifactType {self.type}>"


class ArtifactTypes(Listed[ArtifactType]):
    """The types of a project's collections, in order of name. Source: W&B SDK 0.19.8."""

    def __init__(
        self, session: Session, entity: str, project: str, per_page: int | None = 50
    ) -> None:
        def types() -> Iterator[ArtifactType]:
            found = {type_ for _, type_ in session.catalog.listed(entity, project)}
            return (ArtifactType(session, entity, project, each) for each in sorted(found))

        super().__init__(types, per_page)
        self.entity, self.project = entity, project

    def __repr__(self) -> str:
        return f"<ArtifactTypes {self.entity}/{self.project}>"


def find_collection(session: Session, name: CollectionName, type_name: str) -> ArtifactCollection:
    """Raises ArtifactNotFoundError, WrongTypeError if it is of another type."""
    fold = session.catalog.collection(name)
    if fold is None:
        raise ArtifactNotFoundError(name.qualified, session.catalog.store.url)
    if fold.state.type != type_name:
        raise WrongTypeError(name.qualified, fold.state.type, type_name)
    return ArtifactCollection(session, name, type_name, Artifact.of_version)
